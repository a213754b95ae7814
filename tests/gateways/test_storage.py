"""Objects on the disk and the URLs that open them."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from kcardswap.domain.errors import PayloadTooLarge, Unavailable
from kcardswap.domain.media import ObjectNotFound, SignatureExpired, SignatureInvalid
from kcardswap.gateways.storage import LocalStorage

NOW = datetime(2026, 3, 1, 12, 3, 20, tzinfo=UTC)
KEY = "cards/0195-owner/0195-card.jpg"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return storage_at(tmp_path)


def storage_at(root: Path, signing_key: str = "k" * 32) -> LocalStorage:
    return LocalStorage(
        root, signing_key=signing_key, base_url="https://api.example", read_window=timedelta(minutes=10)
    )


def upload_url(storage: LocalStorage) -> str:
    return storage.upload_url(
        KEY, content_type="image/jpeg", max_bytes=100, expires_at=NOW + timedelta(minutes=15)
    )


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def receive(storage: LocalStorage, data: bytes, max_bytes: int = 100) -> None:
    storage.receive(KEY, io.BytesIO(data), max_bytes=max_bytes)


def files_below(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_urls_lead_to_the_storage_operations(storage: LocalStorage) -> None:
    for url in (upload_url(storage), storage.read_url(KEY, now=NOW)):
        assert url.startswith(f"https://api.example/api/v1/storage/{KEY}?")


def test_a_signed_upload_url_says_what_it_takes(storage: LocalStorage) -> None:
    assert storage.check_upload(KEY, query_of(upload_url(storage)), now=NOW) == ("image/jpeg", 100)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "text/html"),
        ("type", ""),
        ("max", "101"),
        ("max", "1e2"),
        ("max", "-1"),
        ("max", ""),
        ("max", "９９"),
        ("expires", "9999999999"),
        ("expires", "x"),
        ("expires", "9" * 400),
        ("signature", ""),
        ("signature", "0" * 64),
        ("signature", "é" * 64),
        ("signature", "\ud800"),
    ],
)
def test_a_changed_upload_url_is_refused(storage: LocalStorage, name: str, value: str) -> None:
    query = query_of(upload_url(storage))
    with pytest.raises(SignatureInvalid):
        storage.check_upload(KEY, {**query, name: value}, now=NOW)


@pytest.mark.parametrize("name", ["type", "max", "expires", "signature"])
def test_an_upload_url_with_a_part_missing_is_refused(storage: LocalStorage, name: str) -> None:
    query = query_of(upload_url(storage))
    del query[name]
    with pytest.raises(SignatureInvalid):
        storage.check_upload(KEY, query, now=NOW)


def test_a_signature_is_good_for_its_key_and_method_only(storage: LocalStorage) -> None:
    with pytest.raises(SignatureInvalid):
        storage.check_upload("cards/0195-owner/other.jpg", query_of(upload_url(storage)), now=NOW)
    with pytest.raises(SignatureInvalid):
        storage.check_read(KEY, query_of(upload_url(storage)), now=NOW)
    with pytest.raises(SignatureInvalid):
        storage.check_upload(KEY, query_of(storage.read_url(KEY, now=NOW)), now=NOW)


def test_another_signing_key_makes_other_signatures(storage: LocalStorage, tmp_path: Path) -> None:
    foreign = storage_at(tmp_path, signing_key="x" * 32)
    with pytest.raises(SignatureInvalid):
        storage.check_upload(KEY, query_of(upload_url(foreign)), now=NOW)


def test_an_upload_url_ends_at_its_time(storage: LocalStorage) -> None:
    query = query_of(upload_url(storage))
    storage.check_upload(KEY, query, now=NOW + timedelta(minutes=14, seconds=59))
    with pytest.raises(SignatureExpired):
        storage.check_upload(KEY, query, now=NOW + timedelta(minutes=15))


def test_a_read_url_stays_the_same_inside_a_window_of_ten_minutes(storage: LocalStorage) -> None:
    window = datetime(2026, 3, 1, 12, tzinfo=UTC)
    first = storage.read_url(KEY, now=window)
    assert storage.read_url(KEY, now=window + timedelta(minutes=9, seconds=59)) == first
    assert storage.read_url(KEY, now=window + timedelta(minutes=10)) != first


def test_a_read_url_works_for_ten_minutes_whenever_it_was_made(storage: LocalStorage) -> None:
    window = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for made in (window, window + timedelta(minutes=9, seconds=59)):
        query = query_of(storage.read_url(KEY, now=made))
        storage.check_read(KEY, query, now=made + timedelta(minutes=10))
        with pytest.raises(SignatureExpired):
            storage.check_read(KEY, query, now=made + timedelta(minutes=20))


def test_uploads_and_objects_of_one_key_are_apart(storage: LocalStorage) -> None:
    receive(storage, b"as uploaded")
    with pytest.raises(ObjectNotFound):
        storage.read(KEY)
    storage.store(KEY, b"clean", content_type="image/jpeg")
    receive(storage, b"sent again")
    assert storage.read(KEY) == b"clean"
    assert storage.read_upload(KEY, max_bytes=100) == b"sent again"
    assert storage.upload_size(KEY) == 10


def test_what_was_removed_is_gone_and_removing_again_is_fine(storage: LocalStorage) -> None:
    receive(storage, b"x")
    storage.store(KEY, b"x", content_type="image/jpeg")
    for _ in range(2):
        storage.discard_upload(KEY)
        storage.remove(KEY)
    assert storage.upload_size(KEY) is None
    assert storage.read_upload(KEY, max_bytes=100) is None
    with pytest.raises(ObjectNotFound):
        storage.read(KEY)


def test_an_upload_may_have_exactly_the_greatest_length(storage: LocalStorage) -> None:
    receive(storage, b"x" * 100)
    assert storage.upload_size(KEY) == 100


@pytest.mark.parametrize("size", [101, 200_000])
def test_a_byte_too_many_is_refused_and_leaves_nothing(
    storage: LocalStorage, tmp_path: Path, size: int
) -> None:
    receive(storage, b"first")
    stream = io.BytesIO(b"x" * size)
    with pytest.raises(PayloadTooLarge) as refused:
        storage.receive(KEY, stream, max_bytes=100)
    assert refused.value.details == {"max_bytes": 100}
    assert stream.tell() <= 101
    assert storage.read_upload(KEY, max_bytes=100) == b"first"
    assert files_below(tmp_path) == {f"uploads/{KEY}"}


def test_a_broken_upload_leaves_nothing(storage: LocalStorage, tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise EOFError("the client went away")
            return super().read(1)

    with pytest.raises(EOFError):
        storage.receive(KEY, Broken(b"xyz"), max_bytes=100)
    assert files_below(tmp_path) == set()


@pytest.mark.parametrize(
    "key",
    [
        "../secrets/jwt_secret_key",
        "cards/../../x.jpg",
        "cards/./x.jpg",
        "/etc/passwd",
        "cards//x.jpg",
        "cards/x",
        ".hidden.jpg",
        "cards/x.jpg/",
        "cards/x.jpg\n",
        "cards\\x.jpg",
        unquote("cards/%2e%2e/x.jpg"),
        "cards/%2e%2e/x.jpg",
        "cards/\x00.jpg",
        "",
        "x" * 600 + ".jpg",
    ],
)
def test_a_key_cannot_climb_out_of_the_storage(tmp_path: Path, key: str) -> None:
    storage = storage_at(tmp_path / "data" / "storage")
    acts: list[Callable[[], object]] = [
        lambda: storage.read(key),
        lambda: storage.store(key, b"x", content_type="image/jpeg"),
        lambda: storage.receive(key, io.BytesIO(b"x"), max_bytes=5),
        lambda: storage.remove(key),
        lambda: storage.upload_size(key),
    ]
    for act in acts:
        with pytest.raises(ObjectNotFound):
            act()
    assert files_below(tmp_path) == set()


def test_a_storage_that_does_not_work_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    storage = storage_at(tmp_path / "file")
    acts: list[Callable[[], object]] = [
        lambda: storage.store(KEY, b"x", content_type="image/jpeg"),
        lambda: storage.receive(KEY, io.BytesIO(b"x"), max_bytes=5),
        lambda: storage.read_upload(KEY, max_bytes=100),
    ]
    for act in acts:
        with pytest.raises(Unavailable) as refused:
            act()
        assert refused.value.details == {"service": "object_storage"}

"""What both storages promise, over real HTTP: the local one on a live server, S3 on a strict one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from kcardswap.domain.media import ObjectNotFound
from kcardswap.gateways.ports import ObjectStorage
from kcardswap.settings import Settings
from tests.gateways.stores import WINDOW, Store, local_store, s3_store

KEY, OTHER = "cards/0195-owner/0195-card.jpg", "cards/0195-owner/0195-other.jpg"
TYPE, LONGEST = "image/jpeg", 100
LIFETIME = timedelta(minutes=15)
EVER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[Store]:
    """A storage of each kind with its server."""
    with s3_store() if request.param == "s3" else local_store(settings, tmp_path / "contract") as store:
        yield store


@pytest.fixture
def storage(store: Store) -> ObjectStorage:
    """The storage alone."""
    return store.storage


def upload_url(storage: ObjectStorage, key: str = KEY) -> str:
    ends = datetime.now(UTC) + LIFETIME
    return storage.upload_url(key, content_type=TYPE, max_bytes=LONGEST, expires_at=ends)


def read_url(storage: ObjectStorage, key: str = KEY) -> str:
    return storage.read_url(key, now=datetime.now(UTC))


def put(url: str, data: bytes = b"picture", content_type: str = TYPE) -> int:
    return requests.put(url, data=data, headers={"Content-Type": content_type}, timeout=10).status_code


def get(url: str) -> int:
    return requests.get(url, timeout=10).status_code


def test_what_is_put_to_the_url_is_read_back_as_the_upload(storage: ObjectStorage) -> None:
    assert storage.upload_size(KEY) is None and storage.read_upload(KEY, max_bytes=LONGEST) is None
    assert put(upload_url(storage), b"first") == 200
    assert put(upload_url(storage), b"again!") == 200
    assert storage.upload_size(KEY) == 6
    assert storage.read_upload(KEY, max_bytes=LONGEST) == b"again!"
    assert storage.read_upload(KEY, max_bytes=3) == b"aga"
    assert storage.upload_size(OTHER) is None


def test_an_upload_is_shown_to_nobody_until_it_is_stored(storage: ObjectStorage) -> None:
    put(upload_url(storage))
    assert get(read_url(storage)) == 404
    storage.store(KEY, b"clean", content_type=TYPE)
    shown = requests.get(read_url(storage), timeout=10)
    assert (shown.status_code, shown.content) == (200, b"clean")
    assert shown.headers["Content-Type"] == TYPE
    assert shown.headers["Cache-Control"] == "private, max-age=600"
    put(upload_url(storage), b"evil")
    assert requests.get(read_url(storage), timeout=10).content == b"clean"


def test_storing_again_replaces_and_removing_leaves_the_upload_alone(storage: ObjectStorage) -> None:
    put(upload_url(storage), b"upload")
    for data in (b"one", b"two"):
        storage.store(KEY, data, content_type=TYPE)
        assert requests.get(read_url(storage), timeout=10).content == data
    storage.remove(KEY)
    assert get(read_url(storage)) == 404
    assert storage.upload_size(KEY) == 6
    storage.discard_upload(KEY)
    assert storage.upload_size(KEY) is None


def test_removing_what_is_not_there_is_fine(storage: ObjectStorage) -> None:
    storage.remove(KEY)
    storage.discard_upload(KEY)


def test_another_type_than_signed_is_refused(storage: ObjectStorage) -> None:
    assert put(upload_url(storage), content_type="text/html") in (403, 415)
    assert storage.upload_size(KEY) is None


def test_an_upload_that_is_too_long_is_refused_or_seen_before_it_is_read(store: Store) -> None:
    long = bytes(LONGEST + 1)
    answered = put(upload_url(store.storage), long)
    if store.bounds_length:
        assert answered == 413
        assert store.storage.upload_size(KEY) is None
    else:
        assert store.storage.upload_size(KEY) == LONGEST + 1
        assert store.storage.read_upload(KEY, max_bytes=LONGEST) == bytes(LONGEST)


def test_a_url_is_for_its_own_key_alone(storage: ObjectStorage) -> None:
    storage.store(OTHER, b"other", content_type=TYPE)
    moved = upload_url(storage).replace("0195-card", "0195-other")
    assert put(moved) == 403
    assert storage.upload_size(OTHER) is None
    assert get(read_url(storage).replace("0195-card", "0195-other")) == 403


def test_a_url_is_for_its_own_method_alone(storage: ObjectStorage) -> None:
    storage.store(KEY, b"clean", content_type=TYPE)
    assert put(read_url(storage), b"evil") == 403
    assert get(upload_url(storage)) in (403, 404)
    for url in (read_url(storage), upload_url(storage)):
        assert requests.delete(url, timeout=10).status_code in (403, 405)
    assert requests.get(read_url(storage), timeout=10).content == b"clean"


def test_every_part_of_a_url_is_signed(storage: ObjectStorage) -> None:
    storage.store(KEY, b"clean", content_type=TYPE)
    for url, send in ((upload_url(storage), put), (read_url(storage), get)):
        parts = urlsplit(url)
        query = parse_qsl(parts.query)
        for place, (name, value) in enumerate(query):
            for changed in (value + "1", value[:-1] + ("0" if value[-1] != "0" else "1"), None):
                kept = [*query[:place], *([(name, changed)] if changed else []), *query[place + 1 :]]
                answered = send(parts._replace(query=urlencode(kept)).geturl())
                assert answered in (400, 403), (name, changed, answered)
    assert storage.upload_size(KEY) is None


def test_nothing_is_open_without_a_signature(storage: ObjectStorage) -> None:
    storage.store(KEY, b"clean", content_type=TYPE)
    assert put(upload_url(storage).partition("?")[0]) == 403
    assert get(read_url(storage).partition("?")[0]) == 403


def test_an_upload_url_ends_at_its_time(store: Store) -> None:
    url = upload_url(store.storage)
    store.run_ahead(LIFETIME - timedelta(seconds=5))
    assert put(url) == 200
    store.run_ahead(LIFETIME + timedelta(seconds=1))
    assert put(url) == 403


def test_a_read_url_is_the_same_string_for_a_window_and_another_in_the_next(storage: ObjectStorage) -> None:
    start = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    inside = {storage.read_url(KEY, now=start + WINDOW * share) for share in (0, 0.3, 0.999)}
    assert len(inside) == 1
    assert storage.read_url(KEY, now=start + WINDOW) not in inside


def test_a_read_url_works_for_at_least_a_window_and_at_most_two(store: Store) -> None:
    store.storage.store(KEY, b"clean", content_type=TYPE)
    url = read_url(store.storage)
    for ahead, answer in ((timedelta(0), 200), (WINDOW - timedelta(seconds=5), 200), (2 * WINDOW, 403)):
        store.run_ahead(ahead)
        assert get(url) == answer, ahead


def test_keys_with_signs_of_their_own_are_signed_and_found(storage: ObjectStorage) -> None:
    key = "media/a_b-C/0195.webp"
    assert put(upload_url(storage, key)) == 200
    assert storage.upload_size(key) == 7
    storage.store(key, b"clean", content_type="image/webp")
    assert get(read_url(storage, key)) == 200


def test_uploads_and_objects_are_listed_apart_by_age_over_many_pages(storage: ObjectStorage) -> None:
    keys = {f"media/owner/{number}.jpg" for number in range(7)}
    for key in keys:
        storage.store(key, b"x", content_type=TYPE)
    put(upload_url(storage))
    assert sorted(storage.objects(before=EVER)) == sorted(keys)
    assert list(storage.uploads(before=EVER)) == [KEY]
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    assert [*storage.objects(before=long_ago), *storage.uploads(before=long_ago)] == []


def test_what_is_listed_may_be_removed_meanwhile(storage: ObjectStorage) -> None:
    for number in range(7):
        storage.store(f"media/owner/{number}.jpg", b"x", content_type=TYPE)
    for key in storage.objects(before=EVER):
        storage.remove(key)
    assert list(storage.objects(before=EVER)) == []


def test_an_empty_storage_lists_nothing(storage: ObjectStorage) -> None:
    assert [*storage.objects(before=EVER), *storage.uploads(before=EVER)] == []


def test_an_object_can_be_read_back(storage: ObjectStorage) -> None:
    with pytest.raises(ObjectNotFound):
        storage.read(KEY)
    storage.store(KEY, b"clean", content_type="image/jpeg")
    assert storage.read(KEY) == b"clean"


def test_a_url_may_live_for_just_as_long_as_it_should(storage: ObjectStorage) -> None:
    storage.store(KEY, b"clean", content_type="image/jpeg")
    day, now = timedelta(days=1), datetime.now(UTC)
    assert get(storage.read_url(KEY, now=now - timedelta(hours=23), lifetime=day)) == 200
    assert get(storage.read_url(KEY, now=now - timedelta(hours=25), lifetime=day)) == 403

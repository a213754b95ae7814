"""The S3 storage when its store misbehaves, and the strictness of the store it is tested on."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from kcardswap.domain.media import StorageUnavailable
from kcardswap.gateways import s3_storage as module
from kcardswap.gateways.s3_storage import S3Storage
from kcardswap.runtime import SystemClock
from tests.gateways.s3_server import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, S3Server, s3_server
from tests.gateways.stores import s3_storage
from tests.serving import free_port

KEY = "cards/owner/card.jpg"
EVER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def storage(server: S3Server) -> S3Storage:
    return s3_storage(server)


def acts(storage: S3Storage) -> dict[str, Callable[[], Any]]:
    """Return everything that talks to the store."""
    return {
        "upload_size": lambda: storage.upload_size(KEY),
        "read_upload": lambda: storage.read_upload(KEY, max_bytes=10),
        "discard_upload": lambda: storage.discard_upload(KEY),
        "store": lambda: storage.store(KEY, b"x", content_type="image/jpeg"),
        "remove": lambda: storage.remove(KEY),
        "uploads": lambda: list(storage.uploads(before=EVER)),
        "objects": lambda: list(storage.objects(before=EVER)),
    }


@pytest.mark.parametrize(
    "act", ["upload_size", "read_upload", "discard_upload", "store", "remove", "objects"]
)
@pytest.mark.parametrize("failing", ["500", "503"])
def test_a_store_that_fails_is_asked_twice_and_then_named(
    server: S3Server, storage: S3Storage, act: str, failing: str
) -> None:
    server.failing = [f"*{failing}"]
    with pytest.raises(StorageUnavailable) as refused:
        acts(storage)[act]()
    assert refused.value.details == {"service": "object_storage"}
    assert len(server.asked) == 2


def test_a_store_that_fails_once_is_no_failure(server: S3Server, storage: S3Storage) -> None:
    for name, act in acts(storage).items():
        server.failing = ["503"]
        act()
        assert server.failing == [], name


def test_a_store_that_is_not_there_is_named_at_once(server: S3Server) -> None:
    nowhere = s3_storage(server, endpoint_url=f"http://127.0.0.1:{free_port()}")
    for act in acts(nowhere).values():
        with pytest.raises(StorageUnavailable):
            act()


def test_a_store_that_does_not_answer_is_given_up(
    server: S3Server, storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (module.CONNECT_SECONDS, module.READ_SECONDS) == (2, 5)
    monkeypatch.setattr(module, "_CONFIG", module._CONFIG.merge(Config(read_timeout=0.2)))
    server.failing = ["*slow"]
    started = time.monotonic()
    with pytest.raises(StorageUnavailable):
        storage.upload_size(KEY)
    assert time.monotonic() - started < 5


def test_a_connection_that_breaks_off_is_not_taken_for_the_end(server: S3Server, storage: S3Storage) -> None:
    server.failing = ["reset"]
    with pytest.raises(StorageUnavailable):
        storage.read_upload(KEY, max_bytes=1_000_000)


def test_a_bucket_or_key_that_is_wrong_is_not_taken_for_an_empty_store(server: S3Server) -> None:
    for change in ({"bucket": "nobodys"}, {"secret_access_key": "wrong"}, {"access_key_id": "AKIDOTHER"}):
        options = {
            "endpoint_url": server.url,
            "bucket": BUCKET,
            "region": REGION,
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
            **change,
        }
        storage = S3Storage(**options, read_window=timedelta(minutes=10), clock=SystemClock())
        for name in ("read_upload", "store", "objects"):
            with pytest.raises(StorageUnavailable):
                acts(storage)[name]()


def test_without_an_endpoint_the_urls_lead_to_aws() -> None:
    storage = S3Storage(
        endpoint_url=None,
        bucket=BUCKET,
        region="ap-northeast-2",
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        read_window=timedelta(minutes=10),
        clock=SystemClock(),
    )
    url = storage.read_url(KEY, now=datetime.now(UTC))
    assert url.startswith(f"https://s3.ap-northeast-2.amazonaws.com/{BUCKET}/objects/{KEY}?")


def signed(
    server: S3Server, method: str = "PUT", *, body: bytes = b"x", secret: str = SECRET_KEY, **more: str
) -> AWSRequest:
    """Return a request signed in its headers, as clients of S3 send it."""
    request = AWSRequest(
        method,
        f"{server.url}/{BUCKET}/objects/{KEY}",
        data=body,
        headers={"Content-Type": "image/jpeg", **more},
    )
    S3SigV4Auth(Credentials(ACCESS_KEY, secret), "s3", REGION).add_auth(request)
    return request


def send(request: AWSRequest, **changed: Any) -> requests.Response:
    options = {"data": request.body, "headers": dict(request.headers.items()), **changed}
    return requests.request(request.method, options.pop("url", request.url), timeout=10, **options)


def code_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]


def test_the_server_takes_a_well_signed_request(server: S3Server) -> None:
    assert send(signed(server)).status_code == 200
    assert server.objects[f"objects/{KEY}"].data == b"x"


def test_the_server_refuses_every_request_that_is_not_as_it_was_signed(server: S3Server) -> None:
    mismatch = (403, "SignatureDoesNotMatch")
    request = signed(server)
    headers = dict(request.headers.items())
    assert code_of(send(request, data=b"y")) == (400, "XAmzContentSHA256Mismatch")
    assert code_of(send(request, url=request.url.replace("card.jpg", "other.jpg"))) == mismatch
    assert code_of(send(request, headers={**headers, "Content-Type": "text/html"})) == mismatch
    assert code_of(send(request, headers={**headers, "Host": "evil.example"})) == mismatch
    assert code_of(requests.delete(request.url, headers=headers, data=b"x", timeout=10)) == mismatch
    assert code_of(send(signed(server, secret="another"))) == mismatch
    unsigned = {name: value for name, value in headers.items() if name != "Authorization"}
    assert code_of(send(request, headers=unsigned)) == (403, "AccessDenied")
    foreign = {**headers, "Authorization": headers["Authorization"].replace(ACCESS_KEY, "AKIDOTHER")}
    assert code_of(send(request, headers=foreign)) == (403, "InvalidAccessKeyId")
    elsewhere = {**headers, "Authorization": headers["Authorization"].replace(REGION, "us-east-1")}
    assert code_of(send(request, headers=elsewhere)) == mismatch
    assert server.objects == {}


@pytest.mark.parametrize("minutes", [-16, 16])
def test_the_server_refuses_requests_of_another_time(server: S3Server, minutes: int) -> None:
    request = signed(server)
    server.ahead = timedelta(minutes=minutes)
    assert code_of(send(request)) == (403, "RequestTimeTooSkewed")


def test_the_server_refuses_urls_that_live_too_long_or_are_dated_ahead(
    server: S3Server, storage: S3Storage
) -> None:
    url = storage.upload_url(
        KEY, content_type="image/jpeg", max_bytes=1, expires_at=datetime.now(UTC) + timedelta(days=30)
    )
    assert "X-Amz-Expires=604800" in url
    long = url.replace("X-Amz-Expires=604800", "X-Amz-Expires=604801")
    assert code_of(requests.put(long, data=b"x", headers={"Content-Type": "image/jpeg"}, timeout=10)) == (
        400,
        "AuthorizationQueryParametersError",
    )
    server.ahead = timedelta(hours=-1)
    assert code_of(requests.put(url, data=b"x", headers={"Content-Type": "image/jpeg"}, timeout=10)) == (
        403,
        "AccessDenied",
    )

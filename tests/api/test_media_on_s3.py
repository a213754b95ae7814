"""Pictures over HTTP when they are kept in an S3-compatible store: the bytes never pass the API."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from flask import Flask

from kcardswap.domain.media import ImageType
from kcardswap.domain.quotas import MIB
from kcardswap.runtime import EXTENSION, Runtime
from tests.binders import PICTURE, data_of
from tests.conftest import MovableClock
from tests.gateways.s3_server import S3Server, s3_server
from tests.gateways.stores import s3_storage
from tests.people import MakePerson, Person, refused
from tests.pictures import SECRET, path_of, talkative


@pytest.fixture
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def mina(app: Flask, clock: MovableClock, server: S3Server, person: MakePerson) -> Person:
    """Somebody whose pictures are kept in the store; a store judges URLs by the real time."""
    clock.moment = datetime.now(UTC)
    runtime = app.extensions[EXTENSION]
    app.extensions[EXTENSION] = Runtime(**{**vars(runtime), "storage": s3_storage(server)})
    return person("mina")


def sent(announced: dict[str, Any], data: bytes) -> int:
    """PUT a file as the answer of an announcement says."""
    answer = requests.request(
        announced["method"],
        announced["upload_url"],
        data=data,
        headers=announced["required_headers"],
        timeout=10,
    )
    return answer.status_code


def test_a_picture_is_uploaded_confirmed_read_and_purged_in_the_store(mina: Person, server: S3Server) -> None:
    data = talkative(ImageType.JPEG)
    body = {"content_type": "image/jpeg", "file_size_bytes": len(data)}
    announced = data_of(mina.post("/media/upload-url", body), 201)
    assert announced["upload_url"].startswith(f"{server.url}/pictures/uploads/media/")
    assert sent(announced, data) == 200
    confirmed = data_of(mina.post(f"/media/{announced['media_id']}/confirm"))
    assert confirmed["file_size_bytes"] == len(data)
    [(key, stored)] = server.objects.items()
    assert key == f"objects/media/{mina.user_id}/{announced['media_id']}.jpg"
    assert SECRET in data and SECRET not in stored.data
    urls = data_of(mina.post("/media/read-urls", {"media_asset_ids": [announced["media_id"]]}))["urls"]
    shown = requests.get(urls[announced["media_id"]], timeout=10)
    assert (shown.status_code, shown.content) == (200, stored.data)
    assert shown.headers["Content-Type"] == "image/jpeg"


def test_a_card_comes_and_goes_with_its_picture(mina: Person, server: S3Server, clock: MovableClock) -> None:
    body = {"content_type": "image/jpeg", "file_size_bytes": len(PICTURE), "idol": "Haerin"}
    announced = data_of(mina.post("/cards/upload-url", body))
    assert requests.get(announced["image_url"], timeout=10).status_code == 404
    assert refused(mina.post(f"/cards/{announced['card_id']}/confirm-upload"), 409, "409_CONFLICT")
    assert sent(announced, PICTURE) == 200
    assert mina.post(f"/cards/{announced['card_id']}/confirm-upload").status_code == 200
    [card] = data_of(mina.get("/cards/me"))
    assert card["image_url"].split("?")[0] == announced["image_url"].split("?")[0]
    assert requests.get(card["image_url"], timeout=10).status_code == 200
    assert mina.delete(f"/cards/{announced['card_id']}").status_code == 200
    assert server.objects == {}
    assert requests.get(card["image_url"], timeout=10).status_code == 404


def test_a_file_larger_than_the_plan_is_refused_without_being_read(mina: Person, server: S3Server) -> None:
    body = {"content_type": "image/jpeg", "file_size_bytes": 1000}
    announced = data_of(mina.post("/media/upload-url", body), 201)
    assert sent(announced, bytes(2 * MIB + 1)) == 200
    server.asked.clear()
    answer = mina.post(f"/media/{announced['media_id']}/confirm")
    assert refused(answer, 422, "422_LIMIT_EXCEEDED")["current_value"] == 2 * MIB + 1
    assert [asked.split()[0] for asked in server.asked] == ["HEAD"]


def test_a_store_that_is_down_is_named_and_the_upload_is_confirmed_later(
    mina: Person, server: S3Server
) -> None:
    body = {"content_type": "image/jpeg", "file_size_bytes": len(PICTURE)}
    announced = data_of(mina.post("/media/upload-url", body), 201)
    sent(announced, PICTURE)
    server.failing = ["*503"]
    answer = mina.post(f"/media/{announced['media_id']}/confirm")
    assert refused(answer, 503, "503_SERVICE_UNAVAILABLE") == {"service": "object_storage"}
    assert answer.headers["Retry-After"]
    server.failing = []
    assert mina.post(f"/media/{announced['media_id']}/confirm").status_code == 200


def test_the_storage_operations_are_absent(mina: Person) -> None:
    url = path_of(f"http://x/api/v1/storage/media/a/b.jpg?expires={datetime.now(UTC) + timedelta(1):%s}")
    for answer in (mina.client.get(url), mina.client.put(url, data=b"x")):
        assert refused(answer, 404, "404_NOT_FOUND") == {"resource_type": "path"}

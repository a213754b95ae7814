"""Signed URLs over HTTP: what they take, what they show, and what breaks them."""

import io
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kcardswap.api.limits import RateLimits
from kcardswap.runtime import EXTENSION, Runtime
from tests.conftest import MovableClock
from tests.people import API, MakePerson, Person, refused
from tests.pictures import announce, encoded, path_of, put, upload_card

PICTURE = encoded()
WEB = "https://app.kcardswap.example"


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def upload_url(mina: Person) -> str:
    """A URL that takes PICTURE."""
    url: str = announce(mina, PICTURE)["upload_url"]
    return url


@pytest.fixture
def image_url(mina: Person) -> str:
    """A URL that shows a confirmed card."""
    upload_card(mina)
    [url] = [card["image_url"] for card in mina.get("/cards/me").get_json()["data"] if card["image_url"]]
    assert isinstance(url, str)
    return url


def changed(url: str, **parts: str | None) -> str:
    """Return the path of ``url`` with other query parameters; None leaves one out."""
    split = urlsplit(url)
    query = {**dict(parse_qsl(split.query)), **parts}
    return f"{split.path}?{urlencode({name: value for name, value in query.items() if value is not None})}"


def send(
    client: FlaskClient, path: str, data: bytes = PICTURE, content_type: str | None = "image/jpeg"
) -> Any:
    headers = {} if content_type is None else {"Content-Type": content_type}
    return client.put(path, data=data, headers=headers)


def test_an_upload_needs_no_credentials_and_answers_nothing(client: FlaskClient, upload_url: str) -> None:
    answer = send(client, path_of(upload_url))
    assert (answer.status_code, answer.get_data()) == (200, b"")


def test_an_upload_may_be_repeated_and_bad_credentials_do_not_matter(
    client: FlaskClient, upload_url: str
) -> None:
    for _ in range(2):
        headers = {
            "Content-Type": "image/jpeg",
            "Authorization": "Bearer nonsense",
            "Origin": "https://x.example",
        }
        assert client.put(path_of(upload_url), data=PICTURE, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "parts",
    [
        {"signature": "0" * 64},
        {"signature": None},
        {"signature": "é"},
        {"max": str(len(PICTURE) + 1)},
        {"max": None},
        {"type": "text/html"},
        {"expires": "9999999999"},
        {"expires": "x"},
    ],
)
def test_a_tampered_upload_url_is_refused(
    client: FlaskClient, upload_url: str, parts: dict[str, str | None]
) -> None:
    answer = send(client, changed(upload_url, **parts))
    refused(answer, 403, "403_FORBIDDEN", "signature_invalid")


def test_an_upload_url_is_for_its_own_key_alone(client: FlaskClient, mina: Person, upload_url: str) -> None:
    other = announce(mina, PICTURE)["upload_url"]
    crossed = f"{urlsplit(other).path}?{urlsplit(upload_url).query}"
    refused(send(client, crossed), 403, "403_FORBIDDEN", "signature_invalid")


def test_an_expired_upload_url_is_refused(client: FlaskClient, upload_url: str, clock: MovableClock) -> None:
    clock.advance(minutes=15)
    refused(send(client, path_of(upload_url)), 403, "403_FORBIDDEN", "signature_expired")


@pytest.mark.parametrize(
    "content_type", ["image/png", "text/html", "application/json", None, "multipart/form-data"]
)
def test_another_content_type_than_signed_is_refused(
    client: FlaskClient, upload_url: str, content_type: str | None
) -> None:
    answer = send(client, path_of(upload_url), content_type=content_type)
    assert refused(answer, 415, "415_UNSUPPORTED_MEDIA_TYPE") == {}


def test_a_body_over_the_announced_length_is_refused(client: FlaskClient, upload_url: str) -> None:
    answer = send(client, path_of(upload_url), PICTURE + b"x")
    assert refused(answer, 413, "413_PAYLOAD_TOO_LARGE") == {"max_bytes": len(PICTURE)}


class Chunks(io.RawIOBase):
    """A body without a length that never ends; counts what was taken of it."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.taken += len(buffer)
        buffer[:] = bytes(len(buffer))
        return len(buffer)


def chunked(client: FlaskClient, url: str, stream: Any) -> Any:
    return client.put(
        path_of(url),
        headers={"Content-Type": "image/jpeg", "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input": stream, "wsgi.input_terminated": True},
    )


def test_an_endless_body_without_a_length_is_cut_off_and_refused(
    client: FlaskClient, upload_url: str
) -> None:
    stream = Chunks()
    answer = chunked(client, upload_url, stream)
    assert refused(answer, 413, "413_PAYLOAD_TOO_LARGE") == {"max_bytes": len(PICTURE)}
    assert stream.taken < 200_000


def test_a_body_without_a_length_inside_the_limit_is_taken(
    client: FlaskClient, mina: Person, runtime: Runtime
) -> None:
    announced = announce(mina, PICTURE)
    assert chunked(client, announced["upload_url"], io.BytesIO(PICTURE)).status_code == 200
    assert mina.post(f"/cards/{announced['card_id']}/confirm-upload").status_code == 200


def test_pictures_may_be_larger_than_json_bodies(client: FlaskClient, mina: Person, runtime: Runtime) -> None:
    large = PICTURE + bytes(runtime.settings.request_max_json_bytes)
    announced = announce(mina, large)
    assert send(client, path_of(announced["upload_url"]), large).status_code == 200
    assert mina.post(f"/cards/{announced['card_id']}/confirm-upload").status_code == 200


def test_using_an_upload_url_after_the_check_changes_nothing(client: FlaskClient, mina: Person) -> None:
    announced = announce(mina, PICTURE)
    send(client, path_of(announced["upload_url"]))
    mina.post(f"/cards/{announced['card_id']}/confirm-upload")
    before = client.get(path_of(announced["image_url"])).get_data()
    assert send(client, path_of(announced["upload_url"]), b"<html>").status_code == 200
    mina.post(f"/cards/{announced['card_id']}/confirm-upload")
    assert client.get(path_of(announced["image_url"])).get_data() == before


def test_a_read_url_shows_the_picture_and_keeps_browsers_from_running_it(
    client: FlaskClient, image_url: str
) -> None:
    answer = client.get(path_of(image_url))
    assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
    assert answer.get_data().startswith(b"\xff\xd8\xff")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == "inline"
    assert answer.headers["Cache-Control"] == "private, max-age=600"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_a_picture_already_known_is_not_sent_again(client: FlaskClient, image_url: str) -> None:
    known = client.get(path_of(image_url)).headers["ETag"]
    answer = client.get(path_of(image_url), headers={"If-None-Match": known})
    assert (answer.status_code, answer.get_data()) == (304, b"")


def test_head_asks_without_taking_the_bytes(client: FlaskClient, image_url: str) -> None:
    answer = client.head(path_of(image_url))
    assert (answer.status_code, answer.get_data()) == (200, b"")


def test_a_read_url_stays_the_same_for_ten_minutes_and_works_as_long(
    client: FlaskClient, person: MakePerson, clock: MovableClock
) -> None:
    clock.moment += timedelta(seconds=600 - clock.moment.timestamp() % 600)
    mina = person("mina")
    upload_card(mina)

    def url() -> str:
        found: str = mina.get("/cards/me").get_json()["data"][0]["image_url"]
        return found

    first = url()
    clock.advance(minutes=9, seconds=59)
    assert url() == first
    clock.advance(seconds=1)
    assert client.get(path_of(first)).status_code == 200
    assert url() != first
    clock.advance(minutes=10)
    refused(client.get(path_of(first)), 403, "403_FORBIDDEN", "signature_expired")


@pytest.mark.parametrize(
    "parts", [{"signature": "0" * 64}, {"signature": None}, {"expires": "9999999999"}, {"expires": None}]
)
def test_a_tampered_read_url_is_refused(
    client: FlaskClient, image_url: str, parts: dict[str, str | None]
) -> None:
    refused(client.get(changed(image_url, **parts)), 403, "403_FORBIDDEN", "signature_invalid")


def test_an_upload_url_shows_nothing_and_a_read_url_takes_nothing(
    client: FlaskClient, upload_url: str, image_url: str
) -> None:
    refused(client.get(path_of(upload_url)), 403, "403_FORBIDDEN", "signature_invalid")
    refused(send(client, path_of(image_url)), 403, "403_FORBIDDEN", "signature_invalid")


def test_a_picture_that_is_not_there_is_not_found(client: FlaskClient, mina: Person) -> None:
    announced = announce(mina, PICTURE)
    put(mina, announced["upload_url"], PICTURE)
    answer = client.get(path_of(announced["image_url"]))
    assert refused(answer, 404, "404_NOT_FOUND") == {"resource_type": "object"}


@pytest.mark.parametrize(
    "key", ["x.jpg", "../secrets/key", "cards/%2e%2e/%2e%2e/x", "a" * 2000, "cards/\x00.jpg", "é/💜.jpg"]
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_key_of_ones_own_making_is_refused(client: FlaskClient, method: str, key: str) -> None:
    answer = client.open(f"{API}/storage/{quote(key, safe='/%')}", method=method)
    refused(answer, 403, "403_FORBIDDEN", "signature_invalid")


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_the_web_apps_preflight_is_answered(client: FlaskClient, upload_url: str, method: str) -> None:
    answer = client.options(
        path_of(upload_url),
        headers={
            "Origin": WEB,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == WEB
    assert method in answer.headers["Access-Control-Allow-Methods"]
    assert "content-type" in answer.headers["Access-Control-Allow-Headers"].lower()


def test_other_sites_get_no_permission(client: FlaskClient, upload_url: str) -> None:
    answer = client.options(
        path_of(upload_url),
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"},
    )
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_storage_is_not_rate_limited(app: Flask, client: FlaskClient, image_url: str) -> None:
    settings = app.extensions[EXTENSION].settings
    app.extensions["rate_limits"] = RateLimits(replace(settings, rate_limit_anonymous="1/5 minutes"))
    for _ in range(5):
        answer = client.get(path_of(image_url))
        assert answer.status_code == 200
        assert "RateLimit-Limit" not in answer.headers


def test_with_objects_kept_elsewhere_the_operations_are_absent(
    app: Flask, client: FlaskClient, image_url: str, upload_url: str
) -> None:
    runtime = app.extensions[EXTENSION]
    app.extensions[EXTENSION] = Runtime(**{**vars(runtime), "storage": object()})
    for answer in (client.get(path_of(image_url)), send(client, path_of(upload_url))):
        assert refused(answer, 404, "404_NOT_FOUND") == {"resource_type": "path"}

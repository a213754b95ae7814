"""Transport and envelope: one shape for every answer, whatever was asked."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kcardswap.runtime import Runtime
from tests.people import API, MakePerson, refused

OURS = "https://app.kcardswap.example"
FOREIGN = "https://evil.example"


def assert_envelope(answer: Any) -> None:
    """Assert that the body has exactly the three parts, and one of data and error."""
    body = answer.get_json()
    assert set(body) == {"data", "meta", "error"}
    assert answer.mimetype == "application/json"
    if answer.status_code >= 400:
        assert body["data"] is None and body["meta"] is None
        assert set(body["error"]) == {"code", "message", "details"}
        assert body["error"]["code"].startswith(f"{answer.status_code}_")
        assert body["error"]["message"]
        assert isinstance(body["error"]["details"], dict)
    else:
        assert body["error"] is None


@pytest.mark.parametrize(
    "path",
    ["/nowhere", f"{API}/nowhere", API, f"{API}/", f"{API}/probe/things", f"{API}/docs/nothing"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_an_unknown_path_is_refused_in_the_envelope(probe: FlaskClient, path: str, method: str) -> None:
    answer = probe.open(path, method=method)
    details = refused(answer, 404, "404_NOT_FOUND")
    assert details == {"resource_type": "path"}
    assert_envelope(answer)


@pytest.mark.parametrize(
    "path", [f"{API}/health/", f"{API}//health", "/health/", "/livez/", f"{API}/probe//echo"]
)
def test_other_spellings_of_a_path_are_unknown_and_never_redirected(probe: FlaskClient, path: str) -> None:
    answer = probe.get(path)
    refused(answer, 404, "404_NOT_FOUND")
    assert "Location" not in answer.headers


def test_another_method_is_refused_with_the_allowed_ones(probe: FlaskClient) -> None:
    answer = probe.delete(f"{API}/probe/echo")
    assert refused(answer, 405, "405_METHOD_NOT_ALLOWED") == {}
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == {"GET", "HEAD", "OPTIONS", "POST"}
    assert_envelope(answer)


def test_head_answers_like_get_without_a_body(probe: FlaskClient) -> None:
    head, get = probe.head(f"{API}/probe/echo"), probe.get(f"{API}/probe/echo")
    assert head.status_code == get.status_code == 200
    assert head.get_data() == b"" and head.content_type == get.content_type
    assert probe.head(f"{API}/probe/unkeyed").status_code == 405


def test_options_names_the_methods(probe: FlaskClient) -> None:
    answer = probe.options(f"{API}/probe/echo")
    assert answer.status_code == 200
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == {"GET", "HEAD", "OPTIONS", "POST"}
    assert answer.get_data() == b""


def test_a_success_has_data_and_no_error(probe: FlaskClient) -> None:
    answer = probe.get(f"{API}/probe/echo")
    assert_envelope(answer)
    assert answer.get_json()["meta"] is None


def test_204_has_neither_body_nor_content_type(prober: MakePerson, runtime: Runtime) -> None:
    answer = prober("mina").post(f"/probe/things/{runtime.new_id()}/poke")
    assert answer.status_code == 204 and answer.get_data() == b""
    assert "Content-Type" not in answer.headers


def test_a_bug_is_answered_without_a_trace_of_it(probe: FlaskClient) -> None:
    answer = probe.get(f"{API}/probe/crash")
    assert refused(answer, 500, "500_INTERNAL_ERROR") == {}
    assert_envelope(answer)
    text = answer.get_data(as_text=True) + str(answer.headers)
    assert not re.search("canary|RuntimeError|Traceback|probe.py", text)
    assert answer.headers["X-Request-ID"]


def test_a_bug_is_logged_with_its_place_but_not_its_data(
    capfd: pytest.CaptureFixture[str], probe: FlaskClient
) -> None:
    # Messages and variables of a crash hold what people sent; where it happened is enough to find it.
    probe.get(f"{API}/probe/crash", headers={"X-Request-ID": "crash-1"})
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    crash = next(line for line in lines if line["event"] == "request_crashed")
    assert crash["error"] == "RuntimeError" and crash["request_id"] == "crash-1"
    assert crash["exception"][0]["frames"][-1]["name"] == "crash"
    assert "canary-message" not in json.dumps(lines) and "canary-local" not in json.dumps(lines)


def test_an_outage_is_a_503_that_says_when_to_come_back(probe: FlaskClient) -> None:
    answer = probe.get(f"{API}/probe/outage")
    assert refused(answer, 503, "503_SERVICE_UNAVAILABLE") == {"service": "database"}
    assert int(answer.headers["Retry-After"]) >= 1


# Request ids


@pytest.mark.parametrize("given", ["a", "0" * 128, "A-z_0.9"])
def test_a_request_id_is_taken_over(probe: FlaskClient, given: str) -> None:
    assert probe.get("/livez", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", [None, "", "0" * 129, "a b", "a/b", "ä", '"', "a,b", "a\x7f"])
def test_a_missing_or_malformed_request_id_is_replaced(probe: FlaskClient, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-ID": given}
    answers = [probe.get("/livez", headers=headers).headers["X-Request-ID"] for _ in range(2)]
    assert answers[0] != answers[1] and given not in answers
    assert all(re.fullmatch("[0-9a-f-]{36}", made) for made in answers)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/livez",
        f"{API}/probe/echo",
        f"{API}/probe/crash",
        "/nowhere",
        f"{API}/docs",
        f"{API}/openapi.json",
    ],
)
def test_every_answer_carries_a_request_id(probe: FlaskClient, path: str) -> None:
    assert probe.get(path).headers["X-Request-ID"]
    assert probe.delete(path).headers["X-Request-ID"]


# CORS


def test_an_allowed_origin_may_read_answers_with_credentials(probe: FlaskClient) -> None:
    answer = probe.get(f"{API}/probe/echo", headers={"Origin": OURS})
    assert answer.headers["Access-Control-Allow-Origin"] == OURS
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    exposed = {name.strip() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
    assert exposed == {
        *("ETag", "Idempotent-Replayed", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
        *("Retry-After", "X-Request-ID"),
    }
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/nowhere", f"{API}/probe/crash", f"{API}/probe/mine"])
def test_refusals_can_be_read_by_an_allowed_origin_too(probe: FlaskClient, path: str) -> None:
    assert probe.get(path, headers={"Origin": OURS}).headers["Access-Control-Allow-Origin"] == OURS


@pytest.mark.parametrize(
    "origin",
    [FOREIGN, "null", f"{OURS}.evil.example", "http://app.kcardswap.example", f"{OURS}:8443", f"x{OURS}"],
)
def test_a_foreign_origin_gets_no_cors_headers(probe: FlaskClient, origin: str) -> None:
    for answer in (
        probe.get(f"{API}/probe/echo", headers={"Origin": origin}),
        probe.options(
            f"{API}/probe/echo", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
        ),
    ):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]


def test_the_origin_is_named_as_a_cache_key_even_without_one(probe: FlaskClient) -> None:
    # A shared cache that kept an answer without CORS headers would hand it to the web app.
    answer = probe.get(f"{API}/probe/things/0199a7c0-0000-7000-8000-000000000001")
    assert "Origin" in answer.headers["Vary"]


def test_a_preflight_of_an_allowed_origin_is_granted(probe: FlaskClient) -> None:
    answer = probe.options(
        f"{API}/probe/notes",
        headers={
            "Origin": OURS,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == OURS
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert "idempotency-key" in answer.headers["Access-Control-Allow-Headers"]
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


# Caching


def test_answers_are_private_unless_they_are_the_same_for_everybody(
    probe: FlaskClient, prober: MakePerson
) -> None:
    for answer in (prober("mina").get("/probe/mine"), probe.get(f"{API}/probe/mine"), probe.get("/nowhere")):
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert set(answer.headers["Vary"].replace(" ", "").split(",")) >= {
            "Authorization",
            "Cookie",
            "Origin",
        }
    public = probe.get(f"{API}/probe/things/0199a7c0-0000-7000-8000-000000000001")
    assert public.headers["Cache-Control"] == "public, max-age=300"


def test_the_same_thing_is_not_sent_twice(probe: FlaskClient) -> None:
    path = f"{API}/probe/things/0199a7c0-0000-7000-8000-000000000001"
    etag = probe.get(path).headers["ETag"]
    assert etag.startswith('W/"')
    again = probe.get(path, headers={"If-None-Match": etag})
    assert again.status_code == 304 and again.get_data() == b"" and again.headers["ETag"] == etag
    assert probe.get(path, headers={"If-None-Match": 'W/"other"'}).status_code == 200
    assert probe.get(path, headers={"If-None-Match": "*"}).status_code == 304


# Documents


def test_the_documentation_page_loads_everything_from_here(app: Flask, client: FlaskClient) -> None:
    page = client.get(f"{API}/docs")
    assert page.status_code == 200 and page.mimetype == "text/html"
    html = page.get_data(as_text=True)
    addresses = re.findall(r"(?:src|href)=\"([^\"]+)\"", html)
    assert addresses and not re.search(r"https?://|(?:src|href)=\"//", html)
    types = {".css": "text/css", ".js": "text/javascript", ".png": "image/png"}
    for address in addresses:
        asset = client.get(f"{API}/{address}")
        assert asset.status_code == 200, address
        assert asset.mimetype == types[f".{address.rpartition('.')[2]}"]
        assert len(asset.get_data()) > 500
        if address.endswith(".css"):
            assert not re.search(r"url\(['\"]?(https?:)?//", asset.get_data(as_text=True))
    assert client.get(f"{API}/openapi.json").mimetype == "application/json"


@pytest.mark.parametrize(
    "name",
    [
        "../__init__.py",
        "%2e%2e/__init__.py",
        "..%2f__init__.py",
        "a%00b",
        "index.html",
        "swagger-initializer.js",
        "%ff",
    ],
)
def test_only_the_files_of_the_page_are_served(client: FlaskClient, name: str) -> None:
    refused(client.get(f"{API}/docs/assets/{name}"), 404, "404_NOT_FOUND")

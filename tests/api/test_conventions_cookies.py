"""Cookies: what sign-ins set, and what may be written with them."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kcardswap.domain.accounts import Role
from kcardswap.runtime import Runtime
from kcardswap.services import accounts
from tests.conftest import MovableClock
from tests.people import API, MakePerson, Person, refused

MINE = f"{API}/probe/mine"
OURS = "https://app.kcardswap.example"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def cookies_of(answer: TestResponse) -> dict[str, dict[str, str]]:
    """Return the attributes of every cookie an answer sets, by name, in lower case."""
    found = {}
    for header in answer.headers.getlist("Set-Cookie"):
        first, *rest = header.split("; ")
        name, _, value = first.partition("=")
        attributes = {key.lower(): content for key, _, content in (part.partition("=") for part in rest)}
        found[name] = {"value": value, **attributes}
    return found


def signed_in_answer(client: FlaskClient, runtime: Runtime) -> TestResponse:
    provider = runtime.identity_providers.dev
    assert provider is not None
    token = provider.identity_token(
        email="mina@kcardswap.test", name=None, email_verified=True, now=runtime.clock.now()
    )
    answer: TestResponse = client.post(f"{API}/auth/google-login", json={"google_token": token})
    assert answer.status_code == 200
    return answer


def test_every_sign_in_sets_both_cookies(client: FlaskClient, runtime: Runtime) -> None:
    accounts.create_administrator(
        runtime.unit_of_work(),
        runtime.passwords,
        email="root@kcardswap.test",
        password="long enough",
        role=Role.ADMIN,
    )
    credentials = {"email": "root@kcardswap.test", "password": "long enough"}
    for answer in (
        signed_in_answer(client, runtime),
        client.post(f"{API}/auth/admin-login", json=credentials),
    ):
        cookies = cookies_of(answer)
        assert cookies["access_token"]["path"] == "/" and cookies["access_token"]["max-age"] == "900"
        assert cookies["refresh_token"]["path"] == "/api/v1/auth"
        assert cookies["refresh_token"]["max-age"] == "604800"
        for cookie in cookies.values():
            assert "httponly" in cookie and cookie["samesite"] == "Lax"
            assert "secure" not in cookie and "domain" not in cookie
        assert set(cookies) == {"access_token", "refresh_token"}
        assert cookies["access_token"]["value"] == answer.get_json()["data"]["access_token"]


def test_a_refreshed_cookie_lasts_as_long_as_its_session(
    client: FlaskClient, runtime: Runtime, clock: MovableClock
) -> None:
    refresh = cookies_of(signed_in_answer(client, runtime))["refresh_token"]["value"]
    clock.advance(days=1)
    answer = client.post(f"{API}/auth/refresh", headers={"Cookie": f"refresh_token={refresh}"})
    assert cookies_of(answer)["refresh_token"]["max-age"] == "518400"
    assert cookies_of(answer)["access_token"]["max-age"] == "900"


def by_cookie(person: Person, **headers: str) -> dict[str, str]:
    return {"Cookie": f"access_token={person.tokens.access_token}", **headers}


@pytest.mark.parametrize("origin", [None, OURS, "http://localhost"])
def test_our_own_pages_may_write_by_cookie(
    probe: FlaskClient, prober: MakePerson, origin: str | None
) -> None:
    headers = by_cookie(prober("mina"), **({"Origin": origin} if origin else {}))
    assert probe.post(f"{API}/probe/unkeyed", headers=headers).status_code == 200
    assert probe.post(f"{API}/probe/notes", json={"text": "a"}, headers=headers).status_code == 201


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", f"{OURS}.evil.example", "http://localhost:81", "https://localhost", ""],
)
def test_foreign_pages_may_not_write_by_cookie(probe: FlaskClient, prober: MakePerson, origin: str) -> None:
    mina = prober("mina")
    headers = by_cookie(mina, Origin=origin)
    for method, path in (("POST", "/probe/unkeyed"), ("POST", "/probe/notes"), ("PUT", "/probe/notes")):
        answer = probe.open(API + path, method=method, json={"text": "a"}, headers=headers)
        refused(answer, 403, "403_FORBIDDEN", "origin_not_allowed")
    # Reading needs no guard: the browser keeps the answer from the page.
    assert probe.get(MINE, headers=headers).status_code == 200
    # A Bearer header is never sent by a browser on its own.
    headers |= bearer(mina.tokens.access_token)
    assert probe.post(f"{API}/probe/unkeyed", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_what_a_form_can_send_is_no_write_by_cookie(
    probe: FlaskClient, prober: MakePerson, content_type: str
) -> None:
    headers = by_cookie(prober("mina"))
    for path in ("/probe/unkeyed", "/probe/notes"):
        for body in (b'{"text": "a"}', b""):
            answer = probe.post(API + path, data=body, content_type=content_type, headers=headers)
            refused(answer, 415, "415_UNSUPPORTED_MEDIA_TYPE")


def test_refreshing_by_cookie_is_a_write_by_cookie(client: FlaskClient, runtime: Runtime) -> None:
    refresh = cookies_of(signed_in_answer(client, runtime))["refresh_token"]["value"]
    foreign = {"Cookie": f"refresh_token={refresh}", "Origin": "https://evil.example"}
    answer = client.post(f"{API}/auth/refresh", headers=foreign)
    refused(answer, 403, "403_FORBIDDEN", "origin_not_allowed")
    assert client.post(f"{API}/auth/refresh", headers={**foreign, "Origin": OURS}).status_code == 200
    in_body = client.post(
        f"{API}/auth/refresh", json={"refresh_token": refresh}, headers={"Origin": "https://evil.example"}
    )
    assert in_body.status_code == 200


def test_signing_out_clears_both_cookies_where_they_live(client: FlaskClient) -> None:
    cookies = cookies_of(client.post(f"{API}/auth/logout"))
    assert cookies["access_token"]["path"] == "/" and cookies["access_token"]["max-age"] == "0"
    assert cookies["refresh_token"]["path"] == "/api/v1/auth" and cookies["refresh_token"]["max-age"] == "0"

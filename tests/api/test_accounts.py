"""Signing in, refreshing and sessions over HTTP."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from kcardswap.domain.accounts import Role
from kcardswap.runtime import Runtime
from kcardswap.services import accounts
from tests.conftest import MovableClock
from tests.people import API, MakePerson, delete, invalid_fields, refused, suspend

PASSWORD = "a long enough password"


@pytest.fixture
def admin(runtime: Runtime) -> str:
    """The e-mail address of an administrator with PASSWORD."""
    accounts.create_administrator(
        runtime.unit_of_work(),
        runtime.passwords,
        email="Root@kcardswap.test",
        password=PASSWORD,
        role=Role.ADMIN,
    )
    return "root@kcardswap.test"


def login(client: FlaskClient, email: str, password: str, **options: Any) -> Any:
    return client.post(f"{API}/auth/admin-login", json={"email": email, "password": password}, **options)


def dev_token(client: FlaskClient, **query: str) -> str:
    answer = client.get(f"{API}/dev/identity-token", query_string={"email": "mina@kcardswap.test", **query})
    assert answer.status_code == 200
    token: str = answer.get_json()["data"]["identity_token"]
    return token


def google(client: FlaskClient, token: str, **options: Any) -> Any:
    return client.post(f"{API}/auth/google-login", json={"google_token": token}, **options)


def test_an_administrator_signs_in_and_gets_tokens_and_cookies(client: FlaskClient, admin: str) -> None:
    answer = login(client, "ROOT@kcardswap.test ", PASSWORD)
    token = answer.get_json()["data"]
    assert answer.status_code == 200
    assert token["token_type"] == "bearer" and token["expires_in"] == 900
    assert token["role"] == "admin" and token["email"] == admin
    access, refresh = answer.headers.getlist("Set-Cookie")
    assert "access_token=" in access and "Path=/;" in access and "Max-Age=900" in access
    assert "HttpOnly" in access and "SameSite=Lax" in access
    assert "refresh_token=" in refresh and "Path=/api/v1/auth" in refresh and "Max-Age=604800" in refresh


def test_every_failed_password_sign_in_has_the_same_answer(
    client: FlaskClient, admin: str, person: MakePerson
) -> None:
    person("mina")
    answers = [
        login(client, admin, "wrong password").get_data(),
        login(client, "nobody@kcardswap.test", PASSWORD).get_data(),
        login(client, "mina@kcardswap.test", PASSWORD).get_data(),
    ]
    assert len(set(answers)) == 1
    refused(login(client, admin, "wrong password"), 401, "401_UNAUTHORIZED", "invalid_credentials")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": PASSWORD}, "email"),
        ({"email": "", "password": PASSWORD}, "email"),
        ({"email": "a" * 321, "password": PASSWORD}, "email"),
        ({"email": 5, "password": PASSWORD}, "email"),
        ({"email": "a\x00@b", "password": PASSWORD}, "email"),
        ({"email": "a@b.c", "password": "short"}, "password"),
        ({"email": "a@b.c", "password": "x" * 257}, "password"),
        ({"email": "a@b.c", "password": None}, "password"),
    ],
)
def test_a_malformed_password_sign_in_names_its_field(client: FlaskClient, body: Any, field: str) -> None:
    assert invalid_fields(client.post(f"{API}/auth/admin-login", json=body)) == {field}


def test_half_a_surrogate_pair_is_refused(client: FlaskClient) -> None:
    body = '{"email": "\\ud800@b.c", "password": "long enough"}'
    answer = client.post(f"{API}/auth/admin-login", data=body, content_type="application/json")
    assert invalid_fields(answer) == {"email"}


def test_after_ten_failures_even_the_right_password_waits_for_the_window(
    client: FlaskClient, admin: str, clock: MovableClock
) -> None:
    for _ in range(10):
        refused(login(client, admin, "wrong password"), 401, "401_UNAUTHORIZED")
    answer = login(client, admin, PASSWORD)
    details = refused(answer, 429, "429_RATE_LIMIT_EXCEEDED")
    assert details["limit_key"] == "login_failures" and details["limit_value"] == 10
    assert answer.headers["Retry-After"] == "900"
    assert "10/10" in answer.get_json()["error"]["message"]
    clock.advance(minutes=15)
    assert login(client, admin, PASSWORD).status_code == 200


def test_a_good_password_clears_the_failures(client: FlaskClient, admin: str) -> None:
    for _ in range(9):
        login(client, admin, "wrong password")
    assert login(client, admin, PASSWORD).status_code == 200
    for _ in range(9):
        refused(login(client, admin, "wrong password"), 401, "401_UNAUTHORIZED")


def test_the_headers_of_a_throttled_sign_in_show_its_own_limit(client: FlaskClient, admin: str) -> None:
    for _ in range(10):
        login(client, admin, "wrong password")
    answer = login(client, admin, PASSWORD)
    assert (answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) == ("10", "0")


def test_the_refresh_cookie_lives_as_long_as_the_session_also_while_time_goes_on(
    client: FlaskClient, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def now() -> datetime:
        clock.moment += timedelta(microseconds=7)
        return clock.moment

    monkeypatch.setattr(clock, "now", now)
    _, cookie = google(client, dev_token(client)).headers.getlist("Set-Cookie")
    assert "Max-Age=604800" in cookie


def test_the_first_google_sign_in_makes_account_and_profile(client: FlaskClient) -> None:
    first = google(client, dev_token(client, name="Mina"))
    again = google(client, dev_token(client, name="Somebody Else"))
    assert first.status_code == again.status_code == 200
    assert first.get_json()["data"]["user_id"] == again.get_json()["data"]["user_id"]
    assert first.get_json()["data"]["role"] == "user"


def test_a_google_token_that_is_not_one_is_refused(client: FlaskClient) -> None:
    refused(google(client, "not.a.token"), 401, "401_UNAUTHORIZED", "invalid_google_token")
    unverified = dev_token(client, email_verified="false")
    refused(google(client, unverified), 401, "401_UNAUTHORIZED", "invalid_google_token")
    assert invalid_fields(client.post(f"{API}/auth/google-login", json={})) == {"google_token"}
    assert invalid_fields(google(client, "x" * 8193)) == {"google_token"}


def test_an_email_of_another_account_is_never_merged(client: FlaskClient, admin: str) -> None:
    token = dev_token(client, email=admin)
    refused(google(client, token), 409, "409_CONFLICT", "email_taken")


def test_a_suspended_person_gets_a_restricted_token_that_opens_nothing_else(
    client: FlaskClient, runtime: Runtime, person: MakePerson
) -> None:
    mina = person("mina")
    suspend(runtime, mina.user_id)
    details = refused(google(client, dev_token(client)), 403, "403_FORBIDDEN", "account_suspended")
    assert details["suspended_until"] is None
    headers = {"Authorization": f"Bearer {details['restricted_token']}"}
    refused(client.get(f"{API}/auth/sessions", headers=headers), 401, "401_UNAUTHORIZED", "invalid_token")
    refused(mina.get("/auth/sessions"), 403, "403_FORBIDDEN", "account_suspended")


def test_a_token_of_a_deleted_account_is_refused_at_once(
    runtime: Runtime, client: FlaskClient, person: MakePerson
) -> None:
    mina = person("mina")
    delete(runtime, mina.user_id)
    refused(mina.get("/auth/sessions"), 401, "401_UNAUTHORIZED", "session_ended")
    body = {"refresh_token": mina.tokens.refresh_token}
    refused(client.post(f"{API}/auth/refresh", json=body), 401, "401_UNAUTHORIZED", "refresh_invalid")


def test_refreshing_from_the_body_answers_tokens_and_from_the_cookie_sets_cookies(
    client: FlaskClient, person: MakePerson
) -> None:
    mina = person("mina")
    answer = client.post(f"{API}/auth/refresh", json={"refresh_token": mina.tokens.refresh_token})
    data = answer.get_json()["data"]
    assert data["success"] is True and data["access_token"] and data["user_id"] == str(mina.user_id)
    assert "Set-Cookie" not in answer.headers
    by_cookie = client.post(
        f"{API}/auth/refresh", headers={"Cookie": f"refresh_token={data['refresh_token']}"}
    )
    assert by_cookie.get_json()["data"] == {"success": True, "message": "Session refreshed."}
    assert len(by_cookie.headers.getlist("Set-Cookie")) == 2


def test_the_body_wins_over_the_cookie(client: FlaskClient, person: MakePerson) -> None:
    mina = person("mina")
    answer = client.post(
        f"{API}/auth/refresh",
        json={"refresh_token": "nonsense"},
        headers={"Cookie": f"refresh_token={mina.tokens.refresh_token}"},
    )
    refused(answer, 401, "401_UNAUTHORIZED", "refresh_invalid")


def test_refresh_refusals_say_what_is_wrong(
    client: FlaskClient, person: MakePerson, clock: MovableClock
) -> None:
    mina = person("mina")
    refused(client.post(f"{API}/auth/refresh"), 401, "401_UNAUTHORIZED", "refresh_missing")
    access = {"refresh_token": mina.tokens.access_token}
    refused(client.post(f"{API}/auth/refresh", json=access), 401, "401_UNAUTHORIZED", "refresh_invalid")
    body = {"refresh_token": mina.tokens.refresh_token}
    assert client.post(f"{API}/auth/refresh", json=body).status_code == 200
    clock.advance(seconds=11)
    refused(client.post(f"{API}/auth/refresh", json=body), 401, "401_UNAUTHORIZED", "refresh_reused")
    refused(mina.get("/auth/sessions"), 401, "401_UNAUTHORIZED", "session_ended")


def test_signing_out_ends_the_session_and_always_succeeds(client: FlaskClient, person: MakePerson) -> None:
    mina = person("mina")
    answer = mina.post("/auth/logout", {"refresh_token": mina.tokens.refresh_token})
    assert answer.status_code == 200
    assert all("Max-Age=0" in cookie for cookie in answer.headers.getlist("Set-Cookie"))
    refused(mina.get("/auth/sessions"), 401, "401_UNAUTHORIZED", "session_ended")
    assert mina.post("/auth/logout").status_code == 200
    assert client.post(f"{API}/auth/logout", json={"refresh_token": "nonsense"}).status_code == 200


def test_signing_out_everywhere_can_keep_this_session(person: MakePerson) -> None:
    phone, laptop = person("mina"), person("mina")
    answer = phone.post("/auth/logout-all", {"keep_current": True})
    assert answer.get_json()["data"]["ended_count"] == 1
    assert "Set-Cookie" not in answer.headers
    refused(laptop.get("/auth/sessions"), 401, "401_UNAUTHORIZED", "session_ended")
    assert phone.post("/auth/logout-all").get_json()["data"]["ended_count"] == 1
    refused(phone.get("/auth/sessions"), 401, "401_UNAUTHORIZED", "session_ended")


def test_sessions_are_listed_newest_use_first_with_the_current_one_marked(
    person: MakePerson, clock: MovableClock, count_sql: Any
) -> None:
    phone = person("mina")
    clock.advance(seconds=5)
    laptop = person("mina")
    person("sana")
    with count_sql() as sent:
        data = phone.get("/auth/sessions").get_json()["data"]
        assert sent() <= 2
    assert data["total"] == 2
    assert [session["current"] for session in data["sessions"]] == [False, True]
    assert {session["client"] for session in data["sessions"]} == {"bearer"}
    assert laptop.get("/auth/sessions").get_json()["data"]["sessions"][0]["current"] is True


def test_a_person_ends_only_their_own_live_sessions(person: MakePerson) -> None:
    mina, sana = person("mina"), person("sana")
    session = mina.get("/auth/sessions").get_json()["data"]["sessions"][0]["id"]
    refused(sana.delete(f"/auth/sessions/{session}"), 404, "404_NOT_FOUND")
    answer = mina.delete(f"/auth/sessions/{session}")
    assert answer.status_code == 204 and answer.get_data() == b""
    again = person("mina")
    refused(again.delete(f"/auth/sessions/{session}"), 404, "404_NOT_FOUND")
    assert invalid_fields(again.delete("/auth/sessions/17")) == {"session_id"}


def test_an_access_token_ends_after_its_quarter_of_an_hour(
    client: FlaskClient, runtime: Runtime, person: MakePerson
) -> None:
    mina = person("mina")
    uow = runtime.unit_of_work()
    with uow:
        user = uow.users.get(mina.user_id)
    expired = runtime.tokens.access_token(
        user, uow.new_id(), token_id=uow.new_id(), now=runtime.clock.now() - timedelta(minutes=16)
    )
    answer = client.get(f"{API}/auth/sessions", headers={"Authorization": f"Bearer {expired}"})
    refused(answer, 401, "401_TOKEN_EXPIRED")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_bearer_header_is_the_only_credential_looked_at(client: FlaskClient, person: MakePerson) -> None:
    mina = person("mina")
    cookie = {"Cookie": f"access_token={mina.tokens.access_token}"}
    assert client.get(f"{API}/auth/sessions", headers=cookie).status_code == 200
    answer = client.get(f"{API}/auth/sessions", headers={**cookie, "Authorization": "Bearer nonsense"})
    refused(answer, 401, "401_UNAUTHORIZED", "invalid_token")
    refused(client.get(f"{API}/auth/sessions"), 401, "401_UNAUTHORIZED", "missing")
    refresh = {"Authorization": f"Bearer {mina.tokens.refresh_token}"}
    refused(client.get(f"{API}/auth/sessions", headers=refresh), 401, "401_UNAUTHORIZED", "invalid_token")


def test_cookie_writes_are_refused_from_foreign_sites_and_without_json(
    client: FlaskClient, person: MakePerson
) -> None:
    cookie = {"Cookie": f"access_token={person('mina').tokens.access_token}"}
    path = f"{API}/auth/logout-all"
    foreign = {**cookie, "Origin": "https://evil.example"}
    refused(client.post(path, json={}, headers=foreign), 403, "403_FORBIDDEN", "origin_not_allowed")
    form = client.post(path, data={"keep_current": "true"}, headers=cookie)
    refused(form, 415, "415_UNSUPPORTED_MEDIA_TYPE")
    ours = {**cookie, "Origin": "https://app.kcardswap.example"}
    assert client.post(path, json={"keep_current": True}, headers=ours).status_code == 200


def test_production_knows_no_development_provider(client: FlaskClient, runtime: Runtime) -> None:
    runtime.identity_providers.dev = None
    query = {"email": "mina@kcardswap.test"}
    refused(client.get(f"{API}/dev/identity-token", query_string=query), 404, "404_NOT_FOUND")
    refused(client.get(f"{API}/dev/jwks"), 404, "404_NOT_FOUND")

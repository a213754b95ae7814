"""Signing in with Google's codes and with Apple, over HTTP."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, select

from kcardswap.domain.accounts import Provider, SessionClient
from kcardswap.gateways.identity import GoogleIdentityProvider, KeySet, fetch_keys_from
from kcardswap.persistence.orm.accounts import erasure_requests, identities, users
from kcardswap.runtime import Runtime
from kcardswap.services import accounts
from kcardswap.services.accounts import Device, SignedIn
from kcardswap.worker.jobs import JOBS, JobFailed
from tests.conftest import MovableClock
from tests.gateways.apple import SUBJECT, FakeApple, fake_apple
from tests.gateways.google import CLIENT_ID, OMITTED, REDIRECT_URIS, FakeGoogle, fake_google
from tests.people import API, MakePerson, invalid_fields, refused, suspend
from tests.racing import at_once

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@pytest.fixture
def google(runtime: Runtime, clock: MovableClock) -> Iterator[FakeGoogle]:
    """A stand-in for Google that the application asks."""
    with fake_google() as google:
        google.now = clock.now
        providers = runtime.identity_providers
        keys = KeySet(fetch_keys_from(google.url))
        providers.google = GoogleIdentityProvider(keys=keys, client_ids=(CLIENT_ID,))
        providers.google_codes = google.codes()
        yield google


@pytest.fixture
def apple(runtime: Runtime, clock: MovableClock, tmp_path: Path) -> Iterator[FakeApple]:
    """A stand-in for Apple that the application asks."""
    with fake_apple(clock.now) as apple:
        runtime.identity_providers.apple = apple.provider(apple.key_file(tmp_path / "AuthKey.p8"))
        yield apple


def callback(client: FlaskClient, code: str, **body: Any) -> Any:
    sent = {"code": code, "code_verifier": VERIFIER, **body}
    return client.post(f"{API}/auth/google-callback", json=sent)


def login_code(client: FlaskClient, code: str, **body: Any) -> Any:
    return client.post(f"{API}/auth/google-login-code", json={"code": code, **body})


def apple_login(client: FlaskClient, token: str, **body: Any) -> Any:
    return client.post(f"{API}/auth/apple-login", json={"identity_token": token, **body})


# Codes of Google


def test_an_app_signs_in_with_its_code_and_verifier(
    client: FlaskClient, google: FakeGoogle, clock: MovableClock
) -> None:
    token = google.token(clock.now())
    answer = callback(client, google.code(id_token=token, verifier=VERIFIER))
    assert answer.status_code == 200 and len(answer.headers.getlist("Set-Cookie")) == 2
    first = answer.get_json()["data"]
    assert first["email"] == "mina@example.test"
    uri = REDIRECT_URIS[1]
    again = login_code(client, google.code(id_token=token, redirect_uri=uri), redirect_uri=uri)
    assert again.get_json()["data"]["user_id"] == first["user_id"]


def test_what_a_code_gives_goes_through_the_complete_verification(
    client: FlaskClient, google: FakeGoogle, clock: MovableClock
) -> None:
    for changes in ({"aud": "somebody-else"}, {"email_verified": False}, {"exp": 0}):
        token = google.token(clock.now(), **changes)
        answer = login_code(client, google.code(id_token=token))
        refused(answer, 401, "401_UNAUTHORIZED", "invalid_google_token")


def test_refusals_of_a_code(client: FlaskClient, google: FakeGoogle, clock: MovableClock) -> None:
    token = google.token(clock.now())
    strange = {"redirect_uri": "https://evil.example"}
    for send in (callback, login_code):
        refused(send(client, "made-up"), 401, "401_UNAUTHORIZED", "invalid_google_token")
        answer = send(client, google.code(id_token=token), **strange)
        refused(answer, 400, "400_INVALID_REQUEST", "redirect_uri_not_allowed")
    google.redeem = lambda form: (500, b"")
    answer = login_code(client, google.code(id_token=token))
    assert refused(answer, 503, "503_SERVICE_UNAVAILABLE") == {"service": "google_oauth"}
    assert "Retry-After" in answer.headers


@pytest.mark.parametrize("verifier", [None, "", "x" * 42, "x" * 129])
def test_a_verifier_has_its_length(client: FlaskClient, verifier: Any) -> None:
    assert invalid_fields(callback(client, "code", code_verifier=verifier)) == {"code_verifier"}


# Apple


def test_apple_without_setup_is_not_available(client: FlaskClient) -> None:
    assert refused(apple_login(client, "x"), 503, "503_SERVICE_UNAVAILABLE") == {"service": "apple_id"}


def test_the_first_sign_in_with_apple_makes_an_account_and_keeps_what_is_revoked_later(
    client: FlaskClient, apple: FakeApple, connection: Connection, runtime: Runtime
) -> None:
    answer = apple_login(client, apple.token(), authorization_code=apple.code())
    data = answer.get_json()["data"]
    assert answer.status_code == 200 and data["email"] == "mina@privaterelay.example"
    row = connection.execute(select(identities)).one()
    assert (row.provider, row.subject) == (Provider.APPLE, SUBJECT)
    kept = json.loads(runtime.sealer.open(row.sealed_refresh_token))
    assert kept["refresh_token"] in apple.refresh_tokens
    assert apple_login(client, apple.token()).get_json()["data"]["user_id"] == data["user_id"]


def test_people_may_keep_their_address_from_us(
    client: FlaskClient, apple: FakeApple, connection: Connection
) -> None:
    for subject in ("one", "two"):
        hidden = apple.token(sub=subject, email=OMITTED, email_verified=OMITTED)
        assert apple_login(client, hidden).get_json()["data"]["email"] is None
    assert connection.scalars(select(users.c.email)).all() == [None, None]


def test_a_code_that_cannot_be_exchanged_refuses_nobody(
    client: FlaskClient, apple: FakeApple, connection: Connection
) -> None:
    answer = apple_login(client, apple.token(), authorization_code="made-up")
    assert answer.status_code == 200
    assert connection.execute(select(identities.c.sealed_refresh_token)).scalar_one() is None


def test_what_apple_gives_somebody_who_left_meanwhile_is_revoked_at_once(
    client: FlaskClient, apple: FakeApple, runtime: Runtime, connection: Connection
) -> None:
    provider = runtime.identity_providers.apple
    redeem = provider.redeem

    def while_they_leave(*args: Any, **options: Any) -> str:
        token = redeem(*args, **options)
        accounts.delete_account(
            runtime.unit_of_work(),
            runtime.sign_in_policy,
            user_id=connection.scalars(select(users.c.id)).one(),
            erase_after=runtime.settings.account_erasure_after,
        )
        return token

    provider.redeem = while_they_leave  # type: ignore[method-assign]
    assert apple_login(client, apple.token(), authorization_code=apple.code()).status_code == 200
    assert len(apple.revoked) == 1
    assert connection.scalars(select(erasure_requests.c.sealed_refresh_token)).all() == [None]


def test_lies_about_apple_are_refused(client: FlaskClient, apple: FakeApple) -> None:
    for token in (
        apple.token(aud="somebody-else"),
        apple.token(nonce="12345678"),
        apple.token(kid="x"),
        "[" * 99,
    ):
        refused(apple_login(client, token), 401, "401_UNAUTHORIZED", "invalid_apple_token")
    assert apple_login(client, apple.token(nonce="12345678"), nonce="12345678").status_code == 200
    assert invalid_fields(apple_login(client, apple.token(), nonce="short")) == {"nonce"}


def test_an_address_of_another_account_is_never_merged(
    client: FlaskClient, apple: FakeApple, person: MakePerson
) -> None:
    person("mina")
    answer = apple_login(client, apple.token(email="mina@kcardswap.test"))
    refused(answer, 409, "409_CONFLICT", "email_taken")


def test_whoever_is_suspended_gets_a_restricted_token_whatever_the_way(
    client: FlaskClient, apple: FakeApple, google: FakeGoogle, runtime: Runtime, clock: MovableClock
) -> None:
    ways: list[Callable[[], Any]] = [
        lambda: apple_login(client, apple.token()),
        lambda: login_code(client, google.code(id_token=google.token(clock.now()))),
        lambda: client.post(f"{API}/auth/google-login", json={"google_token": google.token(clock.now())}),
    ]
    for way in ways[:2]:
        suspend(runtime, way().get_json()["data"]["user_id"])
    for way in ways:
        details = refused(way(), 403, "403_FORBIDDEN", "account_suspended")
        headers = {"Authorization": f"Bearer {details['restricted_token']}"}
        assert client.get(f"{API}/account/export?format=json", headers=headers).status_code == 200


# Leaving Apple


def leave(client: FlaskClient, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.delete(f"{API}/account", json={"confirm": "DELETE"}, headers=headers)
    assert answer.status_code == 202


@pytest.fixture
def left(client: FlaskClient, apple: FakeApple) -> None:
    """Somebody who signed in with Apple and left."""
    signed_in = apple_login(client, apple.token(), authorization_code=apple.code())
    leave(client, signed_in.get_json()["data"]["access_token"])


@pytest.mark.usefixtures("left")
def test_apple_is_told_within_the_hour_and_the_rest_waits(
    apple: FakeApple, runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    assert JOBS["erase-accounts"].run(runtime) == "Erased 0 accounts."
    assert len(apple.revoked) == 1
    row = connection.execute(select(erasure_requests)).one()
    assert row.sealed_refresh_token is None and row.next_try_at == row.due_at
    clock.advance(days=14)
    assert JOBS["erase-accounts"].run(runtime) == "Erased 1 accounts."
    assert len(apple.revoked) == 1


@pytest.mark.usefixtures("left")
def test_apple_is_asked_again_until_it_answers(
    apple: FakeApple, runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    apple.down = True
    for _ in range(3):
        with pytest.raises(JobFailed):
            JOBS["erase-accounts"].run(runtime)
        clock.advance(hours=8)
    row = connection.execute(select(erasure_requests)).one()
    assert (row.attempts, row.last_error) == (3, "AppleUnavailable")
    apple.down = False
    JOBS["erase-accounts"].run(runtime)
    assert len(apple.revoked) == 1


@pytest.mark.usefixtures("left")
def test_an_apple_that_never_answers_keeps_no_data_alive(
    apple: FakeApple, runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    apple.down = True
    clock.advance(days=14)
    with pytest.raises(JobFailed):
        JOBS["erase-accounts"].run(runtime)
    row = connection.execute(select(erasure_requests)).one()
    assert row.heir_id is not None and row.sealed_refresh_token is not None
    for _ in range(10):
        clock.advance(hours=24)
        with pytest.raises(JobFailed):
            JOBS["erase-accounts"].run(runtime)
    clock.advance(hours=24)
    assert JOBS["erase-accounts"].run(runtime) == "Erased 1 accounts."
    assert connection.execute(select(erasure_requests)).all() == []


# At the same moment


def test_two_first_sign_ins_at_once_make_one_account(
    committed_runtime: Runtime, clock: MovableClock, tmp_path: Path
) -> None:
    device = Device(client=SessionClient.BEARER, user_agent=None, ip_prefix=None)
    with fake_apple(clock.now) as apple:
        committed_runtime.identity_providers.apple = apple.provider()
        for number, email in enumerate(("mina@example.test", OMITTED)):
            token = apple.token(sub=f"twin-{number}", email=email)

            def sign_in(token: str = token) -> SignedIn:
                return accounts.sign_in_with_apple(
                    committed_runtime.unit_of_work(),
                    committed_runtime.sign_in_policy,
                    committed_runtime.identity_providers,
                    committed_runtime.sealer,
                    identity_token=token,
                    authorization_code=None,
                    nonce=None,
                    device=device,
                )

            assert len({signed_in.user_id for signed_in in at_once(*[sign_in] * 6)}) == 1

"""Codes of Google: redeemed once, for the address and the challenge they were made for."""

import time
from typing import Any

import pytest

from kcardswap.domain.accounts import GoogleUnavailable, InvalidGoogleToken, RedirectUriNotAllowed
from kcardswap.gateways import http
from kcardswap.gateways.identity import GoogleCodes
from tests.conftest import MovableClock
from tests.gateways.google import CLIENT_ID, REDIRECT_URIS, FakeGoogle

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@pytest.fixture
def codes(google: FakeGoogle) -> GoogleCodes:
    return google.codes()


def redeem(
    codes: GoogleCodes, code: str, verifier: str | None = None, redirect_uri: str | None = None
) -> str:
    return codes.redeem(code, code_verifier=verifier, redirect_uri=redirect_uri)


def test_a_code_is_redeemed_for_an_id_token(codes: GoogleCodes, google: FakeGoogle) -> None:
    assert redeem(codes, google.code(id_token="one")) == "one"
    assert redeem(codes, google.code(id_token="two", verifier=VERIFIER), VERIFIER) == "two"
    uri = REDIRECT_URIS[1]
    assert redeem(codes, google.code(id_token="three", redirect_uri=uri), redirect_uri=uri) == "three"


def test_google_refuses_codes_that_are_used_late_strange_or_for_another_address(
    codes: GoogleCodes, google: FakeGoogle, clock: MovableClock
) -> None:
    google.now = clock.now
    used = google.code(id_token="x")
    redeem(codes, used)
    late = google.code(id_token="x")
    clock.advance(minutes=10)
    attempts: list[tuple[Any, ...]] = [
        *((code,) for code in (used, late, "made-up")),
        (google.code(id_token="x", verifier=VERIFIER), "y" * 43),
        (google.code(id_token="x", verifier=VERIFIER),),
        (google.code(id_token="x"), VERIFIER),
        (google.code(id_token="x", redirect_uri=REDIRECT_URIS[1]), None, REDIRECT_URIS[0]),
    ]
    for attempt in attempts:
        with pytest.raises(InvalidGoogleToken):
            redeem(codes, *attempt)


@pytest.mark.parametrize(
    "uri", [REDIRECT_URIS[0] + "/", "https://evil.example", "", "https://app.kcardswap.example.evil.example"]
)
def test_only_addresses_of_ours_count_and_google_is_not_even_asked(
    codes: GoogleCodes, google: FakeGoogle, uri: str
) -> None:
    code = google.code(id_token="x", redirect_uri=uri)
    with pytest.raises(RedirectUriNotAllowed):
        redeem(codes, code, redirect_uri=uri)
    assert code in google.grants


@pytest.mark.parametrize(
    "answer",
    [
        (500, b""),
        (503, b'{"error": "temporarily_unavailable"}'),
        (429, b'{"error": "rate_limited"}'),
        (200, b"<html>"),
        (200, b"{}"),
        (200, b"[" * 5000),
        (400, b"<html>"),
        (401, b'{"error": "invalid_client"}'),
        (400, b'{"error": "unauthorized_client"}'),
        (302, b""),
        (200, b'{"id_token": "' + b"x" * 300_000),
    ],
    ids=lambda answer: repr(answer)[:40],
)
def test_a_google_that_fails_is_a_service_that_is_down(
    codes: GoogleCodes, google: FakeGoogle, answer: tuple[int, bytes]
) -> None:
    google.redeem = lambda form: answer
    with pytest.raises(GoogleUnavailable):
        redeem(codes, google.code(id_token="x"))


def test_a_google_that_never_answers_is_given_up(
    codes: GoogleCodes, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = {**(http.exchange.__kwdefaults__ or {}), "read_seconds": 0.3}
    monkeypatch.setattr(http.exchange, "__kwdefaults__", defaults)
    asked: list[Any] = []

    def slowly(form: dict[str, str]) -> tuple[int, bytes]:
        asked.append(form)
        time.sleep(1)
        return 200, b"{}"

    google.redeem = slowly
    with pytest.raises(GoogleUnavailable):
        redeem(codes, google.code(id_token="x"))
    assert len(asked) == 1


def test_nobody_there_or_nothing_set_up_is_a_service_that_is_down(google: FakeGoogle) -> None:
    away = GoogleCodes(
        token_url="http://127.0.0.1:9/token",
        client_id=CLIENT_ID,
        client_secret=None,
        redirect_uris=REDIRECT_URIS,
    )
    unset = GoogleCodes(token_url=google.token_url, client_id=None, client_secret=None, redirect_uris=())
    for codes in (away, unset):
        with pytest.raises(GoogleUnavailable):
            redeem(codes, google.code(id_token="x"))


def test_a_secret_is_sent_only_where_there_is_one(google: FakeGoogle) -> None:
    forms: list[dict[str, str]] = []

    def remember(form: dict[str, str]) -> tuple[int, bytes]:
        forms.append(form)
        return 200, b'{"id_token": "x"}'

    google.redeem = remember
    without = GoogleCodes(
        token_url=google.token_url, client_id=CLIENT_ID, client_secret=None, redirect_uris=REDIRECT_URIS
    )
    for codes in (google.codes(), without):
        redeem(codes, "code")
    assert ["client_secret" in form for form in forms] == [True, False]
    assert {form["redirect_uri"] for form in forms} == {REDIRECT_URIS[0]}

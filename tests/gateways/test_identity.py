"""Who Google says somebody is: every way a token can lie, and keys that cannot be fetched."""

import base64
import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask import Flask

from kcardswap.domain.accounts import InvalidGoogleToken
from kcardswap.domain.errors import Unavailable
from kcardswap.gateways.identity import (
    DevIdentityProvider,
    GoogleIdentityProvider,
    KeySet,
    fetch_keys_from,
)
from kcardswap.runtime import Runtime
from tests.gateways.google import CLIENT_ID, OMITTED, FakeGoogle, identity_providers
from tests.people import API, refused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
STRANGE_PARTIES: list[Any] = ["somebody-else", "", None, 5, [CLIENT_ID], {}]
PAST_TIMES: list[Any] = [SECONDS - 5, SECONDS - 3600, 0, -1, None, OMITTED, "9999999999", True, []]
UNREAL_TIMES: list[Any] = [float("nan"), {}]
STRANGE_HEADERS: list[Any] = [[], None, 5, {}, {"kid": []}, {"kid": {}}, {"kid": 5}, b"\xff"]


class Stopwatch:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def provider(google: FakeGoogle, stopwatch: Stopwatch) -> GoogleIdentityProvider:
    """Our side of the sign-in, reading the stand-in's keys over HTTP."""
    keys = KeySet(fetch_keys_from(google.url), monotonic=stopwatch)
    return GoogleIdentityProvider(keys=keys, client_ids=(CLIENT_ID, "ios.apps.example"))


def refuses(provider: GoogleIdentityProvider, token: str, now: datetime = NOW) -> bool:
    try:
        provider.verify(token, now=now)
    except InvalidGoogleToken:
        return True
    return False


def encoded(part: Any) -> str:
    return (
        base64.urlsafe_b64encode(part if isinstance(part, bytes) else json.dumps(part).encode())
        .rstrip(b"=")
        .decode()
    )


def test_a_good_token_names_its_person(provider: GoogleIdentityProvider, google: FakeGoogle) -> None:
    identity = provider.verify(google.token(NOW), now=NOW)
    assert (identity.subject, identity.email) == ("110169484474386276334", "mina@example.test")
    assert (identity.name, identity.picture) == ("Mina", "https://pictures.example/mina.jpg")


@pytest.mark.parametrize(
    "changes",
    [
        *(
            {"iss": "accounts.google.com"},
            {"azp": OMITTED},
            {"azp": "ios.apps.example"},
            {"aud": "ios.apps.example"},
        ),
        *({"name": OMITTED, "picture": OMITTED}, {"aud": [CLIENT_ID]}, {"name": 5}, {"sub": "s" * 255}),
        *({"iat": SECONDS + 5}, {"exp": SECONDS - 4}, {"nbf": SECONDS + 5}, {"iat": SECONDS - 0.5}),
    ],
    ids=repr,
)
def test_what_may_differ_between_good_tokens(
    provider: GoogleIdentityProvider, google: FakeGoogle, changes: dict[str, Any]
) -> None:
    assert not refuses(provider, google.token(NOW, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        *(
            {"aud": aud}
            for aud in ("somebody-else", "", None, OMITTED, [], ["somebody-else"], 5, {CLIENT_ID: 1})
        ),
        *(
            {"iss": iss}
            for iss in ("https://accounts.google.com.evil.example", "google", "", None, OMITTED, 5)
        ),
        *({"azp": azp} for azp in STRANGE_PARTIES),
        *({"exp": exp} for exp in PAST_TIMES),
        *(
            {"iat": iat}
            for iat in (SECONDS + 6, SECONDS + 3600, None, OMITTED, "0", True, float("nan"), 10**400)
        ),
        *({"nbf": nbf} for nbf in (SECONDS + 6, "0", None)),
        *({"exp": exp} for exp in UNREAL_TIMES),
        *({"email_verified": verified} for verified in (False, "true", "false", 1, None, OMITTED)),
        *({"email": email} for email in (None, OMITTED, 5, ["mina@example.test"], "a\x00@b.c", "\ud800@b.c")),
        *({"sub": sub} for sub in ("", None, OMITTED, 5, ["a"], "s" * 256, "a\x00b", "\ud800")),
        *({"kid": kid} for kid in ("key-2", "", OMITTED)),
    ],
    ids=repr,
)
def test_a_lie_in_any_claim_is_refused(
    provider: GoogleIdentityProvider, google: FakeGoogle, changes: dict[str, Any]
) -> None:
    assert refuses(provider, google.token(NOW, **changes))


def test_a_signature_has_to_be_made_with_the_published_key(
    provider: GoogleIdentityProvider, google: FakeGoogle
) -> None:
    good = google.token(NOW)
    header, payload, signature = good.split(".")
    public = google.keys["key-1"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    curve = ec.generate_private_key(ec.SECP256R1())
    # The library refuses to sign with a public key, so that one is made by hand.
    confused = hmac_signed(encoded({"alg": "HS256", "typ": "JWT", "kid": "key-1"}) + "." + payload, pem)
    for token in (
        encoded({"alg": "none", "kid": "key-1"}) + f".{payload}.",
        encoded({"alg": "none", "kid": "key-1"}) + f".{payload}.{signature}",
        encoded({"alg": "NONE", "kid": "key-1"}) + f".{payload}.",
        confused,
        google.token(NOW, key=foreign),
        google.token(NOW, key=curve, algorithm="ES256"),
        google.token(NOW, algorithm="RS512"),
        google.token(NOW, algorithm="PS256"),
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"{header}.{encoded({'sub': 'somebody'})}.{signature}",
        f"{header}.{payload}",
    ):
        assert refuses(provider, token), token[:60]
    assert not refuses(provider, good)


def hmac_signed(text: str, key: bytes) -> str:
    return f"{text}.{encoded(hmac.digest(key, text.encode(), hashlib.sha256))}"


@pytest.mark.parametrize(
    "token",
    [
        *("", ".", "..", "a.b.c", "é.é.é", "\x00", "null", "x" * 8192),
        *(encoded(header) + ".e30.e30" for header in STRANGE_HEADERS),
        *(encoded(b"[" * 6000) + ".e30.e30", "e30." + encoded(b"[" * 6000) + ".e30"),
        encoded({"alg": "RS256", "kid": "key-1"}) + "." + encoded(b'{"a":' * 1000) + ".e30",
        encoded({"alg": "RS256", "kid": "key-1", "crit": ["exp"]}) + ".e30.e30",
    ],
    ids=lambda token: repr(token[:30]),
)
def test_garbage_is_refused(
    provider: GoogleIdentityProvider, google: FakeGoogle, token: str, tmp_path: Path
) -> None:
    assert refuses(provider, token)
    dev = DevIdentityProvider(data_dir=tmp_path, base_url="http://localhost")
    with pytest.raises(InvalidGoogleToken):
        identity_providers(provider, dev).verify(token, now=NOW)


def test_without_client_ids_nobody_signs_in(google: FakeGoogle) -> None:
    nobody = GoogleIdentityProvider(keys=KeySet(fetch_keys_from(google.url)), client_ids=())
    assert refuses(nobody, google.token(NOW))
    assert refuses(nobody, google.token(NOW, azp=OMITTED, aud=[]))


# Keys


def test_fifty_made_up_keys_cause_one_fetch_in_thirty_seconds(
    provider: GoogleIdentityProvider, google: FakeGoogle, stopwatch: Stopwatch
) -> None:
    for number in range(50):
        assert refuses(provider, google.token(NOW, kid=f"made-up-{number}"))
    assert google.fetches == 1
    assert not refuses(provider, google.token(NOW))
    stopwatch.seconds += 29
    with ThreadPoolExecutor(8) as pool:
        tokens = [google.token(NOW, kid=f"more-{number}") for number in range(50)]
        assert all(pool.map(lambda token: refuses(provider, token), tokens))
    assert google.fetches == 1
    stopwatch.seconds += 1
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda token: refuses(provider, token), tokens))
    assert google.fetches == 2


def test_a_new_key_of_google_is_found(
    provider: GoogleIdentityProvider, google: FakeGoogle, stopwatch: Stopwatch
) -> None:
    assert not refuses(provider, google.token(NOW))
    google.keys["key-2"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = google.token(NOW, key=google.keys["key-2"], kid="key-2")
    stopwatch.seconds += 29
    assert refuses(provider, token) and google.fetches == 1
    stopwatch.seconds += 1
    assert not refuses(provider, token) and google.fetches == 2


def test_a_key_google_took_back_is_forgotten_within_an_hour(
    provider: GoogleIdentityProvider, google: FakeGoogle, stopwatch: Stopwatch
) -> None:
    token = google.token(NOW)
    assert not refuses(provider, token)
    google.keys = {"key-2": rsa.generate_private_key(public_exponent=65537, key_size=2048)}
    stopwatch.seconds += 3599
    assert not refuses(provider, token)
    stopwatch.seconds += 1
    assert refuses(provider, token)


def down(google: FakeGoogle) -> None:
    google.respond = lambda request: request.connection.close()


def test_while_google_is_away_known_keys_work_and_unknown_ones_are_refused(
    provider: GoogleIdentityProvider, google: FakeGoogle, stopwatch: Stopwatch
) -> None:
    token = google.token(NOW)
    assert not refuses(provider, token)
    down(google)
    for _ in range(3):
        stopwatch.seconds += 3600
        assert not refuses(provider, token)
        assert refuses(provider, google.token(NOW, kid="unknown"))
    assert google.fetches == 4


def test_before_the_first_key_set_nobody_can_be_judged(
    provider: GoogleIdentityProvider, google: FakeGoogle, stopwatch: Stopwatch
) -> None:
    down(google)
    for _ in range(20):
        with pytest.raises(Unavailable):
            provider.verify(google.token(NOW), now=NOW)
    assert google.fetches == 1
    google.respond = google.publish
    stopwatch.seconds += 2
    assert not refuses(provider, google.token(NOW))


@pytest.mark.parametrize(
    "answer",
    [
        *(
            (200, body)
            for body in (b"", b"<html>", b"null", b"[]", b"5", b"{}", b'{"keys": []}', b'{"keys": 5}')
        ),
        *(
            (200, body)
            for body in (b'{"keys": [5]}', b'{"keys": [{"kty": "RSA", "kid": []}]}', b"\xff", b"[" * 5000)
        ),
        *((status, b'{"keys": []}') for status in (302, 404, 500, 503)),
        (200, b'{"keys": "' + b"x" * 300_000 + b'"}'),
    ],
    ids=lambda answer: repr(answer)[:40],
)
def test_an_answer_that_is_no_key_set_is_like_none(
    provider: GoogleIdentityProvider, google: FakeGoogle, stopwatch: Stopwatch, answer: tuple[int, bytes]
) -> None:
    status, body = answer
    headers = {"Location": "/elsewhere"} if status == 302 else {}
    google.respond = lambda request: google.answer(request, body, status, **headers)
    with pytest.raises(Unavailable):
        provider.verify(google.token(NOW), now=NOW)
    google.respond = google.publish
    stopwatch.seconds += 30
    assert not refuses(provider, google.token(NOW))
    google.respond = lambda request: google.answer(request, body, status, **headers)
    stopwatch.seconds += 30
    assert refuses(provider, google.token(NOW, kid="unknown"))
    assert not refuses(provider, google.token(NOW))


def test_an_answer_that_drips_is_given_up(google: FakeGoogle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kcardswap.gateways.identity.keys.KEY_FETCH_SECONDS", 0.5)
    google.respond = google.drip
    provider = GoogleIdentityProvider(keys=KeySet(fetch_keys_from(google.url)), client_ids=(CLIENT_ID,))
    started = time.monotonic()
    with pytest.raises(Unavailable):
        provider.verify(google.token(NOW), now=NOW)
    assert time.monotonic() - started < 3


def test_an_answer_that_never_comes_is_given_up(google: FakeGoogle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kcardswap.gateways.identity.keys.KEY_FETCH_TIMEOUT_SECONDS", (0.3, 0.3))
    google.respond = lambda request: time.sleep(1.5)
    provider = GoogleIdentityProvider(keys=KeySet(fetch_keys_from(google.url)), client_ids=(CLIENT_ID,))
    with pytest.raises(Unavailable):
        provider.verify(google.token(NOW), now=NOW)


def test_a_slow_look_for_newer_keys_holds_nobody_with_a_known_key(
    provider: GoogleIdentityProvider, google: FakeGoogle, stopwatch: Stopwatch
) -> None:
    token = google.token(NOW)
    assert not refuses(provider, token)

    def slowly(request: Any) -> None:
        time.sleep(1)
        google.publish(request)

    google.respond = slowly
    stopwatch.seconds += 3600
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(refuses, provider, token)
        while google.fetches < 2:
            time.sleep(0.01)
        started = time.monotonic()
        assert not refuses(provider, token)
        assert time.monotonic() - started < 0.5
        assert not looking.result()


# Over HTTP


def test_the_api_answers_401_for_a_lie_and_503_while_google_was_never_reached(
    app: Flask, runtime: Runtime, google: FakeGoogle
) -> None:
    providers = runtime.identity_providers
    providers.google = GoogleIdentityProvider(
        keys=KeySet(fetch_keys_from(google.url)), client_ids=(CLIENT_ID,)
    )
    client, now = app.test_client(), runtime.clock.now()

    def sign_in(token: str) -> Any:
        return client.post(f"{API}/auth/google-login", json={"google_token": token})

    down(google)
    answer = sign_in(google.token(now))
    assert refused(answer, 503, "503_SERVICE_UNAVAILABLE") == {"service": "google_oauth"}
    assert int(answer.headers["Retry-After"]) >= 1
    google.respond = google.publish
    providers.google = GoogleIdentityProvider(
        keys=KeySet(fetch_keys_from(google.url)), client_ids=(CLIENT_ID,)
    )
    refused(sign_in(google.token(now, aud="somebody-else")), 401, "401_UNAUTHORIZED", "invalid_google_token")
    refused(sign_in(google.token(now, kid="unknown")), 401, "401_UNAUTHORIZED", "invalid_google_token")
    refused(sign_in("[" * 8000), 401, "401_UNAUTHORIZED", "invalid_google_token")
    assert sign_in(google.token(now)).get_json()["data"]["email"] == "mina@example.test"
    strange = google.token(
        now, sub="2", email="sana@example.test", name="x" * 500, picture="javascript:alert(1)"
    )
    assert sign_in(strange).status_code == 200

"""Who Apple says somebody is, and the token that is revoked when they leave."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kcardswap.domain.accounts import AppleUnavailable, InvalidAppleToken, Provider
from kcardswap.gateways.identity import AppleIdentityProvider, KeySet
from kcardswap.gateways.sealing import SealBroken, Sealer
from tests.gateways.apple import CLIENT_ID, OTHER_CLIENT_ID, SUBJECT, FakeApple, fake_apple
from tests.gateways.google import OMITTED
from tests.gateways.test_identity import Stopwatch, encoded, hmac_signed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STRANGE_AUDIENCES: list[Any] = ["somebody-else", "", None, OMITTED, [], {CLIENT_ID: 1}]
SECONDS = int(NOW.timestamp())
NONCE = "n-0S6_WzA2Mj"
HASHED = hashlib.sha256(NONCE.encode()).hexdigest()


@pytest.fixture
def apple() -> Iterator[FakeApple]:
    """A stand-in for Apple on loopback, for which it is noon."""
    with fake_apple(lambda: NOW) as apple:
        yield apple


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def provider(apple: FakeApple, stopwatch: Stopwatch, tmp_path: Path) -> AppleIdentityProvider:
    """Our side of the sign-in, with the team's key."""
    return apple.provider(apple.key_file(tmp_path / "AuthKey.p8"), monotonic=stopwatch)


def refuses(provider: AppleIdentityProvider, token: str, nonce: str | None = None) -> bool:
    try:
        provider.verify(token, nonce=nonce, now=NOW)
    except InvalidAppleToken:
        return True
    return False


def test_a_good_token_names_its_person(provider: AppleIdentityProvider, apple: FakeApple) -> None:
    identity = provider.verify(apple.token(), nonce=None, now=NOW)
    assert (identity.provider, identity.subject) == (Provider.APPLE, SUBJECT)
    assert (identity.email, identity.name, identity.picture) == ("mina@privaterelay.example", None, None)
    assert identity.client_id == CLIENT_ID


@pytest.mark.parametrize(
    ("changes", "email"),
    [
        ({"email": OMITTED, "email_verified": OMITTED}, None),
        ({"email": None}, None),
        ({"email_verified": True}, "mina@privaterelay.example"),
        ({"aud": OTHER_CLIENT_ID}, "mina@privaterelay.example"),
        ({"iat": SECONDS + 5, "exp": SECONDS - 4}, "mina@privaterelay.example"),
    ],
    ids=repr,
)
def test_what_may_differ_between_good_tokens(
    provider: AppleIdentityProvider, apple: FakeApple, changes: dict[str, Any], email: str | None
) -> None:
    assert provider.verify(apple.token(**changes), nonce=None, now=NOW).email == email


@pytest.mark.parametrize(
    "changes",
    [
        *({"aud": aud} for aud in STRANGE_AUDIENCES),
        *({"iss": iss} for iss in ("https://accounts.google.com", "appleid.apple.com", "", None, OMITTED)),
        {"azp": "somebody-else"},
        *({"exp": exp} for exp in (SECONDS - 5, 0, None, OMITTED, "9999999999")),
        *({"iat": iat} for iat in (SECONDS + 6, None, OMITTED, True)),
        *({"sub": sub} for sub in ("", None, OMITTED, 5, "s" * 256, "a\x00b")),
        *({"email_verified": verified} for verified in (False, "false", "True", 1, None, OMITTED)),
        *({"email": email} for email in (5, ["a@b.c"], "a\x00@b.c")),
        *({"kid": kid} for kid in ("apple-2", "", OMITTED)),
    ],
    ids=repr,
)
def test_a_lie_in_any_claim_is_refused(
    provider: AppleIdentityProvider, apple: FakeApple, changes: dict[str, Any]
) -> None:
    assert refuses(provider, apple.token(**changes))


@pytest.mark.parametrize(
    ("carried", "given", "good"),
    [
        (OMITTED, None, True),
        (NONCE, NONCE, True),
        (HASHED, NONCE, True),
        (NONCE, None, False),
        (HASHED, None, False),
        (OMITTED, NONCE, False),
        (None, NONCE, False),
        (HASHED.upper(), NONCE, False),
        (NONCE, "another-nonce", False),
        ("\u00e9", NONCE, False),
        ("\ud800", NONCE, False),
        (5, NONCE, False),
        ("", None, False),
    ],
    ids=repr,
)
def test_a_nonce_is_asked_for_exactly_when_the_token_has_one(
    provider: AppleIdentityProvider, apple: FakeApple, carried: Any, given: str | None, good: bool
) -> None:
    assert refuses(provider, apple.token(nonce=carried), given) is not good


def test_a_signature_has_to_be_made_with_the_published_key(
    provider: AppleIdentityProvider, apple: FakeApple
) -> None:
    header, payload, signature = apple.token().split(".")
    public = apple.keys["apple-1"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for token in (
        encoded({"alg": "none", "kid": "apple-1"}) + f".{payload}.",
        hmac_signed(encoded({"alg": "HS256", "typ": "JWT", "kid": "apple-1"}) + "." + payload, pem),
        apple.token(key=foreign),
        apple.token(algorithm="RS512"),
        apple.token(key=apple.team_key, algorithm="ES256"),
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"{header}.{payload}",
        "",
    ):
        assert refuses(provider, token), token[:60]


def test_fifty_made_up_keys_cause_one_fetch_in_thirty_seconds(
    provider: AppleIdentityProvider, apple: FakeApple, stopwatch: Stopwatch
) -> None:
    tokens = [apple.token(kid=f"made-up-{number}") for number in range(50)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda token: refuses(provider, token), tokens))
    assert apple.fetches == 1
    stopwatch.seconds += 30
    assert all(refuses(provider, token) for token in tokens) and apple.fetches == 2


def test_while_apple_is_away_known_keys_work_and_unknown_ones_are_refused(
    provider: AppleIdentityProvider, apple: FakeApple, stopwatch: Stopwatch
) -> None:
    apple.down = True
    with pytest.raises(AppleUnavailable):
        provider.verify(apple.token(), nonce=None, now=NOW)
    apple.down = False
    stopwatch.seconds += 2
    assert not refuses(provider, apple.token())
    apple.down = True
    stopwatch.seconds += 3600
    assert not refuses(provider, apple.token()) and refuses(provider, apple.token(kid="unknown"))


def test_without_client_ids_apple_is_not_available(apple: FakeApple) -> None:
    provider = AppleIdentityProvider(
        keys=KeySet(apple.published),
        client_ids=(),
        team_id=None,
        key_id=None,
        private_key_path=None,
        base_url=apple.url,
    )
    with pytest.raises(AppleUnavailable):
        provider.verify(apple.token(), nonce=None, now=NOW)


# The code and what it is exchanged for


@pytest.mark.parametrize("client_id", [CLIENT_ID, OTHER_CLIENT_ID])
def test_a_code_is_exchanged_for_a_token_that_can_be_revoked(
    provider: AppleIdentityProvider, apple: FakeApple, client_id: str
) -> None:
    identity = provider.verify(apple.token(aud=client_id), nonce=None, now=NOW)
    redeemed = provider.redeem(apple.code(client_id=client_id), identity, now=NOW)
    kept = json.loads(redeemed)
    assert kept["client_id"] == client_id and kept["refresh_token"] in apple.refresh_tokens
    provider.revoke(redeemed, now=NOW)
    provider.revoke(redeemed, now=NOW)
    assert apple.revoked == [kept["refresh_token"]] * 2


def test_a_code_counts_once_for_one_client_and_one_person(
    provider: AppleIdentityProvider, apple: FakeApple
) -> None:
    identity = provider.verify(apple.token(), nonce=None, now=NOW)
    code = apple.code()
    provider.redeem(code, identity, now=NOW)
    for bad in (code, "made-up", apple.code(client_id=OTHER_CLIENT_ID), apple.code(subject="somebody-else")):
        with pytest.raises(InvalidAppleToken):
            provider.redeem(bad, identity, now=NOW)


def test_a_wrong_key_or_an_apple_that_is_down_is_nobodys_fault_but_ours(
    provider: AppleIdentityProvider, apple: FakeApple, tmp_path: Path
) -> None:
    identity = provider.verify(apple.token(), nonce=None, now=NOW)
    apple.down = True
    for ask in (provider.redeem, lambda *args, **kwargs: provider.revoke(REDEEMED, **kwargs)):
        with pytest.raises(AppleUnavailable):
            ask(apple.code(), identity, now=NOW)
    apple.down = False
    with pytest.raises(AppleUnavailable):
        apple.provider().redeem(apple.code(), identity, now=NOW)
    key_path = apple.key_file(tmp_path / "Stolen.p8")
    apple.team_key = FakeApple(lambda: NOW).team_key
    with pytest.raises(AppleUnavailable):
        apple.provider(key_path).redeem(apple.code(), identity, now=NOW)


REDEEMED = json.dumps({"client_id": CLIENT_ID, "refresh_token": "r.unknown"})


def test_a_token_apple_does_not_know_cannot_be_revoked(
    provider: AppleIdentityProvider, apple: FakeApple
) -> None:
    with pytest.raises(InvalidAppleToken):
        provider.revoke(REDEEMED, now=NOW)


# Sealing


def test_what_is_sealed_opens_with_the_same_key_alone() -> None:
    sealer = Sealer("k" * 32)
    sealed = sealer.seal("r.token \u2603")
    assert "token" not in sealed and sealed != sealer.seal("r.token \u2603")
    assert sealer.open(sealed) == "r.token \u2603"
    for opener, text in ((Sealer("x" * 32), sealed), (sealer, sealed[:-2]), (sealer, ""), (sealer, "\u2603")):
        with pytest.raises(SealBroken):
            opener.open(text)


def test_the_client_secret_is_short_lived(provider: AppleIdentityProvider, apple: FakeApple) -> None:
    secret = provider._client_secret(CLIENT_ID, NOW)
    claims = jwt.decode(secret, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 300

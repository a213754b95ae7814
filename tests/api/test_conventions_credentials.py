"""Credentials: which token counts, what is wrong with the others, and what cookies may do."""

import base64
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from kcardswap.domain.accounts import Role
from kcardswap.persistence.orm.accounts import users
from kcardswap.runtime import Runtime
from tests.conftest import MovableClock
from tests.people import API, MakePerson, Person, delete, refused, suspend

MINE = f"{API}/probe/mine"
OURS = "https://app.kcardswap.example"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def call(probe: FlaskClient, token: str) -> TestResponse:
    return probe.get(MINE, headers=bearer(token))


def forged(
    runtime: Runtime, person: Person, *, key: str | None = None, kid: str | None = None, **changes: Any
) -> str:
    """Return the person's access token with other claims, signed with our key unless another is given."""
    claims = jwt.decode(person.tokens.access_token, options={"verify_signature": False}) | changes
    claims = {name: value for name, value in claims.items() if value is not REMOVED}
    own = runtime.tokens.current
    # Past the library's own checks, which keep us from signing the stranger ones.
    payload = json.dumps(claims).encode()
    return jwt.api_jws.encode(payload, key or own.secret, algorithm="HS256", headers={"kid": kid or own.id})


REMOVED = "(this claim is left out)"
STRANGE_KEY_IDS: list[Any] = [[], {}, 17, None, "", "\x00", "\ud800", "k" * 2000]
STRANGE_ALGORITHMS: list[Any] = [[], None, 5, "HS256 ", "hs256"]
STRANGE_PAYLOADS: list[Any] = [[], None, b"\xff", b"{", 5]


def raw(header: Any, payload: Any = b"{}", signature: bytes = b"signature") -> str:
    """Return three segments of a token, whatever is in them."""
    parts = (
        part if isinstance(part, bytes) else json.dumps(part).encode()
        for part in (header, payload, signature)
    )
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_a_token_signed_by_us_is_taken(probe: FlaskClient, runtime: Runtime, prober: MakePerson) -> None:
    mina = prober("mina")
    assert call(probe, mina.tokens.access_token).status_code == 200
    assert call(probe, forged(runtime, mina)).status_code == 200


def test_an_access_token_carries_the_promised_claims(
    runtime: Runtime, prober: MakePerson, clock: MovableClock
) -> None:
    mina = prober("mina")
    claims = jwt.decode(mina.tokens.access_token, options={"verify_signature": False})
    assert set(claims) == {"sub", "sid", "email", "role", "type", "iss", "aud", "iat", "exp", "jti"}
    assert claims["sub"] == str(mina.user_id) and claims["type"] == "access" and claims["role"] == "user"
    assert claims["exp"] - claims["iat"] == 900 and claims["iat"] == clock.now().timestamp()
    assert jwt.get_unverified_header(mina.tokens.access_token)["alg"] == "HS256"


@pytest.mark.parametrize(
    "changes",
    [
        *({"iss": "somebody"}, {"iss": None}, {"iss": REMOVED}, {"iss": ["kcardswap"]}),
        *({"aud": "somebody"}, {"aud": None}, {"aud": REMOVED}, {"aud": []}, {"aud": 5}),
        *(
            {"type": "refresh"},
            {"type": "restricted"},
            {"type": None},
            {"type": REMOVED},
            {"type": ["access"]},
        ),
        *(
            {"sub": REMOVED},
            {"sub": None},
            {"sub": 17},
            {"sub": "17"},
            {"sub": ["a"]},
            {"sub": "\x00"},
            {"sub": {}},
        ),
        *({"sid": REMOVED}, {"sid": None}, {"sid": 17}, {"sid": "17"}, {"sid": ["a"]}, {"sid": "\ud800"}),
        *({"exp": REMOVED}, {"exp": None}, {"exp": "soon"}, {"exp": True}, {"exp": [1]}, {"exp": 10**400}),
        *({"exp": float("nan")}, {"exp": "99999999999"}, {"iat": REMOVED}, {"iat": "now"}, {"iat": 10**400}),
    ],
    ids=repr,
)
def test_our_signature_alone_is_not_enough(
    probe: FlaskClient, runtime: Runtime, prober: MakePerson, changes: dict[str, Any]
) -> None:
    answer = call(probe, forged(runtime, prober("mina"), **changes))
    refused(answer, 401, "401_UNAUTHORIZED", "invalid_token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_from_the_future_is_refused_beyond_a_small_skew(
    probe: FlaskClient, runtime: Runtime, prober: MakePerson, clock: MovableClock
) -> None:
    mina, now = prober("mina"), int(clock.now().timestamp())
    assert call(probe, forged(runtime, mina, iat=now + 5)).status_code == 200
    answer = call(probe, forged(runtime, mina, iat=now + 6))
    refused(answer, 401, "401_UNAUTHORIZED", "invalid_token")


def test_expiry_is_told_before_anything_else_about_a_signed_token(
    probe: FlaskClient, runtime: Runtime, prober: MakePerson, clock: MovableClock
) -> None:
    mina, past = prober("mina"), int(clock.now().timestamp()) - 1
    for changes in ({}, {"type": "refresh"}, {"iss": "somebody"}, {"aud": "somebody"}, {"sid": REMOVED}):
        answer = call(probe, forged(runtime, mina, exp=past, **changes))
        assert refused(answer, 401, "401_TOKEN_EXPIRED") == {}
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    # An expired token that we never signed is simply not one of ours.
    answer = call(probe, forged(runtime, mina, exp=past, key="another-key-another-key-another-key-1"))
    refused(answer, 401, "401_UNAUTHORIZED", "invalid_token")


def test_a_token_lasts_to_the_second(probe: FlaskClient, prober: MakePerson, clock: MovableClock) -> None:
    mina = prober("mina")
    clock.advance(minutes=14, seconds=59)
    assert mina.get("/probe/mine").status_code == 200
    clock.advance(seconds=1)
    refused(mina.get("/probe/mine"), 401, "401_TOKEN_EXPIRED")


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_only_our_keys_and_algorithm_count(probe: FlaskClient, runtime: Runtime, prober: MakePerson) -> None:
    mina = prober("mina")
    claims = jwt.decode(mina.tokens.access_token, options={"verify_signature": False})
    own = runtime.tokens.current
    foreign_rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    other = "another-key-another-key-another-key-1"
    header, payload, signature = mina.tokens.access_token.split(".")
    unsigned = raw({"alg": "none", "typ": "JWT", "kid": own.id}, claims, b"")
    tokens = [
        *(
            unsigned,
            unsigned.rstrip("."),
            raw({"alg": "None", "kid": own.id}, claims),
            f"{header}.{payload}.",
        ),
        forged(runtime, mina, key=other),
        forged(runtime, mina, key=other, kid="unknown"),
        forged(runtime, mina, kid="unknown"),
        jwt.encode(claims, own.secret, algorithm="HS256"),
        jwt.encode(claims, own.secret, algorithm="HS384", headers={"kid": own.id}),
        jwt.encode(claims, foreign_rsa, algorithm="RS256", headers={"kid": own.id}),
        f"{header}.{payload}.{signature[:-2]}AA",
        f"{header}.{payload[:-2]}.{signature}",
    ]
    for token in tokens:
        refused(call(probe, token), 401, "401_UNAUTHORIZED", "invalid_token")


@pytest.mark.parametrize(
    "token",
    [
        *(
            "",
            " ",
            ".",
            "..",
            "...",
            "a",
            "a.b",
            "a.b.c",
            "a.b.c.d",
            "null",
            "undefined",
            "Bearer x",
            "é",
            "\x80.\xff.\xfe",
        ),
        *(raw([]), raw({}), raw(None), raw("kid"), raw(b"\xff"), raw(b"{"), raw({"alg": "HS256"})),
        *(raw({"alg": "HS256", "kid": kid}) for kid in STRANGE_KEY_IDS),
        *(raw({"alg": alg, "kid": "a"}) for alg in STRANGE_ALGORITHMS),
        *(raw({"alg": "HS256", "kid": "a"}, payload) for payload in STRANGE_PAYLOADS),
        # Deep enough to exhaust the JSON reader.
        *(raw(b"[" * 3000), raw({"alg": "HS256", "kid": "a"}, b"[" * 3000), raw(b'{"a":' * 1000)),
        raw({"alg": "HS256", "kid": "a", "crit": ["b64"], "b64": False}),
    ],
)
def test_garbage_is_an_invalid_token(probe: FlaskClient, token: str) -> None:
    answer = call(probe, token)
    refused(answer, 401, "401_UNAUTHORIZED", "invalid_token")
    cookie = probe.get(MINE, headers={"Cookie": f"access_token={token.strip()}"})
    assert refused(cookie, 401, "401_UNAUTHORIZED")["reason"] in ("invalid_token", "missing")


def test_nested_claims_under_our_own_signature_break_nothing(probe: FlaskClient, runtime: Runtime) -> None:
    own = runtime.tokens.current
    signed = jwt.api_jws.encode(b"[" * 3000, own.secret, algorithm="HS256", headers={"kid": own.id})
    refused(call(probe, signed), 401, "401_UNAUTHORIZED", "invalid_token")


def test_the_previous_key_still_verifies(probe: FlaskClient, runtime: Runtime, prober: MakePerson) -> None:
    mina = prober("mina")
    previous = type(runtime.tokens)(
        key="previous-key-previous-key-previous-key",
        previous_key=None,
        issuer=runtime.settings.jwt_issuer,
        audience=runtime.settings.jwt_audience,
        access_lifetime=runtime.settings.access_token_lifetime,
    ).current
    token = forged(runtime, mina, key=previous.secret, kid=previous.id)
    refused(call(probe, token), 401, "401_UNAUTHORIZED", "invalid_token")
    runtime.tokens.keys[previous.id] = previous
    assert call(probe, token).status_code == 200


# Which credential counts


def test_a_bearer_header_is_looked_at_alone(probe: FlaskClient, prober: MakePerson) -> None:
    mina, sana = prober("mina"), prober("sana")
    cookie = {"Cookie": f"access_token={mina.tokens.access_token}"}
    both = probe.get(MINE, headers={**cookie, **bearer(sana.tokens.access_token)})
    assert both.get_json()["data"]["understood"]["user_id"] == str(sana.user_id)
    for header in ("Bearer nonsense", "Bearer", "Bearer ", "bearer x", "BEARER\tx"):
        answer = probe.get(MINE, headers={**cookie, "Authorization": header})
        refused(answer, 401, "401_UNAUTHORIZED", "invalid_token")


def test_another_scheme_is_no_bearer_header(probe: FlaskClient, prober: MakePerson) -> None:
    mina = prober("mina")
    cookie = {"Cookie": f"access_token={mina.tokens.access_token}"}
    for header in ("Basic bWluYTpwYXNz", mina.tokens.access_token, "Bearerx y", ""):
        assert probe.get(MINE, headers={**cookie, "Authorization": header}).status_code == 200
        refused(probe.get(MINE, headers={"Authorization": header}), 401, "401_UNAUTHORIZED", "missing")


def test_the_scheme_is_case_insensitive(probe: FlaskClient, prober: MakePerson) -> None:
    token = prober("mina").tokens.access_token
    for header in (f"bearer {token}", f"BEARER {token}", f"Bearer  {token} "):
        assert probe.get(MINE, headers={"Authorization": header}).status_code == 200


def test_the_refresh_cookie_opens_nothing_but_refreshing(probe: FlaskClient, prober: MakePerson) -> None:
    mina = prober("mina")
    refused(
        probe.get(MINE, headers={"Cookie": f"refresh_token={mina.tokens.refresh_token}"}),
        *(401, "401_UNAUTHORIZED", "missing"),
    )
    refused(
        probe.get(MINE, headers={"Cookie": f"access_token={mina.tokens.refresh_token}"}),
        *(401, "401_UNAUTHORIZED", "invalid_token"),
    )


def test_operations_for_everybody_ignore_credentials(
    probe: FlaskClient, runtime: Runtime, prober: MakePerson
) -> None:
    mina = prober("mina")
    suspend(runtime, mina.user_id)
    for header in (mina.tokens.access_token, "nonsense", forged(runtime, mina, exp=1)):
        assert probe.get(f"{API}/probe/echo", headers=bearer(header)).status_code == 200
        assert probe.post(f"{API}/probe/echo", headers=bearer(header), json={}).status_code == 200


# Freshness


def test_who_lost_their_session_or_account_is_out_at_once(runtime: Runtime, prober: MakePerson) -> None:
    mina, sana, nayeon = prober("mina"), prober("sana"), prober("nayeon")
    assert mina.post("/auth/logout").status_code == 200
    suspend(runtime, sana.user_id)
    delete(runtime, nayeon.user_id)
    for path, send in (("/probe/mine", "get"), ("/probe/unkeyed", "post")):
        refused(getattr(mina, send)(path), 401, "401_UNAUTHORIZED", "session_ended")
        details = refused(getattr(sana, send)(path), 403, "403_FORBIDDEN", "account_suspended")
        assert details["suspended_until"] is None
        refused(getattr(nayeon, send)(path), 401, "401_UNAUTHORIZED", "session_ended")


def test_a_suspension_past_its_end_no_longer_counts(
    runtime: Runtime, prober: MakePerson, clock: MovableClock
) -> None:
    mina = prober("mina")
    uow = runtime.unit_of_work()
    suspend(runtime, mina.user_id)
    with uow:
        uow.users.get(mina.user_id).suspended_until = clock.now() + timedelta(minutes=5)
        uow.commit()
    details = refused(mina.get("/probe/mine"), 403, "403_FORBIDDEN", "account_suspended")
    assert details["suspended_until"].endswith("Z")
    clock.advance(minutes=5)
    assert mina.get("/probe/mine").status_code == 200


def test_the_role_is_the_one_of_this_moment(runtime: Runtime, prober: MakePerson) -> None:
    mina = prober("mina")
    refused(mina.get("/probe/admin"), 403, "403_FORBIDDEN", "role_required")
    for role, status in ((Role.ADMIN, 200), (Role.SUPER_ADMIN, 200), (Role.USER, 403)):
        uow = runtime.unit_of_work()
        with uow:
            uow.users.get(mina.user_id).role = role
            uow.commit()
        assert mina.get("/probe/admin").status_code == status


def test_a_session_and_a_user_that_do_not_belong_together_are_refused(
    probe: FlaskClient, runtime: Runtime, prober: MakePerson
) -> None:
    mina, sana = prober("mina"), prober("sana")
    token = forged(runtime, mina, sub=str(sana.user_id))
    refused(call(probe, token), 401, "401_UNAUTHORIZED", "session_ended")


def test_a_session_ends_seven_days_after_signing_in(
    probe: FlaskClient, runtime: Runtime, prober: MakePerson, clock: MovableClock
) -> None:
    mina = prober("mina")
    clock.advance(days=7)
    late = forged(runtime, mina, exp=int(clock.now().timestamp()) + 60)
    refused(call(probe, late), 401, "401_UNAUTHORIZED", "session_ended")


def test_noting_that_somebody_was_here_waits_for_nobody(
    committed_runtime: Runtime, racer: MakePerson, clock: MovableClock
) -> None:
    mina = racer("mina")
    clock.advance(minutes=2)
    with committed_runtime.database.transaction() as connection:
        # As a trade or a friendship being written holds it.
        connection.execute(select(users).where(users.c.id == mina.user_id).with_for_update())
        started = time.monotonic()
        assert mina.get("/probe/mine").status_code == 200
        assert time.monotonic() - started < 1
    assert mina.get("/probe/mine").status_code == 200
    with committed_runtime.database.reader() as connection:
        assert connection.scalar(select(users.c.last_seen_at)) == clock.now()

"""Signing in, refreshing, sessions, and the development identity provider."""

from typing import Any
from uuid import UUID

from flask import Response, jsonify, request
from flask_jwt_extended import set_access_cookies, set_refresh_cookies

from kcardswap.api.auth import OriginNotAllowed, guard_cookie_write, identify
from kcardswap.api.blueprint import ANYBODY, SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, runtime, unit_of_work
from kcardswap.api.envelope import Answer, success
from kcardswap.api.limits import caller_address, caller_prefix
from kcardswap.api.pagination import collection_of
from kcardswap.api.schemas.accounts import (
    AdminLoginBody,
    AppleLoginBody,
    EndedSchema,
    GoogleCallbackBody,
    GoogleCodeBody,
    GoogleLoginBody,
    IdentityTokenQuery,
    IdentityTokenSchema,
    LogoutAllBody,
    RefreshBody,
    RefreshedSchema,
    SessionSchema,
    TokenSchema,
)
from kcardswap.api.schemas.base import OkSchema
from kcardswap.domain.accounts import (
    AccountSuspended,
    AppleUnavailable,
    EmailTaken,
    GoogleUnavailable,
    InvalidAppleToken,
    InvalidCredentials,
    InvalidGoogleToken,
    RedirectUriNotAllowed,
    RefreshInvalid,
    RefreshMissing,
    RefreshReused,
    SessionClient,
    SessionNotFound,
    normalise_email,
)
from kcardswap.domain.errors import NotFound, Refusal
from kcardswap.gateways.identity import DEV_TOKEN_LIFETIME, DevIdentityProvider
from kcardswap.queries import accounts as account_queries
from kcardswap.services import accounts
from kcardswap.services.accounts import Device, SignedIn

JWK_SET = {
    "description": "The JWK set, outside the envelope.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["keys"],
                "properties": {"keys": {"type": "array", "items": {"type": "object"}}},
            }
        }
    },
}
blp = Blueprint("accounts", __name__, description="Signing in and staying signed in.")


@blp.operation(
    "POST",
    "/auth/admin-login",
    caller=ANYBODY,
    body=AdminLoginBody,
    answer=TokenSchema,
    refuses=(InvalidCredentials, AccountSuspended),
)
def sign_in_administrator(body: dict[str, Any]) -> Response:
    """Sign in as an administrator with e-mail and password."""
    signed_in = accounts.sign_in_administrator(
        unit_of_work(),
        runtime().sign_in_policy,
        runtime().passwords,
        email=body["email"],
        password=body["password"],
        address=caller_address(),
        device=_device(),
    )
    return _with_cookies(success(TokenSchema().dump(signed_in), None, 200), signed_in)


@blp.operation(
    "POST",
    "/auth/google-login",
    caller=ANYBODY,
    body=GoogleLoginBody,
    answer=TokenSchema,
    refuses=(InvalidGoogleToken, EmailTaken, AccountSuspended, GoogleUnavailable),
)
def sign_in_with_google(body: dict[str, Any]) -> Response:
    """Sign in with a Google ID token; the first time, this makes the account."""
    signed_in = accounts.sign_in_with_google(
        unit_of_work(),
        runtime().sign_in_policy,
        runtime().identity_providers,
        id_token=body["google_token"],
        device=_device(),
    )
    return _with_cookies(success(TokenSchema().dump(signed_in), None, 200), signed_in)


@blp.operation(
    "POST",
    "/auth/google-callback",
    caller=ANYBODY,
    body=GoogleCallbackBody,
    answer=TokenSchema,
    refuses=(RedirectUriNotAllowed, InvalidGoogleToken, EmailTaken, AccountSuspended, GoogleUnavailable),
)
def sign_in_with_google_callback(body: dict[str, Any]) -> Response:
    """Sign in with a code Google sent an app, and the verifier of its challenge."""
    return _sign_in_with_google_code(body)


@blp.operation(
    "POST",
    "/auth/google-login-code",
    caller=ANYBODY,
    body=GoogleCodeBody,
    answer=TokenSchema,
    refuses=(RedirectUriNotAllowed, InvalidGoogleToken, EmailTaken, AccountSuspended, GoogleUnavailable),
)
def sign_in_with_google_code(body: dict[str, Any]) -> Response:
    """Sign in with a code Google sent a web page."""
    return _sign_in_with_google_code(body)


def _sign_in_with_google_code(body: dict[str, Any]) -> Response:
    signed_in = accounts.sign_in_with_google_code(
        unit_of_work(),
        runtime().sign_in_policy,
        runtime().identity_providers,
        code=body["code"],
        code_verifier=body.get("code_verifier"),
        redirect_uri=body.get("redirect_uri"),
        device=_device(),
    )
    return _with_cookies(success(TokenSchema().dump(signed_in), None, 200), signed_in)


@blp.operation(
    "POST",
    "/auth/apple-login",
    caller=ANYBODY,
    body=AppleLoginBody,
    answer=TokenSchema,
    refuses=(InvalidAppleToken, EmailTaken, AccountSuspended, AppleUnavailable),
)
def sign_in_with_apple(body: dict[str, Any]) -> Response:
    """Sign in with Apple; the first time, this makes the account."""
    signed_in = accounts.sign_in_with_apple(
        unit_of_work(),
        runtime().sign_in_policy,
        runtime().identity_providers,
        runtime().sealer,
        identity_token=body["identity_token"],
        authorization_code=body.get("authorization_code"),
        nonce=body.get("nonce"),
        device=_device(),
    )
    return _with_cookies(success(TokenSchema().dump(signed_in), None, 200), signed_in)


@blp.operation(
    "POST",
    "/auth/refresh",
    caller=ANYBODY,
    body=RefreshBody,
    answer=RefreshedSchema,
    refuses=(RefreshMissing, RefreshInvalid, RefreshReused, AccountSuspended, OriginNotAllowed),
)
def refresh_session(body: dict[str, Any]) -> Response:
    """Exchange a refresh token for its successor and a new access token."""
    in_body = body.get("refresh_token")
    presented = in_body or request.cookies.get(runtime().settings.refresh_cookie_name)
    if not presented:
        raise RefreshMissing()
    if not in_body:
        guard_cookie_write()
    signed_in = accounts.refresh(unit_of_work(), runtime().sign_in_policy, presented=presented)
    answer = {"success": True, "message": "Session refreshed."}
    if in_body:
        return success({**answer, **TokenSchema().dump(signed_in)}, None, 200)
    return _with_cookies(success(answer, None, 200), signed_in)


@blp.operation("POST", "/auth/logout", caller=ANYBODY, body=RefreshBody, answer=OkSchema)
def sign_out(body: dict[str, Any]) -> Response:
    """End the session of the presented tokens; always succeeds."""
    refresh_token = body.get("refresh_token") or request.cookies.get(runtime().settings.refresh_cookie_name)
    accounts.sign_out(
        unit_of_work(), runtime().tokens, refresh_token=refresh_token, session_id=_presented_session()
    )
    answer = success({"success": True, "message": "Signed out."}, None, 200)
    return without_cookies(answer)


def _presented_session() -> UUID | None:
    try:
        claims = identify()
        return UUID(claims["sid"]) if claims else None
    except (Refusal, KeyError, ValueError):
        return None


@blp.operation(
    "POST", "/auth/logout-all", caller=SIGNED_IN, body=LogoutAllBody, answer=EndedSchema, keyed=False
)
def sign_out_everywhere(body: dict[str, Any]) -> Response:
    """End all sessions of the caller, this one too unless it is kept."""
    keep = caller().session_id if body["keep_current"] else None
    ended = accounts.sign_out_everywhere(unit_of_work(), user_id=caller().user_id, keep=keep)
    data = {"success": True, "message": f"{ended} sessions ended.", "ended_count": ended}
    answer = success(data, None, 200)
    return answer if keep else without_cookies(answer)


@blp.operation(
    "GET", "/auth/sessions", caller=SIGNED_IN, answer=collection_of("sessions", SessionSchema, paged=False)
)
def list_sessions() -> Answer:
    """List where the caller is signed in, newest use first."""
    rows = read(
        account_queries.live_sessions,
        user_id=caller().user_id,
        current=caller().session_id,
        now=runtime().clock.now(),
    )
    return Answer({"sessions": rows, "total": len(rows)}, {"total": len(rows)})


@blp.operation(
    "DELETE", "/auth/sessions/<id:session_id>", caller=SIGNED_IN, status=204, refuses=(SessionNotFound,)
)
def end_session(session_id: UUID) -> None:
    """End one session of the caller."""
    accounts.end_session(unit_of_work(), session_id=session_id, by=caller().user_id)


@blp.operation(
    "GET",
    "/dev/identity-token",
    caller=ANYBODY,
    query=IdentityTokenQuery,
    answer=IdentityTokenSchema,
    refuses=(NotFound,),
)
def make_identity_token(query: dict[str, Any]) -> dict[str, Any]:
    """Get a Google-style ID token for anybody; development only."""
    token = _dev_provider().identity_token(
        email=normalise_email(query["email"]),
        name=query.get("name"),
        email_verified=query["email_verified"],
        now=runtime().clock.now(),
    )
    return {"identity_token": token, "expires_in": int(DEV_TOKEN_LIFETIME.total_seconds())}


@blp.operation("GET", "/dev/jwks", caller=ANYBODY, refuses=(NotFound,), docs={"responses": {"200": JWK_SET}})
def show_dev_keys() -> Response:
    """Show the public keys of the development identity provider as a bare JWK set."""
    return jsonify(_dev_provider().jwks())


def _dev_provider() -> DevIdentityProvider:
    provider = runtime().identity_providers.dev
    if provider is None:
        raise NotFound("path")
    return provider


def _device() -> Device:
    # Browsers say where a page comes from; the mobile app has no Origin.
    client = SessionClient.COOKIE if request.headers.get("Origin") else SessionClient.BEARER
    user_agent = request.headers.get("User-Agent", "").replace("\x00", "")[:300] or None
    return Device(client=client, user_agent=user_agent, ip_prefix=caller_prefix())


def _with_cookies(answer: Response, signed_in: SignedIn) -> Response:
    set_access_cookies(answer, signed_in.access_token, max_age=signed_in.expires_in)
    set_refresh_cookies(answer, signed_in.refresh_token, max_age=signed_in.session_seconds)
    return answer


def without_cookies(answer: Response) -> Response:
    """Let ``answer`` clear the cookies of a sign-in."""
    settings = runtime().settings
    for name, path in ((settings.access_cookie_name, "/"), (settings.refresh_cookie_name, "/api/v1/auth")):
        answer.delete_cookie(
            name,
            path=path,
            domain=settings.cookie_domain,
            secure=settings.cookie_secure,
            httponly=True,
            samesite=settings.cookie_samesite,
        )
    return answer

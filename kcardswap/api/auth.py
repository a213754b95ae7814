"""Who is calling: the credential, its checks in their order, and what a role may."""

import hmac
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import structlog
from flask import Flask, g, request
from flask_jwt_extended import JWTManager

from kcardswap.api.context import Caller, request_id, runtime
from kcardswap.api.forms import MULTIPART
from kcardswap.domain.accounts import (
    AccountSuspended,
    CredentialMissing,
    InvalidToken,
    Role,
    RoleRequired,
    SessionEnded,
    UserStatus,
)
from kcardswap.domain.errors import Forbidden, UnsupportedMediaType
from kcardswap.gateways.tokens import RESTRICTED as RESTRICTED_TOKEN
from kcardswap.queries import accounts as account_queries
from kcardswap.queries.accounts import CallerRow
from kcardswap.services import accounts

PRESENCE_INTERVAL = timedelta(minutes=1)
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
JSON = "application/json"


class Access(Enum):
    """Who may call an operation."""

    ANYBODY = "anon"
    SIGNED_IN = "user"
    RESTRICTED = "restricted"
    ADMIN = "admin"
    ADMIN_OR_INTERNAL = "admin or internal"


ANYBODY, SIGNED_IN, ADMIN = Access.ANYBODY, Access.SIGNED_IN, Access.ADMIN
RESTRICTED, ADMIN_OR_INTERNAL = Access.RESTRICTED, Access.ADMIN_OR_INTERNAL
ADMINISTRATIVE = (ADMIN, ADMIN_OR_INTERNAL)
"""Operations that need an administrator, if they need somebody signed in."""


class OriginNotAllowed(Forbidden):
    """A page of a foreign site tried to write with the visitor's cookies."""

    message = "This site may not act for you."
    reason = "origin_not_allowed"


def init_tokens(app: Flask) -> None:
    """Configure the token library of ``app``, which sets our cookies; ``TokenSigner`` reads the tokens."""
    settings = runtime_of(app).settings
    app.config.update(
        JWT_SECRET_KEY=settings.jwt_secret_key,
        JWT_ACCESS_COOKIE_NAME=settings.access_cookie_name,
        JWT_REFRESH_COOKIE_NAME=settings.refresh_cookie_name,
        JWT_REFRESH_COOKIE_PATH="/api/v1/auth",
        JWT_COOKIE_SECURE=settings.cookie_secure,
        JWT_COOKIE_SAMESITE=settings.cookie_samesite,
        JWT_COOKIE_DOMAIN=settings.cookie_domain,
        # The Origin header and the JSON content type guard cookie writes instead.
        JWT_COOKIE_CSRF_PROTECT=False,
    )
    JWTManager(app)


def runtime_of(app: Flask) -> Any:
    """Return the runtime ``app`` was built with."""
    return app.extensions["kcardswap"]


def identify(access: Access = SIGNED_IN) -> Mapping[str, Any] | None:
    """Return the claims of the access token this request carries, or None when it carries none.

    A Bearer header, if present, is the only credential looked at. Operations with ``RESTRICTED`` access
    also take the token suspended people get when they sign in.

    :raises TokenExpired: signed by us, past its end.
    :raises InvalidToken: anything else that is wrong with it.
    """
    token = _presented_token()
    if token is None:
        return None
    return runtime().tokens.read_access_token(
        token, now=runtime().clock.now(), restricted=access is RESTRICTED
    )


def _presented_token() -> str | None:
    scheme, *rest = request.headers.get("Authorization", "").split(None, 1) or [""]
    if scheme.lower() == "bearer":
        return "".join(rest).strip()
    token = request.cookies.get(runtime().settings.access_cookie_name)
    g.by_cookie = token is not None
    return token


def is_internal() -> bool:
    """Tell whether this request comes from our own machines: it knows ``INTERNAL_TOKEN``."""
    expected, presented = runtime().settings.internal_token, request.headers.get("X-Internal-Token")
    if expected is None or presented is None:
        return False
    # Compared in a time that says nothing about how much of it is right.
    return hmac.compare_digest(presented.encode(), expected.encode())


def authenticate(claims: Mapping[str, Any] | None, access: Access, *, content_type: str = JSON) -> None:
    """Let the request through as the caller the claims name, or refuse it.

    ``content_type`` is what the operation takes.

    Session, status and role come from the database every time, so a suspended account or an ended
    session is refused at once.

    :raises Unauthorized: no credential, or its session ended.
    :raises AccountSuspended: a suspension is running.
    :raises RoleRequired: the operation is for administrators.
    """
    if claims is None:
        raise CredentialMissing()
    if claims["type"] == RESTRICTED_TOKEN:
        _authenticate_suspended(claims, content_type)
        return
    row = _load(claims)
    now = runtime().clock.now()
    if row is None or row.status is UserStatus.DELETED:
        raise SessionEnded()
    if row.status is UserStatus.SUSPENDED and (row.suspended_until is None or row.suspended_until > now):
        raise AccountSuspended(suspended_until=row.suspended_until)
    if row.session_ended_at is not None or row.session_expires_at <= now:
        raise SessionEnded()
    if access in ADMINISTRATIVE and not row.role.includes(Role.ADMIN):
        raise RoleRequired()
    g.caller = Caller(user_id=row.user_id, session_id=row.session_id, role=row.role)
    structlog.contextvars.bind_contextvars(user_id=str(row.user_id))
    if g.get("by_cookie"):
        guard_cookie_write(content_type)
    _note_presence(row)


def _authenticate_suspended(claims: Mapping[str, Any], content_type: str) -> None:
    """Let a suspended person through by their restricted token, which ends with the suspension."""
    with runtime().database.reader() as connection:
        row = account_queries.suspended_caller(
            connection, user_id=_uuid_claim(claims, "sub"), now=runtime().clock.now()
        )
    if row is None:
        raise SessionEnded()
    g.caller = Caller(user_id=row.user_id, session_id=None, role=row.role)
    structlog.contextvars.bind_contextvars(user_id=str(row.user_id))
    if g.get("by_cookie"):
        guard_cookie_write(content_type)


def _load(claims: Mapping[str, Any]) -> CallerRow | None:
    session_id, user_id = _uuid_claim(claims, "sid"), _uuid_claim(claims, "sub")
    with runtime().database.reader() as connection:
        return account_queries.caller(connection, session_id=session_id, user_id=user_id)


def _uuid_claim(claims: Mapping[str, Any], name: str) -> UUID:
    try:
        return UUID(claims[name])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidToken() from error


def _note_presence(row: CallerRow) -> None:
    # Once a minute at most, so that "online" costs next to nothing.
    if row.last_seen_at is None or runtime().clock.now() - row.last_seen_at > PRESENCE_INTERVAL:
        accounts.note_presence(runtime().unit_of_work(request_id=request_id()), user_id=row.user_id)


def guard_cookie_write(content_type: str = JSON) -> None:
    """Refuse writes that a foreign page could make with a visitor's cookies.

    A foreign page cannot send JSON unasked, but every HTML form can send a multipart body. So what takes
    one has to be told where it comes from, by the Origin browsers put on every POST.

    :raises UnsupportedMediaType: a body that is not of ``content_type``.
    :raises OriginNotAllowed: the Origin is neither ours nor an allowed one, or missing where it is needed.
    """
    if request.method in SAFE_METHODS:
        return
    has_body = request.content_length or request.headers.get("Transfer-Encoding")
    if (has_body or request.content_type) and request.mimetype != content_type:
        raise UnsupportedMediaType()
    origin = request.headers.get("Origin")
    settings = runtime().settings
    own = {request.host_url.rstrip("/"), settings.public_base_url}
    if origin is None and content_type != MULTIPART:
        return
    if origin not in own and origin not in settings.cors_origins:
        raise OriginNotAllowed()

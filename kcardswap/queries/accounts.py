"""Who is calling, and from where they are signed in."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, bindparam, select

from kcardswap.domain.accounts import Role, SessionClient, UserStatus
from kcardswap.persistence.orm.accounts import sessions, users
from kcardswap.queries.visibility import person_is_suspended


class CallerRow(NamedTuple):
    """The session behind an access token and the account it belongs to."""

    user_id: UUID
    session_id: UUID
    role: Role
    status: UserStatus
    suspended_until: datetime | None
    last_seen_at: datetime | None
    session_ended_at: datetime | None
    session_expires_at: datetime


_CALLER = (
    select(
        users.c.id,
        sessions.c.id,
        users.c.role,
        users.c.status,
        users.c.suspended_until,
        users.c.last_seen_at,
        sessions.c.ended_at,
        sessions.c.expires_at,
    )
    .select_from(sessions.join(users))
    .where(sessions.c.id == bindparam("session_id"), sessions.c.user_id == bindparam("user_id"))
)


def caller(connection: Connection, *, session_id: UUID, user_id: UUID) -> CallerRow | None:
    """Return the session and account an access token names, or None when there is no such pair."""
    row = connection.execute(_CALLER, {"session_id": session_id, "user_id": user_id}).one_or_none()
    return None if row is None else CallerRow(*row)


class SuspendedCallerRow(NamedTuple):
    """The account behind a restricted token."""

    user_id: UUID
    role: Role


_SUSPENDED_CALLER = select(users.c.id, users.c.role).where(
    users.c.id == bindparam("user_id"), person_is_suspended(users.c.id, bindparam("now"))
)


def suspended_caller(connection: Connection, *, user_id: UUID, now: datetime) -> SuspendedCallerRow | None:
    """Return the account a restricted token names, or None when no suspension of it is running."""
    row = connection.execute(_SUSPENDED_CALLER, {"user_id": user_id, "now": now}).one_or_none()
    return None if row is None else SuspendedCallerRow(*row)


class SessionRow(NamedTuple):
    """One live session as its owner sees it."""

    id: UUID
    client: SessionClient
    user_agent: str | None
    ip_prefix: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool


_SESSIONS = (
    select(
        sessions.c.id,
        sessions.c.client,
        sessions.c.user_agent,
        sessions.c.ip_prefix,
        sessions.c.created_at,
        sessions.c.last_used_at,
        sessions.c.expires_at,
        (sessions.c.id == bindparam("current")).label("current"),
    )
    .where(
        sessions.c.user_id == bindparam("user_id"),
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > bindparam("now"),
    )
    .order_by(sessions.c.last_used_at.desc(), sessions.c.id)
)


def live_sessions(
    connection: Connection, *, user_id: UUID, current: UUID | None, now: datetime
) -> list[SessionRow]:
    """Return a person's live sessions, newest use first."""
    rows = connection.execute(_SESSIONS, {"user_id": user_id, "current": current, "now": now})
    return [SessionRow(*row) for row in rows]

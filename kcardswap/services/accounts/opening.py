"""Opening sessions: what every way of signing in ends with."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from kcardswap.domain.accounts import AccountSuspended, RefreshToken, Role, Session, SessionClient, User
from kcardswap.gateways.tokens import TokenSigner, hash_of
from kcardswap.persistence.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPolicy:
    """How sessions are made: their signer, their whole life, and how late a lost refresh may be repeated."""

    tokens: TokenSigner
    session_lifetime: timedelta
    refresh_grace: timedelta
    hash_pepper: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where a sign-in comes from."""

    client: SessionClient
    user_agent: str | None
    ip_prefix: str | None


class SignedIn(NamedTuple):
    """The tokens of a session, and whose it is. ``expires_in`` and ``session_seconds`` are seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    user_id: UUID
    email: str | None
    role: Role
    session_seconds: int


def refuse_if_suspended(uow: UnitOfWork, policy: SignInPolicy, user: User, now: datetime) -> None:
    """Do nothing for an account in good standing.

    :raises AccountSuspended: a suspension is running; its details carry the restricted token.
    """
    if user.is_suspended(now):
        token = policy.tokens.restricted_token(user, token_id=uow.new_id(), now=now)
        raise AccountSuspended(suspended_until=user.suspended_until, restricted_token=token)


def open_session(uow: UnitOfWork, policy: SignInPolicy, user: User, device: Device) -> SignedIn:
    """Start a session of a person and return its tokens."""
    now = uow.clock.now()
    user.seen(now)
    session = Session.open(
        id=uow.new_id(),
        user_id=user.id,
        client=device.client,
        user_agent=device.user_agent,
        ip_prefix=device.ip_prefix,
        now=now,
        lifetime=policy.session_lifetime,
    )
    uow.sessions.add(session)
    uow.flush()
    token = issue(uow, policy, session, parent=None)
    return signed_in_as(uow, policy, user, session, token)


def issue(
    uow: UnitOfWork, policy: SignInPolicy, session: Session, parent: RefreshToken | None
) -> RefreshToken:
    """Add the next refresh token of a session; ``parent`` is the one it is exchanged for."""
    now = uow.clock.now()
    token = RefreshToken(
        id=uow.new_id(),
        session_id=session.id,
        parent_id=None if parent is None else parent.id,
        token_hash="",
        key_id=policy.tokens.current.id,
        issued_at=now,
        expires_at=session.expires_at,
        retired_at=None,
    )
    token.token_hash = hash_of(policy.tokens.refresh_token(token, session))
    uow.refresh_tokens.add(token)
    return token


def signed_in_as(
    uow: UnitOfWork, policy: SignInPolicy, user: User, session: Session, token: RefreshToken
) -> SignedIn:
    """Return the tokens of a session, with a fresh access token."""
    now = uow.clock.now()
    return SignedIn(
        access_token=policy.tokens.access_token(user, session.id, token_id=uow.new_id(), now=now),
        refresh_token=policy.tokens.refresh_token(token, session),
        expires_in=int(policy.tokens.access_lifetime.total_seconds()),
        user_id=user.id,
        email=user.email,
        role=user.role,
        session_seconds=max(0, round((session.expires_at - now).total_seconds())),
    )

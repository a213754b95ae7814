"""People and how they sign in: users, identities, sessions, refresh tokens and login throttles."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.errors import Conflict, Forbidden, NotFound, RateLimited, Unauthorized, ValidationFailed


class Role(StrEnum):
    """What a person may do; each role includes the ones before it."""

    USER = "user"
    ADMIN = "admin"
    SUPER_ADMIN = "super_admin"

    def includes(self, required: "Role") -> bool:
        """Tell whether this role may do what ``required`` may."""
        order = list(Role)
        return order.index(self) >= order.index(required)


class UserStatus(StrEnum):
    """Where an account stands with the moderators."""

    ACTIVE = "active"
    UNDER_REVIEW = "under_review"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class Provider(StrEnum):
    """Whose word we take for who somebody is."""

    GOOGLE = "google"
    APPLE = "apple"


class SessionClient(StrEnum):
    """How a client carries its tokens."""

    BEARER = "bearer"
    COOKIE = "cookie"


class SessionEnd(StrEnum):
    """Why a session ended before its time."""

    LOGOUT = "logout"
    LOGOUT_ALL = "logout_all"
    REVOKED = "revoked"
    REUSE = "reuse"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class UserNotFound(NotFound):
    """No such person, or not for the caller."""

    def __init__(self) -> None:
        super().__init__("user")


class SessionNotFound(NotFound):
    """No such live session of the caller."""

    def __init__(self) -> None:
        super().__init__("session")


class EmailTaken(Conflict):
    """Another account has this e-mail; accounts are never merged by it."""

    message = "Another account already uses this e-mail address."
    reason = "email_taken"


class InvalidCredentials(Unauthorized):
    """One indistinguishable answer for every failed password sign-in."""

    message = "The e-mail address or the password is wrong."
    reason = "invalid_credentials"


class InvalidGoogleToken(Unauthorized):
    """Google's ID token did not pass verification."""

    message = "The Google token was not accepted."
    reason = "invalid_google_token"


class CredentialMissing(Unauthorized):
    """The operation needs a signed-in caller."""

    message = "Sign in first."
    reason = "missing"


class InvalidToken(Unauthorized):
    """Not an access token of ours."""

    message = "The access token is not valid."
    reason = "invalid_token"


class SessionEnded(Unauthorized):
    """The session behind a token has ended."""

    message = "This session has ended. Sign in again."
    reason = "session_ended"


class RefreshMissing(Unauthorized):
    """Neither body nor cookie carries a refresh token."""

    message = "No refresh token was sent."
    reason = "refresh_missing"


class RefreshInvalid(Unauthorized):
    """Bad signature, expired, unknown, or its session ended."""

    message = "The refresh token is not valid. Sign in again."
    reason = "refresh_invalid"


class RefreshReused(Unauthorized):
    """A retired token came back too late: its session has been ended, for the token may be stolen."""

    message = "This refresh token was used before. The session has been ended; sign in again."
    reason = "refresh_reused"


class AccountSuspended(Forbidden):
    """Moderators suspended the account; ``suspended_until`` None means without end."""

    message = "This account is suspended."
    reason = "account_suspended"


class RoleRequired(Forbidden):
    """The caller's role is not enough."""

    message = "Your role does not allow this."
    reason = "role_required"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRegistered(Event):
    """Somebody signed in for the first time."""

    aggregate: ClassVar[str] = "user"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsEnded(Event):
    """One or more sessions of a person ended before their time."""

    aggregate: ClassVar[str] = "user"
    user_id: UUID
    session_ids: tuple[UUID, ...]
    reason: str


EMAIL_MAX_LENGTH = 320
PASSWORD_MIN_LENGTH = 8
LOGIN_ATTEMPTS = 10
LOGIN_WINDOW = timedelta(minutes=15)


def normalise_email(text: str) -> str:
    """Return the address as it is stored and compared: trimmed and lower-case.

    :raises ValidationFailed: it has no ``@`` with something on both sides, or is too long.
    """
    email = text.strip().lower()
    local, at, host = email.rpartition("@")
    if not (at and local and host) or len(email) > EMAIL_MAX_LENGTH or any(c.isspace() for c in email):
        raise ValidationFailed("email", "Not an e-mail address.")
    return email


@dataclass(eq=False, kw_only=True)
class User(Aggregate):
    """One person's account; everything they own hangs off its id."""

    id: UUID
    email: str | None
    password_hash: str | None
    role: Role
    status: UserStatus
    suspended_until: datetime | None
    last_seen_at: datetime | None
    deleted_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def register(cls, *, id: UUID, email: str | None, now: datetime, role: Role = Role.USER) -> "User":
        """Create the account of somebody who signs in for the first time."""
        user = cls(
            id=id,
            email=None if email is None else normalise_email(email),
            password_hash=None,
            role=role,
            status=UserStatus.ACTIVE,
            suspended_until=None,
            last_seen_at=now,
            deleted_at=None,
            created_at=now,
            updated_at=now,
        )
        user.record(UserRegistered(user_id=id))
        return user

    @property
    def is_deleted(self) -> bool:
        """Tell whether the account is gone for everybody else."""
        return self.status is UserStatus.DELETED

    @property
    def may_use_password(self) -> bool:
        """Tell whether this account signs in by password: administrators only."""
        return self.role is not Role.USER and self.password_hash is not None and not self.is_deleted

    def is_suspended(self, now: datetime) -> bool:
        """Tell whether a suspension is running; one past its end no longer counts."""
        if self.status is not UserStatus.SUSPENDED:
            return False
        return self.suspended_until is None or self.suspended_until > now

    def refuse_if_suspended(self, now: datetime) -> None:
        """Do nothing for an account in good standing.

        :raises AccountSuspended: a suspension is running.
        """
        if self.is_suspended(now):
            raise AccountSuspended(suspended_until=self.suspended_until)

    def become_administrator(self, *, role: Role, password_hash: str) -> None:
        """Give the account an administrator's role and password."""
        if role is Role.USER:
            raise ValidationFailed("role", "An administrator is admin or super_admin.")
        self.role = role
        self.password_hash = password_hash

    def seen(self, now: datetime) -> None:
        """Note that the person was here."""
        self.last_seen_at = now


@dataclass(eq=False, kw_only=True)
class Identity:
    """The link between an account and its subject at an identity provider."""

    id: UUID
    user_id: UUID
    provider: Provider
    subject: str
    email: str | None
    sealed_refresh_token: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(eq=False, kw_only=True)
class Session(Aggregate):
    """One sign-in and the family of refresh tokens that grew from it."""

    id: UUID
    user_id: UUID
    client: SessionClient
    user_agent: str | None
    ip_prefix: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    end_reason: SessionEnd | None

    @classmethod
    def open(
        cls,
        *,
        id: UUID,
        user_id: UUID,
        client: SessionClient,
        user_agent: str | None,
        ip_prefix: str | None,
        now: datetime,
        lifetime: timedelta,
    ) -> "Session":
        """Start a session that lives ``lifetime``, however often it is refreshed."""
        return cls(
            id=id,
            user_id=user_id,
            client=client,
            user_agent=user_agent,
            ip_prefix=ip_prefix,
            created_at=now,
            last_used_at=now,
            expires_at=now + lifetime,
            ended_at=None,
            end_reason=None,
        )

    def is_live(self, now: datetime) -> bool:
        """Tell whether tokens of this session still count."""
        return self.ended_at is None and now < self.expires_at

    def end(self, reason: SessionEnd, now: datetime) -> None:
        """End the session; ending it again keeps the first reason."""
        if self.ended_at is not None:
            return
        self.ended_at = now
        self.end_reason = reason
        self.record(SessionsEnded(user_id=self.user_id, session_ids=(self.id,), reason=reason))


@dataclass(eq=False, kw_only=True)
class RefreshToken:
    """One link of a session's chain of refresh tokens; only its hash is kept."""

    id: UUID
    session_id: UUID
    parent_id: UUID | None
    token_hash: str
    key_id: str
    issued_at: datetime
    expires_at: datetime
    retired_at: datetime | None

    @property
    def is_newest(self) -> bool:
        """Tell whether no successor was issued yet."""
        return self.retired_at is None

    def retired_within(self, grace: timedelta, now: datetime) -> bool:
        """Tell whether the token was exchanged at most ``grace`` ago."""
        return self.retired_at is not None and now - self.retired_at <= grace


@dataclass(eq=False, kw_only=True)
class LoginThrottle:
    """Failed password sign-ins for one e-mail address from one place."""

    key_hash: str
    window_started_at: datetime
    failures: int

    def count_attempt(self, now: datetime) -> None:
        """Count one attempt as failed until it proves good; a new window starts when the old one is over.

        Counting before checking the password keeps parallel guesses within the limit.

        :raises RateLimited: the window's attempts are used up.
        """
        if now >= self.window_started_at + LOGIN_WINDOW:
            self.window_started_at, self.failures = now, 0
        if self.failures >= LOGIN_ATTEMPTS:
            raise RateLimited(
                limit_key="login_failures",
                limit_value=LOGIN_ATTEMPTS,
                current_value=self.failures,
                reset_at=self.window_started_at + LOGIN_WINDOW,
            )
        self.failures += 1

    def clear(self) -> None:
        """Forget the failures: somebody proved who they are."""
        self.failures = 0

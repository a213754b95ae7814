"""Sign-ins: sessions, the refresh tokens that grow from them, and failed attempts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from kcardswap.domain.accounts.events import SessionsEnded
from kcardswap.domain.accounts.kinds import SessionClient, SessionEnd
from kcardswap.domain.base import Aggregate
from kcardswap.domain.errors import RateLimited

LOGIN_ATTEMPTS = 10
LOGIN_WINDOW = timedelta(minutes=15)


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

"""Erasing accounts: what is still to be done after somebody left."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

FIRST_PAUSE, LONGEST_PAUSE = timedelta(hours=1), timedelta(hours=24)
ERROR_MAX_LENGTH = 1000


@dataclass(eq=False, kw_only=True)
class ErasureRequest:
    """One account on its way out: its traces are erased at ``due_at``, its provider is told at once."""

    id: UUID
    user_id: UUID
    requested_at: datetime
    due_at: datetime
    next_try_at: datetime
    """When a job looks at it again."""
    heir_id: UUID | None
    """The empty account that takes the person's place in the history of others, once there is one."""
    sealed_refresh_token: str | None
    """Apple's token, until Apple was told to forget it."""
    attempts: int
    last_error: str | None

    @classmethod
    def make(
        cls, *, id: UUID, user_id: UUID, sealed_refresh_token: str | None, now: datetime, after: timedelta
    ) -> "ErasureRequest":
        """Ask for everything of a person to be erased ``after`` this moment."""
        due_at = now + after
        return cls(
            id=id,
            user_id=user_id,
            requested_at=now,
            due_at=due_at,
            next_try_at=due_at if sealed_refresh_token is None else now,
            heir_id=None,
            sealed_refresh_token=sealed_refresh_token,
            attempts=0,
            last_error=None,
        )

    def claim(self, now: datetime) -> None:
        """Count an attempt; unless it ends well, the next one comes after a pause that grows."""
        pause = min(FIRST_PAUSE * 2 ** min(self.attempts, 10), LONGEST_PAUSE)
        self.attempts += 1
        self.next_try_at = now + pause

    def failed(self, error: str) -> None:
        """Remember what went wrong, for operators."""
        self.last_error = error[:ERROR_MAX_LENGTH]

    def provider_told(self) -> None:
        """Drop the provider's token; what remains is to erase the traces when they are due."""
        self.sealed_refresh_token = self.last_error = None
        self.attempts = 0
        self.next_try_at = self.due_at

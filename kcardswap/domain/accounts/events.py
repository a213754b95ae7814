"""What happens to accounts."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from kcardswap.domain.base import Event


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDeleted(Event):
    """Somebody left for good; what remains of them is erased later."""

    aggregate: ClassVar[str] = "user"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUnderReview(Event):
    """Enough different people reported somebody for something serious."""

    aggregate: ClassVar[str] = "user"
    user_id: UUID

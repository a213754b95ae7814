"""Who is interested in what a post offers, and what its owner answered."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.errors import Conflict, InvalidState, NotFound


class InterestStatus(StrEnum):
    """What the owner of the post answered."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class InterestNotFound(NotFound):
    """Nobody expressed this interest in the post."""

    def __init__(self) -> None:
        super().__init__("interest")


class InterestExists(Conflict):
    """A person is interested in a post once, whatever was answered."""

    message = "You have expressed your interest already."
    reason = "interest_exists"


class InterestNotPending(InvalidState):
    """The interest has been answered."""

    message = "This interest has been answered."
    reason = "not_pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestExpressed(Event):
    """``user_id`` is interested in a post of ``owner_id``."""

    aggregate: ClassVar[str] = "interest"
    interest_id: UUID
    post_id: UUID
    owner_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestAccepted(Event):
    """``owner_id`` took up the interest of ``user_id``; ``thread_id`` is where they talk."""

    aggregate: ClassVar[str] = "interest"
    interest_id: UUID
    post_id: UUID
    owner_id: UUID
    user_id: UUID
    thread_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestRejected(Event):
    """The interest of ``user_id`` in a post of ``owner_id`` came to nothing."""

    aggregate: ClassVar[str] = "interest"
    interest_id: UUID
    post_id: UUID
    owner_id: UUID
    user_id: UUID


@dataclass(eq=False, kw_only=True)
class Interest(Aggregate):
    """One person's interest in one post."""

    id: UUID
    post_id: UUID
    user_id: UUID
    status: InterestStatus
    created_at: datetime
    updated_at: datetime

    @classmethod
    def express(cls, *, id: UUID, post_id: UUID, owner_id: UUID, user_id: UUID, now: datetime) -> "Interest":
        """Tell the owner of a post that ``user_id`` is interested."""
        interest = cls(
            id=id,
            post_id=post_id,
            user_id=user_id,
            status=InterestStatus.PENDING,
            created_at=now,
            updated_at=now,
        )
        interest.record(
            InterestExpressed(interest_id=id, post_id=post_id, owner_id=owner_id, user_id=user_id)
        )
        return interest

    def accept(self, *, owner_id: UUID, thread_id: UUID) -> None:
        """Take the interest up; from now on the two talk in ``thread_id``.

        :raises InterestNotPending: it was answered.
        """
        self.refuse_unless_pending()
        self.status = InterestStatus.ACCEPTED
        self.record(
            InterestAccepted(
                interest_id=self.id,
                post_id=self.post_id,
                owner_id=owner_id,
                user_id=self.user_id,
                thread_id=thread_id,
            )
        )

    def reject(self, *, owner_id: UUID) -> None:
        """Turn the interest down.

        :raises InterestNotPending: it was answered.
        """
        self.refuse_unless_pending()
        self.status = InterestStatus.REJECTED
        self.record(
            InterestRejected(
                interest_id=self.id, post_id=self.post_id, owner_id=owner_id, user_id=self.user_id
            )
        )

    def refuse_unless_pending(self) -> None:
        """Do nothing while the interest waits for an answer.

        :raises InterestNotPending: it was answered.
        """
        if self.status is not InterestStatus.PENDING:
            raise InterestNotPending(status=self.status)

"""Conversations: the one thread two people have, whatever opened it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kcardswap.domain.base import Aggregate
from kcardswap.domain.errors import SelfTarget


class ThreadOrigin(StrEnum):
    """What brought two people into a conversation."""

    FRIEND = "friend"
    REQUEST = "request"
    INTEREST = "interest"
    TRADE = "trade"


def in_order(a: UUID, b: UUID) -> tuple[UUID, UUID]:
    """Return two people the way a pair is stored: the smaller id first."""
    return (a, b) if a < b else (b, a)


@dataclass(eq=False, kw_only=True)
class Thread(Aggregate):
    """The conversation of two people; its messages are numbered by ``next_seq``."""

    id: UUID
    user_a_id: UUID
    user_b_id: UUID
    next_seq: int
    last_message_at: datetime | None
    active_at: datetime
    a_last_read_seq: int
    b_last_read_seq: int
    a_last_delivered_seq: int
    b_last_delivered_seq: int
    origin: ThreadOrigin
    created_at: datetime
    updated_at: datetime

    @classmethod
    def open(cls, *, id: UUID, people: tuple[UUID, UUID], origin: ThreadOrigin, now: datetime) -> "Thread":
        """Return an empty conversation of two people, given in any order.

        :raises SelfTarget: it takes two.
        """
        user_a_id, user_b_id = in_order(*people)
        if user_a_id == user_b_id:
            raise SelfTarget
        return cls(
            id=id,
            user_a_id=user_a_id,
            user_b_id=user_b_id,
            next_seq=1,
            last_message_at=None,
            active_at=now,
            a_last_read_seq=0,
            b_last_read_seq=0,
            a_last_delivered_seq=0,
            b_last_delivered_seq=0,
            origin=origin,
            created_at=now,
            updated_at=now,
        )

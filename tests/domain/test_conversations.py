"""Conversations of two people."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from kcardswap.domain.conversations import Thread, ThreadOrigin, in_order
from kcardswap.domain.errors import SelfTarget

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SMALL, LARGE = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize("people", [(SMALL, LARGE), (LARGE, SMALL)])
def test_a_thread_stores_its_people_in_one_order(people: tuple[UUID, UUID]) -> None:
    thread = Thread.open(id=uuid4(), people=people, origin=ThreadOrigin.TRADE, now=NOW)
    assert (thread.user_a_id, thread.user_b_id) == (SMALL, LARGE) == in_order(*people)
    assert (thread.next_seq, thread.last_message_at, thread.active_at) == (1, None, NOW)


def test_a_conversation_takes_two() -> None:
    with pytest.raises(SelfTarget):
        Thread.open(id=uuid4(), people=(SMALL, SMALL), origin=ThreadOrigin.FRIEND, now=NOW)

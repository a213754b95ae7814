"""Events and devices that come at the same moment."""

from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Select, select

from kcardswap.persistence.orm.notifications import device_tokens, notifications
from kcardswap.runtime import Runtime
from kcardswap.services import notifications as services
from tests.notices import message, register, request
from tests.people import make_user
from tests.racing import at_once

ROUNDS = 6


@pytest.fixture
def runtime(committed_runtime: Runtime) -> Runtime:
    """A runtime with real commits."""
    return committed_runtime


@pytest.fixture
def people(runtime: Runtime) -> list[UUID]:
    return [make_user(runtime, name) for name in ("mina", "jun", "sana", "hana")]


def values(runtime: Runtime, statement: Select[Any]) -> list[Any]:
    with runtime.database.reader() as connection:
        return list(connection.scalars(statement))


def test_messages_that_arrive_together_and_out_of_order_leave_the_newest(
    runtime: Runtime, people: list[UUID]
) -> None:
    mina, jun, *_ = people
    for _ in range(ROUNDS):
        room = uuid4()
        events = [message(runtime, to=mina, by=jun, room=room, seq=seq) for seq in range(8, 0, -1)]
        at_once(*(partial(services.notify, runtime.unit_of_work(), event) for event in events))
        entries = select(notifications.c.event_id).where(
            notifications.c.payload["room_id"].astext == str(room)
        )
        assert values(runtime, entries) == [events[0].id]


def test_the_same_event_told_by_eight_at_once_is_told_once(runtime: Runtime, people: list[UUID]) -> None:
    mina, jun, *_ = people
    for event in (
        *(request(runtime, to=mina, by=jun) for _ in range(ROUNDS)),
        message(runtime, to=mina, by=jun, room=uuid4(), seq=1),
    ):
        at_once(*(partial(services.notify, runtime.unit_of_work(), event) for _ in range(8)))
    assert len(values(runtime, select(notifications.c.id))) == ROUNDS + 1


def test_reading_all_while_messages_arrive_never_hides_one(runtime: Runtime, people: list[UUID]) -> None:
    mina, jun, *_ = people
    for n in range(ROUNDS):
        room = uuid4()
        services.notify(runtime.unit_of_work(), message(runtime, to=mina, by=jun, room=room, seq=1))
        newest = message(runtime, to=mina, by=jun, room=room, seq=2)
        read, _ = at_once(
            partial(services.mark_read, runtime.unit_of_work(), user_id=mina, ids=None),
            partial(services.notify, runtime.unit_of_work(), newest),
        )
        assert len(values(runtime, select(notifications.c.id).filter_by(event_id=newest.id))) == 1
        assert read == 1, n
        services.mark_read(runtime.unit_of_work(), user_id=mina, ids=None)


def test_a_token_that_four_people_name_at_once_is_the_device_of_one(
    runtime: Runtime, people: list[UUID]
) -> None:
    for n in range(ROUNDS):
        token = f"token-{n}"
        results = at_once(*(partial(register, runtime, person, token) for person in people))
        assert results == [None] * 4
        assert len(values(runtime, select(device_tokens.c.id).filter_by(fcm_token=token))) == 1


def test_two_devices_that_swap_their_tokens_at_once_both_end_up_with_one(
    runtime: Runtime, people: list[UUID]
) -> None:
    mina, jun, *_ = people
    for _ in range(ROUNDS):
        register(runtime, mina, "one")
        register(runtime, jun, "two")
        at_once(partial(register, runtime, mina, "two"), partial(register, runtime, jun, "one"))
        tokens = values(runtime, select(device_tokens.c.fcm_token))
        assert tokens and len(tokens) == len(set(tokens))

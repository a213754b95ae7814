"""Telling people what concerns them, and the devices they want to hear it on."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from kcardswap.domain.notifications import DEVICES_PER_PERSON, RULES, NotificationType
from kcardswap.runtime import Runtime
from kcardswap.services import friendships
from kcardswap.services import notifications as services
from tests.conftest import MovableClock
from tests.notices import devices, happened, message, register, request, tell, to_push, told
from tests.people import delete, make_user, suspend

ROOM = uuid4()


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def jun(runtime: Runtime) -> UUID:
    return make_user(runtime, "jun")


def block(runtime: Runtime, by: UUID, target_id: UUID) -> None:
    friendships.block(runtime.unit_of_work(), by=by, target_id=target_id)


def read_all(runtime: Runtime, user_id: UUID) -> int:
    return services.mark_read(runtime.unit_of_work(), user_id=user_id, ids=None)


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_event_is_told_to_whom_it_concerns(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, name: str
) -> None:
    rule = RULES[name]
    facts = {**dict.fromkeys(rule.says.values(), UUID(int=5)), "seq": 1}
    facts |= {rule.by: jun} if rule.by else {}
    several = rule.to == "participant_ids"
    event = happened(runtime, name, **{**facts, rule.to: (jun, mina) if several else mina})
    tell(runtime, event)
    [row] = told(connection, mina)
    assert (row.type, row.event_id, row.actor_id) == (rule.type, event.id, jun if rule.by else None)
    assert row.payload == {
        **dict.fromkeys(rule.says, str(UUID(int=5))),
        **({"user_id": str(jun)} if rule.by else {}),
    }
    assert (row.created_at, row.read_at, row.pushed_at) == (runtime.clock.now(), None, None)
    assert len(told(connection, jun)) == (1 if several and rule.by is None else 0)
    assert [each.payload["notification_id"] for each in to_push(connection, mina)] == [str(row.id)]


def test_telling_again_changes_nothing(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    for event in (request(runtime, to=mina, by=jun), message(runtime, to=mina, by=jun, room=ROOM, seq=1)):
        tell(runtime, event, event)
    before = told(connection, mina)
    assert len(before) == len(to_push(connection, mina)) == 2
    read_all(runtime, mina)
    tell(runtime, event)
    assert len(told(connection, mina)) == len(to_push(connection, mina)) == 2


def test_an_event_nobody_is_told_of_leaves_nothing(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    tell(runtime, happened(runtime, "ProfileUpdated", user_id=mina))
    assert told(connection, mina) == []


@pytest.mark.parametrize("blocker", ["mina", "jun"])
def test_nothing_is_told_between_blocked_people(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, blocker: str
) -> None:
    by, target_id = (mina, jun) if blocker == "mina" else (jun, mina)
    block(runtime, by, target_id)
    tell(runtime, request(runtime, to=mina, by=jun), message(runtime, to=mina, by=jun, room=ROOM, seq=1))
    assert told(connection, mina) == []


def test_in_a_ring_only_those_who_blocked_one_another_are_left_out(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    sana = make_user(runtime, "sana")
    block(runtime, jun, mina)
    people = {"trade_id": uuid4(), "participant_ids": (mina, jun, sana)}
    tell(runtime, happened(runtime, "TradeConfirmed", user_id=jun, **people))
    assert told(connection, mina) == [] and len(told(connection, sana)) == 1
    # That a swap is off because of a block is nobody's doing, and both have to know.
    tell(runtime, happened(runtime, "TradeCanceled", user_id=None, reason="blocked", **people))
    assert [len(told(connection, person)) for person in (mina, jun, sana)] == [1, 1, 2]


def test_deleted_people_are_told_nothing_and_nothing_is_told_of_them(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    delete(runtime, jun)
    tell(runtime, request(runtime, to=mina, by=jun), request(runtime, to=jun, by=mina))
    tell(runtime, request(runtime, to=uuid4(), by=mina), request(runtime, to=mina, by=uuid4()))
    assert told(connection, mina) == [] and told(connection, jun) == []


def test_suspended_people_are_told_of_their_suspension(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    suspend(runtime, mina)
    tell(runtime, happened(runtime, "UserSuspended", sanction_id=uuid4(), user_id=mina, until=None))
    [row] = told(connection, mina)
    assert row.type is NotificationType.MODERATION_SUSPENSION and row.payload.keys() == {"sanction_id"}


def test_a_room_has_one_unread_entry_kept_at_the_newest_message(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, clock: MovableClock
) -> None:
    ids = []
    for seq in (1, 2, 3):
        tell(runtime, message(runtime, to=mina, by=jun, room=ROOM, seq=seq))
        [row] = told(connection, mina)
        assert row.payload["message_id"] == str(UUID(int=seq)) and row.created_at == clock.now()
        ids.append(row.id)
        clock.advance(seconds=1)
    assert len(set(ids)) == 3
    tell(runtime, message(runtime, to=mina, by=jun, room=uuid4(), seq=1))
    assert len(told(connection, mina)) == 2


def test_an_older_message_never_takes_the_place_of_a_newer_one(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    first, second = (message(runtime, to=mina, by=jun, room=ROOM, seq=seq) for seq in (1, 2))
    tell(runtime, second, first)
    assert [row.event_id for row in told(connection, mina)] == [second.id]
    read_all(runtime, mina)
    tell(runtime, first, second)
    assert [row.event_id for row in told(connection, mina)] == [second.id]
    assert len(to_push(connection, mina)) == 1


def test_after_reading_a_new_message_is_a_new_entry(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, clock: MovableClock
) -> None:
    tell(runtime, message(runtime, to=mina, by=jun, room=ROOM, seq=1))
    read_all(runtime, mina)
    clock.advance(seconds=1)
    tell(runtime, message(runtime, to=mina, by=jun, room=ROOM, seq=2))
    assert [row.read_at is None for row in told(connection, mina)] == [False, True]


def test_reading_what_was_replaced_leaves_the_newer_one_unread(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    tell(runtime, message(runtime, to=mina, by=jun, room=ROOM, seq=1))
    [seen] = told(connection, mina)
    tell(runtime, message(runtime, to=mina, by=jun, room=ROOM, seq=2))
    assert services.mark_read(runtime.unit_of_work(), user_id=mina, ids=[seen.id]) == 0
    assert [row.read_at for row in told(connection, mina)] == [None]


def test_only_ones_own_are_marked_read_and_each_once(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    tell(runtime, *(request(runtime, to=mina, by=jun) for _ in range(3)), request(runtime, to=jun, by=mina))
    ids = [row.id for row in told(connection, mina)]

    def mark(user_id: UUID, *ids: UUID) -> int:
        return services.mark_read(runtime.unit_of_work(), user_id=user_id, ids=ids)

    assert mark(jun, *ids) == 0
    assert mark(mina, ids[0], uuid4(), told(connection, jun)[0].id) == 1
    assert mark(mina, ids[0]) == 0
    assert read_all(runtime, mina) == 2 and read_all(runtime, mina) == 0
    assert [row.read_at for row in told(connection, jun)] == [None]


@pytest.mark.parametrize("blocker", ["mina", "jun"])
def test_marking_tells_nothing_of_what_a_block_hides(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, blocker: str
) -> None:
    sana = make_user(runtime, "sana")
    tell(runtime, request(runtime, to=mina, by=jun), request(runtime, to=mina, by=sana))
    by, target_id = (mina, jun) if blocker == "mina" else (jun, mina)
    block(runtime, by, target_id)
    hidden, _ = told(connection, mina)
    assert services.mark_read(runtime.unit_of_work(), user_id=mina, ids=[hidden.id]) == 0
    assert read_all(runtime, mina) == 1
    assert [row.read_at is None for row in told(connection, mina)] == [True, False]


def test_a_device_is_known_once_and_keeps_its_newest_token(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    for token in ("one", "one", "two"):
        register(runtime, mina, token)
    assert devices(connection) == {(mina, "phone", "two")}


def test_a_token_moves_to_the_device_and_the_person_that_named_it_last(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    register(runtime, mina, "one")
    register(runtime, mina, "one", device_id="tablet")
    assert devices(connection) == {(mina, "tablet", "one")}
    register(runtime, mina, "two")
    register(runtime, jun, "one")
    assert devices(connection) == {(mina, "phone", "two"), (jun, "phone", "one")}
    register(runtime, jun, "two")
    assert devices(connection) == {(jun, "phone", "two")}


def test_a_device_is_forgotten_by_its_owner_alone(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    register(runtime, mina, "one")
    for user_id, device_id in ((jun, "phone"), (mina, "tablet")):
        services.forget_device(runtime.unit_of_work(), user_id=user_id, device_id=device_id)
    assert devices(connection) == {(mina, "phone", "one")}
    for _ in range(2):
        services.forget_device(runtime.unit_of_work(), user_id=mina, device_id="phone")
    assert devices(connection) == set()


def test_of_too_many_devices_those_unseen_for_longest_are_forgotten(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, clock: MovableClock
) -> None:
    register(runtime, jun, "of-jun")
    for n in range(DEVICES_PER_PERSON + 2):
        register(runtime, mina, f"token-{n}", device_id=f"device-{n}")
        clock.advance(seconds=1)
        register(runtime, mina, "token-0", device_id="device-0")
    kept = {token for person, _, token in devices(connection) if person == mina}
    assert len(kept) == DEVICES_PER_PERSON
    assert {"token-0", f"token-{DEVICES_PER_PERSON + 1}"} <= kept and "token-1" not in kept
    assert (jun, "phone", "of-jun") in devices(connection)

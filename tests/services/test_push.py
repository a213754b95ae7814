"""Pushing: to every device once, whatever fails in between."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, update

from kcardswap.domain.base import RetryLater
from kcardswap.domain.notifications import DeviceToken, PushFailed
from kcardswap.gateways.push import FcmPushSender
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.runtime import Runtime
from kcardswap.services import friendships, push
from kcardswap.services import notifications as services
from tests.gateways.fcm_server import Fault, FcmServer
from tests.notices import devices, message, register, request, tell, to_push, told
from tests.people import delete, make_user

ROOM = uuid4()


@pytest.fixture
def runtime(runtime: Runtime, fcm: FcmServer) -> Runtime:
    """A runtime that pushes to the test's Firebase."""
    sender = FcmPushSender(credentials_path=fcm.key_path, base_url=fcm.base_url, read_seconds=0.4)
    return replace(runtime, push_sender=sender)


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def jun(runtime: Runtime) -> UUID:
    return make_user(runtime, "jun")


@pytest.fixture
def deliver(runtime: Runtime, connection: Connection, mina: UUID) -> Callable[[], None]:
    """Push everything Mina was told of, as the worker does."""

    def carry_out() -> None:
        for event in to_push(connection, mina):
            push.deliver(runtime.unit_of_work(), runtime.push_sender, event)

    return carry_out


def speaks(connection: Connection, user_id: UUID, **preferences: Any) -> None:
    connection.execute(update(profiles).where(profiles.c.user_id == user_id).values(preferences=preferences))


def test_what_somebody_is_told_reaches_each_of_their_devices_once(
    runtime: Runtime,
    connection: Connection,
    fcm: FcmServer,
    mina: UUID,
    jun: UUID,
    deliver: Callable[[], None],
) -> None:
    register(runtime, mina, "phone-token")
    register(runtime, mina, "tablet-token", device_id="tablet")
    register(runtime, jun, "another-token")
    tell(runtime, request(runtime, to=mina, by=jun))
    deliver()
    assert {each.token for each in fcm.accepted} == {"phone-token", "tablet-token"}
    [row] = told(connection, mina)
    for each in fcm.accepted:
        assert each.data == {"type": "friend_request", **row.payload}
        assert each.notification == {"title": "Friend request", "body": "Jun wants to be friends with you."}
    assert row.pushed_at == runtime.clock.now()
    deliver()
    assert len(fcm.accepted) == 2


def test_a_push_is_in_the_language_of_its_reader(
    runtime: Runtime,
    connection: Connection,
    fcm: FcmServer,
    mina: UUID,
    jun: UUID,
    deliver: Callable[[], None],
) -> None:
    register(runtime, mina, "phone-token")
    speaks(connection, mina, language="ko-KR", theme="dark")
    speaks(connection, jun, language="ja")
    tell(runtime, request(runtime, to=mina, by=jun))
    deliver()
    assert fcm.accepted[0].notification["body"] == "Jun님이 친구가 되고 싶어 해요."


def test_somebody_without_a_name_is_someone(
    runtime: Runtime,
    connection: Connection,
    fcm: FcmServer,
    mina: UUID,
    jun: UUID,
    deliver: Callable[[], None],
) -> None:
    register(runtime, mina, "phone-token")
    connection.execute(update(profiles).where(profiles.c.user_id == jun).values(nickname=None))
    tell(runtime, request(runtime, to=mina, by=jun))
    deliver()
    assert fcm.accepted[0].notification["body"] == "Someone wants to be friends with you."


def test_without_a_device_there_is_nothing_to_push(
    runtime: Runtime,
    connection: Connection,
    fcm: FcmServer,
    mina: UUID,
    jun: UUID,
    deliver: Callable[[], None],
) -> None:
    tell(runtime, request(runtime, to=mina, by=jun))
    deliver()
    assert fcm.calls == []
    assert told(connection, mina)[0].pushed_at is not None


@pytest.mark.parametrize("meanwhile", ["read", "blocked", "blocker", "replaced", "gone", "actor gone"])
def test_what_nobody_needs_to_hear_of_any_more_is_not_pushed(
    runtime: Runtime, connection: Connection, fcm: FcmServer, mina: UUID, jun: UUID, meanwhile: str
) -> None:
    register(runtime, mina, "phone-token")
    tell(runtime, message(runtime, to=mina, by=jun, room=ROOM, seq=1))
    [event] = to_push(connection, mina)
    match meanwhile:
        case "read":
            services.mark_read(runtime.unit_of_work(), user_id=mina, ids=None)
        case "blocked":
            friendships.block(runtime.unit_of_work(), by=jun, target_id=mina)
        case "blocker":
            friendships.block(runtime.unit_of_work(), by=mina, target_id=jun)
        case "replaced":
            tell(runtime, message(runtime, to=mina, by=jun, room=ROOM, seq=2))
        case "gone":
            delete(runtime, mina)
        case _:
            delete(runtime, jun)
    push.deliver(runtime.unit_of_work(), runtime.push_sender, event)
    assert fcm.calls == []


def test_of_three_devices_only_the_one_that_failed_is_tried_again(
    runtime: Runtime,
    connection: Connection,
    fcm: FcmServer,
    mina: UUID,
    jun: UUID,
    deliver: Callable[[], None],
) -> None:
    for name in ("a", "b", "c"):
        register(runtime, mina, f"token-{name}", device_id=name)
    tell(runtime, request(runtime, to=mina, by=jun))
    fcm.faults = [Fault.ERROR]
    with pytest.raises(PushFailed):
        deliver()
    assert len(fcm.accepted) == 2 and told(connection, mina)[0].pushed_at is None
    deliver()
    assert sorted(each.token for each in fcm.accepted) == ["token-a", "token-b", "token-c"]
    assert told(connection, mina)[0].pushed_at is not None


def test_a_busy_service_is_left_alone_for_as_long_as_it_says(
    runtime: Runtime, fcm: FcmServer, mina: UUID, jun: UUID, deliver: Callable[[], None]
) -> None:
    register(runtime, mina, "token-a", device_id="a")
    register(runtime, mina, "token-b", device_id="b")
    tell(runtime, request(runtime, to=mina, by=jun))
    fcm.faults = [Fault.ERROR, Fault.TOO_MANY]
    with pytest.raises(RetryLater) as later:
        deliver()
    assert later.value.seconds == 30
    deliver()
    assert len(fcm.accepted) == 2


def test_an_answer_that_is_lost_leads_to_a_push_that_replaces_the_first(
    runtime: Runtime, fcm: FcmServer, mina: UUID, jun: UUID, deliver: Callable[[], None]
) -> None:
    register(runtime, mina, "phone-token")
    tell(runtime, request(runtime, to=mina, by=jun))
    fcm.faults = [Fault.LOST]
    with pytest.raises(PushFailed):
        deliver()
    deliver()
    first, again = (each.message for each in fcm.accepted)
    assert first == again and first["android"]["notification"]["tag"]


def test_messages_of_a_room_replace_one_another_on_the_device_and_others_do_not(
    runtime: Runtime, connection: Connection, fcm: FcmServer, mina: UUID, jun: UUID
) -> None:
    register(runtime, mina, "phone-token")
    rooms = (ROOM, ROOM, uuid4())
    for seq, room in enumerate(rooms, start=1):
        tell(runtime, message(runtime, to=mina, by=jun, room=room, seq=seq))
        push.deliver(runtime.unit_of_work(), runtime.push_sender, to_push(connection, mina)[-1])
    tags = [each.message["webpush"]["headers"]["Topic"] for each in fcm.accepted]
    assert tags[0] == tags[1] != tags[2]


def test_a_token_that_leads_nowhere_is_forgotten(
    runtime: Runtime,
    connection: Connection,
    fcm: FcmServer,
    mina: UUID,
    jun: UUID,
    deliver: Callable[[], None],
) -> None:
    for name in ("gone", "foreign", "good"):
        register(runtime, mina, name, device_id=name)
    fcm.gone, fcm.foreign = {"gone"}, {"foreign"}
    tell(runtime, request(runtime, to=mina, by=jun))
    deliver()
    assert devices(connection) == {(mina, "good", "good")}
    assert told(connection, mina)[0].pushed_at is not None


def test_a_device_that_has_got_a_new_token_meanwhile_is_kept(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    register(runtime, mina, "old")
    uow = runtime.unit_of_work()
    with uow:
        [seen] = uow.devices.not_reached(mina, uuid4())
    assert isinstance(seen, DeviceToken) and "old" not in repr(seen)
    register(runtime, mina, "new")
    with uow:
        uow.devices.forget_token(seen)
        uow.commit()
    assert devices(connection) == {(mina, "phone", "new")}


def test_nobody_waits_for_many_devices_longer_than_the_lease_allows(
    runtime: Runtime,
    fcm: FcmServer,
    mina: UUID,
    jun: UUID,
    deliver: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("a", "b", "c"):
        register(runtime, mina, f"token-{name}", device_id=name)
    tell(runtime, request(runtime, to=mina, by=jun))
    monkeypatch.setattr(push, "PATIENCE_SECONDS", 0.1)
    fcm.faults = [Fault.HANG]
    with pytest.raises(RetryLater):
        deliver()
    assert fcm.calls.count("send") == 1
    monkeypatch.undo()
    deliver()
    assert len(fcm.accepted) == 3
    # The slowest device begun with at the last moment still ends before the event is handed out again:
    # two tries and the renewal of the access token in between, each as slow as allowed.
    slowest = timedelta(seconds=push.PATIENCE_SECONDS + 3 * (2 + 5))
    assert slowest < runtime.settings.event_lease

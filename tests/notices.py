"""What people are told in tests."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from kcardswap.domain.base import StoredEvent
from kcardswap.domain.notifications import DevicePlatform
from kcardswap.persistence.orm.notifications import device_tokens, notifications
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.outbox import plain
from kcardswap.runtime import Runtime
from kcardswap.services import notifications as services


def happened(runtime: Runtime, name: str, **facts: Any) -> StoredEvent:
    """Return an event as the outbox keeps it."""
    return StoredEvent(
        id=runtime.new_id(),
        event_type=name,
        aggregate_id=runtime.new_id(),
        payload={key: plain(value) for key, value in facts.items()},
        request_id=None,
        created_at=runtime.clock.now(),
    )


def message(runtime: Runtime, *, to: UUID, by: UUID, room: UUID, seq: int) -> StoredEvent:
    """Return that somebody sent a message."""
    facts = {"thread_id": room, "message_id": UUID(int=seq), "sender_id": by, "recipient_id": to, "seq": seq}
    return happened(runtime, "MessageSent", **facts)


def request(runtime: Runtime, *, to: UUID, by: UUID) -> StoredEvent:
    """Return that somebody asked somebody to be friends."""
    return happened(runtime, "FriendRequested", friendship_id=runtime.new_id(), user_id=by, friend_id=to)


def tell(runtime: Runtime, *events: StoredEvent) -> None:
    """Tell everybody concerned, as the worker does."""
    for event in events:
        services.notify(runtime.unit_of_work(), event)


def told(connection: Connection, user_id: UUID) -> list[Any]:
    """Return the rows of what somebody is told, oldest first."""
    statement = select(notifications).where(notifications.c.user_id == user_id).order_by(notifications.c.id)
    return list(connection.execute(statement))


def to_push(connection: Connection, user_id: UUID) -> list[StoredEvent]:
    """Return the events that say there is something to push to somebody, oldest first."""
    statement = (
        select(
            outbox.c.id,
            outbox.c.event_type,
            outbox.c.aggregate_id,
            outbox.c.payload,
            outbox.c.request_id,
            outbox.c.created_at,
        )
        .where(
            outbox.c.event_type == "NotificationStored", outbox.c.payload["user_id"].astext == str(user_id)
        )
        .order_by(outbox.c.id)
    )
    return [StoredEvent(*row) for row in connection.execute(statement)]


def register(
    runtime: Runtime, user_id: UUID, fcm_token: str, *, device_id: str = "phone", platform: str = "android"
) -> None:
    """Register a device."""
    services.register_device(
        runtime.unit_of_work(),
        user_id=user_id,
        device_id=device_id,
        platform=DevicePlatform(platform),
        fcm_token=fcm_token,
    )


def devices(connection: Connection) -> set[tuple[UUID, str, str]]:
    """Return person, name and token of every device."""
    known = device_tokens.c
    return {(*row,) for row in connection.execute(select(known.user_id, known.device_id, known.fcm_token))}

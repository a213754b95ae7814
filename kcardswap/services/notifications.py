"""Telling people what concerns them, and the devices they want to hear it on."""

from collections.abc import Collection
from uuid import UUID

from kcardswap.domain.base import StoredEvent
from kcardswap.domain.notifications import Device, DevicePlatform, Notification, drafts_of
from kcardswap.persistence.unit_of_work import UnitOfWork


def notify(uow: UnitOfWork, event: StoredEvent) -> None:
    """Store what everybody concerned is told of ``event``; telling it again changes nothing.

    Deleted people are told nothing, and nothing is told between people with a block between them.
    """
    drafts = list(drafts_of(event))
    if not drafts:
        return
    with uow:
        now = uow.clock.now()
        # Whose doing an event is does not depend on who is told of it.
        audience = uow.notifications.audience([draft.user_id for draft in drafts], drafts[0].actor_id)
        for draft in drafts:
            if draft.user_id in audience:
                told = Notification.tell(id=uow.new_id(), event_id=event.id, now=now, **draft._asdict())
                uow.notifications.store(told, happened_at=event.created_at)
        uow.commit()


def mark_read(uow: UnitOfWork, *, user_id: UUID, ids: Collection[UUID] | None) -> int:
    """Mark somebody's notifications read, all of them for None; return how many were unread.

    Ids of other people's notifications and unknown ones are passed over.
    """
    with uow:
        count = uow.notifications.read(user_id, ids, uow.clock.now())
        uow.commit()
        return count


def register_device(
    uow: UnitOfWork, *, user_id: UUID, device_id: str, platform: DevicePlatform, fcm_token: str
) -> None:
    """Push to a device of this person from now on; a token known elsewhere moves here."""
    with uow:
        now = uow.clock.now()
        device = Device.register(
            id=uow.new_id(),
            user_id=user_id,
            device_id=device_id,
            platform=platform,
            fcm_token=fcm_token,
            now=now,
        )
        uow.devices.register(device)
        uow.commit()


def forget_device(uow: UnitOfWork, *, user_id: UUID, device_id: str) -> None:
    """Push nothing more to a device; one that is not known is fine."""
    with uow:
        uow.devices.forget(user_id, device_id)
        uow.commit()

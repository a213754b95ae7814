"""Pushing what people are told to their devices."""

import time
from collections.abc import Iterator, Sequence
from uuid import UUID

from kcardswap.domain.base import RetryLater, StoredEvent
from kcardswap.domain.notifications import DeviceToken, PushFailed, PushOutcome, Unpushed
from kcardswap.gateways.ports import PushSender
from kcardswap.persistence.unit_of_work import UnitOfWork

PATIENCE_SECONDS = 8.0
"""After this long no further device is begun with, so that the lease of the event does not run out."""


def deliver(uow: UnitOfWork, sender: PushSender, event: StoredEvent) -> None:
    """Push a stored notification to each device of its person that was not reached yet.

    What nobody needs to hear of any more is left out. Devices are pushed to one by one outside any
    transaction, and each that was reached is remembered at once: a repetition goes to the others only.

    :raises RetryLater: the push service wants to be left alone for a while.
    :raises PushFailed: it does not work.
    """
    with uow:
        unpushed = uow.notifications.unpushed(UUID(event.payload["notification_id"]))
        devices = [] if unpushed is None else uow.devices.not_reached(unpushed.user_id, event.id)
    if unpushed is None:
        return
    failures = list(_push_to_all(uow, sender, event.id, unpushed, devices))
    pauses = [failure.retry_after for failure in failures if failure.retry_after is not None]
    if pauses:
        raise RetryLater(max(pauses)) from failures[0]
    if failures:
        raise failures[0]
    with uow:
        uow.notifications.note_pushed(unpushed.id, uow.clock.now())
        uow.commit()


def _push_to_all(
    uow: UnitOfWork, sender: PushSender, event_id: UUID, unpushed: Unpushed, devices: Sequence[DeviceToken]
) -> Iterator[PushFailed]:
    """Push to the devices and yield why some have to be tried again."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    for device in devices:
        if time.monotonic() > give_up_at:
            yield PushFailed("out_of_time", retry_after=1.0)
            return
        try:
            outcome = sender.send(unpushed.to(device))
        except PushFailed as failure:
            yield failure
            continue
        with uow:
            if outcome is PushOutcome.TOKEN_GONE:
                uow.devices.forget_token(device)
            else:
                uow.devices.note_reached(device, event_id, uow.clock.now())
            uow.commit()

"""The consumers of every type of event."""

from collections.abc import Sequence
from contextlib import suppress

from kcardswap.domain.base import RetryLater, StoredEvent
from kcardswap.domain.notifications import RULES
from kcardswap.runtime import Runtime
from kcardswap.services import notifications, push, subscriptions, uploads
from kcardswap.worker.consumers import Consumers, Inside, Outside
from kcardswap.worker.jobs import JobFailed, erase_accounts

OBJECTS = 100
CHECKS = 20


def remove_objects(runtime: Runtime, event: StoredEvent) -> None:
    """Remove the objects of pictures that were just deleted, and of others that wait for it.

    :raises StorageUnavailable: the storage does not work.
    """
    uow = runtime.unit_of_work(request_id=event.request_id)
    while uploads.remove_objects(uow, runtime.storage, limit=OBJECTS) == OBJECTS:
        pass


def settle_purchase(runtime: Runtime, event: StoredEvent) -> None:
    """See to it that the store learns soon of a purchase that was delivered, whatever became of the request.

    :raises StoreUnavailable: the store does not answer.
    :raises RetryLater: it is not time to ask yet.
    """
    uow = runtime.unit_of_work(request_id=event.request_id)
    for check in subscriptions.begin_due_checks(uow, limit=CHECKS):
        subscriptions.carry_out(uow, runtime.play_store, check)
    pause = subscriptions.time_to_settlement(uow, purchase_id=event.aggregate_id)
    if pause is not None:
        raise RetryLater(pause.total_seconds())


def push_notification(runtime: Runtime, event: StoredEvent) -> None:
    """Push what somebody is told to their devices.

    :raises RetryLater: the push service wants to be left alone for a while.
    :raises PushFailed: it does not work.
    """
    push.deliver(runtime.unit_of_work(request_id=event.request_id), runtime.push_sender, event)


def erase_account(runtime: Runtime, event: StoredEvent) -> None:
    """Begin with erasing an account that was just deleted, where something is due at once."""
    # What fails is logged there and comes again with the job.
    with suppress(JobFailed):
        erase_accounts(runtime)


NOTIFICATION = Inside(name="notifications", work=notifications.notify)
OBJECT_REMOVAL = Outside(name="objects", work=remove_objects)
BY_TYPE: Sequence[tuple[str, Inside | Outside]] = (
    *((event_type, NOTIFICATION) for event_type in RULES),
    ("NotificationStored", Outside(name="push", work=push_notification)),
    ("AccountDeleted", Outside(name="erasure", work=erase_account)),
    ("CardDeleted", OBJECT_REMOVAL),
    ("MediaDeleted", OBJECT_REMOVAL),
    ("PostDeleted", OBJECT_REMOVAL),
    ("ContentRemoved", OBJECT_REMOVAL),
    ("PurchaseBound", Outside(name="settlement", work=settle_purchase)),
)
CONSUMERS: Consumers = {
    event_type: tuple(consumer for other, consumer in BY_TYPE if other == event_type)
    for event_type, _ in BY_TYPE
}
"""Every consumer by the type of event; other events are only recorded."""

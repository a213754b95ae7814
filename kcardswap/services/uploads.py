"""Clearing away what uploads leave behind: pictures that never came, that nothing shows, or that are deleted.

Rows go in two steps. First a picture is marked deleted, then its object is removed under the lock of its row,
and only what is gone from the storage is forgotten. So a purge that is stopped anywhere, or whose storage
fails, loses nothing: the next one goes on where it ended. Any number may run at once.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from uuid import UUID

from kcardswap.gateways.ports import ObjectStorage
from kcardswap.persistence.unit_of_work import UnitOfWork

GRACE = timedelta(hours=1)
"""How long after the end of its URL an upload may still be confirmed."""
UNUSED_AFTER = timedelta(days=7)
"""How long a checked picture may wait for being attached."""
DELETED_KEPT = timedelta(days=2)
"""How long the rows of deleted pictures stay, for the limits of their day to count them."""
STRAY_AFTER = timedelta(days=1)
"""How old an object nobody knows must be; younger ones may belong to a transaction under way."""
CLAIM = timedelta(minutes=10)
"""How long a purge has objects to itself; longer than removing a batch takes."""
LISTED = 500


def drop_lapsed_cards(uow: UnitOfWork, *, limit: int, dry_run: bool = False) -> int:
    """Remove cards announced with a picture that never came, and return how many."""
    with uow:
        now = uow.clock.now()
        lapsed = uow.cards.find_lapsed(before=now - GRACE, limit=limit)
        if not dry_run:
            expected = (card.media_asset_id for card in lapsed if card.media_asset_id is not None)
            for media in uow.media.find_many(expected, lock=True).values():
                media.delete(now)
            for card in lapsed:
                uow.cards.remove(card)
            uow.commit()
        return len(lapsed)


def drop_lapsed(uow: UnitOfWork, *, limit: int, dry_run: bool = False) -> int:
    """Mark other pictures that never came as deleted and return how many; their cards wait for new ones."""
    with uow:
        now = uow.clock.now()
        lapsed = uow.media.find_lapsed(before=now - GRACE, limit=limit)
        if not dry_run:
            for media in lapsed:
                media.delete(now)
            uow.commit()
        return len(lapsed)


def drop_unused(uow: UnitOfWork, *, limit: int, dry_run: bool = False) -> int:
    """Mark checked pictures that were never attached as deleted and return how many."""
    with uow:
        now = uow.clock.now()
        unused = uow.media.find_unused(before=now - UNUSED_AFTER, limit=limit)
        if not dry_run:
            for media in unused:
                media.delete(now)
            uow.commit()
        return len(unused)


def remove_objects(uow: UnitOfWork, storage: ObjectStorage, *, limit: int, dry_run: bool = False) -> int:
    """Remove uploads and objects of deleted pictures nobody else uses; return how many are dealt with.

    :raises StorageUnavailable: the storage does not work; what was removed until then stays noted.
    """
    with uow:
        now = uow.clock.now()
        claimed = uow.media.find_removable(claimed_before=now - CLAIM, limit=limit)
        keys = {media.id: media.object_key for media in claimed}
        if dry_run:
            return len(keys)
        for media in claimed:
            media.purge_claimed_at = now
        uow.commit()
    removed: list[UUID] = []
    try:
        for media_id, key in keys.items():
            _remove_unless_used(uow, storage, media_id, key)
            removed.append(media_id)
    finally:
        _note_removed(uow, removed)
    return len(removed)


def _remove_unless_used(uow: UnitOfWork, storage: ObjectStorage, media_id: UUID, key: str) -> None:
    with uow:
        # A card that lost its picture may get a new one on this key, and withdraws this row first. So under
        # the lock of the row nothing can come that would be removed in its place.
        if uow.media.find(media_id, lock=True) is None:
            return
        for remove in (storage.discard_upload, storage.remove):
            # Asked before each, so that each has the database's limit for idle transactions to itself. After
            # a slower one the lock is gone: the next statement fails, nothing is noted, and a later purge
            # does it all again.
            if uow.media.keys_in_use([key]):
                return
            remove(key)
        uow.commit()


def _note_removed(uow: UnitOfWork, media_ids: list[UUID]) -> None:
    with uow:
        now = uow.clock.now()
        for media in uow.media.find_many(media_ids, lock=True).values():
            media.object_removed_at = now
        uow.commit()


def forget_deleted(uow: UnitOfWork, *, limit: int, dry_run: bool = False) -> int:
    """Remove the rows of pictures that were deleted long ago and return how many."""
    with uow:
        gone = uow.media.forget_deleted(before=uow.clock.now() - DELETED_KEPT, limit=limit)
        if not dry_run:
            uow.commit()
        return gone


def remove_strays(uow: UnitOfWork, storage: ObjectStorage, *, dry_run: bool = False) -> int:
    """Remove old uploads nobody waits for and old objects of no picture; return how many.

    :raises StorageUnavailable: the storage does not work.
    """
    before = uow.clock.now() - STRAY_AFTER
    removed = 0
    for key in _strays(uow, storage.uploads(before=before), awaited=True):
        if not dry_run:
            storage.discard_upload(key)
        removed += 1
    for key in _strays(uow, storage.objects(before=before), awaited=False):
        if not dry_run:
            storage.remove(key)
        removed += 1
    return removed


def _strays(uow: UnitOfWork, keys: Iterator[str], *, awaited: bool) -> Iterator[str]:
    while batch := list(islice(keys, LISTED)):
        with uow:
            in_use = uow.media.keys_in_use(batch, awaited=awaited)
        yield from (key for key in batch if key not in in_use)

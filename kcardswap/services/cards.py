"""Filling, describing and emptying one's binder."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from kcardswap.domain.cards import TEXT_FIELDS, Card, CardStatus
from kcardswap.domain.errors import Unavailable, WriteConflict
from kcardswap.domain.media import ImageType, MediaAsset, MediaStatus, MediaTarget, UploadMissing
from kcardswap.domain.quotas import LimitKey, QuotaCalendar, require_file_size, require_room
from kcardswap.gateways.ports import ImageCleaner, ObjectStorage
from kcardswap.gateways.uploads import TakenIn, take_in
from kcardswap.persistence.unit_of_work import UnitOfWork


class AnnouncedCard(NamedTuple):
    """Where to PUT the picture of a card, until when, and where it will be seen."""

    card_id: UUID
    upload_url: str
    content_type: ImageType
    expires_at: datetime
    object_key: str


def announce(
    uow: UnitOfWork,
    storage: ObjectStorage,
    calendar: QuotaCalendar,
    *,
    owner_id: UUID,
    content_type: ImageType,
    file_size_bytes: int,
    description: Mapping[str, Any],
    lifetime: timedelta,
) -> AnnouncedCard:
    """Put a card into the binder whose picture may be uploaded for ``lifetime``.

    ``description`` takes the keys of ``Card.describe``.

    :raises PhotocardNotFound: the catalog has no such photocard.
    :raises LimitExceeded: too large a file, too many cards today, or no room left for pictures.
    """
    with uow:
        described = _with_photocard(uow, description, by=owner_id)
        card_id, now = uow.new_id(), uow.clock.now()
        _require_room_for_card(uow, calendar, owner_id, file_size_bytes=file_size_bytes, created_at=now)
        media = _announce_media(
            uow, owner_id, card_id, content_type, file_size_bytes, lifetime=lifetime, now=now
        )
        card = Card.announce(
            id=card_id,
            owner_id=owner_id,
            media_asset_id=media.id,
            description=described,
            upload_expires_at=media.upload_expires_at,
            now=now,
        )
        uow.cards.add(card)
        uow.commit()
    return _announced(storage, card_id, media)


def announce_picture(
    uow: UnitOfWork,
    storage: ObjectStorage,
    calendar: QuotaCalendar,
    *,
    card_id: UUID,
    by: UUID,
    content_type: ImageType,
    file_size_bytes: int,
    lifetime: timedelta,
) -> AnnouncedCard:
    """Let the picture a card lacks be uploaded for ``lifetime``; the card's earlier URL gives way.

    It counts as a card of the day it is asked for on, like a new card.

    :raises CardNotFound: unknown or deleted.
    :raises NotOwner: somebody else's.
    :raises CardNotPending: it has its picture.
    :raises LimitExceeded: too large a file, too many cards today, or no room left for pictures.
    """
    with uow:
        card = uow.cards.get_present(card_id, lock=True)
        card.refuse_others(by)
        card.refuse_confirmed()
        replaced_key = _withdraw_picture(uow, card)
        now = uow.clock.now()
        _require_room_for_card(uow, calendar, by, file_size_bytes=file_size_bytes, created_at=now)
        media = _announce_media(uow, by, card_id, content_type, file_size_bytes, lifetime=lifetime, now=now)
        card.await_picture(media.id, until=media.upload_expires_at)
        uow.commit()
    if replaced_key not in (None, media.object_key):
        uow.once_durable(partial(_forget_upload, storage, replaced_key))
    return _announced(storage, card_id, media)


def _withdraw_picture(uow: UnitOfWork, card: Card) -> str | None:
    """Remove the record of a picture that has not come and return the key it was expected under."""
    media = None if card.media_asset_id is None else uow.media.find(card.media_asset_id, lock=True)
    if media is None:
        return None
    uow.media.remove(media)
    # The next picture may have the same key, and inserts would be sent before deletes.
    uow.flush()
    return media.object_key


def _forget_upload(storage: ObjectStorage, object_key: str) -> None:
    # The purge of objects without a record removes what stays behind, or still comes through the old URL.
    with suppress(Unavailable):
        storage.discard_upload(object_key)


def _announce_media(
    uow: UnitOfWork,
    owner_id: UUID,
    card_id: UUID,
    content_type: ImageType,
    file_size_bytes: int,
    *,
    lifetime: timedelta,
    now: datetime,
) -> MediaAsset:
    media = MediaAsset.announce(
        id=uow.new_id(),
        owner_id=owner_id,
        content_type=content_type,
        declared_bytes=file_size_bytes,
        lifetime=lifetime,
        now=now,
        card_id=card_id,
    )
    uow.media.add(media)
    # Across aggregates there is no relationship to order the statements by.
    uow.flush()
    return media


def _announced(storage: ObjectStorage, card_id: UUID, media: MediaAsset) -> AnnouncedCard:
    url = storage.upload_url(
        media.object_key,
        content_type=media.content_type,
        max_bytes=media.declared_bytes,
        expires_at=media.upload_expires_at,
    )
    return AnnouncedCard(
        card_id, url, ImageType(media.content_type), media.upload_expires_at, media.object_key
    )


def _with_photocard(
    uow: UnitOfWork, description: Mapping[str, Any], *, by: UUID, card: Card | None = None
) -> Mapping[str, Any]:
    """Return the description with the photocard it means: the one it names, or what its texts match.

    What is said about a known ``card`` counts together with the texts it has.
    """
    wanted = description.get("photocard_id")
    if wanted is not None:
        return {**description, "photocard_id": uow.photocards.behind(wanted)}
    if card is not None and ("photocard_id" in description or not card.changes_texts(description)):
        return description
    texts = {name: description.get(name, getattr(card, name, None)) for name in TEXT_FIELDS}
    return {**description, "photocard_id": uow.photocards.matching(texts, submitted_by=by)}


def _require_room_for_card(
    uow: UnitOfWork, calendar: QuotaCalendar, owner_id: UUID, *, file_size_bytes: int, created_at: datetime
) -> None:
    plan, day = uow.quotas.plan_of(owner_id), calendar.day(created_at)
    require_file_size(plan, file_size_bytes)
    uow.quotas.lock(owner_id, LimitKey.CARDS_PER_DAY, period_start=day.start, now=created_at)
    # The time is read under the lock: whether an upload URL still works must not change between two
    # counts that wait for each other.
    made = uow.cards.announced_on(owner_id, day, now=uow.clock.now())
    require_room(plan, LimitKey.CARDS_PER_DAY, used=made, wanted=1, reset_at=day.reset_at)
    # Only a courtesy, without a lock: confirming counts the real bytes.
    used = uow.cards.stored_bytes(owner_id)
    require_room(plan, LimitKey.CARD_STORAGE_BYTES_MAX, used=used, wanted=file_size_bytes)


def confirm_upload(
    uow: UnitOfWork,
    storage: ObjectStorage,
    images: ImageCleaner,
    calendar: QuotaCalendar,
    *,
    card_id: UUID,
    by: UUID,
) -> None:
    """Check the picture of a card and show the card; a confirmed card stays as it is.

    :raises CardNotFound: unknown or deleted.
    :raises NotOwner: somebody else's.
    :raises UploadMissing: nothing was uploaded.
    :raises ImageRefused: not a picture of the declared type.
    :raises LimitExceeded: too large a file, the bytes of the month or the room for pictures used up, or
        the upload URL ran out and other cards took the day's places.
    :raises Unavailable: the storage does not work.
    """
    with uow:
        card = uow.cards.get_present(card_id)
        card.refuse_others(by)
        if card.is_confirmed:
            return
        media = _picture_of(uow, card)
        plan = uow.quotas.plan_of(by)
        media_id, key, declared = media.id, media.object_key, ImageType(media.content_type)
    taken = take_in(storage, images, object_key=key, declared=declared, plan=plan)
    _confirm_checked(uow, storage, calendar, taken, card_id=card_id, media_id=media_id)
    uow.once_durable(partial(_forget_upload, storage, key))


def _confirm_checked(
    uow: UnitOfWork,
    storage: ObjectStorage,
    calendar: QuotaCalendar,
    taken: TakenIn | None,
    *,
    card_id: UUID,
    media_id: UUID,
) -> None:
    with uow:
        card = uow.cards.get_present(card_id, lock=True)
        if card.is_confirmed:
            # A parallel call was faster, and may have used up the upload; the bytes are counted once.
            return
        if taken is None or card.media_asset_id != media_id:
            # Nothing came, or another upload URL was asked for since: what it takes is to be checked.
            raise UploadMissing()
        media = _picture_of(uow, card, lock=True)
        now = _charge(uow, calendar, media, taken.uploaded_bytes)
        # Only now: what is refused must not be there for everybody who has its URL.
        storage.store(media.object_key, taken.image.data, content_type=taken.image.content_type.value)
        media.confirm(taken.image, uploaded_bytes=taken.uploaded_bytes, now=now)
        media.attach(MediaTarget.CARD, card.id)
        card.confirm_upload(size_bytes=taken.uploaded_bytes, now=now)
        uow.flush()
        same = uow.media.cards_with_same_picture(media)
        media.found_elsewhere(same, now=now)
        uow.media.note_same_picture(card.id, same, found_at=now)
        uow.commit()


def _picture_of(uow: UnitOfWork, card: Card, *, lock: bool = False) -> MediaAsset:
    if card.media_asset_id is None:
        raise UploadMissing()
    media = uow.media.get(card.media_asset_id, lock=lock)
    if media.status is MediaStatus.DELETED:
        # The purge was here, and the card goes on waiting for a picture.
        raise UploadMissing()
    return media


def _charge(uow: UnitOfWork, calendar: QuotaCalendar, media: MediaAsset, uploaded_bytes: int) -> datetime:
    """Count an upload towards the limits it falls under and return the moment it counts at."""
    owner_id, plan, now = media.owner_id, uow.quotas.plan_of(media.owner_id), uow.clock.now()
    day = calendar.day(media.created_at)
    uow.quotas.lock(owner_id, LimitKey.CARD_STORAGE_BYTES_MAX, now=now)
    uow.quotas.lock(owner_id, LimitKey.CARDS_PER_DAY, period_start=day.start, now=now)
    now = uow.clock.now()
    month = calendar.month(now)
    uow.quotas.charge(
        owner_id, plan, LimitKey.MEDIA_BYTES_PER_MONTH, amount=uploaded_bytes, period=month, now=now
    )
    used = uow.cards.stored_bytes(owner_id)
    require_room(plan, LimitKey.CARD_STORAGE_BYTES_MAX, used=used, wanted=uploaded_bytes)
    if media.upload_ran_out(now):
        # It no longer counted, so other cards may have taken its place meanwhile.
        made = uow.cards.announced_on(owner_id, day, now=now)
        require_room(plan, LimitKey.CARDS_PER_DAY, used=made, wanted=1, reset_at=day.reset_at)
    return now


def edit(uow: UnitOfWork, *, card_id: UUID, by: UUID, changes: Mapping[str, Any]) -> None:
    """Change what the owner says about a card; ``changes`` takes the keys of ``Card.describe``.

    :raises CardNotFound: unknown or deleted.
    :raises NotOwner: somebody else's.
    :raises PhotocardNotFound: the catalog has no such photocard.
    :raises CardInTrade: an unfinished trade has reserved it.
    :raises CardTraded: it was given away.
    """
    with uow:
        # Asked before anything is locked: photocards are locked before cards, yet a card that is not
        # the caller's is the more important thing to say.
        card = _own_card(uow, card_id, by)
        read = card.texts
        described = _with_photocard(uow, changes, by=by, card=card)
        card = uow.cards.get_present(card_id, lock=True)
        if card.texts != read:
            # A parallel edit came between; the photocard was matched with texts that are gone.
            raise WriteConflict()
        card.edit(described)
        uow.commit()


def delete(uow: UnitOfWork, storage: ObjectStorage, *, card_id: UUID, by: UUID) -> None:
    """Take a card out of the binder; trades that refer to it keep showing it.

    :raises CardNotFound: unknown or deleted.
    :raises NotOwner: somebody else's.
    :raises CardInTrade: an unfinished trade has reserved it.
    """
    with uow:
        _own_card(uow, card_id, by)
        card = uow.cards.get_present(card_id, lock=True)
        unused_key = uow.cards.take_away(card, uow.clock.now())
        uow.commit()
    if unused_key is not None:
        # Nobody is kept waiting for a storage that does not work: the purge removes what stays behind.
        with suppress(Unavailable):
            storage.discard_upload(unused_key)
            storage.remove(unused_key)


def _own_card(uow: UnitOfWork, card_id: UUID, by: UUID) -> Card:
    """Return a card of the caller, freed when only an overdue trade still held it."""
    card = uow.cards.get_present(card_id)
    card.refuse_others(by)
    if card.status is CardStatus.TRADING:
        now = uow.clock.now()
        uow.reservations.lapse(uow.trades.lock_for_proposal(card_ids=[card_id], people=(), now=now), now)
    return card

"""Uploading pictures, having them checked and giving them their place."""

from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from kcardswap.domain.media import (
    ImageType,
    MediaAsset,
    MediaNotConfirmed,
    MediaNotFound,
    MediaStatus,
    MediaTarget,
    StorageUnavailable,
    UploadMissing,
)
from kcardswap.domain.quotas import LimitKey, QuotaCalendar, require_file_size, require_room
from kcardswap.gateways.ports import ImageCleaner, ObjectStorage
from kcardswap.gateways.uploads import TakenIn, let_go, take_in
from kcardswap.persistence.unit_of_work import UnitOfWork


class AnnouncedUpload(NamedTuple):
    """Where to PUT the bytes of a picture, and until when."""

    media_id: UUID
    upload_url: str
    content_type: ImageType
    expires_at: datetime


def announce(
    uow: UnitOfWork,
    storage: ObjectStorage,
    *,
    owner_id: UUID,
    content_type: ImageType,
    file_size_bytes: int,
    lifetime: timedelta,
) -> AnnouncedUpload:
    """Prepare the upload of a picture, which may be made for ``lifetime``.

    :raises LimitExceeded: the plan takes no file of this size.
    """
    with uow:
        require_file_size(uow.quotas.plan_of(owner_id), file_size_bytes)
        media = MediaAsset.announce(
            id=uow.new_id(),
            owner_id=owner_id,
            content_type=content_type,
            declared_bytes=file_size_bytes,
            lifetime=lifetime,
            now=uow.clock.now(),
        )
        uow.media.add(media)
        uow.commit()
        key, media_id, expires_at = media.object_key, media.id, media.upload_expires_at
    url = storage.upload_url(
        key, content_type=content_type.value, max_bytes=file_size_bytes, expires_at=expires_at
    )
    return AnnouncedUpload(media_id, url, content_type, expires_at)


def confirm(
    uow: UnitOfWork,
    storage: ObjectStorage,
    images: ImageCleaner,
    calendar: QuotaCalendar,
    *,
    media_id: UUID,
    by: UUID,
) -> int:
    """Check an uploaded picture and count its bytes, once however often asked; return them.

    :raises MediaNotFound: unknown, deleted, or confirmed together with its card.
    :raises NotOwner: somebody else's.
    :raises UploadMissing: nothing was uploaded.
    :raises ImageRefused: not a picture of the declared type.
    :raises LimitExceeded: too large a file, or the bytes of the month are used up.
    :raises StorageUnavailable: the storage does not work.
    """
    with uow:
        media = uow.media.get_present(media_id)
        if media.is_of_a_card:
            raise MediaNotFound()
        media.refuse_others(by)
        if media.actual_bytes is not None:
            return media.actual_bytes
        plan = uow.quotas.plan_of(by)
        key, declared = media.object_key, ImageType(media.content_type)
    taken = take_in(storage, images, object_key=key, declared=declared, plan=plan)
    size = _confirm_checked(uow, storage, calendar, taken, media_id=media_id)
    uow.once_durable(partial(_forget_upload, storage, key))
    return size


def _confirm_checked(
    uow: UnitOfWork,
    storage: ObjectStorage,
    calendar: QuotaCalendar,
    taken: TakenIn | None,
    *,
    media_id: UUID,
) -> int:
    with uow:
        media = uow.media.get_present(media_id, lock=True)
        if media.actual_bytes is not None:
            # A parallel call was faster, and may have used up the upload; the bytes are counted once.
            return media.actual_bytes
        if taken is None:
            raise UploadMissing()
        now = uow.clock.now()
        media.confirm(taken.image, uploaded_bytes=taken.uploaded_bytes, now=now)
        uow.quotas.charge(
            media.owner_id,
            uow.quotas.plan_of(media.owner_id),
            LimitKey.MEDIA_BYTES_PER_MONTH,
            amount=taken.uploaded_bytes,
            period=calendar.month(now),
            now=now,
        )
        # Only now: what is refused must not be there for everybody who has its URL.
        storage.store(media.object_key, taken.image.data, content_type=taken.image.content_type.value)
        uow.commit()
        return taken.uploaded_bytes


def attach_to_gallery_card(
    uow: UnitOfWork, storage: ObjectStorage, *, media_id: UUID, card_id: UUID, by: UUID
) -> None:
    """Show a picture on a card of a gallery, in place of an earlier one, which is deleted.

    Attaching the same picture to the same card again changes nothing.

    :raises MediaNotFound: unknown, deleted, or announced together with a card of the binder.
    :raises GalleryCardNotFound: unknown.
    :raises NotOwner: one of the two is somebody else's.
    :raises MediaNotConfirmed: it was not checked yet.
    :raises MediaAlreadyAttached: it belongs to something else.
    """
    with uow:
        media, card = uow.media.get_present(media_id), uow.gallery_cards.get_present(card_id)
        if media.is_of_a_card:
            raise MediaNotFound()
        media.refuse_others(by)
        card.refuse_others(by)
        uow.users.get(by, lock=True)
        card = uow.gallery_cards.get_present(card_id, lock=True)
        pictures = uow.media.find_many({media_id, card.media_asset_id or media_id}, lock=True)
        if media_id not in pictures or media.status is MediaStatus.DELETED:
            raise MediaNotFound()
        media.refuse_other_target(MediaTarget.GALLERY_CARD, card.id)
        replaced_id, unused_key = card.show(media.id), None
        if replaced_id is not None:
            pictures[replaced_id].delete(uow.clock.now())
            unused_key = pictures[replaced_id].object_key
            # A card has one place for a picture: it has to be free before the next one takes it.
            uow.flush()
        media.attach(MediaTarget.GALLERY_CARD, card.id)
        uow.commit()
    if unused_key is not None:
        uow.once_durable(partial(let_go, storage, unused_key))


def attach_to_post(uow: UnitOfWork, *, media_id: UUID, post_id: UUID, by: UUID) -> None:
    """Show a picture below a post, behind those it has.

    Attaching the same picture to the same post again changes nothing.

    :raises MediaNotFound: unknown, deleted, or announced together with a card of the binder.
    :raises PostNotFound: unknown or deleted.
    :raises NotOwner: one of the two is somebody else's.
    :raises MediaNotConfirmed: it was not checked yet.
    :raises PostNotOpen: the post was closed, or its time is over.
    :raises MediaAlreadyAttached: it belongs to something else.
    :raises LimitExceeded: the post has as many pictures as the plan allows.
    """
    with uow:
        media = uow.media.get_present(media_id)
        if media.is_of_a_card:
            raise MediaNotFound()
        # Only the lock tells how many pictures the post has, and that of the post comes first.
        post = uow.posts.get_present(post_id, lock=True)
        media.refuse_others(by)
        post.refuse_others(by)
        media = uow.media.get_present(media_id, lock=True)
        if not media.is_confirmed:
            raise MediaNotConfirmed(status=media.status)
        post.refuse_unless_open(uow.clock.now())
        media.refuse_other_target(MediaTarget.POST, post.id)
        if media.status is MediaStatus.ATTACHED:
            return
        shown = len(uow.media.attached_to_post(post.id))
        require_room(uow.quotas.plan_of(by), LimitKey.POST_IMAGES_PER_POST_MAX, used=shown, wanted=1)
        media.attach(MediaTarget.POST, post.id, position=shown)
        uow.commit()


def _forget_upload(storage: ObjectStorage, key: str) -> None:
    # It is confirmed, whatever the storage says now: the purge removes what stays behind.
    with suppress(StorageUnavailable):
        storage.discard_upload(key)

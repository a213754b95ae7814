"""Pictures: uploaded, checked, attached to one thing, and removed with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.errors import (
    Conflict,
    Forbidden,
    InvalidState,
    NotFound,
    NotOwner,
    Unavailable,
    ValidationFailed,
)

CARD_FOLDER = "cards/"
"""Begins the keys of pictures that were announced for a card."""
MEDIA_FOLDER = "media/"
"""Begins the keys of all other pictures."""


class MediaStatus(StrEnum):
    """How far an upload has come."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    ATTACHED = "attached"
    DELETED = "deleted"


class MediaTarget(StrEnum):
    """What a picture can be attached to."""

    POST = "post"
    GALLERY_CARD = "gallery_card"
    CARD = "card"


class ImageType(StrEnum):
    """The pictures we take."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    GIF = "image/gif"
    HEIC = "image/heic"
    HEIF = "image/heif"

    @property
    def stored_as(self) -> "ImageType":
        """Return the type a picture of this type is kept in.

        HEIC and HEIF become JPEG, for most browsers cannot show them; every other type stays.
        """
        return ImageType.JPEG if self in (ImageType.HEIC, ImageType.HEIF) else self

    @property
    def extension(self) -> str:
        """Return the file name extension of a stored picture of this type, without a dot."""
        return "jpg" if self.stored_as is ImageType.JPEG else self.value.removeprefix("image/")


class CardImageType(StrEnum):
    """The pictures we take for cards."""

    JPEG = ImageType.JPEG.value
    PNG = ImageType.PNG.value
    WEBP = ImageType.WEBP.value


class MediaNotFound(NotFound):
    """No such picture, or it was deleted."""

    def __init__(self) -> None:
        super().__init__("media")


class ObjectNotFound(NotFound):
    """The storage has no object under this key, or no longer."""

    def __init__(self) -> None:
        super().__init__("object")


class StorageUnavailable(Unavailable):
    """The object storage does not work."""

    def __init__(self) -> None:
        super().__init__("object_storage")


class SignatureInvalid(Forbidden):
    """The URL was not signed by us for this request."""

    message = "This URL is not valid for this request."
    reason = "signature_invalid"


class SignatureExpired(Forbidden):
    """The time of a signed URL is over."""

    message = "This URL has expired. Ask for a new one."
    reason = "signature_expired"


class UploadMissing(Conflict):
    """Confirmed before anything was uploaded."""

    message = "Nothing has been uploaded yet. PUT the file to the upload URL first."
    reason = "upload_missing"


class MediaNotConfirmed(InvalidState):
    """Only a checked picture can be attached."""

    message = "Confirm the upload before attaching it."
    reason = "media_not_confirmed"


class MediaAlreadyAttached(Conflict):
    """A picture belongs to one thing only."""

    message = "This picture already belongs to something else."
    reason = "media_already_attached"


class ImageRefused(ValidationFailed):
    """The uploaded bytes are not a picture we keep."""

    def __init__(self, message: str, kind: str = "invalid_image") -> None:
        super().__init__("file", message, kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaConfirmed(Event):
    """An upload was checked and counted."""

    aggregate: ClassVar[str] = "media"
    media_id: UUID
    owner_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaDeleted(Event):
    """A picture lost what it belonged to; its object goes when no other picture uses it."""

    aggregate: ClassVar[str] = "media"
    media_id: UUID
    owner_id: UUID
    object_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SamePictureFound(Event):
    """A card turned out to show the same picture as cards of other owners."""

    aggregate: ClassVar[str] = "card"
    card_id: UUID
    owner_id: UUID
    same_card_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedImage:
    """A picture after checking: re-encoded, with nothing in it but pixels."""

    data: bytes
    content_type: ImageType
    width: int
    height: int
    phash: int | None
    """64-bit perceptual hash, signed as the database keeps it; None for a picture without structure."""
    phash_mirror: int | None = None
    """The hash of the picture seen in a mirror."""


@dataclass(eq=False, kw_only=True)
class MediaAsset(Aggregate):
    """One picture of one owner; several may share an object when cards changed hands."""

    id: UUID
    owner_id: UUID
    object_key: str
    is_copy: bool
    content_type: str
    declared_bytes: int
    actual_bytes: int | None
    width: int | None
    height: int | None
    phash: int | None
    status: MediaStatus
    target_type: MediaTarget | None
    target_id: UUID | None
    position: int | None
    upload_expires_at: datetime
    confirmed_at: datetime | None
    deleted_at: datetime | None
    created_at: datetime
    updated_at: datetime
    phash_mirror: int | None = None
    same_picture_at: datetime | None = None
    """When cards of other owners were found to show the same picture."""
    purge_claimed_at: datetime | None = None
    """When a purge last set out to remove the object."""
    object_removed_at: datetime | None = None

    @classmethod
    def announce(
        cls,
        *,
        id: UUID,
        owner_id: UUID,
        content_type: ImageType,
        declared_bytes: int,
        lifetime: timedelta,
        now: datetime,
        card_id: UUID | None = None,
    ) -> "MediaAsset":
        """Create the record of an upload that may be made for ``lifetime`` from ``now``.

        A picture announced together with a card (``card_id``) is kept under the card's name.
        """
        folder, name = (MEDIA_FOLDER, id) if card_id is None else (CARD_FOLDER, card_id)
        return cls(
            id=id,
            owner_id=owner_id,
            object_key=f"{folder}{owner_id}/{name}.{content_type.extension}",
            is_copy=False,
            content_type=content_type.value,
            declared_bytes=declared_bytes,
            actual_bytes=None,
            width=None,
            height=None,
            phash=None,
            status=MediaStatus.PENDING,
            target_type=None,
            target_id=None,
            position=None,
            upload_expires_at=now + lifetime,
            confirmed_at=None,
            deleted_at=None,
            created_at=now,
            updated_at=now,
        )

    @property
    def is_confirmed(self) -> bool:
        """Tell whether the picture was checked and counted, attached or not."""
        return self.status in (MediaStatus.CONFIRMED, MediaStatus.ATTACHED)

    @property
    def is_of_a_card(self) -> bool:
        """Tell whether the picture was announced together with a card and is confirmed with it."""
        return self.object_key.startswith(CARD_FOLDER)

    def upload_ran_out(self, now: datetime) -> bool:
        """Tell whether the picture is still missing and its upload URL no longer works.

        Announced with a card, it no longer counts towards the cards of its day.
        """
        return self.status is MediaStatus.PENDING and self.upload_expires_at <= now

    def refuse_others(self, user_id: UUID) -> None:
        """Do nothing for the owner.

        :raises NotOwner: the picture belongs to somebody else.
        """
        if self.owner_id != user_id:
            raise NotOwner()

    def confirm(self, image: CheckedImage, *, uploaded_bytes: int, now: datetime) -> None:
        """Take over what checking found; quotas charge ``uploaded_bytes``, the size before cleaning."""
        self.content_type = image.content_type.value
        self.actual_bytes = uploaded_bytes
        self.width, self.height = image.width, image.height
        self.phash, self.phash_mirror = image.phash, image.phash_mirror
        self.status = MediaStatus.CONFIRMED
        self.confirmed_at = now
        self.record(MediaConfirmed(media_id=self.id, owner_id=self.owner_id))

    def attach(self, target_type: MediaTarget, target_id: UUID, *, position: int = 0) -> None:
        """Tie the picture to one thing; tying it to the same thing again changes nothing.

        :raises MediaNotConfirmed: it was not checked yet, or is gone.
        :raises MediaAlreadyAttached: it belongs to something else.
        """
        self.refuse_other_target(target_type, target_id)
        if self.status is MediaStatus.ATTACHED:
            return
        self.status = MediaStatus.ATTACHED
        self.target_type, self.target_id, self.position = target_type, target_id, position

    def refuse_other_target(self, target_type: MediaTarget, target_id: UUID) -> None:
        """Do nothing when the picture is free for this thing, or tied to it already.

        :raises MediaNotConfirmed: it was not checked yet, or is gone.
        :raises MediaAlreadyAttached: it belongs to something else.
        """
        if self.status is MediaStatus.ATTACHED:
            if (self.target_type, self.target_id) != (target_type, target_id):
                raise MediaAlreadyAttached()
        elif self.status is not MediaStatus.CONFIRMED:
            raise MediaNotConfirmed(status=self.status)

    def found_elsewhere(self, card_ids: Sequence[UUID], now: datetime) -> None:
        """Note that these cards of other owners show the picture, too; none is no news."""
        if card_ids and self.target_id is not None:
            self.same_picture_at = now
            self.record(
                SamePictureFound(
                    card_id=self.target_id, owner_id=self.owner_id, same_card_ids=tuple(card_ids)
                )
            )

    def copy_for(self, owner_id: UUID, card_id: UUID, *, id: UUID, now: datetime) -> "MediaAsset":
        """Return the picture of a card as its receiver has it: another record on the same object."""
        return MediaAsset(
            id=id,
            owner_id=owner_id,
            object_key=self.object_key,
            is_copy=True,
            content_type=self.content_type,
            declared_bytes=self.declared_bytes,
            actual_bytes=self.actual_bytes,
            width=self.width,
            height=self.height,
            phash=self.phash,
            phash_mirror=self.phash_mirror,
            status=MediaStatus.ATTACHED,
            target_type=MediaTarget.CARD,
            target_id=card_id,
            position=0,
            upload_expires_at=now,
            confirmed_at=now,
            deleted_at=None,
            created_at=now,
            updated_at=now,
        )

    def delete(self, now: datetime) -> None:
        """Untie the picture from everything; deleting it again changes nothing."""
        if self.status is MediaStatus.DELETED:
            return
        self.status = MediaStatus.DELETED
        self.target_type = self.target_id = self.position = None
        self.deleted_at = now
        self.record(MediaDeleted(media_id=self.id, owner_id=self.owner_id, object_key=self.object_key))

"""Cards of a person's binder: what they are, whether they may be swapped, and how they change hands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.errors import Conflict, InvalidState, NotFound, NotOwner
from kcardswap.domain.text import normalise

TEXT_FIELDS = ("idol", "idol_group", "album", "version")
TEXT_MAX_LENGTH = 100
NOTE_MAX_LENGTH = 500


class CardStatus(StrEnum):
    """What the owner lets happen to a card, or what a trade has made of it."""

    HELD = "held"
    AVAILABLE = "available"
    TRADING = "trading"
    TRADED = "traded"


class OwnersChoice(StrEnum):
    """What an owner can make of a card that is in no trade."""

    HELD = CardStatus.HELD.value
    AVAILABLE = CardStatus.AVAILABLE.value


class UploadStatus(StrEnum):
    """Whether the picture of a card has arrived and was checked."""

    PENDING = "pending"
    CONFIRMED = "confirmed"


class Rarity(StrEnum):
    """How rare a card is, as its owner or the catalog says."""

    COMMON = "common"
    RARE = "rare"
    EPIC = "epic"
    LEGENDARY = "legendary"


class Condition(StrEnum):
    """How well a card is preserved, best first."""

    MINT = "mint"
    NEAR_MINT = "near_mint"
    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


class CardNotFound(NotFound):
    """No such card, or it was deleted."""

    def __init__(self) -> None:
        super().__init__("card")


class PhotocardNotFound(NotFound):
    """The catalog has no such photocard."""

    def __init__(self) -> None:
        super().__init__("photocard")


class CardNotPending(InvalidState):
    """The card has its picture; another one needs another card."""

    message = "This card has its picture already."
    reason = "not_pending"


class CardInTrade(InvalidState):
    """A trade that is not finished has reserved the card."""

    message = "This card is reserved by a trade."
    reason = "card_in_trade"


class CardTraded(InvalidState):
    """The card was given away for good."""

    message = "This card has been given away in a trade."
    reason = "card_traded"


class CardUnavailable(Conflict):
    """Cards named for a swap are not free; ``card_ids`` in the details says which."""

    message = "A card of this swap is not available."
    reason = "card_unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardConfirmed(Event):
    """The picture of a card was checked; others can see the card now."""

    aggregate: ClassVar[str] = "card"
    card_id: UUID
    owner_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDeleted(Event):
    """The owner took a card out of the binder."""

    aggregate: ClassVar[str] = "card"
    card_id: UUID
    owner_id: UUID


@dataclass(eq=False, kw_only=True)
class Card(Aggregate):
    """One physical card of one person; there is no quantity."""

    id: UUID
    owner_id: UUID
    photocard_id: UUID | None
    idol: str | None
    idol_group: str | None
    album: str | None
    version: str | None
    idol_norm: str | None
    idol_group_norm: str | None
    album_norm: str | None
    rarity: Rarity | None
    condition: Condition | None
    note: str | None
    status: CardStatus
    media_asset_id: UUID | None
    size_bytes: int | None
    upload_status: UploadStatus
    upload_expires_at: datetime | None
    upload_confirmed_at: datetime | None
    acquired_trade_id: UUID | None
    deleted_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def announce(
        cls,
        *,
        id: UUID,
        owner_id: UUID,
        description: Mapping[str, Any],
        now: datetime,
        media_asset_id: UUID | None = None,
        upload_expires_at: datetime | None = None,
    ) -> "Card":
        """Create a card whose picture is still to be uploaded; nobody else sees it until then.

        ``description`` takes the keys of ``describe``. A card announced with its picture is purged when
        the upload does not come before ``upload_expires_at``; one without waits for it as long as it takes.
        """
        card = cls(
            id=id,
            owner_id=owner_id,
            photocard_id=None,
            idol=None,
            idol_group=None,
            album=None,
            version=None,
            idol_norm=None,
            idol_group_norm=None,
            album_norm=None,
            rarity=None,
            condition=None,
            note=None,
            status=CardStatus.AVAILABLE,
            media_asset_id=media_asset_id,
            size_bytes=None,
            upload_status=UploadStatus.PENDING,
            upload_expires_at=upload_expires_at,
            upload_confirmed_at=None,
            acquired_trade_id=None,
            deleted_at=None,
            created_at=now,
            updated_at=now,
        )
        card.describe(description)
        return card

    @property
    def is_confirmed(self) -> bool:
        """Tell whether the picture has arrived and was checked."""
        return self.upload_status is UploadStatus.CONFIRMED

    @property
    def is_swappable(self) -> bool:
        """Tell whether a trade may reserve the card: available, confirmed and not deleted."""
        return self.status is CardStatus.AVAILABLE and self.is_confirmed and self.deleted_at is None

    @property
    def texts(self) -> dict[str, str | None]:
        """Return what the owner calls the card, by the names of ``TEXT_FIELDS``."""
        return {name: getattr(self, name) for name in TEXT_FIELDS}

    def changes_texts(self, changes: Mapping[str, Any]) -> bool:
        """Tell whether ``changes`` would give the card another text."""
        return any(name in changes and changes[name] != text for name, text in self.texts.items())

    def refuse_others(self, user_id: UUID) -> None:
        """Do nothing for the owner.

        :raises NotOwner: the card belongs to somebody else.
        """
        if self.owner_id != user_id:
            raise NotOwner()

    def refuse_confirmed(self) -> None:
        """Do nothing for a card that waits for its picture.

        :raises CardNotPending: it has it.
        """
        if self.is_confirmed:
            raise CardNotPending(status=self.upload_status)

    def await_picture(self, media_asset_id: UUID, *, until: datetime) -> None:
        """Wait for another picture than before, which may be uploaded ``until`` then."""
        self.media_asset_id = media_asset_id
        if self.upload_expires_at is not None:
            self.upload_expires_at = until

    def confirm_upload(self, *, size_bytes: int, now: datetime) -> None:
        """Take the checked picture of ``size_bytes`` as uploaded: others see the card from now on."""
        self.upload_status = UploadStatus.CONFIRMED
        self.upload_confirmed_at = now
        self.size_bytes = size_bytes
        self.record(CardConfirmed(card_id=self.id, owner_id=self.owner_id))

    def edit(self, changes: Mapping[str, Any]) -> None:
        """Change what the owner says about the card; keys as in ``describe``.

        :raises CardInTrade: others agreed to swap it as it was described.
        :raises CardTraded: it is no longer theirs.
        """
        self._refuse_unless_at_rest()
        self.describe(changes)

    def describe(self, changes: Mapping[str, Any]) -> None:
        """Take over the given ones of photocard_id, the four texts, rarity, condition, note and status.

        The status is one of ``OwnersChoice``. A change of a text without a photocard breaks the link to
        the catalog: the old entry may name another card than the new text.
        """
        texts_changed = self.changes_texts(changes)
        for name in (*TEXT_FIELDS, "rarity", "condition", "note"):
            if name in changes:
                setattr(self, name, changes[name])
        if "photocard_id" in changes:
            self.photocard_id = changes["photocard_id"]
        elif texts_changed:
            self.photocard_id = None
        self.idol_norm = normalise(self.idol)
        self.idol_group_norm = normalise(self.idol_group)
        self.album_norm = normalise(self.album)
        if "status" in changes:
            self.status = CardStatus(OwnersChoice(changes["status"]))

    def reserve(self) -> None:
        """Keep the card for a trade that is not finished.

        :raises CardUnavailable: it is not swappable.
        """
        if not self.is_swappable:
            raise CardUnavailable(card_ids=[self.id])
        self.status = CardStatus.TRADING

    def release(self) -> None:
        """Give the card back to its owner's choice after its trade came to nothing."""
        if self.status is CardStatus.TRADING:
            self.status = CardStatus.AVAILABLE

    def give_away(self) -> None:
        """Mark the reserved card as given away, for good.

        :raises CardUnavailable: no trade has reserved it.
        """
        if self.status is not CardStatus.TRADING:
            raise CardUnavailable(card_ids=[self.id])
        self.status = CardStatus.TRADED

    def received_by(
        self, user_id: UUID, *, id: UUID, trade_id: UUID, media_asset_id: UUID | None, now: datetime
    ) -> "Card":
        """Return the card as it appears in the binder of ``user_id`` once ``trade_id`` is completed.

        It starts held, with the same photocard, texts, rarity and condition; the note was the giver's own.
        """
        return Card(
            id=id,
            owner_id=user_id,
            photocard_id=self.photocard_id,
            idol=self.idol,
            idol_group=self.idol_group,
            album=self.album,
            version=self.version,
            idol_norm=self.idol_norm,
            idol_group_norm=self.idol_group_norm,
            album_norm=self.album_norm,
            rarity=self.rarity,
            condition=self.condition,
            note=None,
            status=CardStatus.HELD,
            media_asset_id=media_asset_id,
            size_bytes=self.size_bytes,
            upload_status=UploadStatus.CONFIRMED,
            upload_expires_at=None,
            upload_confirmed_at=now,
            acquired_trade_id=trade_id,
            deleted_at=None,
            created_at=now,
            updated_at=now,
        )

    def delete(self, now: datetime) -> None:
        """Take the card out of the binder; trades that refer to it keep showing it.

        :raises CardInTrade: an unfinished trade has reserved it.
        """
        if self.status is CardStatus.TRADING:
            raise CardInTrade(status=self.status)
        self.deleted_at = now
        self.record(CardDeleted(card_id=self.id, owner_id=self.owner_id))

    def _refuse_unless_at_rest(self) -> None:
        if self.status is CardStatus.TRADING:
            raise CardInTrade(status=self.status)
        if self.status is CardStatus.TRADED:
            raise CardTraded(status=self.status)

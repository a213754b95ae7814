"""Repository of pictures."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, bindparam, delete, literal, or_, select, text, union_all
from sqlalchemy.dialects.postgresql import insert

from kcardswap.domain.media import MediaAsset, MediaNotFound, MediaStatus, MediaTarget
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.media import (
    MOST_SAME_PICTURES,
    media_assets,
    same_pictures,
    shows_same_picture,
)
from kcardswap.persistence.orm.trades import trade_items
from kcardswap.persistence.repositories.base import Repository

_one, _other = media_assets.alias("one"), media_assets.alias("other")
_SAME_PICTURE = (
    select(cards.c.id)
    .join_from(_one, _other, shows_same_picture(_one, _other))
    .join(cards, cards.c.id == _other.c.target_id)
    .where(_one.c.id == bindparam("media_id", type_=Uuid()), cards.c.deleted_at.is_(None))
    # By id alone the limit would tempt PostgreSQL to walk through all cards instead of the index of quarters.
    .order_by(cards.c.created_at, cards.c.id)
    .limit(MOST_SAME_PICTURES)
)
_received = trade_items.c.received_card_id
_KNOWN = union_all(
    select(
        trade_items.c.trade_id,
        _received.label("card_id"),
        same_pictures.c.other_card_id,
        same_pictures.c.found_at,
    ).join_from(trade_items, same_pictures, same_pictures.c.card_id == trade_items.c.card_id),
    select(trade_items.c.trade_id, _received, same_pictures.c.card_id, same_pictures.c.found_at).join_from(
        trade_items, same_pictures, same_pictures.c.other_card_id == trade_items.c.card_id
    ),
).subquery("known")
_PASS_ON = (
    insert(same_pictures)
    .from_select(
        ["card_id", "other_card_id", "found_at"],
        select(_KNOWN.c.card_id, _KNOWN.c.other_card_id, _KNOWN.c.found_at).where(
            _KNOWN.c.trade_id == bindparam("trade_id", type_=Uuid()), _KNOWN.c.card_id.is_not(None)
        ),
    )
    .on_conflict_do_nothing()
)
LOOKING = 21_069
"""The class of advisory locks under which pictures are compared, apart from all others."""
_LOCK_QUARTERS = text(
    "SELECT pg_advisory_xact_lock(:looking, quarter) FROM unnest(CAST(:quarters AS integer[])) AS quarter"
)


class MediaRepository(Repository[MediaAsset]):
    """Every picture, also deleted ones."""

    entity = MediaAsset
    table = media_assets
    missing = MediaNotFound

    def get_present(self, id: UUID, *, lock: bool = False) -> MediaAsset:
        """Return the picture with this id unless it was deleted, or the account of its owner was.

        :raises MediaNotFound: unknown or deleted.
        """
        is_there = media_assets.c.status != MediaStatus.DELETED
        return self._get_of_somebody(id, media_assets.c.owner_id, is_there, lock=lock)

    def attached_to_cards(self, card_ids: Iterable[UUID], *, lock: bool = False) -> dict[UUID, MediaAsset]:
        """Return the pictures attached to these cards, by card id, locked in id order."""
        statement = (
            select(MediaAsset)
            .where(
                media_assets.c.target_type == MediaTarget.CARD,
                media_assets.c.target_id.in_(sorted(set(card_ids))),
                media_assets.c.status == MediaStatus.ATTACHED,
            )
            .order_by(media_assets.c.id)
        )
        return {media.target_id: media for media in self._all(statement, lock=lock) if media.target_id}

    def attached_to_post(self, post_id: UUID) -> list[MediaAsset]:
        """Return the pictures of a post, locked in id order; the post is locked."""
        statement = (
            select(MediaAsset)
            .where(
                media_assets.c.target_type == MediaTarget.POST,
                media_assets.c.target_id == post_id,
                media_assets.c.status == MediaStatus.ATTACHED,
            )
            .order_by(media_assets.c.id)
        )
        return self._all(statement, lock=True)

    def on_key(self, object_key: str) -> list[MediaAsset]:
        """Return every picture that uses this object and is not deleted, locked in id order."""
        statement = (
            select(MediaAsset)
            .where(media_assets.c.object_key == object_key, media_assets.c.status != MediaStatus.DELETED)
            .order_by(media_assets.c.id)
        )
        return self._all(statement, lock=True)

    def cards_with_same_picture(self, media: MediaAsset) -> list[UUID]:
        """Return the cards of other owners that show the picture of this card, also mirrored, oldest first.

        No more than ``MOST_SAME_PICTURES`` of them.
        The picture has to be stored already. Of two that are confirmed at once the later sees the
        earlier: both take a lock, until their commits, on what every picture so similar shares.
        """
        if media.phash is None or media.phash_mirror is None:
            return []
        shared = sorted({*_quarters(media.phash), *_quarters(media.phash_mirror)})
        self.session.execute(_LOCK_QUARTERS, {"looking": LOOKING, "quarters": shared})
        return list(self.session.scalars(_SAME_PICTURE, {"media_id": media.id}))

    def note_same_picture(self, card_id: UUID, other_card_ids: Iterable[UUID], *, found_at: datetime) -> None:
        """Keep that a card shows the picture of these others."""
        pairs = [
            {"card_id": card_id, "other_card_id": other, "found_at": found_at} for other in other_card_ids
        ]
        if pairs:
            self.session.execute(insert(same_pictures).values(pairs).on_conflict_do_nothing())

    def pass_on_same_pictures(self, trade_id: UUID) -> None:
        """Let what is known of the cards of a trade hold for the cards their receivers got for them."""
        self.session.execute(_PASS_ON, {"trade_id": trade_id})

    def find_lapsed(self, *, before: datetime, limit: int) -> list[MediaAsset]:
        """Return pictures that never came and whose URL ended before this moment, locked.

        Those announced together with a card go with that card. What others have locked is left out.
        """
        card = select(literal(1)).where(
            cards.c.media_asset_id == media_assets.c.id, cards.c.upload_expires_at.is_not(None)
        )
        return self._claim(
            media_assets.c.upload_expires_at,
            media_assets.c.status == MediaStatus.PENDING,
            media_assets.c.upload_expires_at < before,
            ~card.exists(),
            limit=limit,
        )

    def find_unused(self, *, before: datetime, limit: int) -> list[MediaAsset]:
        """Return pictures checked before this moment that nothing shows, locked; not what others locked."""
        return self._claim(
            media_assets.c.confirmed_at,
            media_assets.c.status == MediaStatus.CONFIRMED,
            media_assets.c.confirmed_at < before,
            limit=limit,
        )

    def find_removable(self, *, claimed_before: datetime, limit: int) -> list[MediaAsset]:
        """Return deleted pictures whose objects may still be there, locked.

        Left out are those a purge claimed since ``claimed_before``, and what others have locked.
        """
        claimed_at = media_assets.c.purge_claimed_at
        return self._claim(
            media_assets.c.deleted_at,
            media_assets.c.status == MediaStatus.DELETED,
            media_assets.c.object_removed_at.is_(None),
            or_(claimed_at.is_(None), claimed_at < claimed_before),
            limit=limit,
        )

    def _claim(
        self, oldest_first: ColumnElement[datetime], *where: ColumnElement[bool], limit: int
    ) -> list[MediaAsset]:
        statement = select(MediaAsset).where(*where).order_by(oldest_first, media_assets.c.id).limit(limit)
        return self._all(
            statement.with_for_update(key_share=True, of=media_assets, skip_locked=True).execution_options(
                populate_existing=True
            )
        )

    def forget_deleted(self, *, before: datetime, limit: int) -> int:
        """Remove rows of pictures whose objects are gone and return how many.

        A picture that was checked still counts towards its day, so its row stays until it was deleted
        before this moment. What others have locked is left out.
        """
        over = (
            media_assets.c.status == MediaStatus.DELETED,
            media_assets.c.object_removed_at.is_not(None),
            or_(media_assets.c.confirmed_at.is_(None), media_assets.c.deleted_at < before),
        )
        ids = set(self.session.scalars(select(media_assets.c.id).where(*over).limit(limit)))
        # Removing a row also writes to the card that names it, and cards are locked before pictures.
        naming = select(cards.c.media_asset_id).where(cards.c.media_asset_id.in_(ids)).order_by(cards.c.id)
        named = set(self.session.scalars(naming))
        locked = set(self.session.scalars(naming.with_for_update(skip_locked=True)))
        free = ids - (named - locked)
        rows = select(media_assets.c.id).where(media_assets.c.id.in_(sorted(free)), *over)
        gone = list(self.session.scalars(rows.with_for_update(skip_locked=True)))
        self.session.execute(delete(media_assets).where(media_assets.c.id.in_(gone)))
        return len(gone)

    def keys_in_use(self, keys: Collection[str], *, awaited: bool = False) -> set[str]:
        """Return the keys among these that pictures use; ``awaited``: those of pictures still to come."""
        statement = select(media_assets.c.object_key).where(
            media_assets.c.object_key.in_(sorted(keys)), media_assets.c.status != MediaStatus.DELETED
        )
        if awaited:
            statement = statement.where(media_assets.c.status == MediaStatus.PENDING)
        return set(self.session.scalars(statement))


def _quarters(hash: int) -> list[int]:
    return [(hash >> shift & 0xFFFF) + place * 0x10000 for place, shift in enumerate((48, 32, 16, 0))]

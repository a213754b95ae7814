"""media_assets and same_pictures."""

from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Uuid,
    and_,
    cast,
    false,
    func,
    literal_column,
    or_,
    text,
)
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.sql.selectable import NamedFromClause

from kcardswap.domain.media import CARD_FOLDER, MediaAsset, MediaStatus, MediaTarget
from kcardswap.persistence.orm.base import (
    choice,
    id_column,
    mapper_registry,
    metadata,
    moment,
    one_of,
    reference,
    times,
)


def phash_bands(hash: str) -> ColumnElement[list[int]]:
    """Return the four quarters of a perceptual hash, each told from the others; ``hash`` is SQL.

    Two hashes that differ in at most three bits agree in at least one quarter, so an index of the
    quarters finds every picture that near.
    """
    quarters: ColumnElement[list[int]] = literal_column(
        f"(ARRAY[({hash} >> 48) & 65535::bigint, (({hash} >> 32) & 65535::bigint) + 65536,"
        f" (({hash} >> 16) & 65535::bigint) + 131072, ({hash} & 65535::bigint) + 196608])",
        ARRAY(BigInteger),  # type: ignore[arg-type]
    )
    return quarters


media_assets = Table(
    "media_assets",
    metadata,
    id_column(),
    reference("owner_id", "users.id", ondelete="RESTRICT"),
    Column("object_key", String(500), nullable=False),
    Column("is_copy", Boolean, nullable=False, server_default=false()),
    Column("content_type", String(100), nullable=False),
    Column("declared_bytes", BigInteger, nullable=False),
    Column("actual_bytes", BigInteger),
    Column("width", Integer),
    Column("height", Integer),
    Column("phash", BigInteger),
    Column("phash_mirror", BigInteger),
    moment("same_picture_at", nullable=True),
    choice("status", MediaStatus),
    choice("target_type", MediaTarget, nullable=True),
    # Three kinds of target, so no foreign key; what attaches or deletes a target does it here too.
    Column("target_id", Uuid),
    Column("position", SmallInteger),
    moment("upload_expires_at"),
    moment("confirmed_at", nullable=True),
    moment("deleted_at", nullable=True),
    moment("purge_claimed_at", nullable=True),
    moment("object_removed_at", nullable=True),
    *times(),
    one_of("status", MediaStatus),
    one_of("target_type", MediaTarget),
    CheckConstraint("declared_bytes >= 0", name="declared_bytes"),
    CheckConstraint("actual_bytes >= 0", name="actual_bytes"),
    CheckConstraint("(status = 'attached') = (target_id IS NOT NULL)", name="attached"),
    CheckConstraint(
        "(target_id IS NULL) = (target_type IS NULL) AND (target_id IS NULL) = (position IS NULL)",
        name="target",
    ),
    CheckConstraint(
        "status NOT IN ('confirmed', 'attached') OR (confirmed_at IS NOT NULL AND actual_bytes IS NOT NULL)",
        name="confirmed",
    ),
    CheckConstraint("(status = 'deleted') = (deleted_at IS NOT NULL)", name="deleted_at"),
    Index("ix_media_assets_object_key", "object_key"),
    Index(
        "ix_media_assets_phash_bands",
        phash_bands("phash"),
        postgresql_using="gin",
        postgresql_where=text("target_type = 'card'"),
    ),
)
Index(
    "uq_media_assets_object_key",
    media_assets.c.object_key,
    unique=True,
    postgresql_where=~media_assets.c.is_copy,
)
Index(
    "uq_media_assets_target_type_target_id_position",
    media_assets.c.target_type,
    media_assets.c.target_id,
    media_assets.c.position,
    unique=True,
    postgresql_where=media_assets.c.status == MediaStatus.ATTACHED.value,
)
Index("ix_media_assets_owner_id_created_at", media_assets.c.owner_id, media_assets.c.created_at.desc())
Index(
    "ix_media_assets_upload_expires_at",
    media_assets.c.upload_expires_at,
    postgresql_where=media_assets.c.status == MediaStatus.PENDING.value,
)
Index(
    "ix_media_assets_deleted_at",
    media_assets.c.deleted_at,
    postgresql_where=media_assets.c.status == MediaStatus.DELETED.value,
)
Index(
    "ix_media_assets_confirmed_at",
    media_assets.c.confirmed_at,
    postgresql_where=media_assets.c.status == MediaStatus.CONFIRMED.value,
)
Index(
    "ix_media_assets_same_picture_at_id",
    media_assets.c.same_picture_at.desc(),
    media_assets.c.id,
    postgresql_where=media_assets.c.same_picture_at.is_not(None),
)

same_pictures = Table(
    "same_pictures",
    metadata,
    # The card whose picture was found to be that of the other, which was there first.
    Column("card_id", Uuid, ForeignKey("cards.id", ondelete="CASCADE"), primary_key=True),
    Column("other_card_id", Uuid, ForeignKey("cards.id", ondelete="CASCADE"), primary_key=True),
    moment("found_at"),
    CheckConstraint("card_id <> other_card_id", name="two_cards"),
    Index("ix_same_pictures_other_card_id", "other_card_id"),
)

Moment = ColumnElement[datetime] | datetime


def counts_towards_day(begins_at: Moment, ends_at: Moment, now: Moment) -> ColumnElement[bool]:
    """Return which pictures count towards the cards of a day: those of own cards announced on it.

    Deleted ones count too; one that did not come before its upload URL ran out no longer does.
    """
    return and_(
        ~media_assets.c.is_copy,
        media_assets.c.object_key.startswith(CARD_FOLDER),
        media_assets.c.created_at >= begins_at,
        media_assets.c.created_at < ends_at,
        or_(media_assets.c.confirmed_at.is_not(None), media_assets.c.upload_expires_at > now),
    )


MOST_DIFFERENT_BITS = 3
"""Up to how many bits the hashes of one picture saved in different ways differ.

More would need more and shorter parts in the index, and reach unrelated pictures.
"""
MOST_SAME_PICTURES = 100
"""With how many cards one picture is told to be the same; the oldest count."""


def shows_same_picture(one: NamedFromClause, other: NamedFromClause) -> ColumnElement[bool]:
    """Return the condition that two of ``media_assets`` and its aliases show one picture to two owners.

    It may have been saved anew, scaled or mirrored. ``other`` is found over the index of the quarters.
    Pictures on one object are one card in the hands of several people and say nothing.
    """
    alike = [
        _differing_bits(other.c.phash, hash) <= MOST_DIFFERENT_BITS
        for hash in (one.c.phash, one.c.phash_mirror)
    ]
    quarters = phash_bands(f"{one.name}.phash").op("||")(phash_bands(f"{one.name}.phash_mirror"))
    return and_(
        phash_bands(f"{other.name}.phash").bool_op("&&")(quarters),
        or_(*alike),
        other.c.target_type == MediaTarget.CARD,
        other.c.status == MediaStatus.ATTACHED,
        other.c.owner_id != one.c.owner_id,
        other.c.object_key != one.c.object_key,
    )


def _differing_bits(a: ColumnElement[int], b: ColumnElement[int]) -> ColumnElement[int]:
    return func.bit_count(cast(a.bitwise_xor(b), BIT(64)), type_=Integer)


def map_media() -> None:
    """Map the picture onto its table."""
    mapper_registry.map_imperatively(MediaAsset, media_assets)

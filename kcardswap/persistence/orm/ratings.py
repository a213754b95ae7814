"""ratings and rating_totals."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)

from kcardswap.domain.ratings import COMMENT_MAX_LENGTH, Rating
from kcardswap.persistence.orm.base import id_column, mapper_registry, metadata, moment, reference

ratings = Table(
    "ratings",
    metadata,
    id_column(),
    reference("rater_id", "users.id", ondelete="RESTRICT"),
    reference("rated_user_id", "users.id", ondelete="RESTRICT"),
    reference("trade_id", "trades.id", ondelete="RESTRICT", nullable=True),
    Column("score", SmallInteger, nullable=False),
    Column("comment", String(COMMENT_MAX_LENGTH)),
    moment("created_at"),
    # Ratings among friends have no trade, so none of them equals another here.
    UniqueConstraint("trade_id", "rater_id", "rated_user_id"),
    CheckConstraint("rater_id <> rated_user_id", name="two_people"),
    CheckConstraint("score BETWEEN 1 AND 5", name="score"),
    Index("ix_ratings_rater_id", "rater_id"),
)
Index(
    "uq_ratings_rater_id_rated_user_id",
    ratings.c.rater_id,
    ratings.c.rated_user_id,
    unique=True,
    postgresql_where=ratings.c.trade_id.is_(None),
)
Index(
    "ix_ratings_rated_user_id_created_at_id",
    ratings.c.rated_user_id,
    ratings.c.created_at.desc(),
    ratings.c.id,
)

# An average over the ratings themselves would read all of them, on every profile and beside every name of
# a list. No row is no rating.
rating_totals = Table(
    "rating_totals",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("ratings", BigInteger, nullable=False),
    Column("score_sum", BigInteger, nullable=False),
    CheckConstraint("ratings > 0", name="ratings"),
    CheckConstraint("score_sum BETWEEN ratings AND 5 * ratings", name="score_sum"),
)


def map_ratings() -> None:
    """Map the rating onto its table."""
    mapper_registry.map_imperatively(Rating, ratings)

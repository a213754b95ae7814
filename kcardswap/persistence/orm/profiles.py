"""profiles."""

from sqlalchemy import Boolean, CheckConstraint, Column, Index, String, Table, UniqueConstraint, text, true
from sqlalchemy.dialects.postgresql import JSONB

from kcardswap.domain.profiles import Profile
from kcardswap.persistence.orm.base import id_column, mapper_registry, metadata, reference, times


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=true())


profiles = Table(
    "profiles",
    metadata,
    id_column(),
    reference("user_id", "users.id", ondelete="CASCADE"),
    Column("nickname", String(100)),
    Column("nickname_norm", String(200)),
    Column("avatar_url", String(2048)),
    Column("bio", String(1000)),
    Column("region", String(100)),
    _flag("swaps_in_person"),
    _flag("swaps_by_mail"),
    Column("preferences", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    _flag("nearby_visible"),
    _flag("show_online"),
    _flag("allow_stranger_chat"),
    _flag("show_wishlist"),
    *times(),
    UniqueConstraint("user_id"),
    CheckConstraint("avatar_url ~ '^https?://'", name="avatar_url"),
    CheckConstraint("swaps_in_person OR swaps_by_mail", name="swap_modes"),
    CheckConstraint("jsonb_typeof(preferences) = 'object'", name="preferences_object"),
    Index("ix_profiles_nickname_norm", "nickname_norm", postgresql_ops={"nickname_norm": "text_pattern_ops"}),
)


def map_profiles() -> None:
    """Map the profile onto its table."""
    mapper_registry.map_imperatively(Profile, profiles)

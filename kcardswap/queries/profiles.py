"""Profiles: one's own, and what others may see of one."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    Uuid,
    bindparam,
    case,
    false,
    func,
    null,
    select,
    true,
)

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.profiles import SwapMode
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.persistence.orm.trades import trade_participants
from kcardswap.queries.ratings import average_score_of, total_ratings_of
from kcardswap.queries.visibility import visible_to

ONLINE_FOR = timedelta(minutes=5)
"""How long after their last request somebody still counts as online."""


class OwnProfile(NamedTuple):
    """A profile as its owner sees it."""

    id: UUID
    user_id: UUID
    nickname: str | None
    avatar_url: str | None
    bio: str | None
    region: str | None
    swaps_in_person: bool
    swaps_by_mail: bool
    preferences: Mapping[str, Any]
    nearby_visible: bool
    show_online: bool
    allow_stranger_chat: bool
    show_wishlist: bool
    created_at: datetime
    updated_at: datetime

    @property
    def swap_modes(self) -> list[SwapMode]:
        """Return how the person swaps."""
        return _swap_modes(self.swaps_in_person, self.swaps_by_mail)

    @property
    def privacy_flags(self) -> dict[str, bool]:
        """Return the four switches together."""
        return {
            "nearby_visible": self.nearby_visible,
            "show_online": self.show_online,
            "allow_stranger_chat": self.allow_stranger_chat,
            "show_wishlist": self.show_wishlist,
        }

    @property
    def stealth_mode(self) -> bool:
        """Tell whether the person is hidden from searches nearby."""
        return not self.nearby_visible


class PublicProfile(NamedTuple):
    """A profile as others see it; ``is_online`` is None when the person hides it."""

    id: UUID
    user_id: UUID
    nickname: str | None
    avatar_url: str | None
    bio: str | None
    region: str | None
    swaps_in_person: bool
    swaps_by_mail: bool
    is_online: bool | None
    average_score: float
    total_ratings: int
    completed_trades: int
    created_at: datetime
    updated_at: datetime

    @property
    def swap_modes(self) -> list[SwapMode]:
        """Return how the person swaps."""
        return _swap_modes(self.swaps_in_person, self.swaps_by_mail)


def _swap_modes(in_person: bool, by_mail: bool) -> list[SwapMode]:
    offered = {SwapMode.IN_PERSON: in_person, SwapMode.MAIL: by_mail}
    return [mode for mode in SwapMode if offered[mode]]


def completed_trades_of(user_id: ColumnElement[UUID]) -> ScalarSelect[int]:
    """Return the number of swaps this person finished, as a column of the surrounding select."""
    return (
        select(func.count())
        .select_from(trade_participants)
        .where(trade_participants.c.user_id == user_id, trade_participants.c.completed_at.is_not(None))
        .correlate_except(trade_participants)
        .scalar_subquery()
    )


def online(now: ColumnElement[datetime]) -> ColumnElement[bool | None]:
    """Return whether the person of ``users`` and ``profiles`` was here lately; null when they hide it."""
    seen_lately = func.coalesce(users.c.last_seen_at >= now - ONLINE_FOR, false())
    return case((func.coalesce(profiles.c.show_online, true()), seen_lately), else_=null())


_OWN = select(*(profiles.c[name] for name in OwnProfile._fields)).where(
    profiles.c.user_id == bindparam("user_id", type_=Uuid())
)

# Accounts made by operators may have no profile row yet: they read as the blank profile they start with.
_PUBLIC = (
    select(
        func.coalesce(profiles.c.id, users.c.id),
        users.c.id,
        profiles.c.nickname,
        profiles.c.avatar_url,
        profiles.c.bio,
        profiles.c.region,
        func.coalesce(profiles.c.swaps_in_person, true()),
        func.coalesce(profiles.c.swaps_by_mail, true()),
        online(bindparam("now", type_=users.c.last_seen_at.type)),
        average_score_of(users.c.id),
        total_ratings_of(users.c.id),
        completed_trades_of(users.c.id),
        func.coalesce(profiles.c.created_at, users.c.created_at),
        func.coalesce(profiles.c.updated_at, users.c.updated_at),
    )
    .select_from(users.outerjoin(profiles))
    .where(
        users.c.id == bindparam("user_id", type_=Uuid()),
        visible_to(bindparam("viewer_id", type_=Uuid())),
    )
)


def find_own(connection: Connection, *, user_id: UUID) -> OwnProfile | None:
    """Return somebody's own profile, or None when it was not made yet."""
    row = connection.execute(_OWN, {"user_id": user_id}).one_or_none()
    return None if row is None else OwnProfile(*row)


def public(connection: Connection, *, user_id: UUID, viewer_id: UUID, now: datetime) -> PublicProfile:
    """Return what ``viewer_id`` may see of somebody at ``now``.

    :raises UserNotFound: unknown, deleted, or the viewer was blocked by them.
    """
    row = connection.execute(_PUBLIC, {"user_id": user_id, "viewer_id": viewer_id, "now": now}).one_or_none()
    if row is None:
        raise UserNotFound()
    return PublicProfile(*row)

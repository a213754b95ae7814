"""Wishlists: one's own, and those people show."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Uuid, bindparam, func, literal, or_, select, true

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.cards import TEXT_MAX_LENGTH, Condition
from kcardswap.domain.wishlist import WishlistPrivate, WishNotFound
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.queries.catalog import PHOTOCARD_COLUMNS, PHOTOCARD_TEXTS, PHOTOCARDS_WITH_PARTS, PhotocardRow
from kcardswap.queries.keyset import ROWS_AT_ONCE, Page, PageRequest, SortKey, fetch_page
from kcardswap.queries.visibility import visible_to


class WishRow(NamedTuple):
    """One wish and the photocard it is for; priority 1 is wanted most."""

    id: UUID
    user_id: UUID
    priority: int
    min_condition: Condition | None
    note: str | None
    created_at: datetime
    updated_at: datetime
    photocard: PhotocardRow


_WISH_COLUMNS = tuple(wishlist_items.c[name] for name in WishRow._fields[:-1])
_MOST_WANTED_FIRST = (
    SortKey(wishlist_items.c.priority),
    SortKey(wishlist_items.c.created_at, descending=True),
    SortKey(wishlist_items.c.id),
)
_WISHES = select(*_WISH_COLUMNS, *PHOTOCARD_COLUMNS).select_from(
    # Every wish has its photocard. As an outer join, counting wishes need not look for it.
    wishlist_items.outerjoin(PHOTOCARDS_WITH_PARTS, photocards.c.id == wishlist_items.c.photocard_id)
)
_OWN_WISH = _WISHES.where(
    wishlist_items.c.id == bindparam("wish_id", type_=Uuid()),
    wishlist_items.c.user_id == bindparam("user_id", type_=Uuid()),
)


def _wish(*columns: Any) -> WishRow:
    width = len(_WISH_COLUMNS)
    photocard = PhotocardRow(*columns[width:])
    return WishRow._make((*columns[:width], photocard))


def own_wish(connection: Connection, *, wish_id: UUID, user_id: UUID) -> WishRow:
    """Return one wish of somebody.

    :raises WishNotFound: unknown, or somebody else's.
    """
    row = connection.execute(_OWN_WISH, {"wish_id": wish_id, "user_id": user_id}).one_or_none()
    if row is None:
        raise WishNotFound()
    return _wish(*row)


def own_wishlist(
    connection: Connection, *, user_id: UUID, priority: int | None, page: PageRequest
) -> Page[WishRow]:
    """Return a page of somebody's own wishes, most wanted and newest first; all priorities for None."""
    statement = _WISHES.where(wishlist_items.c.user_id == user_id)
    if priority is not None:
        statement = statement.where(wishlist_items.c.priority == priority)
    return fetch_page(connection, statement, sort=_MOST_WANTED_FIRST, page=page, make_row=_wish)


class WishLine(NamedTuple):
    """One wish as a line of a spreadsheet."""

    photocard_id: UUID
    idol_group: str | None
    idol: str | None
    album: str | None
    version: str | None
    priority: int
    min_condition: Condition | None
    note: str | None


_LINES = _WISHES.with_only_columns(
    photocards.c.id.label("photocard_id"),
    # The catalog has longer names than importing takes.
    *(func.left(text, TEXT_MAX_LENGTH).label(name) for name, text in PHOTOCARD_TEXTS.items()),
    *(wishlist_items.c[name] for name in ("priority", "min_condition", "note")),
).where(wishlist_items.c.user_id == bindparam("user_id", type_=Uuid()))


def whole_wishlist(
    connection: Connection, *, user_id: UUID, priority: int | None, each: Callable[[WishLine], object]
) -> None:
    """Hand every wish of ``own_wishlist`` to ``each``, never holding more than a few hundred of them."""
    statement = _LINES if priority is None else _LINES.where(wishlist_items.c.priority == priority)
    ordered = statement.order_by(*(key.ordered for key in _MOST_WANTED_FIRST))
    rows = connection.execute(ordered.execution_options(yield_per=ROWS_AT_ONCE), {"user_id": user_id})
    for row in rows.mappings():
        each(WishLine(**row))


def wishlist_of(
    connection: Connection, *, user_id: UUID, viewer_id: UUID, page: PageRequest
) -> Page[WishRow]:
    """Return a page of the wishes somebody shows, most wanted and newest first; everybody sees their own.

    :raises UserNotFound: unknown, deleted, or the viewer was blocked by them.
    :raises WishlistPrivate: they keep their wishlist to themselves.
    """
    shown = _person(wishlist_items.c.user_id, viewer_id).where(_shows_wishlist_to(viewer_id))
    statement = _WISHES.where(wishlist_items.c.user_id == user_id, shown.correlate(wishlist_items).exists())
    found = fetch_page(connection, statement, sort=_MOST_WANTED_FIRST, page=page, make_row=_wish)
    if not found.rows and not found.total:
        # Only an empty list has to be told from one that is not shown.
        _refuse_unless_shown(connection, user_id, viewer_id)
    return found


def _person(user_id: ColumnElement[UUID] | UUID, viewer_id: UUID) -> Any:
    people = users.outerjoin(profiles, profiles.c.user_id == users.c.id)
    return select(literal(1)).select_from(people).where(users.c.id == user_id, visible_to(viewer_id))


def _shows_wishlist_to(viewer_id: UUID) -> ColumnElement[bool]:
    return or_(users.c.id == viewer_id, func.coalesce(profiles.c.show_wishlist, true()))


def _refuse_unless_shown(connection: Connection, user_id: UUID, viewer_id: UUID) -> None:
    shown = connection.scalar(_person(user_id, viewer_id).with_only_columns(_shows_wishlist_to(viewer_id)))
    if shown is None:
        raise UserNotFound()
    if not shown:
        raise WishlistPrivate()

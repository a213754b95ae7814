"""Finding photocards, and one of them with how many people have and want it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Uuid,
    bindparam,
    case,
    false,
    func,
    select,
    union_all,
)

from kcardswap.domain.cards import PhotocardNotFound
from kcardswap.domain.catalog import PhotocardStatus
from kcardswap.persistence.orm.cards import cards, is_had
from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.queries.catalog import PHOTOCARD_COLUMNS, PHOTOCARDS_WITH_PARTS, PhotocardRow
from kcardswap.queries.keyset import Details, Page, PageRequest, SortKey, fetch_page
from kcardswap.queries.search import contains_all, nearly_all, whole_words, words_of
from kcardswap.queries.visibility import person_is_gone, person_is_suspended

FILTERS = ("group_id", "member_id", "release_id", "status")

_NEWEST_FIRST = (SortKey(photocards.c.created_at, descending=True), SortKey(photocards.c.id))
_DETAILS = Details(
    PHOTOCARD_COLUMNS,
    lambda source, page: source.outerjoin(PHOTOCARDS_WITH_PARTS, photocards.c.id == page.c.id),
)


def photocards_found(
    connection: Connection, *, filters: Mapping[str, Any], q: str | None, page: PageRequest
) -> Page[PhotocardRow]:
    """Return a page of the photocards that stand for themselves.

    ``filters`` may hold group_id, member_id, release_id and status; None filters nothing. Without ``q``
    the newest come first. With it, photocards whose names hold all its words, or when there are none, those
    whose names are nearly like them: verified ones first, then whole words before parts of words, then
    those with fewer other names.
    """
    words = None if q is None else words_of(q)
    statement, sort = _newest(filters) if words is None else _search(words, filters)
    return fetch_page(connection, statement, sort=sort, page=page, make_row=PhotocardRow, details=_DETAILS)


def _filtered(filters: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    given = [photocards.c[name] == filters[name] for name in FILTERS if filters.get(name) is not None]
    return [photocards.c.status != PhotocardStatus.MERGED, *given]


def _newest(filters: Mapping[str, Any]) -> tuple[Select[Any], tuple[SortKey, ...]]:
    return select(photocards.c.id).where(*_filtered(filters)), _NEWEST_FIRST


def _search(words: list[str], filters: Mapping[str, Any]) -> tuple[Select[Any], tuple[SortKey, ...]]:
    text = photocards.c.search_text
    ranked = _ranked(words, filters) if words else _ranked(words, filters).where(false())
    exact = ranked.where(contains_all(text, words)).cte("exact")
    near = ranked.where(~select(exact.c.id).exists(), nearly_all(text, words)).cte("near")
    # Both are used twice, for counting and for the page, and therefore run once.
    found = union_all(select(exact), select(near)).subquery("found")
    sort = (
        SortKey(found.c.rank),
        SortKey(found.c.whole, descending=True),
        SortKey(found.c.size),
        SortKey(found.c.id),
    )
    return select(found.c.id), sort


def _ranked(words: list[str], filters: Mapping[str, Any]) -> Select[Any]:
    # Of texts that hold the same words the shorter is the more similar one. Asking similarity() itself
    # costs 15 us a row, more than finding it.
    return select(
        photocards.c.id,
        case((photocards.c.status == PhotocardStatus.VERIFIED, 0), else_=1).label("rank"),
        whole_words(photocards.c.search_text, words).label("whole"),
        func.octet_length(photocards.c.search_text).label("size"),
    ).where(*_filtered(filters))


class PhotocardCounts(NamedTuple):
    """A photocard and how many cards people have and how many people want it."""

    photocard: PhotocardRow
    have_count: int
    want_count: int


_now = bindparam("now", type_=photocards.c.created_at.type)


def _counted(person: ColumnElement[UUID], *where: ColumnElement[bool]) -> ColumnElement[int]:
    gone = person_is_gone(person)
    counting = select(func.count()).where(*where, ~gone, ~person_is_suspended(person, _now))
    return counting.correlate(photocards).scalar_subquery()


_asked = photocards.alias("asked")
_ONE = (
    select(
        *PHOTOCARD_COLUMNS,
        _counted(cards.c.owner_id, cards.c.photocard_id == photocards.c.id, is_had),
        _counted(wishlist_items.c.user_id, wishlist_items.c.photocard_id == photocards.c.id),
    )
    .select_from(PHOTOCARDS_WITH_PARTS)
    .where(
        photocards.c.id
        == select(func.coalesce(_asked.c.merged_into_id, _asked.c.id))
        .where(_asked.c.id == bindparam("photocard_id", type_=Uuid()))
        .scalar_subquery()
    )
)


def photocard(connection: Connection, *, photocard_id: UUID, now: datetime) -> PhotocardCounts:
    """Return the photocard an id stands for, with the cards and wishes of people who are active.

    :raises PhotocardNotFound: there is no such photocard.
    """
    row = connection.execute(_ONE, {"photocard_id": photocard_id, "now": now}).one_or_none()
    if row is None:
        raise PhotocardNotFound()
    return PhotocardCounts(PhotocardRow(*row[:-2]), *row[-2:])

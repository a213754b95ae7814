"""Finding photocards, and one of them with how many people have and want it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Select,
    Uuid,
    bindparam,
    case,
    false,
    func,
    literal_column,
    select,
    tuple_,
    union_all,
)

from kcardswap.domain.cards import PhotocardNotFound
from kcardswap.domain.catalog import PhotocardStatus
from kcardswap.persistence.orm.cards import cards, is_had
from kcardswap.persistence.orm.catalog import PENDING_PLACE, photocard_texts, photocards
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.queries.catalog import PHOTOCARD_COLUMNS, PHOTOCARDS_WITH_PARTS, PhotocardRow
from kcardswap.queries.keyset import Details, Page, PageRequest, SortKey, fetch_page
from kcardswap.queries.search import holds_all, may_be_misspelt, nearly_all, whole_words, words_of
from kcardswap.queries.visibility import person_is_gone, person_is_suspended

WHOLE_WORD = 50_000
"""More than the longest text adds to a place. Eight times this is less than what pending ones come behind."""
PARTS = ("group_id", "member_id", "release_id")
FILTERS = (*PARTS, "status")

_text, _whole = photocard_texts.c, photocard_texts.alias("whole").c
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
    statement, sort, total = _newest(filters) if q is None else _search(words_of(q), filters, page)
    return fetch_page(
        connection,
        statement,
        sort=sort,
        page=page,
        make_row=PhotocardRow,
        details=_DETAILS,
        total=total,
    )


_Asked = tuple[Select[Any], tuple[SortKey, ...], ColumnElement[int] | None]
"""The ids of photocards, their order, and how many there are where the ids are not all of them."""


def _newest(filters: Mapping[str, Any]) -> _Asked:
    given = [photocards.c[name] == filters[name] for name in FILTERS if filters.get(name) is not None]
    standing = select(photocards.c.id).where(photocards.c.status != PhotocardStatus.MERGED, *given)
    return standing, _NEWEST_FIRST, None


def _search(words: Sequence[str], filters: Mapping[str, Any], page: PageRequest) -> _Asked:
    """Return what ``words`` find.

    Of a common word most pages are full of verified photocards that have it as a whole word. An index
    leads to those, so only when they do not fill the page the others are compared with them. All are
    counted either way, but rows that are only counted cost half.
    """
    if not words:
        return select(photocards.c.id).where(false()), _NEWEST_FIRST, None
    # One row more than the page has says whether there is a next one.
    wanted: ColumnElement[int] = literal_column(str(page.offset + page.limit + 1))
    fits = [holds_all(_text.text, words), *_meeting(_text, filters)]
    best = _once(_first(_best(words, filters), page, wanted), "best")
    is_full = select(func.count()).select_from(best).scalar_subquery() >= wanted
    ranked = select(_text.photocard_id.label("id"), _placed(words, filters).label("place")).where(~is_full)
    exact = _once(ranked.where(*fits), "exact")
    is_asked = (~select(exact.c.id).exists(), may_be_misspelt(words))
    near = _once(ranked.where(*is_asked, nearly_all(_text.text, words), *_meeting(_text, filters)), "near")
    found = union_all(
        select(best).where(is_full),
        *(select(_first(select(each), page, wanted).subquery()) for each in (exact, near)),
    ).subquery("found")
    total = case(
        (is_full, select(func.count()).where(*fits).select_from(photocard_texts).scalar_subquery()),
        else_=_count(exact) + _count(near),
    )
    return select(found.c.id), (SortKey(found.c.place), SortKey(found.c.id)), total


def _once(statement: Select[Any], name: str) -> CTE:
    # Used for counting and for the page, and therefore run once.
    return statement.cte(name).prefix_with("MATERIALIZED")


def _count(found: CTE) -> ColumnElement[int]:
    return select(func.count()).select_from(found).scalar_subquery()


def _first(found: Select[Any], page: PageRequest, wanted: ColumnElement[int]) -> Select[Any]:
    """Return those of the found ids and places that can be on the page."""
    id, place = found.selected_columns
    if page.after is not None:
        found = found.where(tuple_(place, id) > tuple_(*page.after))
    return found.order_by(place, id).limit(wanted)


def _best(words: Sequence[str], filters: Mapping[str, Any]) -> Select[Any]:
    """Return the verified photocards that have all the words as whole words."""
    place = _text.place - WHOLE_WORD * len(words)
    best = select(_text.photocard_id.label("id"), place.label("place"))
    if filters.get("status") == PhotocardStatus.PENDING:
        return best.where(false())
    return best.where(whole_words(_text.text, words), _text.place < PENDING_PLACE, *_meeting(_text, filters))


def _placed(words: Sequence[str], filters: Mapping[str, Any]) -> ColumnElement[int]:
    """Return where a photocard comes: one more whole word counts more than any number of other names."""
    place: ColumnElement[int] = _text.place
    for word in words:
        place = place - case((_is_whole(word, words, filters), WHOLE_WORD), else_=0)
    return place


def _is_whole(word: str, words: Sequence[str], filters: Mapping[str, Any]) -> ColumnElement[bool]:
    if len(words) > 1:
        # What holds several words are few texts, while one word of them can be in very many.
        return _text.text.like(f"% {word} %")
    # A set that is looked up. Searching the text again would cost as much as finding it.
    having = select(_whole.photocard_id).where(whole_words(_whole.text, [word]))
    return _text.photocard_id.in_(having.where(*_meeting(_whole, filters)))


def _meeting(text: Any, filters: Mapping[str, Any]) -> Iterator[ColumnElement[bool]]:
    for name in PARTS:
        if filters.get(name) is not None:
            yield text[name] == filters[name]
    if filters.get("status") is not None:
        is_verified = filters["status"] == PhotocardStatus.VERIFIED
        yield text.place < PENDING_PLACE if is_verified else text.place >= PENDING_PLACE


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

"""Binders: one's own, what others see of them, and how much of the day's limits is used."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Uuid, and_, bindparam, func, literal, select

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.cards import TEXT_MAX_LENGTH, CardNotFound, CardStatus, Condition, Rarity, UploadStatus
from kcardswap.domain.media import MediaStatus
from kcardswap.domain.quotas import MIB, LimitKey, Period, limit
from kcardswap.domain.text import normalise
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.cards import cards, counts_as_storage, is_swappable
from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.orm.media import counts_towards_day, media_assets
from kcardswap.queries.catalog import PHOTOCARD_TEXTS, PHOTOCARDS_WITH_PARTS
from kcardswap.queries.keyset import ROWS_AT_ONCE, Page, PageRequest, SortKey, fetch_page
from kcardswap.queries.subscriptions import plan_of
from kcardswap.queries.visibility import visible_to


class CardRow(NamedTuple):
    """One card; ``object_key`` names its picture in the storage, None as long as there is none to show."""

    id: UUID
    owner_id: UUID
    photocard_id: UUID | None
    idol: str | None
    idol_group: str | None
    album: str | None
    version: str | None
    rarity: Rarity | None
    condition: Condition | None
    note: str | None
    status: CardStatus
    size_bytes: int | None
    upload_status: UploadStatus
    acquired_trade_id: UUID | None
    created_at: datetime
    updated_at: datetime
    object_key: str | None


class CardSort(StrEnum):
    """The orders a binder can be read in."""

    NEWEST = "newest"
    OLDEST = "oldest"
    UPDATED = "updated"


CARD_COLUMNS = (*(cards.c[name] for name in CardRow._fields[:-1]), media_assets.c.object_key)
"""The columns of a CardRow, to be selected from ``CARDS_WITH_PICTURES``."""
CARDS_WITH_PICTURES = cards.outerjoin(
    media_assets,
    and_(media_assets.c.id == cards.c.media_asset_id, media_assets.c.status == MediaStatus.ATTACHED),
)

_SORTS = {
    # Newest and oldest follow one index in its two directions.
    CardSort.NEWEST: (SortKey(cards.c.created_at, descending=True), SortKey(cards.c.id)),
    CardSort.OLDEST: (SortKey(cards.c.created_at), SortKey(cards.c.id, descending=True)),
    CardSort.UPDATED: (SortKey(cards.c.updated_at, descending=True), SortKey(cards.c.id)),
}
_CARDS = select(*CARD_COLUMNS).select_from(CARDS_WITH_PICTURES)
_TOLD_CARDS = select(
    *(
        # The catalog has longer names than cards, and importing takes the words of cards.
        func.coalesce(column, func.left(PHOTOCARD_TEXTS[column.key], TEXT_MAX_LENGTH))
        if column.key in PHOTOCARD_TEXTS
        else column
        for column in CARD_COLUMNS
    )
).select_from(CARDS_WITH_PICTURES.outerjoin(PHOTOCARDS_WITH_PARTS, photocards.c.id == cards.c.photocard_id))
_OWN_CARD = _CARDS.where(
    cards.c.id == bindparam("card_id", type_=Uuid()),
    cards.c.owner_id == bindparam("owner_id", type_=Uuid()),
    cards.c.deleted_at.is_(None),
)


def own_card(connection: Connection, *, card_id: UUID, owner_id: UUID) -> CardRow:
    """Return one card of its owner.

    :raises CardNotFound: unknown, deleted or somebody else's.
    """
    row = connection.execute(_OWN_CARD, {"card_id": card_id, "owner_id": owner_id}).one_or_none()
    if row is None:
        raise CardNotFound()
    return CardRow(*row)


def binder(
    connection: Connection, *, owner_id: UUID, filters: Mapping[str, Any], sort: CardSort, page: PageRequest
) -> Page[CardRow]:
    """Return a page of somebody's own cards, also unconfirmed and traded ones.

    ``filters`` may hold status, rarity, photocard_id (equal) and idol, idol_group, album (compared as
    normalised text); None filters nothing.
    """
    statement = _CARDS.where(cards.c.owner_id == owner_id, cards.c.deleted_at.is_(None), *_filtered(filters))
    return fetch_page(connection, statement, sort=_SORTS[sort], page=page, make_row=CardRow)


def whole_binder(
    connection: Connection,
    *,
    owner_id: UUID,
    filters: Mapping[str, Any],
    sort: CardSort,
    each: Callable[[CardRow], object],
) -> None:
    """Hand every row of ``binder`` to ``each``, never holding more than a few hundred of them.

    What a card does not say itself is told by its photocard: a file has to make sense to people, and in
    another catalog.
    """
    mine = (cards.c.owner_id == owner_id, cards.c.deleted_at.is_(None))
    ordered = _TOLD_CARDS.where(*mine, *_filtered(filters)).order_by(*(key.ordered for key in _SORTS[sort]))
    for row in connection.execute(ordered.execution_options(yield_per=ROWS_AT_ONCE)):
        each(CardRow(*row))


def cards_of(
    connection: Connection, *, owner_id: UUID, viewer_id: UUID, filters: Mapping[str, Any], page: PageRequest
) -> Page[CardRow]:
    """Return a page of the cards somebody offers, newest first; ``filters`` as in ``binder``.

    :raises UserNotFound: unknown, deleted, or the viewer was blocked by them.
    """
    statement = _CARDS.where(
        cards.c.owner_id == owner_id, is_swappable, is_open_to(viewer_id), *_filtered(filters)
    )
    found = fetch_page(connection, statement, sort=_SORTS[CardSort.NEWEST], page=page, make_row=CardRow)
    if not found.rows and not found.total:
        # Only an empty list has to be told from a person who is not there.
        _require_person(connection, owner_id, viewer_id)
    return found


def is_open_to(viewer_id: UUID) -> ColumnElement[bool]:
    """Return the condition that the viewer may see the binder of the card's owner."""
    present = select(literal(1)).select_from(users).where(_may_be_seen(cards.c.owner_id, viewer_id))
    return present.correlate(cards).exists()


def _may_be_seen(person: ColumnElement[UUID] | UUID, viewer_id: UUID) -> ColumnElement[bool]:
    return and_(users.c.id == person, visible_to(viewer_id))


def _require_person(connection: Connection, user_id: UUID, viewer_id: UUID) -> None:
    if connection.scalar(select(users.c.id).where(_may_be_seen(user_id, viewer_id))) is None:
        raise UserNotFound()


def _filtered(filters: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    given = {name: value for name, value in filters.items() if value is not None}
    equal = [cards.c[name] == given[name] for name in ("status", "rarity", "photocard_id") if name in given]
    # A text without any letter or digit compares like no text; looking for it finds nothing.
    texts = [
        cards.c[f"{name}_norm"] == (normalise(given[name]) or "")
        for name in ("idol", "idol_group", "album")
        if name in given
    ]
    return [*equal, *texts]


class QuotaStatus(NamedTuple):
    """How much of the limits of a binder is used; a daily limit of None is no limit."""

    uploads_today: int
    daily_limit: int | None
    storage_used_bytes: int
    storage_limit_bytes: int

    @property
    def remaining_uploads(self) -> int | None:
        """Return how many more cards fit into the day."""
        return None if self.daily_limit is None else max(0, self.daily_limit - self.uploads_today)

    @property
    def remaining_storage_bytes(self) -> int:
        """Return how many more bytes of pictures fit."""
        return max(0, self.storage_limit_bytes - self.storage_used_bytes)

    @property
    def storage_used_mb(self) -> float:
        """Return the used storage in MiB."""
        return _mib(self.storage_used_bytes)

    @property
    def storage_limit_mb(self) -> float:
        """Return the whole storage in MiB."""
        return _mib(self.storage_limit_bytes)

    @property
    def remaining_storage_mb(self) -> float:
        """Return the free storage in MiB."""
        return _mib(self.remaining_storage_bytes)

    @property
    def unlimited(self) -> bool:
        """Tell whether any number of cards may be uploaded in a day."""
        return self.daily_limit is None


def _mib(size_bytes: int) -> float:
    return round(size_bytes / MIB, 2)


_DAY = (bindparam(name, type_=media_assets.c.created_at.type) for name in ("begins_at", "ends_at", "now"))
_USAGE = select(
    plan_of(bindparam("owner_id", type_=Uuid()), bindparam("now", type_=media_assets.c.created_at.type)),
    select(func.count())
    .where(media_assets.c.owner_id == bindparam("owner_id", type_=Uuid()), counts_towards_day(*_DAY))
    .scalar_subquery(),
    select(func.coalesce(func.sum(cards.c.size_bytes), 0))
    .where(cards.c.owner_id == bindparam("owner_id", type_=Uuid()), counts_as_storage)
    .scalar_subquery(),
)


def quota_status(connection: Connection, *, owner_id: UUID, day: Period, now: datetime) -> QuotaStatus:
    """Return what somebody has used up of the limits of their binder, counted as uploads are."""
    values = {"owner_id": owner_id, "begins_at": day.begins_at, "ends_at": day.reset_at, "now": now}
    plan, uploads, stored = connection.execute(_USAGE, values).one()
    storage = limit(plan, LimitKey.CARD_STORAGE_BYTES_MAX)
    assert storage is not None, "every plan bounds the storage"
    return QuotaStatus(uploads, limit(plan, LimitKey.CARDS_PER_DAY), int(stored), storage)

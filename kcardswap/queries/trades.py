"""Swaps as their participants read them: past its deadline a trade is canceled, written down or not."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Select,
    Uuid,
    and_,
    bindparam,
    case,
    func,
    literal,
    null,
    select,
)

from kcardswap.domain.accounts import UserStatus
from kcardswap.domain.media import MediaStatus, MediaTarget
from kcardswap.domain.trades import UNFINISHED, CancelReason, Meeting, TradeNotFound, TradeRole, TradeStatus
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.persistence.orm.trades import trade_items, trade_participants, trades
from kcardswap.queries.cards import CARD_COLUMNS, CARDS_WITH_PICTURES, CardRow
from kcardswap.queries.keyset import Page, PageRequest, SortKey, fetch_page


class ParticipantRow(NamedTuple):
    """One person in a trade; a deleted one has neither name nor picture."""

    user_id: UUID
    nickname: str | None
    avatar_url: str | None
    position: int
    role: TradeRole
    accepted_at: datetime | None
    confirmed_at: datetime | None


class TradeItemRow(NamedTuple):
    """One card that changes hands; ``owner_side`` is its giver's role in a trade between two, else None."""

    id: UUID
    trade_id: UUID
    card_id: UUID
    giver_id: UUID
    receiver_id: UUID
    received_card_id: UUID | None
    created_at: datetime
    owner_side: TradeRole | None
    card: CardRow


class TradeHead(NamedTuple):
    """The trade itself, in its effective state."""

    id: UUID
    status: TradeStatus
    meeting: Meeting
    accepted_at: datetime | None
    completed_at: datetime | None
    rejected_at: datetime | None
    canceled_at: datetime | None
    cancel_reason: CancelReason | None
    canceled_by: UUID | None
    deadline_at: datetime | None
    countered_trade_id: UUID | None
    created_at: datetime
    updated_at: datetime


class TradeRow(NamedTuple):
    """A trade with everyone and everything in it."""

    head: TradeHead
    participants: Sequence[ParticipantRow]
    items: Sequence[TradeItemRow]

    @property
    def initiator(self) -> ParticipantRow:
        """Return who proposed it."""
        return self.participants[0]

    @property
    def responder_id(self) -> UUID | None:
        """Return who was asked, None in a ring."""
        return self.participants[1].user_id if len(self.participants) == 2 else None

    @property
    def responder_confirmed_at(self) -> datetime | None:
        """Return when that person confirmed, None in a ring."""
        return self.participants[1].confirmed_at if len(self.participants) == 2 else None

    @property
    def shipments(self) -> Sequence[object]:
        """Return what is on its way by mail; nobody can tell us yet."""
        return ()


_NOW = bindparam("now", type_=DateTime(timezone=True))
_VIEWER = bindparam("viewer_id", type_=Uuid())
_OVERDUE = and_(trades.c.status.in_(UNFINISHED), trades.c.deadline_at <= _NOW)
_effective_status: ColumnElement[Any] = case(
    (_OVERDUE, literal(TradeStatus.CANCELED, trades.c.status.type)), else_=trades.c.status
)

_HEADS: Select[Any] = (
    select(
        trades.c.id,
        _effective_status.label("status"),
        trades.c.meeting,
        trades.c.accepted_at,
        trades.c.completed_at,
        trades.c.rejected_at,
        case((_OVERDUE, trades.c.deadline_at), else_=trades.c.canceled_at).label("canceled_at"),
        case(
            (_OVERDUE, literal(CancelReason.TIMEOUT, trades.c.cancel_reason.type)),
            else_=trades.c.cancel_reason,
        ).label("cancel_reason"),
        trades.c.canceled_by,
        case((_OVERDUE, null()), else_=trades.c.deadline_at).label("deadline_at"),
        trades.c.countered_trade_id,
        trades.c.created_at,
        trades.c.updated_at,
    )
    .join_from(trade_participants, trades, trades.c.id == trade_participants.c.trade_id)
    .where(trade_participants.c.user_id == _VIEWER)
)
_ONE = _HEADS.where(trades.c.id == bindparam("trade_id", type_=Uuid()))

# The record of a given card's picture goes when its old owner deletes the card; the receiver's copy of it
# keeps the picture in the history of both.
_received_picture = media_assets.alias("received_picture")
_named = users.c.status != UserStatus.DELETED
# Everybody gives at least one card, so the givers of the items are the participants: one statement for both.
_CHILDREN = (
    select(
        trade_participants.c.trade_id,
        trade_participants.c.user_id,
        case((_named, profiles.c.nickname)).label("nickname"),
        case((_named, profiles.c.avatar_url)).label("avatar_url"),
        trade_participants.c.position,
        trade_participants.c.role,
        trade_participants.c.accepted_at,
        trade_participants.c.confirmed_at,
        trade_items.c.id,
        trade_items.c.trade_id,
        trade_items.c.card_id,
        trade_items.c.giver_id,
        trade_items.c.receiver_id,
        trade_items.c.received_card_id,
        trade_items.c.created_at,
        *CARD_COLUMNS[:-1],
        func.coalesce(CARD_COLUMNS[-1], _received_picture.c.object_key),
    )
    .select_from(
        trade_participants.join(users, users.c.id == trade_participants.c.user_id)
        .outerjoin(profiles, profiles.c.user_id == users.c.id)
        .join(
            trade_items,
            and_(
                trade_items.c.trade_id == trade_participants.c.trade_id,
                trade_items.c.giver_id == trade_participants.c.user_id,
            ),
        )
        .join(CARDS_WITH_PICTURES, cards.c.id == trade_items.c.card_id)
        .outerjoin(
            _received_picture,
            and_(
                _received_picture.c.target_id == trade_items.c.received_card_id,
                _received_picture.c.target_type == MediaTarget.CARD,
                _received_picture.c.status == MediaStatus.ATTACHED,
            ),
        )
    )
    .where(trade_participants.c.trade_id.in_(bindparam("trade_ids", expanding=True)))
    .order_by(trade_participants.c.trade_id, trade_participants.c.position, trade_items.c.id)
)
_NEWEST_FIRST = (
    SortKey(trade_participants.c.proposed_at, descending=True),
    SortKey(trade_participants.c.trade_id),
)
_PERSON = slice(1, 8)
_ITEM = slice(8, 15)
_CARD = slice(15, None)


def trade(connection: Connection, *, trade_id: UUID, viewer_id: UUID, now: datetime) -> TradeRow:
    """Return one trade of the reader as it stands at ``now``.

    :raises TradeNotFound: unknown, or the reader takes no part in it.
    """
    values = {"trade_id": trade_id, "viewer_id": viewer_id, "now": now}
    row = connection.execute(_ONE, values).one_or_none()
    if row is None:
        raise TradeNotFound
    return _with_children(connection, [TradeHead(*row)])[0]


def history(
    connection: Connection, *, viewer_id: UUID, status: TradeStatus | None, now: datetime, page: PageRequest
) -> Page[TradeRow]:
    """Return a page of the reader's trades in any state, or in the one given, newest first."""
    statement = _HEADS if status is None else _HEADS.where(_effective_status == status)
    heads = fetch_page(
        connection,
        statement.params(viewer_id=viewer_id, now=now),
        sort=_NEWEST_FIRST,
        page=page,
        make_row=TradeHead,
    )
    return Page(_with_children(connection, heads.rows), heads.total, heads.next_key)


def _with_children(connection: Connection, heads: Sequence[TradeHead]) -> list[TradeRow]:
    if not heads:
        return []
    people: dict[UUID, dict[UUID, ParticipantRow]] = defaultdict(dict)
    given: dict[UUID, list[Sequence[Any]]] = defaultdict(list)
    for row in connection.execute(_CHILDREN, {"trade_ids": [head.id for head in heads]}):
        person = ParticipantRow(*row[_PERSON])
        people[row.trade_id][person.user_id] = person
        given[row.trade_id].append(row)
    return [
        TradeRow(head, [*people[head.id].values()], _items(people[head.id], given[head.id])) for head in heads
    ]


def _items(people: dict[UUID, ParticipantRow], rows: Sequence[Sequence[Any]]) -> list[TradeItemRow]:
    sides = {person.user_id: person.role for person in people.values()} if len(people) == 2 else {}
    # The second column is the giver.
    return [TradeItemRow(*(*row[_ITEM], sides.get(row[1]), CardRow(*row[_CARD]))) for row in rows]

"""Repositories of trades and of the cards they keep reserved."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kcardswap.domain.trades import UNFINISHED, CancelReason, Trade, TradeNotFound
from kcardswap.persistence.orm.trades import card_holds, trade_pairs, trade_participants, trades
from kcardswap.persistence.repositories.base import Repository
from kcardswap.persistence.repositories.cards import CardRepository

Pair = tuple[UUID, UUID]
"""Two people, the smaller id first."""


class TradeRepository(Repository[Trade]):
    """Swaps, loaded with their participants and items; children change only under the trade's lock."""

    entity = Trade
    table = trades
    missing = TradeNotFound

    def people_of(self, trade_id: UUID) -> list[UUID]:
        """Return who takes part, so that they can be locked before the trade; this never changes.

        :raises TradeNotFound: there is no such trade.
        """
        people = select(trade_participants.c.user_id).where(trade_participants.c.trade_id == trade_id)
        found = list(self.session.scalars(people))
        if not found:
            raise TradeNotFound
        return found

    def lock_for_proposal(
        self,
        *,
        card_ids: Collection[UUID],
        people: Collection[UUID],
        now: datetime,
        countered: UUID | None = None,
    ) -> list[Trade]:
        """Lock what stands in the way of a new trade only on paper, plus the trade it counters.

        That is every overdue trade that holds one of the cards or that two of the people share: nobody
        canceled it yet, but all readers already see it canceled.
        """
        holds_a_card = trades.c.id.in_(
            select(card_holds.c.trade_id).where(card_holds.c.card_id.in_(sorted(card_ids)))
        )
        shared = _shared_by_two(people)
        overdue = _overdue(now) & or_(holds_a_card, shared)
        wanted = overdue if countered is None else or_(trades.c.id == countered, overdue)
        return self._all(select(Trade).where(wanted).order_by(trades.c.id), lock=True)

    def lock_unfinished_shared_by(self, a: UUID, b: UUID) -> list[Trade]:
        """Return every unfinished trade both people take part in, locked in id order."""
        theirs = trade_participants.alias("theirs")
        shared = (
            select(trade_participants.c.trade_id)
            .join(theirs, theirs.c.trade_id == trade_participants.c.trade_id)
            .where(trade_participants.c.user_id == a, theirs.c.user_id == b)
        )
        statement = select(Trade).where(_unfinished(), trades.c.id.in_(shared)).order_by(trades.c.id)
        return self._all(statement, lock=True)

    def lock_unfinished_of(self, user_id: UUID) -> list[Trade]:
        """Return every unfinished trade this person takes part in, locked in id order."""
        theirs = select(trade_participants.c.trade_id).where(trade_participants.c.user_id == user_id)
        statement = select(Trade).where(_unfinished(), trades.c.id.in_(theirs)).order_by(trades.c.id)
        return self._all(statement, lock=True)

    def lock_holding(self, card_id: UUID) -> list[Trade]:
        """Return the unfinished trade that keeps this card, locked, or nothing."""
        holding = select(card_holds.c.trade_id).where(card_holds.c.card_id == card_id)
        return self._all(select(Trade).where(_unfinished(), trades.c.id.in_(holding)), lock=True)

    def claim_overdue(self, now: datetime, *, limit: int) -> list[Trade]:
        """Lock up to ``limit`` trades past their deadline, most overdue first, but none that others lock."""
        statement = (
            select(Trade)
            .where(_overdue(now))
            .order_by(trades.c.deadline_at, trades.c.id)
            .limit(limit)
            .with_for_update(key_share=True, skip_locked=True, of=trades)
            .execution_options(populate_existing=True)
        )
        return self._all(statement)


def _unfinished() -> ColumnElement[bool]:
    return trades.c.status.in_(UNFINISHED)


def _overdue(now: datetime) -> ColumnElement[bool]:
    return _unfinished() & (trades.c.deadline_at <= now)


# Counted per trade: fine for the few that are overdue, too slow for all unfinished ones.
def _shared_by_two(people: Iterable[UUID]) -> ColumnElement[bool]:
    taking_part = (
        select(func.count())
        .select_from(trade_participants)
        .where(
            trade_participants.c.trade_id == trades.c.id,
            trade_participants.c.user_id.in_(sorted(set(people))),
        )
        .correlate(trades)
        .scalar_subquery()
    )
    return taking_part >= 2


class Reservations:
    """Which unfinished trade keeps which card, and how many of them each pair of people shares.

    Called under the locks of the people or of the trade; takes the locks of cards, holds and pairs in
    that order.
    """

    def __init__(self, session: Session, cards: CardRepository) -> None:
        self.session = session
        self._cards = cards

    def held_by(self, trade_id: UUID) -> set[UUID]:
        """Return the ids of the cards this trade keeps."""
        return set(
            self.session.scalars(select(card_holds.c.card_id).where(card_holds.c.trade_id == trade_id))
        )

    def hold(self, trade_id: UUID, card_ids: Iterable[UUID], now: datetime) -> set[UUID]:
        """Reserve cards for a trade and return those another trade has; the primary key decides.

        The trade's row must have been sent (``flush``) before.
        """
        wanted = sorted(set(card_ids))
        if not wanted:
            return set()
        statement = (
            insert(card_holds)
            .values([{"card_id": card_id, "trade_id": trade_id, "created_at": now} for card_id in wanted])
            .on_conflict_do_nothing(index_elements=["card_id"])
            .returning(card_holds.c.card_id)
        )
        return set(wanted) - set(self.session.scalars(statement))

    def hand_on(self, card_ids: Iterable[UUID], *, to: UUID) -> None:
        """Let another trade keep these cards, without a moment in which nobody does."""
        kept = sorted(set(card_ids))
        if kept:
            self.session.execute(update(card_holds).where(card_holds.c.card_id.in_(kept)).values(trade_id=to))

    def drop(self, trade_ids: Iterable[UUID]) -> None:
        """Remove the holds these trades still have."""
        self.session.execute(delete(card_holds).where(card_holds.c.trade_id.in_(sorted(trade_ids))))

    def count(self, pairs: Sequence[Pair], *, limit: int, now: datetime) -> bool:
        """Count one more unfinished trade for each pair; False when a pair has ``limit`` already.

        The condition of the upsert sees the newest committed count, so parallel proposals never pass it.
        """
        rows = [
            {"user_a_id": a, "user_b_id": b, "active_trades": 1, "updated_at": now} for a, b in sorted(pairs)
        ]
        statement = (
            insert(trade_pairs)
            .values(rows)
            .on_conflict_do_update(
                index_elements=["user_a_id", "user_b_id"],
                set_={"active_trades": trade_pairs.c.active_trades + 1, "updated_at": now},
                where=trade_pairs.c.active_trades < limit,
            )
            .returning(trade_pairs.c.user_a_id)
        )
        return len(list(self.session.scalars(statement))) == len(rows)

    def release(self, ended: Sequence[Trade], now: datetime) -> None:
        """Give the cards of trades that came to nothing back to their owners, for other swaps."""
        if not ended:
            return
        held = self._cards.find_many((card_id for trade in ended for card_id in trade.card_ids), lock=True)
        for card in held.values():
            card.release()
        self.drop(trade.id for trade in ended)
        self.count_off(ended, now)

    def call_off(self, unfinished: Sequence[Trade], reason: CancelReason, now: datetime) -> None:
        """Cancel locked trades for ``reason`` and free their cards; overdue ones ended at their deadline."""
        for trade in unfinished:
            if trade.is_overdue(now):
                trade.lapse()
            else:
                trade.call_off(reason, now=now)
        self.release(unfinished, now)

    def lapse(self, overdue: Sequence[Trade], now: datetime) -> None:
        """Cancel locked trades at their deadline and free their cards."""
        for trade in overdue:
            trade.lapse()
        self.release(overdue, now)

    def count_off(self, ended: Iterable[Trade], now: datetime) -> None:
        """Count trades that are over off all their pairs."""
        one_less = (
            update(trade_pairs)
            .where(trade_pairs.c.user_a_id == bindparam("a"), trade_pairs.c.user_b_id == bindparam("b"))
            .values(active_trades=trade_pairs.c.active_trades - 1, updated_at=now)
        )
        # One row after the other in key order: a single UPDATE would lock them in any order.
        connection = self.session.connection()
        for a, b in sorted(pair for trade in ended for pair in trade.pairs):
            connection.execute(one_less, {"a": a, "b": b})

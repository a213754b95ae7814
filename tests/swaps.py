"""What people need to swap in tests: friends, cards with pictures, proposals."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select

from kcardswap.domain.cards import Card, CardStatus
from kcardswap.domain.friendships import Friendship
from kcardswap.domain.media import CheckedImage, ImageType, MediaAsset, MediaTarget
from kcardswap.domain.trades import ACTIVE_TRADES_PER_PAIR, UNFINISHED, Meeting, Move, Trade, TradeTimeouts
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.trades import (
    card_holds,
    trade_items,
    trade_pairs,
    trade_participants,
    trades,
)
from kcardswap.runtime import Runtime, retrying
from kcardswap.services import friendships as friendship_services
from kcardswap.services import trades as trade_services
from tests.people import make_user

TIMEOUTS = TradeTimeouts(
    proposal=timedelta(days=7), confirmation=timedelta(hours=48), mail=timedelta(days=14)
)


def befriend(runtime: Runtime, a: UUID, b: UUID) -> UUID:
    """Make two people friends, both acting, and return the friendship."""
    friendship_services.request(runtime.unit_of_work(), by=a, target_id=b)
    return friendship_services.request(runtime.unit_of_work(), by=b, target_id=a)


def befriend_all(runtime: Runtime, pairs: Sequence[tuple[UUID, UUID]]) -> None:
    """Make pairs of people friends in one go, for tests that need many."""
    uow = runtime.unit_of_work()
    with uow:
        for a, b in pairs:
            friendship = Friendship.request(id=uow.new_id(), user_id=a, friend_id=b, now=uow.clock.now())
            friendship.accept(by=b, thread_id=uow.new_id(), now=uow.clock.now())
            friendship.collect_events()
            uow.friendships.add(friendship)
        uow.commit()


def make_cards(
    runtime: Runtime,
    owner_id: UUID,
    count: int,
    *,
    confirmed: bool = True,
    status: CardStatus = CardStatus.AVAILABLE,
    description: Mapping[str, Any] | None = None,
) -> list[UUID]:
    """Store cards with checked pictures (or none arrived yet) and return their ids in ascending order."""
    uow = runtime.unit_of_work()
    with uow:
        made = [_make_card(uow, owner_id, description or {"idol": "Haerin"}, confirmed) for _ in range(count)]
        uow.flush()
        for card in made:
            card.status = status
            uow.cards.add(card)
        uow.commit()
        return sorted(card.id for card in made)


def _make_card(uow: Any, owner_id: UUID, description: Mapping[str, Any], confirmed: bool) -> Card:
    now, card_id = uow.clock.now(), uow.new_id()
    picture = MediaAsset.announce(
        id=uow.new_id(),
        owner_id=owner_id,
        content_type=ImageType.JPEG,
        declared_bytes=1000,
        lifetime=timedelta(minutes=15),
        now=now,
        card_id=card_id,
    )
    card = Card.announce(
        id=card_id,
        owner_id=owner_id,
        media_asset_id=picture.id,
        description=description,
        upload_expires_at=picture.upload_expires_at,
        now=now,
    )
    if confirmed:
        image = CheckedImage(data=b"", content_type=ImageType.JPEG, width=550, height=850, phash=1)
        picture.confirm(image, uploaded_bytes=1000, now=now)
        picture.attach(MediaTarget.CARD, card_id)
        card.confirm_upload(size_bytes=1000, now=now)
    uow.media.add(picture)
    return card


def make_card(runtime: Runtime, owner_id: UUID, **options: Any) -> UUID:
    """Store one card; options as in ``make_cards``."""
    return make_cards(runtime, owner_id, 1, **options)[0]


def propose(
    runtime: Runtime,
    by: UUID,
    to: UUID,
    gives: Sequence[UUID],
    wants: Sequence[UUID],
    *,
    meeting: Meeting = Meeting.IN_PERSON,
    match_id: str | None = None,
    timeouts: TradeTimeouts = TIMEOUTS,
) -> UUID:
    """Propose a swap, repeated as the API does when the database asks."""
    trade_id: UUID = retrying(
        lambda: trade_services.propose(
            runtime.unit_of_work(),
            by=by,
            responder_id=to,
            initiator_card_ids=gives,
            responder_card_ids=wants,
            meeting=meeting,
            match_id=match_id,
            timeouts=timeouts,
        )
    )
    return trade_id


def propose_ring(runtime: Runtime, people: Sequence[UUID], gives: Sequence[UUID]) -> UUID:
    """Propose a ring in which everybody gives one card to the next person, the last one to the first."""
    uow = runtime.unit_of_work()
    with uow:
        now = uow.clock.now()
        ring = Trade.propose(
            id=uow.new_id(),
            initiator_id=people[0],
            moves=[
                Move(card_id=card, giver_id=giver, receiver_id=receiver)
                for card, giver, receiver in zip(gives, people, [*people[1:], people[0]], strict=True)
            ],
            meeting=Meeting.MAIL,
            timeouts=TIMEOUTS,
            now=now,
            new_id=uow.new_id,
        )
        uow.trades.add(ring)
        for card in uow.cards.find_many(gives, lock=True).values():
            card.reserve()
        uow.flush()
        assert not uow.reservations.hold(ring.id, gives, now)
        assert uow.reservations.count(ring.pairs, limit=ACTIVE_TRADES_PER_PAIR, now=now)
        uow.commit()
        return ring.id


def counter(
    runtime: Runtime,
    trade_id: UUID,
    by: UUID,
    gives: Sequence[UUID],
    wants: Sequence[UUID],
    meeting: Meeting | None = None,
) -> UUID:
    """Answer a proposal with another one."""
    new_id: UUID = retrying(
        lambda: trade_services.counter(
            runtime.unit_of_work(),
            trade_id=trade_id,
            by=by,
            initiator_card_ids=gives,
            responder_card_ids=wants,
            meeting=meeting,
            timeouts=TIMEOUTS,
        )
    )
    return new_id


def accept(runtime: Runtime, trade_id: UUID, by: UUID) -> None:
    """Accept a proposal."""
    retrying(
        lambda: trade_services.accept(runtime.unit_of_work(), trade_id=trade_id, by=by, timeouts=TIMEOUTS)
    )


def reject(runtime: Runtime, trade_id: UUID, by: UUID) -> None:
    """Turn a proposal down."""
    retrying(lambda: trade_services.reject(runtime.unit_of_work(), trade_id=trade_id, by=by))


def cancel(runtime: Runtime, trade_id: UUID, by: UUID) -> None:
    """Call a swap off."""
    retrying(lambda: trade_services.cancel(runtime.unit_of_work(), trade_id=trade_id, by=by))


def complete(runtime: Runtime, trade_id: UUID, by: UUID) -> None:
    """Confirm a swap."""
    retrying(lambda: trade_services.complete(runtime.unit_of_work(), trade_id=trade_id, by=by))


def statuses(connection: Connection, card_ids: Sequence[UUID]) -> list[str]:
    """Return the stored states of these cards, in their order."""
    found = dict(connection.execute(select(cards.c.id, cards.c.status).where(cards.c.id.in_(card_ids))).all())
    return [str(found[card_id]) for card_id in card_ids]


def events_of(connection: Connection, trade_id: UUID) -> list[str]:
    """Return the names of the events about a trade, oldest first."""
    mine = select(outbox.c.event_type).where(outbox.c.aggregate_id == trade_id).order_by(outbox.c.id)
    return list(connection.scalars(mine))


def broken_invariants(connection: Connection) -> list[str]:
    """Return which of the promises about trades do not hold for what is stored; empty when all do."""
    problems = {
        "a card in trade without exactly its hold": _cards_and_holds_disagree(),
        "a hold of a finished trade, or of a card that is not in it": _stray_holds(),
        "an unfinished trade without all of its holds": _missing_holds(),
        "somebody who only gives or only receives": _one_sided_people(),
        "a giver who does not own an unfinished card": _foreign_givers(),
        "accepted without everyone": _accepted_without_everyone(),
        "completed without everyone": _completed_without_everyone(),
        "a given card without its one received card": _unreceived_items(),
        "a counter of a pair that is wrong": _wrong_counters(),
    }
    return [name for name, statement in problems.items() if connection.execute(statement).first() is not None]


def _unfinished() -> Any:
    return trades.c.status.in_(UNFINISHED)


def _cards_and_holds_disagree() -> Any:
    joined = cards.outerjoin(card_holds, card_holds.c.card_id == cards.c.id)
    trading = cards.c.status == CardStatus.TRADING
    return select(cards.c.id).select_from(joined).where(trading != card_holds.c.card_id.is_not(None))


def _stray_holds() -> Any:
    named = select(trade_items.c.id).where(
        trade_items.c.trade_id == card_holds.c.trade_id, trade_items.c.card_id == card_holds.c.card_id
    )
    return select(card_holds.c.card_id).join(trades).where(~_unfinished() | ~named.exists())


def _missing_holds() -> Any:
    held = select(card_holds.c.card_id).where(
        card_holds.c.trade_id == trade_items.c.trade_id, card_holds.c.card_id == trade_items.c.card_id
    )
    return select(trade_items.c.id).join(trades).where(_unfinished(), ~held.exists())


def _one_sided_people() -> Any:
    def some(side: Any) -> Any:
        return (
            select(trade_items.c.id)
            .where(
                trade_items.c.trade_id == trade_participants.c.trade_id, side == trade_participants.c.user_id
            )
            .exists()
        )

    return select(trade_participants.c.id).where(
        ~some(trade_items.c.giver_id) | ~some(trade_items.c.receiver_id)
    )


def _foreign_givers() -> Any:
    joined = trade_items.join(trades, trades.c.id == trade_items.c.trade_id).join(
        cards, cards.c.id == trade_items.c.card_id
    )
    return (
        select(trade_items.c.id)
        .select_from(joined)
        .where(_unfinished(), cards.c.owner_id != trade_items.c.giver_id)
    )


def _missing_stamp(stamp: Any) -> Any:
    return (
        select(trade_participants.c.id)
        .where(trade_participants.c.trade_id == trades.c.id, stamp.is_(None))
        .exists()
    )


def _accepted_without_everyone() -> Any:
    everyone = ~_missing_stamp(trade_participants.c.accepted_at)
    wrong = trades.c.accepted_at.is_not(None) != everyone
    return select(trades.c.id).where(wrong)


def _completed_without_everyone() -> Any:
    everyone = ~_missing_stamp(trade_participants.c.confirmed_at)
    return select(trades.c.id).where((trades.c.status == "completed") != everyone)


def _unreceived_items() -> Any:
    received = cards.alias("received")
    joined = trade_items.join(trades, trades.c.id == trade_items.c.trade_id).outerjoin(
        received, received.c.id == trade_items.c.received_card_id
    )
    completed = trades.c.status == "completed"
    right = (received.c.owner_id == trade_items.c.receiver_id) & (received.c.acquired_trade_id == trades.c.id)
    copies = (
        select(func.count())
        .select_from(cards)
        .where(cards.c.acquired_trade_id == trades.c.id)
        .correlate(trades)
        .scalar_subquery()
    )
    expected = (
        select(func.count(trade_items.c.received_card_id))
        .where(trade_items.c.trade_id == trades.c.id)
        .correlate(trades)
        .scalar_subquery()
    )
    return (
        select(trades.c.id)
        .select_from(joined)
        .where((completed != func.coalesce(right, False)) | (copies != expected))
    )


def _wrong_counters() -> Any:
    mine, theirs = trade_participants.alias("mine"), trade_participants.alias("theirs")
    shared = (
        select(mine.c.user_id.label("a"), theirs.c.user_id.label("b"), func.count().label("real"))
        .join_from(mine, theirs, (mine.c.trade_id == theirs.c.trade_id) & (mine.c.user_id < theirs.c.user_id))
        .join(trades, trades.c.id == mine.c.trade_id)
        .where(_unfinished())
        .group_by(mine.c.user_id, theirs.c.user_id)
        .subquery()
    )
    joined = trade_pairs.outerjoin(
        shared, (shared.c.a == trade_pairs.c.user_a_id) & (shared.c.b == trade_pairs.c.user_b_id), full=True
    )
    counted = func.coalesce(trade_pairs.c.active_trades, 0)
    return (
        select(counted)
        .select_from(joined)
        .where((counted != func.coalesce(shared.c.real, 0)) | (counted > 3))
    )


class Two:
    """Two friends with three cards each."""

    def __init__(self, runtime: Runtime) -> None:
        self.mina, self.jun = make_user(runtime, "mina"), make_user(runtime, "jun")
        befriend_all(runtime, [(self.mina, self.jun)])
        self.minas, self.juns = make_cards(runtime, self.mina, 3), make_cards(runtime, self.jun, 3)

    @property
    def pair(self) -> tuple[UUID, UUID]:
        """Return the two in the order pairs are stored."""
        return (self.mina, self.jun) if self.mina < self.jun else (self.jun, self.mina)


def stored(connection: Connection, trade_id: UUID) -> Any:
    """Return the row of a trade."""
    return connection.execute(select(trades).where(trades.c.id == trade_id)).one()


def active(connection: Connection, two: Two) -> int | None:
    """Return how many unfinished trades the pair is counted with; None before its first."""
    return connection.scalar(
        select(trade_pairs.c.active_trades).where(
            trade_pairs.c.user_a_id == two.pair[0], trade_pairs.c.user_b_id == two.pair[1]
        )
    )

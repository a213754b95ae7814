"""Swaps in races with real commits: one outcome, whoever is faster, and every promise holds afterwards."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, func, select

from kcardswap.domain.cards import CardUnavailable
from kcardswap.domain.errors import Blocked, Refusal
from kcardswap.domain.trades import (
    PairLimitReached,
    ProposalTimedOut,
    TradeFinished,
    TradeNotProposed,
    WrongSide,
)
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.trades import card_holds, trade_items, trades
from kcardswap.runtime import Runtime, retrying
from kcardswap.services import friendships
from kcardswap.services import trades as services
from tests.conftest import MovableClock
from tests.people import make_user
from tests.swaps import (
    accept,
    befriend_all,
    broken_invariants,
    cancel,
    complete,
    counter,
    make_cards,
    propose,
    reject,
)

ROUNDS = 12
Outcome = type[Refusal] | None
"""The refusal of a racer, None for the one that went through."""


@pytest.fixture
def runtime(committed_runtime: Runtime) -> Any:
    """A runtime with real commits; afterwards the promises about trades are checked in SQL."""
    yield committed_runtime
    with committed_runtime.database.reader() as connection:
        assert broken_invariants(connection) == []


def race(*racers: Callable[[], object]) -> list[Outcome]:
    """Start all racers at the same moment; anything but a refusal fails the test."""
    barrier = Barrier(len(racers))

    def run(racer: Callable[[], object]) -> Outcome:
        barrier.wait()
        try:
            racer()
        except Refusal as refusal:
            return type(refusal)
        return None

    with ThreadPoolExecutor(len(racers)) as pool:
        return [*pool.map(run, racers)]


class Pair:
    """Two friends with cards."""

    def __init__(self, runtime: Runtime, n: int, count: int = 3) -> None:
        self.runtime = runtime
        self.mina, self.jun = make_user(runtime, f"mina{n}"), make_user(runtime, f"jun{n}")
        befriend_all(runtime, [(self.mina, self.jun)])
        self.minas, self.juns = (
            make_cards(runtime, self.mina, count),
            make_cards(runtime, self.jun, count),
        )

    def proposed(self) -> UUID:
        return propose(self.runtime, self.mina, self.jun, self.minas[:1], self.juns[:1])

    def accepted(self) -> UUID:
        trade_id = self.proposed()
        accept(self.runtime, trade_id, self.jun)
        return trade_id


def trade_statuses(connection: Connection) -> Counter[str]:
    return Counter(map(str, connection.scalars(select(trades.c.status))))


def one_winner(outcomes: Sequence[Outcome], *losers: type[Refusal]) -> None:
    assert outcomes.count(None) == 1, outcomes
    assert all(outcome is None or outcome in losers for outcome in outcomes), outcomes


def test_both_completing_at_once_complete_the_swap_once(runtime: Runtime) -> None:
    for n in range(ROUNDS):
        pair = Pair(runtime, n)
        trade_id = pair.accepted()
        both = [lambda by=by: complete(runtime, trade_id, by) for by in (pair.mina, pair.jun)]  # noqa: B023
        assert race(*both) == [None, None]
    with runtime.database.reader() as connection:
        assert trade_statuses(connection) == {"completed": ROUNDS}
        completed = select(func.count()).where(outbox.c.event_type == "TradeCompleted")
        assert connection.scalar(completed) == ROUNDS
        received = select(func.count()).where(cards.c.acquired_trade_id.is_not(None))
        assert connection.scalar(received) == 2 * ROUNDS


def test_the_same_person_completing_in_parallel_confirms_once(runtime: Runtime) -> None:
    for n in range(ROUNDS):
        pair = Pair(runtime, n)
        trade_id = pair.accepted()
        assert race(*[lambda: complete(runtime, trade_id, pair.mina)] * 3) == [None] * 3  # noqa: B023
        assert race(*[lambda: complete(runtime, trade_id, pair.jun)] * 3) == [None] * 3  # noqa: B023
    with runtime.database.reader() as connection:
        confirmed = select(func.count()).where(outbox.c.event_type == "TradeConfirmed")
        assert connection.scalar(confirmed) == 2 * ROUNDS
        assert trade_statuses(connection) == {"completed": ROUNDS}


def test_accepting_against_canceling_ends_canceled_whoever_was_first(runtime: Runtime) -> None:
    for n in range(ROUNDS):
        pair = Pair(runtime, n)
        trade_id = pair.proposed()
        accepted, canceled = race(
            lambda: accept(runtime, trade_id, pair.jun),  # noqa: B023
            lambda: cancel(runtime, trade_id, pair.mina),  # noqa: B023
        )
        assert accepted in (None, TradeNotProposed)
        assert canceled is None
    with runtime.database.reader() as connection:
        assert trade_statuses(connection) == {"canceled": ROUNDS}


def test_completing_against_canceling_has_one_outcome(runtime: Runtime) -> None:
    for n in range(ROUNDS):
        pair = Pair(runtime, n)
        trade_id = pair.accepted()
        complete(runtime, trade_id, pair.jun)
        outcomes = race(
            lambda: complete(runtime, trade_id, pair.mina),  # noqa: B023
            lambda: cancel(runtime, trade_id, pair.jun),  # noqa: B023
        )
        one_winner(outcomes, TradeFinished)


def test_accepting_against_rejecting_has_one_outcome(runtime: Runtime) -> None:
    for n in range(ROUNDS):
        pair = Pair(runtime, n)
        trade_id = pair.proposed()
        outcomes = race(
            lambda: accept(runtime, trade_id, pair.jun),  # noqa: B023
            lambda: reject(runtime, trade_id, pair.jun),  # noqa: B023
        )
        one_winner(outcomes, TradeNotProposed)


def test_countering_against_accepting_has_one_outcome(runtime: Runtime) -> None:
    for n in range(ROUNDS):
        pair = Pair(runtime, n)
        trade_id = pair.proposed()
        outcomes = race(
            lambda: accept(runtime, trade_id, pair.jun),  # noqa: B023
            lambda: counter(runtime, trade_id, pair.jun, pair.juns[:2], pair.minas[1:]),  # noqa: B023
        )
        one_winner(outcomes, TradeNotProposed)


def test_countering_against_canceling_never_loses_a_card(runtime: Runtime) -> None:
    for n in range(ROUNDS):
        pair = Pair(runtime, n)
        trade_id = pair.proposed()
        outcomes = race(
            lambda: cancel(runtime, trade_id, pair.mina),  # noqa: B023
            lambda: counter(runtime, trade_id, pair.jun, pair.juns[:2], pair.minas[:2]),  # noqa: B023
        )
        one_winner(outcomes, TradeNotProposed, TradeFinished)


def test_two_counter_offers_at_once_leave_one(runtime: Runtime) -> None:
    for n in range(ROUNDS):
        pair = Pair(runtime, n)
        trade_id = pair.proposed()
        outcomes = race(
            lambda: counter(runtime, trade_id, pair.jun, pair.juns[:1], pair.minas[1:2]),  # noqa: B023
            lambda: counter(runtime, trade_id, pair.jun, pair.juns[1:2], pair.minas[:1]),  # noqa: B023
        )
        one_winner(outcomes, TradeNotProposed)
    with runtime.database.reader() as connection:
        assert trade_statuses(connection) == {"rejected": ROUNDS, "proposed": ROUNDS}


def test_parallel_proposals_never_pass_the_pairs_limit(runtime: Runtime) -> None:
    pair = Pair(runtime, 0, count=8)
    outcomes = race(
        *[
            lambda mine=mine, his=his: propose(runtime, pair.mina, pair.jun, [mine], [his])
            for mine, his in zip(pair.minas[:4], pair.juns[:4], strict=True)
        ],
        *[
            lambda mine=mine, his=his: propose(runtime, pair.jun, pair.mina, [his], [mine])
            for mine, his in zip(pair.minas[4:], pair.juns[4:], strict=True)
        ],
    )
    assert Counter(outcomes) == {None: 3, PairLimitReached: 5}


@pytest.mark.parametrize("swapped", [False, True], ids=["the blocker proposes", "the blocked proposes"])
def test_a_block_and_a_proposal_at_once_leave_no_unfinished_trade(runtime: Runtime, swapped: bool) -> None:
    for n in range(ROUNDS):
        pair = Pair(runtime, n)
        sides = [(pair.mina, pair.minas[:1]), (pair.jun, pair.juns[:1])]
        (by, gives), (to, wants) = reversed(sides) if swapped else sides
        blocked, proposed = race(
            lambda: block(runtime, pair.mina, pair.jun),  # noqa: B023
            lambda: propose(runtime, by, to, gives, wants),  # noqa: B023
        )
        assert blocked is None
        assert proposed in (None, Blocked)
    with runtime.database.reader() as connection:
        assert not {"proposed", "accepted"} & trade_statuses(connection).keys()


def test_a_block_and_an_acceptance_at_once_leave_no_unfinished_trade(runtime: Runtime) -> None:
    for n in range(ROUNDS):
        pair = Pair(runtime, n)
        trade_id = pair.proposed()
        blocked, accepted = race(
            lambda: block(runtime, pair.mina, pair.jun),  # noqa: B023
            lambda: accept(runtime, trade_id, pair.jun),  # noqa: B023
        )
        assert blocked is None
        assert accepted in (None, Blocked)
    with runtime.database.reader() as connection:
        assert trade_statuses(connection) == {"canceled": ROUNDS}


def test_a_block_and_a_counter_offer_at_once_leave_no_unfinished_trade(runtime: Runtime) -> None:
    for n in range(ROUNDS):
        pair = Pair(runtime, n)
        trade_id = pair.proposed()
        blocked, countered = race(
            lambda: block(runtime, pair.jun, pair.mina),  # noqa: B023
            lambda: counter(runtime, trade_id, pair.jun, pair.juns[:2], pair.minas[:2]),  # noqa: B023
        )
        assert blocked is None
        assert countered in (None, Blocked)
    with runtime.database.reader() as connection:
        assert not {"proposed", "accepted"} & trade_statuses(connection).keys()


def block(runtime: Runtime, by: UUID, target: UUID) -> None:
    retrying(lambda: friendships.block(runtime.unit_of_work(), by=by, target_id=target))


def test_several_jobs_and_late_answers_cancel_each_overdue_trade_once(
    runtime: Runtime, clock: MovableClock
) -> None:
    pairs = [Pair(runtime, n) for n in range(ROUNDS)]
    overdue = [pair.proposed() for pair in pairs]
    clock.advance(days=8)

    def sweep() -> int:
        swept: int = retrying(lambda: services.cancel_overdue(runtime.unit_of_work(), limit=5))
        return swept

    answers = [
        lambda pair=pair, trade_id=trade_id: accept(runtime, trade_id, pair.jun)
        for pair, trade_id in zip(pairs[:3], overdue[:3], strict=True)
    ]
    takeover = [lambda: pairs[4].proposed()]
    outcomes = race(sweep, sweep, sweep, *answers, *takeover)
    assert outcomes[:3] == [None] * 3
    assert all(outcome in (ProposalTimedOut, TradeNotProposed) for outcome in outcomes[3:6])
    assert outcomes[6] is None
    while sweep():
        pass
    with runtime.database.reader() as connection:
        canceled = select(outbox.c.aggregate_id).where(outbox.c.event_type == "TradeCanceled")
        assert sorted(connection.scalars(canceled)) == sorted(overdue)


PEOPLE, CARDS_EACH, CALLS, WORKERS = 10, 4, 1000, 12


def test_a_thousand_calls_over_shared_cards_have_one_winner_each(runtime: Runtime) -> None:
    people = [make_user(runtime, f"person{n}") for n in range(PEOPLE)]
    befriend_all(runtime, [*combinations(people, 2)])
    owned = {person: make_cards(runtime, person, CARDS_EACH) for person in people}
    barrier = Barrier(WORKERS)

    def work(seed: int) -> Counter[Outcome]:
        choose = random.Random(seed)
        barrier.wait()
        outcomes: Counter[Outcome] = Counter()
        proposed: list[tuple[UUID, UUID, UUID]] = []
        for _ in range(CALLS // WORKERS + 1):
            outcomes[step(choose, proposed)] += 1
        return outcomes

    def step(choose: random.Random, proposed: list[tuple[UUID, UUID, UUID]]) -> Outcome:
        try:
            if proposed and choose.random() < 0.35:
                finish(choose, *proposed.pop())
            else:
                a, b = choose.sample(people, 2)
                gives, wants = (choose.sample(owned[p], choose.randint(1, 2)) for p in (a, b))
                proposed.append((propose(runtime, a, b, gives, wants), a, b))
        except Refusal as refusal:
            return type(refusal)
        return None

    def finish(choose: random.Random, trade_id: UUID, a: UUID, b: UUID) -> None:
        kind = choose.choice(["accept", "cancel", "reject", "complete"])
        if kind == "cancel":
            return cancel(runtime, trade_id, a)
        if kind == "reject":
            return reject(runtime, trade_id, b)
        accept(runtime, trade_id, b)
        if kind == "complete" and choose.random() < 0.1:
            complete(runtime, trade_id, a)
            complete(runtime, trade_id, b)
        else:
            cancel(runtime, trade_id, b)

    with ThreadPoolExecutor(WORKERS) as pool:
        total = sum(pool.map(work, range(WORKERS)), Counter[Outcome]())
    assert total.total() >= CALLS
    assert set(total) <= {None, CardUnavailable, PairLimitReached}
    assert total[None] > PEOPLE
    assert total[CardUnavailable] > 0
    with runtime.database.reader() as connection:
        assert no_card_in_two_live_trades(connection)


def test_of_all_proposals_for_the_same_cards_exactly_one_wins(runtime: Runtime) -> None:
    rivals, rounds = 16, 8
    others = [make_user(runtime, f"rival{n}") for n in range(rivals)]
    own = {other: make_cards(runtime, other, rounds) for other in others}
    for n in range(rounds):
        owner = make_user(runtime, f"owner{n}")
        befriend_all(runtime, [(owner, other) for other in others])
        wanted = make_cards(runtime, owner, 2)
        outcomes = race(
            *[
                lambda other=other: propose(runtime, other, owner, [own[other][n]], wanted)  # noqa: B023
                for other in others
            ]
        )
        one_winner(outcomes, CardUnavailable)
    with runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(trades)) == rounds
        assert no_card_in_two_live_trades(connection)


def test_proposals_that_overlap_crosswise_do_not_deadlock(runtime: Runtime) -> None:
    for n in range(ROUNDS):
        pair = Pair(runtime, n)
        there = (pair.mina, pair.jun, [*pair.minas], [*reversed(pair.juns)])
        back = (pair.jun, pair.mina, [*pair.juns], [*reversed(pair.minas)])
        outcomes = race(lambda: propose(runtime, *there), lambda: propose(runtime, *back))  # noqa: B023
        one_winner(outcomes, CardUnavailable)


def test_who_proposed_cannot_answer_even_in_a_race(runtime: Runtime) -> None:
    pair = Pair(runtime, 0)
    trade_id = pair.proposed()
    outcomes = race(lambda: accept(runtime, trade_id, pair.mina), lambda: accept(runtime, trade_id, pair.jun))
    assert outcomes == [WrongSide, None]


def no_card_in_two_live_trades(connection: Connection) -> bool:
    live = (
        select(trade_items.c.card_id)
        .join(trades, trades.c.id == trade_items.c.trade_id)
        .where(trades.c.status.in_(("proposed", "accepted")))
        .group_by(trade_items.c.card_id)
        .having(func.count() > 1)
    )
    holds = connection.scalar(select(func.count()).select_from(card_holds)) or 0
    trading = connection.scalar(select(func.count()).where(cards.c.status == "trading")) or 0
    return connection.execute(live).first() is None and holds == trading

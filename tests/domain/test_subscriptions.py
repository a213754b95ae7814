"""What purchases come to: which state entitles, what a refund is, when to ask again, and late answers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from kcardswap.domain.quotas import Plan
from kcardswap.domain.subscriptions import (
    PAID,
    TRANSITIONS,
    PaymentState,
    Platform,
    Purchase,
    PurchaseBound,
    PurchaseTokenUsed,
    StoreAnswer,
    Subscription,
    SubscriptionActivated,
    SubscriptionExpired,
    SubscriptionSource,
    SubscriptionStatus,
)

NOW = datetime(2026, 3, 12, 4, tzinfo=UTC)
MINA, YUNA = UUID(int=1), UUID(int=2)
DAY = timedelta(days=1)
STORE_STATES = sorted(set(PaymentState) - {PaymentState.REVOKED})


def bought(number: int = 1) -> Purchase:
    return Purchase.bind(
        id=UUID(int=100 + number),
        user_id=MINA,
        purchase_token=f"token-{number}",
        product_id="premium_monthly",
        platform=Platform.ANDROID,
        now=NOW,
    )


def answer(
    state: PaymentState = PaymentState.ACTIVE, lasts: timedelta | None = 30 * DAY, **facts: Any
) -> StoreAnswer:
    values: dict[str, Any] = {
        "state": state,
        "product_id": "premium_monthly",
        "product_ids": frozenset({"premium_monthly"}),
        "purchased_at": NOW - DAY,
        "expires_at": None if lasts is None else NOW + lasts,
        "acknowledged": True,
        **facts,
    }
    return StoreAnswer(**values)


def told(purchase: Purchase, said: StoreAnswer, now: datetime = NOW) -> Purchase:
    """Have a check answered."""
    purchase.answer(said, check=purchase.begin_check(now), now=now)
    return purchase


def subscription() -> Subscription:
    return Subscription(
        id=UUID(int=9),
        user_id=MINA,
        plan=Plan.FREE,
        status=SubscriptionStatus.INACTIVE,
        started_at=None,
        expires_at=None,
        source=SubscriptionSource.GOOGLE_PLAY,
        version=1,
        created_at=NOW,
        updated_at=NOW,
    )


def settled(*purchases: Purchase, now: datetime = NOW) -> Subscription:
    found = subscription()
    found.settle(purchases, now)
    return found


def test_a_purchase_belongs_to_whoever_showed_it_first() -> None:
    purchase = bought()
    assert purchase.collect_events() == [PurchaseBound(purchase_id=purchase.id, user_id=MINA)]
    purchase.refuse_others(MINA)
    with pytest.raises(PurchaseTokenUsed):
        purchase.refuse_others(YUNA)


def test_a_token_is_never_part_of_what_is_printed() -> None:
    assert "token-1" not in repr(bought())


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (PaymentState.ACTIVE, SubscriptionStatus.ACTIVE),
        (PaymentState.CANCELED, SubscriptionStatus.ACTIVE),
        (PaymentState.IN_GRACE_PERIOD, SubscriptionStatus.ACTIVE),
        (PaymentState.PENDING, SubscriptionStatus.PENDING),
        (PaymentState.PENDING_CANCELED, SubscriptionStatus.INACTIVE),
        (PaymentState.ON_HOLD, SubscriptionStatus.EXPIRED),
        (PaymentState.PAUSED, SubscriptionStatus.EXPIRED),
        (PaymentState.EXPIRED, SubscriptionStatus.EXPIRED),
    ],
)
def test_every_state_of_the_store_has_one_meaning(state: PaymentState, status: SubscriptionStatus) -> None:
    found = settled(told(bought(), answer(state)))
    assert found.status is status
    assert (found.plan is Plan.PREMIUM) == (status is SubscriptionStatus.ACTIVE)


def test_a_person_without_answers_has_nothing() -> None:
    assert settled(bought()).status is SubscriptionStatus.INACTIVE


@pytest.mark.parametrize("state", sorted(PAID))
def test_a_paid_state_entitles_until_the_very_moment_it_ends(state: PaymentState) -> None:
    purchase = told(bought(), answer(state, DAY))
    assert purchase.entitles_at(NOW + DAY - timedelta(microseconds=1))
    assert not purchase.entitles_at(NOW + DAY)
    assert settled(purchase, now=NOW + DAY).status is SubscriptionStatus.EXPIRED


def test_premium_lasts_as_long_as_the_best_purchase() -> None:
    short, long = told(bought(1), answer(lasts=DAY)), told(bought(2), answer(lasts=9 * DAY))
    found = settled(short, long)
    assert found.expires_at == NOW + 9 * DAY and found.started_at == NOW - DAY


def test_a_refund_takes_nothing_from_another_purchase() -> None:
    kept, refunded = told(bought(1), answer(lasts=DAY)), told(bought(2), answer(lasts=9 * DAY))
    found = settled(kept, refunded)
    told(refunded, answer(PaymentState.EXPIRED, timedelta()))
    found.settle([kept, refunded], NOW)
    assert (found.status, found.expires_at) == (SubscriptionStatus.ACTIVE, NOW + DAY)
    assert [type(event) for event in found.collect_events()] == [SubscriptionActivated]


def test_a_purchase_that_ends_before_its_paid_time_was_refunded() -> None:
    purchase = told(bought(), answer())
    found = settled(purchase)
    told(purchase, answer(PaymentState.EXPIRED, DAY), NOW + 2 * DAY)
    assert purchase.payment_state is PaymentState.REVOKED
    told(purchase, answer(PaymentState.EXPIRED, DAY), NOW + 3 * DAY)
    assert purchase.payment_state is PaymentState.REVOKED
    found.settle([purchase], NOW + 3 * DAY)
    assert (found.status, found.expires_at) == (SubscriptionStatus.INACTIVE, None)
    activated, ended = found.collect_events()
    assert isinstance(activated, SubscriptionActivated)
    assert isinstance(ended, SubscriptionExpired) and ended.refunded


def test_a_purchase_that_simply_ran_out_was_not_refunded() -> None:
    purchase = told(bought(), answer(lasts=DAY))
    found = settled(purchase)
    told(purchase, answer(PaymentState.EXPIRED, DAY), NOW + 2 * DAY)
    found.settle([purchase], NOW + 2 * DAY)
    assert (found.status, found.expires_at) == (SubscriptionStatus.EXPIRED, NOW + DAY)
    ended = found.collect_events()[-1]
    assert isinstance(ended, SubscriptionExpired) and not ended.refunded


def test_a_grace_period_that_is_cut_short_is_no_refund() -> None:
    purchase = told(bought(), answer(PaymentState.IN_GRACE_PERIOD, 3 * DAY))
    assert told(purchase, answer(PaymentState.EXPIRED, DAY)).payment_state is PaymentState.EXPIRED


def test_a_refund_with_another_purchase_pending_leads_to_pending() -> None:
    purchase, pending = told(bought(1), answer()), told(bought(2), answer(PaymentState.PENDING, None))
    found = settled(purchase, pending)
    told(purchase, answer(PaymentState.EXPIRED, timedelta()))
    found.settle([purchase, pending], NOW)
    assert found.status is SubscriptionStatus.PENDING


def test_a_renewal_moves_the_end_and_is_no_new_start() -> None:
    purchase = told(bought(), answer(lasts=DAY))
    found = settled(purchase)
    told(purchase, answer(lasts=31 * DAY))
    found.settle([purchase], NOW)
    assert found.expires_at == NOW + 31 * DAY
    assert [type(event) for event in found.collect_events()] == [SubscriptionActivated]


def test_ending_is_done_once_and_only_when_the_time_is_over() -> None:
    found = settled(told(bought(), answer(lasts=DAY)))
    assert not found.expire(NOW + DAY - timedelta(microseconds=1))
    assert found.expire(NOW + DAY)
    assert not found.expire(NOW + DAY)
    assert (found.plan, found.status) == (Plan.FREE, SubscriptionStatus.EXPIRED)
    assert found.expires_at == NOW + DAY


def test_an_answer_to_an_earlier_check_never_replaces_a_later_one() -> None:
    purchase = bought()
    first, second = purchase.begin_check(NOW), purchase.begin_check(NOW)
    purchase.answer(answer(lasts=31 * DAY), check=second, now=NOW)
    purchase.answer(answer(PaymentState.EXPIRED, timedelta()), check=first, now=NOW)
    purchase.miss(check=first, now=NOW)
    purchase.answer(answer(PaymentState.PENDING, None), check=second, now=NOW)
    assert (purchase.payment_state, purchase.expires_at) == (PaymentState.ACTIVE, NOW + 31 * DAY)
    assert purchase.answered_check == second


def test_a_purchase_the_store_has_forgotten_keeps_what_it_gave() -> None:
    purchase = told(bought(), answer(lasts=DAY))
    purchase.miss(check=purchase.begin_check(NOW), now=NOW)
    assert purchase.entitles_at(NOW) and purchase.next_check_at == NOW + DAY
    purchase.miss(check=purchase.begin_check(NOW + DAY), now=NOW + DAY)
    assert purchase.next_check_at is None


def test_unanswered_checks_are_repeated_after_growing_pauses_up_to_an_hour() -> None:
    purchase, pauses = bought(), []
    for _ in range(8):
        purchase.begin_check(NOW)
        assert purchase.next_check_at is not None
        pauses.append((purchase.next_check_at - NOW) / timedelta(minutes=1))
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]
    told(purchase, answer())
    purchase.begin_check(NOW)
    assert purchase.next_check_at == NOW + timedelta(minutes=2)


@pytest.mark.parametrize(
    ("said", "due"),
    [
        (answer(), DAY),
        (answer(lasts=timedelta(hours=9)), timedelta(hours=8)),
        (answer(lasts=timedelta(minutes=30)), timedelta(minutes=15)),
        (answer(lasts=-DAY), timedelta(minutes=15)),
        (answer(acknowledged=False), timedelta(minutes=10)),
        (answer(PaymentState.PENDING, None, acknowledged=False), timedelta(hours=1)),
        (answer(PaymentState.ON_HOLD), DAY),
        (answer(PaymentState.PAUSED), DAY),
        (answer(PaymentState.EXPIRED), None),
        (answer(PaymentState.PENDING_CANCELED, None), None),
    ],
    ids=lambda value: value.state if isinstance(value, StoreAnswer) else str(value),
)
def test_the_store_is_asked_again_when_something_may_have_changed(
    said: StoreAnswer, due: timedelta | None
) -> None:
    assert told(bought(), said).next_check_at == (None if due is None else NOW + due)


def test_only_paid_purchases_wait_to_be_acknowledged_and_once_is_enough() -> None:
    assert not told(bought(), answer(PaymentState.PENDING, None, acknowledged=False)).needs_acknowledgement
    purchase = told(bought(), answer(acknowledged=False))
    assert purchase.needs_acknowledgement
    purchase.acknowledge(NOW)
    purchase.acknowledge(NOW + DAY)
    assert purchase.acknowledged_at == NOW and purchase.next_check_at == NOW + DAY
    told(purchase, answer())
    assert purchase.acknowledged_at == NOW
    # The store does not remember: so it has to be told again.
    assert told(purchase, answer(acknowledged=False)).needs_acknowledgement


answers = st.builds(
    answer,
    st.sampled_from(STORE_STATES),
    st.integers(-5, 40).map(lambda days: days * DAY),
    acknowledged=st.booleans(),
)


@given(st.lists(answers, min_size=1, max_size=6), st.randoms())
def test_answers_in_any_order_leave_what_the_last_check_was_told(
    said: Sequence[StoreAnswer], order: Any
) -> None:
    in_order, shuffled = bought(), bought()
    checks = [(shuffled.begin_check(NOW), each) for each in said]
    last = checks[-1][1]
    order.shuffle(checks)
    for check, each in checks:
        shuffled.answer(each, check=check, now=NOW)
    told(in_order, last)
    assert shuffled.expires_at == in_order.expires_at
    assert shuffled.entitles_at(NOW) == in_order.entitles_at(NOW)


class SubscriptionMachine(RuleBasedStateMachine):
    """One person with a few purchases, a store that changes its mind, and answers in any order."""

    open_checks = Bundle("open_checks")

    @initialize()
    def start(self) -> None:
        self.now = NOW
        self.subscription = subscription()
        self.purchases = [bought(number) for number in range(3)]
        self.latest: dict[UUID, StoreAnswer] = {}
        self.closed: dict[UUID, int] = {}
        self.premium = False

    @rule(target=open_checks, index=st.integers(0, 2), said=answers)
    def ask(self, index: int, said: StoreAnswer) -> tuple[Purchase, int, StoreAnswer]:
        purchase = self.purchases[index]
        return purchase, purchase.begin_check(self.now), said

    @rule(check=open_checks)
    def hear(self, check: tuple[Purchase, int, StoreAnswer]) -> None:
        """Take in an answer, perhaps late, perhaps for the second time."""
        purchase, number, said = check
        if number > self.closed.get(purchase.id, 0):
            self.closed[purchase.id], self.latest[purchase.id] = number, said
        purchase.answer(said, check=number, now=self.now)
        self.settle()

    @rule(index=st.integers(0, 2))
    def hear_that_it_is_unknown(self, index: int) -> None:
        purchase = self.purchases[index]
        number = purchase.begin_check(self.now)
        purchase.miss(check=number, now=self.now)
        self.closed[purchase.id] = number
        self.settle()

    @rule(hours=st.integers(1, 240))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def sweep(self) -> None:
        before = self.subscription.status
        self.subscription.expire(self.now)
        self.check_transition(before)
        self.premium = self.subscription.status is SubscriptionStatus.ACTIVE

    def settle(self) -> None:
        before = self.subscription.status
        self.subscription.settle(self.purchases, self.now)
        self.check_transition(before)
        ends = [
            said.expires_at
            for said in self.latest.values()
            if said.state in PAID and said.expires_at is not None and said.expires_at > self.now
        ]
        self.premium = bool(ends)
        if ends:
            assert self.subscription.expires_at == max(ends)

    def check_transition(self, before: SubscriptionStatus) -> None:
        after = self.subscription.status
        assert after is before or after in TRANSITIONS[before]
        kinds = [type(event) for event in self.subscription.collect_events()]
        active = SubscriptionStatus.ACTIVE
        if after is before:
            assert kinds == []
        else:
            assert kinds == [SubscriptionActivated] * (after is active) + [SubscriptionExpired] * (
                before is active
            )

    @invariant()
    def premium_is_what_the_newest_answers_pay_for(self) -> None:
        active = self.subscription.status is SubscriptionStatus.ACTIVE
        assert active == self.premium
        assert active == (self.subscription.plan is Plan.PREMIUM)
        assert not active or self.subscription.expires_at is not None


TestSubscriptionMachine = SubscriptionMachine.TestCase
TestSubscriptionMachine.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)

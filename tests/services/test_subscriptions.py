"""Buying premium: whose a purchase is, what it is worth, and a store that answers late or not at all."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, RowMapping, func, select

from kcardswap.domain.errors import Refusal, Unavailable
from kcardswap.domain.quotas import Plan
from kcardswap.domain.subscriptions import (
    PaymentState,
    Platform,
    ProductMismatch,
    PurchaseTokenUsed,
    PurchaseUnknown,
    StoreAnswer,
    UnsupportedPlatform,
)
from kcardswap.gateways.dev_play_store import Books, Fault
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.subscriptions import purchase_tokens, subscriptions
from kcardswap.queries.subscriptions import SubscriptionRow, subscription_of, unacknowledged_since
from kcardswap.runtime import Runtime
from kcardswap.services import subscriptions as service
from tests.conftest import MovableClock
from tests.people import make_user

TOKEN = "kdbnhpfo.AO-J1Oz_pzQ"
MONTH = timedelta(days=30)


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def yuna(runtime: Runtime) -> UUID:
    return make_user(runtime, "yuna")


def verify(runtime: Runtime, user_id: UUID, token: str = TOKEN, **changes: Any) -> None:
    values = {"product_id": "premium_monthly", "platform": Platform.ANDROID, **changes}
    service.verify_receipt(
        runtime.unit_of_work(), runtime.play_store, user_id=user_id, purchase_token=token, **values
    )


def run_checks(runtime: Runtime) -> list[bool | None]:
    """Carry out every check that is due; None stands for a store that did not answer."""
    results: list[bool | None] = []
    for check in service.begin_due_checks(runtime.unit_of_work(), limit=100):
        try:
            results.append(service.carry_out(runtime.unit_of_work(), runtime.play_store, check))
        except Unavailable:
            results.append(None)
    return results


def standing(runtime: Runtime, user_id: UUID) -> SubscriptionRow:
    with runtime.database.reader() as connection:
        return subscription_of(connection, user_id=user_id, now=runtime.clock.now())


def plan_of(runtime: Runtime, user_id: UUID) -> Plan:
    uow = runtime.unit_of_work()
    with uow:
        return uow.quotas.plan_of(user_id)


def purchase(connection: Connection, token: str = TOKEN) -> RowMapping:
    statement = select(purchase_tokens).where(purchase_tokens.c.purchase_token == token)
    return connection.execute(statement).mappings().one()


def events(connection: Connection) -> list[str]:
    ours = outbox.c.aggregate_type.in_(["purchase", "subscription"])
    return list(connection.scalars(select(outbox.c.event_type).where(ours).order_by(outbox.c.id)))


def test_a_purchase_gives_premium_until_it_ends(
    runtime: Runtime, connection: Connection, play: Books, clock: MovableClock, mina: UUID, yuna: UUID
) -> None:
    play.sell(TOKEN)
    verify(runtime, mina)
    assert standing(runtime, mina) == ("premium", "active", clock.now() + MONTH, "google_play")
    assert plan_of(runtime, mina) is Plan.PREMIUM and plan_of(runtime, yuna) is Plan.FREE
    row = purchase(connection)
    assert (row["user_id"], row["payment_state"], row["platform"]) == (mina, "active", "android")
    assert row["acknowledged_at"] == row["last_verified_at"] == clock.now()
    assert play.sold[TOKEN].acknowledged
    assert events(connection) == ["PurchaseBound", "SubscriptionActivated"]
    clock.advance(days=30)
    assert plan_of(runtime, mina) is Plan.FREE
    assert standing(runtime, mina)[:2] == ("free", "expired")


def test_nothing_about_the_buyer_is_stored(
    runtime: Runtime, connection: Connection, play: Books, mina: UUID
) -> None:
    play.sell(TOKEN)
    verify(runtime, mina)
    assert "buyer@example.com" not in str(dict(purchase(connection)))


def test_a_purchase_of_another_account_is_refused_and_takes_nothing(
    runtime: Runtime, connection: Connection, play: Books, mina: UUID, yuna: UUID
) -> None:
    play.sell(TOKEN)
    verify(runtime, mina)
    with pytest.raises(PurchaseTokenUsed):
        verify(runtime, yuna)
    assert plan_of(runtime, yuna) is Plan.FREE and plan_of(runtime, mina) is Plan.PREMIUM
    assert purchase(connection)["user_id"] == mina


@pytest.mark.parametrize("fault", [None, Fault.ERROR], ids=["unknown", "store down"])
def test_a_purchase_is_bound_at_first_sight_whatever_the_store_says(
    runtime: Runtime, connection: Connection, play: Books, mina: UUID, yuna: UUID, fault: Fault | None
) -> None:
    if fault is not None:
        play.fail("get", fault)
    with pytest.raises(Refusal):
        verify(runtime, mina)
    play.sell(TOKEN)
    with pytest.raises(PurchaseTokenUsed):
        verify(runtime, yuna)
    verify(runtime, mina)
    assert plan_of(runtime, mina) is Plan.PREMIUM


def test_a_pending_purchase_is_bound_and_becomes_premium_when_it_is_paid(
    runtime: Runtime, connection: Connection, play: Books, clock: MovableClock, mina: UUID, yuna: UUID
) -> None:
    play.sell(TOKEN, "PENDING")
    verify(runtime, mina)
    assert standing(runtime, mina)[:3] == ("free", "pending", None)
    assert "acknowledge" not in play.calls
    with pytest.raises(PurchaseTokenUsed):
        verify(runtime, yuna)
    play.sell(TOKEN)
    clock.advance(hours=1)
    assert run_checks(runtime) == [True]
    assert plan_of(runtime, mina) is Plan.PREMIUM and play.sold[TOKEN].acknowledged


def test_a_pending_purchase_that_is_never_paid_leaves_nothing(
    runtime: Runtime, connection: Connection, play: Books, clock: MovableClock, mina: UUID
) -> None:
    play.sell(TOKEN, "PENDING")
    verify(runtime, mina)
    play.sell(TOKEN, "PENDING_PURCHASE_CANCELED").expires_at = None
    clock.advance(hours=1)
    run_checks(runtime)
    assert standing(runtime, mina)[:2] == ("free", "inactive")
    assert purchase(connection)["next_check_at"] is None


def test_verifying_again_is_how_renewals_and_restores_take_effect(
    runtime: Runtime, connection: Connection, play: Books, clock: MovableClock, mina: UUID
) -> None:
    play.sell(TOKEN, renews_every=MONTH)
    verify(runtime, mina)
    clock.advance(days=30)
    assert plan_of(runtime, mina) is Plan.FREE
    verify(runtime, mina)
    assert standing(runtime, mina)[:3] == ("premium", "active", clock.now() + MONTH)
    verify(runtime, mina)
    assert connection.scalar(select(func.count()).select_from(purchase_tokens)) == 1
    assert play.calls.count("acknowledge") == 1


def test_an_invalid_token_never_takes_premium_away(runtime: Runtime, play: Books, mina: UUID) -> None:
    play.sell(TOKEN)
    verify(runtime, mina)
    with pytest.raises(PurchaseUnknown):
        verify(runtime, mina, "never-sold")
    assert plan_of(runtime, mina) is Plan.PREMIUM
    del play.sold[TOKEN]
    with pytest.raises(PurchaseUnknown):
        verify(runtime, mina)
    assert plan_of(runtime, mina) is Plan.PREMIUM


def test_another_product_than_the_one_named_is_refused_and_counted_by_the_job(
    runtime: Runtime, play: Books, clock: MovableClock, mina: UUID
) -> None:
    play.sell(TOKEN, product_id="premium_yearly", lasts=timedelta(days=365))
    with pytest.raises(ProductMismatch):
        verify(runtime, mina)
    assert plan_of(runtime, mina) is Plan.FREE
    clock.advance(minutes=2)
    assert run_checks(runtime) == [True]
    assert standing(runtime, mina)[2] == play.sold[TOKEN].expires_at
    assert play.sold[TOKEN].acknowledged


def test_a_product_that_is_none_of_ours_gives_nothing_and_is_forgotten(
    runtime: Runtime, connection: Connection, play: Books, clock: MovableClock, mina: UUID
) -> None:
    play.sell(TOKEN, product_id="sticker_pack")
    with pytest.raises(ProductMismatch):
        verify(runtime, mina)
    assert plan_of(runtime, mina) is Plan.FREE
    clock.advance(days=9)
    assert run_checks(runtime) == []


def test_another_platform_is_refused_before_anything_is_stored(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    with pytest.raises(UnsupportedPlatform):
        verify(runtime, mina, platform=Platform.IOS)
    assert connection.scalar(select(func.count()).select_from(purchase_tokens)) == 0


def test_two_purchases_of_one_person_count_by_the_better_one(
    runtime: Runtime, play: Books, clock: MovableClock, mina: UUID
) -> None:
    play.sell("monthly")
    play.sell("yearly", product_id="premium_yearly", lasts=timedelta(days=365))
    verify(runtime, mina, "yearly", product_id="premium_yearly")
    verify(runtime, mina, "monthly")
    assert standing(runtime, mina).expires_at == play.sold["yearly"].expires_at
    clock.advance(days=1)
    play.refund("yearly")
    verify(runtime, mina, "yearly", product_id="premium_yearly")
    assert standing(runtime, mina)[:3] == ("premium", "active", play.sold["monthly"].expires_at)


def test_a_refund_is_noticed_within_a_day(
    runtime: Runtime, connection: Connection, play: Books, clock: MovableClock, mina: UUID
) -> None:
    play.sell(TOKEN, "ACTIVE", lasts=timedelta(days=365))
    verify(runtime, mina)
    clock.advance(days=1)
    play.refund(TOKEN)
    assert run_checks(runtime) == [True]
    assert standing(runtime, mina) == ("free", "inactive", None, "google_play")
    assert purchase(connection)["payment_state"] == "revoked"
    assert events(connection)[-1] == "SubscriptionExpired"


def test_a_purchase_that_was_replaced_is_asked_about_at_once(
    runtime: Runtime, connection: Connection, play: Books, clock: MovableClock, mina: UUID, yuna: UUID
) -> None:
    play.sell("old")
    verify(runtime, mina, "old")
    play.sell("new", replaces="old")
    play.refund("old")
    verify(runtime, yuna, "new")
    assert run_checks(runtime) == [True]
    assert plan_of(runtime, mina) is Plan.FREE and plan_of(runtime, yuna) is Plan.PREMIUM


def test_acknowledging_is_tried_until_it_works(
    runtime: Runtime, connection: Connection, play: Books, clock: MovableClock, mina: UUID
) -> None:
    play.sell(TOKEN)
    play.fail("acknowledge", Fault.ERROR, Fault.TOO_MANY, Fault.GARBAGE)
    verify(runtime, mina)
    assert plan_of(runtime, mina) is Plan.PREMIUM, "premium does not wait for it"
    for _ in range(2):
        clock.advance(minutes=10)
        assert run_checks(runtime) == [True]
    # Something between us and the store said that all was well; the store knows better.
    assert purchase(connection)["acknowledged_at"] == clock.now()
    assert not play.sold[TOKEN].acknowledged
    clock.advance(days=1)
    assert run_checks(runtime) == [True]
    assert play.sold[TOKEN].acknowledged and play.calls.count("acknowledge") == 4
    clock.advance(days=1)
    assert run_checks(runtime) == [True]
    assert play.calls.count("acknowledge") == 4


def test_an_acknowledgement_whose_answer_was_lost_is_found_out(
    runtime: Runtime, connection: Connection, play: Books, clock: MovableClock, mina: UUID
) -> None:
    play.sell(TOKEN)
    play.fail("acknowledge", Fault.LOST, Fault.LOST)
    verify(runtime, mina)
    assert play.sold[TOKEN].acknowledged and purchase(connection)["acknowledged_at"] is None
    clock.advance(minutes=10)
    assert run_checks(runtime) == [True]
    assert purchase(connection)["acknowledged_at"] == clock.now()
    assert play.calls.count("acknowledge") == 2, "the store says so itself"


def test_what_waits_too_long_to_be_acknowledged_is_counted(
    runtime: Runtime, connection: Connection, play: Books, clock: MovableClock, mina: UUID
) -> None:
    for token in ("late", "done", "pending"):
        play.sell(token, "PENDING" if token == "pending" else "ACTIVE")
        play.faults["acknowledge"] = [Fault.ERROR] if token == "late" else []
        verify(runtime, mina, token)
    verified_at = clock.now()
    assert unacknowledged_since(connection, before=verified_at) == 0
    assert unacknowledged_since(connection, before=verified_at + timedelta(seconds=1)) == 1


def test_a_store_that_does_not_answer_is_asked_again_after_growing_pauses(
    runtime: Runtime, connection: Connection, play: Books, clock: MovableClock, mina: UUID
) -> None:
    play.sell(TOKEN)
    play.fail("get", *[Fault.ERROR] * 4)
    with pytest.raises(Unavailable):
        verify(runtime, mina)
    assert run_checks(runtime) == []
    for minutes in (2, 4, 8):
        clock.advance(minutes=minutes - 1, seconds=59)
        assert run_checks(runtime) == []
        clock.advance(seconds=1)
        assert run_checks(runtime) == [None]
    clock.advance(minutes=16)
    assert run_checks(runtime) == [True]
    assert plan_of(runtime, mina) is Plan.PREMIUM


class Script:
    """A store whose answers a test hands out by hand."""

    def __init__(self, *, between: Callable[[], None], said: StoreAnswer) -> None:
        self.between, self.said = between, said

    def subscription(self, purchase_token: str) -> StoreAnswer:
        self.between()
        return self.said

    def acknowledge(self, purchase_token: str, product_id: str) -> None:
        """Accept it."""


def test_an_answer_overtaken_by_a_later_check_changes_nothing(
    runtime: Runtime, connection: Connection, play: Books, clock: MovableClock, mina: UUID
) -> None:
    play.sell(TOKEN, lasts=timedelta(days=1))
    older = runtime.play_store.subscription(TOKEN)

    def meanwhile() -> None:
        play.sell(TOKEN, lasts=timedelta(days=31))
        verify(runtime, mina)

    for late in (
        older,
        replace(older, state=PaymentState.EXPIRED),
        replace(older, state=PaymentState.PENDING),
    ):
        store = Script(between=meanwhile, said=late)
        service.verify_receipt(
            runtime.unit_of_work(),
            store,
            user_id=mina,
            purchase_token=TOKEN,
            product_id="premium_monthly",
            platform=Platform.ANDROID,
        )
        assert standing(runtime, mina)[:3] == ("premium", "active", clock.now() + timedelta(days=31))


def test_nothing_is_locked_while_the_store_is_asked(committed_runtime: Runtime, play: Books) -> None:
    runtime, mina = committed_runtime, make_user(committed_runtime, "mina")
    play.sell(TOKEN)
    said = runtime.play_store.subscription(TOKEN)

    def look() -> None:
        with runtime.database.transaction() as connection:
            for table in (subscriptions, purchase_tokens):
                assert connection.execute(select(table.c.id).with_for_update(nowait=True)).all()

    service.verify_receipt(
        runtime.unit_of_work(),
        Script(between=look, said=said),
        user_id=mina,
        purchase_token=TOKEN,
        product_id="premium_monthly",
        platform=Platform.ANDROID,
    )


def test_what_is_over_is_ended_once_with_its_event(
    runtime: Runtime, connection: Connection, play: Books, clock: MovableClock, mina: UUID, yuna: UUID
) -> None:
    play.sell("short", lasts=timedelta(days=1))
    play.sell("long")
    verify(runtime, mina, "short")
    verify(runtime, yuna, "long")
    clock.advance(days=1)
    assert service.expire_over(runtime.unit_of_work(), limit=10) == 1
    assert service.expire_over(runtime.unit_of_work(), limit=10) == 0
    rows = connection.execute(select(subscriptions.c.user_id, subscriptions.c.status))
    statuses = {row.user_id: row.status for row in rows}
    assert statuses == {mina: "expired", yuna: "active"}
    assert events(connection).count("SubscriptionExpired") == 1
    assert standing(runtime, mina)[:2] == ("free", "expired")

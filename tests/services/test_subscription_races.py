"""Many at once: one purchase entitles one account, and runs of the jobs never get in each other's way."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import func, select

from kcardswap.domain.errors import Refusal, WriteConflict
from kcardswap.domain.subscriptions import Platform, PurchaseTokenUsed
from kcardswap.gateways.dev_play_store import Books, Fault
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.subscriptions import purchase_tokens, subscriptions
from kcardswap.runtime import Runtime
from kcardswap.services import subscriptions as service
from tests.conftest import MovableClock
from tests.people import make_user

CALLERS = 16
TOKEN = "kdbnhpfo.AO-J1Oz_pzQ"


@pytest.fixture
def runtime(committed_runtime: Runtime) -> Runtime:
    """A runtime with real commits."""
    return committed_runtime


def at_once(works: Sequence[Callable[[], object]]) -> list[type[Exception] | None]:
    """Run all works at the same moment and return how each was refused, None when it was not."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], object]) -> type[Exception] | None:
        barrier.wait(timeout=30)
        try:
            work()
        except (Refusal, WriteConflict) as refusal:
            return type(refusal)
        return None

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def verifying(runtime: Runtime, user_id: UUID, token: str = TOKEN) -> Callable[[], object]:
    return lambda: service.verify_receipt(
        runtime.unit_of_work(),
        runtime.play_store,
        user_id=user_id,
        purchase_token=token,
        product_id="premium_monthly",
        platform=Platform.ANDROID,
    )


def count(runtime: Runtime, table: type | object, *where: object) -> int:
    with runtime.database.reader() as connection:
        return connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["ACTIVE", "PENDING"])
def test_one_purchase_shown_by_two_accounts_sixteen_times_at_once_is_of_one(
    runtime: Runtime, play: Books, state: str
) -> None:
    people = [make_user(runtime, "mina"), make_user(runtime, "yuna")]
    for number in range(5):
        token = f"token-{number}"
        play.sell(token, state)
        works = [verifying(runtime, people[index % 2], token) for index in range(CALLERS)]
        outcomes = at_once(works)
        with runtime.database.reader() as connection:
            owners = connection.scalars(
                select(purchase_tokens.c.user_id).where(purchase_tokens.c.purchase_token == token)
            ).all()
        assert len(owners) == 1
        for index, outcome in enumerate(outcomes):
            expected = None if people[index % 2] == owners[0] else PurchaseTokenUsed
            assert outcome is expected
    bound = count(runtime, outbox, outbox.c.event_type == "PurchaseBound")
    assert bound == 5


def test_one_account_that_verifies_sixteen_times_at_once_subscribes_once(
    runtime: Runtime, play: Books, clock: MovableClock
) -> None:
    mina = make_user(runtime, "mina")
    play.sell(TOKEN)
    assert at_once([verifying(runtime, mina)] * CALLERS) == [None] * CALLERS
    assert count(runtime, subscriptions, subscriptions.c.status == "active") == 1
    assert count(runtime, purchase_tokens) == 1
    assert count(runtime, outbox, outbox.c.event_type == "SubscriptionActivated") == 1


def test_sixteen_different_purchases_of_one_account_at_once_count_by_the_best(
    runtime: Runtime, play: Books, clock: MovableClock
) -> None:
    mina = make_user(runtime, "mina")
    for number in range(CALLERS):
        play.sell(f"token-{number}", lasts=timedelta(days=number + 1))
    works = [verifying(runtime, mina, f"token-{number}") for number in range(CALLERS)]
    assert at_once(works) == [None] * CALLERS
    with runtime.database.reader() as connection:
        assert connection.scalar(select(subscriptions.c.expires_at)) == clock.now() + timedelta(days=CALLERS)


def test_runs_of_the_job_share_the_purchases_between_them(
    runtime: Runtime, play: Books, clock: MovableClock
) -> None:
    for number in range(40):
        play.sell(f"token-{number}")
        play.fail("acknowledge", Fault.ERROR)
        verifying(runtime, make_user(runtime, f"person{number}"), f"token-{number}")()
    clock.advance(minutes=10)
    play.calls.clear()

    def run() -> None:
        while checks := service.begin_due_checks(runtime.unit_of_work(), limit=3):
            for check in checks:
                assert service.carry_out(runtime.unit_of_work(), runtime.play_store, check)

    assert at_once([run] * 8) == [None] * 8
    assert play.calls.count("get") == 40 and play.calls.count("acknowledge") == 40
    assert all(sold.acknowledged for sold in play.sold.values())


def test_a_subscription_is_ended_once_by_many_runs_and_verifications_at_once(
    runtime: Runtime, play: Books, clock: MovableClock
) -> None:
    people = [make_user(runtime, f"person{number}") for number in range(12)]
    for number, person in enumerate(people):
        play.sell(f"token-{number}", lasts=timedelta(days=1))
        verifying(runtime, person, f"token-{number}")()
    clock.advance(days=1)
    ending = [lambda: service.expire_over(runtime.unit_of_work(), limit=5)] * 8
    again = [verifying(runtime, person, f"token-{number}") for number, person in enumerate(people[:8])]
    assert at_once([*ending, *again]) == [None] * 16
    while service.expire_over(runtime.unit_of_work(), limit=5):
        pass
    assert count(runtime, subscriptions, subscriptions.c.status == "expired") == 12
    assert count(runtime, outbox, outbox.c.event_type == "SubscriptionExpired") == 12

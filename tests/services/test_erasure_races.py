"""Deleting and erasing while others act, with real commits."""

from sqlalchemy import select

from kcardswap.domain.errors import Refusal
from kcardswap.persistence.engine import PooledDatabase
from kcardswap.persistence.orm.trades import trades
from kcardswap.runtime import Runtime
from kcardswap.services import accounts
from kcardswap.services.accounts import Erasing
from tests.conftest import MovableClock
from tests.lives import ERASED_AFTER, LEGALLY_KEPT, found
from tests.people import sign_in
from tests.racing import at_once
from tests.swaps import Two, accept, broken_invariants, complete, propose


def test_a_swap_and_a_deletion_at_once_leave_no_live_swap_and_the_erasures_may_meet(
    committed_runtime: Runtime, clock: MovableClock
) -> None:
    runtime = committed_runtime
    two = Two(runtime)
    done = propose(runtime, two.mina, two.jun, two.minas[:1], two.juns[:1])
    accept(runtime, done, two.jun)
    for person in (two.mina, two.jun):
        complete(runtime, done, person)
    waiting = propose(runtime, two.mina, two.jun, two.minas[1:2], two.juns[1:2])

    def leave() -> object:
        return accounts.delete_account(
            runtime.unit_of_work(),
            runtime.sign_in_policy,
            user_id=two.mina,
            erase_after=runtime.settings.account_erasure_after,
        )

    left, _, _ = at_once(
        leave,
        lambda: propose(runtime, two.jun, two.mina, two.juns[2:3], two.minas[2:3]),
        lambda: accept(runtime, waiting, two.jun),
    )
    assert not isinstance(left, Refusal)
    database = runtime.database
    assert isinstance(database, PooledDatabase)
    with database.reader() as connection:
        statuses = set(connection.scalars(select(trades.c.status)))
        assert statuses <= {"completed", "canceled"}
        assert broken_invariants(connection) == []
    clock.advance(**ERASED_AFTER)
    outside = Erasing(runtime.storage, runtime.identity_providers.apple, runtime.sealer)
    # Two runs on one account is what a claim that ran out leads to.
    ended = at_once(*[lambda: accounts.erase(runtime.unit_of_work(), outside, user_id=two.mina)] * 3)
    assert ended == [True, True, True]
    with database.reader() as connection:
        assert found(connection, str(two.mina)) <= LEGALLY_KEPT
        assert broken_invariants(connection) == []


def test_signing_in_while_the_account_is_deleted_makes_a_new_one(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    for number in range(8):
        name = f"mina{number}"
        old = sign_in(runtime, name).user_id
        left, signed_in = at_once(
            lambda old=old: accounts.delete_account(  # type: ignore[misc]
                runtime.unit_of_work(),
                runtime.sign_in_policy,
                user_id=old,
                erase_after=runtime.settings.account_erasure_after,
            ),
            lambda name=name: sign_in(runtime, name),  # type: ignore[misc]
        )
        assert not isinstance(left, Refusal) and not isinstance(signed_in, Refusal)
        # Before the deletion the old account, whose new session ended with it; after it a new one.
        assert sign_in(runtime, name).user_id != old

"""Ratings given at the same moment: one per pair and swap, and all of them counted."""

from functools import partial
from uuid import UUID

import pytest

from kcardswap.domain.errors import Blocked
from kcardswap.domain.ratings import AlreadyRated
from kcardswap.runtime import Runtime
from kcardswap.services import friendships
from tests.people import make_user
from tests.racing import at_once
from tests.ratings import kept_totals, rate, real_totals, swap
from tests.swaps import Two, befriend_all

RATERS = 12


@pytest.fixture
def runtime(committed_runtime: Runtime) -> Runtime:
    """A runtime with real commits."""
    return committed_runtime


def totals(runtime: Runtime) -> dict[UUID, tuple[int, int]]:
    with runtime.database.reader() as connection:
        kept = kept_totals(connection)
        assert kept == real_totals(connection)
        return kept


@pytest.mark.parametrize("for_a_swap", [True, False], ids=["swap", "friends"])
def test_of_the_same_rating_sent_many_times_at_once_one_counts(runtime: Runtime, for_a_swap: bool) -> None:
    two = Two(runtime)
    trade_id = swap(runtime, two.mina, two.jun) if for_a_swap else None
    outcomes = at_once(
        *(partial(rate, runtime, two.mina, two.jun, n % 5 + 1, trade_id=trade_id) for n in range(8))
    )
    refusals = [outcome for outcome in outcomes if not isinstance(outcome, UUID)]
    assert len(refusals) == 7 and all(type(refusal) is AlreadyRated for refusal in refusals)
    assert totals(runtime)[two.jun][0] == 1


def test_people_who_rate_somebody_at_once_all_count(runtime: Runtime) -> None:
    mina = make_user(runtime, "mina")
    raters = [make_user(runtime, f"rater{n}") for n in range(RATERS)]
    befriend_all(runtime, [(rater, mina) for rater in raters])
    scores = [n % 5 + 1 for n in range(RATERS)]
    # They rate each other's friend and are rated by her, so locks are taken in both directions.
    works = [partial(rate, runtime, rater, mina, score) for rater, score in zip(raters, scores, strict=True)]
    outcomes = at_once(*works, *(partial(rate, runtime, mina, rater, 3) for rater in raters[:4]))
    assert all(isinstance(outcome, UUID) for outcome in outcomes), outcomes
    kept = totals(runtime)
    assert kept[mina] == (RATERS, sum(scores))
    assert [kept[rater] for rater in raters[:4]] == [(1, 3)] * 4


def test_no_rating_comes_after_the_block_it_raced(runtime: Runtime) -> None:
    for n in range(5):
        mina, jun = make_user(runtime, f"mina{n}"), make_user(runtime, f"jun{n}")
        befriend_all(runtime, [(mina, jun)])
        rated, _ = at_once(
            partial(rate, runtime, mina, jun),
            partial(friendships.block, runtime.unit_of_work(), by=jun, target_id=mina),
        )
        assert isinstance(rated, UUID | Blocked)
        assert (jun in totals(runtime)) == isinstance(rated, UUID)

"""Sixteen callers at once stay within the limits of premium too, and of a plan that changes meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import Table, func, insert, select

from kcardswap.domain import quotas
from kcardswap.domain.errors import LimitExceeded
from kcardswap.domain.quotas import GIB, LimitKey, Plan
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.persistence.orm.quotas import quota_usage
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.runtime import Runtime
from kcardswap.services import gallery
from tests.albums import DESCRIPTION
from tests.people import make_user
from tests.pictures import put_card
from tests.premium import end_premium, make_premium
from tests.services.test_quota_races import (
    CALLERS,
    PICTURE,
    announcing,
    at_once,
    confirming,
    confirming_media,
    month_usage,
)
from tests.wishes import photocard, wish

PLANS = [Plan.FREE, Plan.PREMIUM]


@pytest.fixture
def runtime(committed_runtime: Runtime) -> Runtime:
    """A runtime with real commits."""
    return committed_runtime


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@contextmanager
def limits(monkeypatch: pytest.MonkeyPatch, plan: Plan, key: LimitKey, allowed: int) -> Iterator[None]:
    """Lower one limit, so that filling it up does not take all day."""
    monkeypatch.setattr(quotas, "LIMITS", {**quotas.LIMITS, plan: {**quotas.LIMITS[plan], key: allowed}})
    yield
    monkeypatch.undo()


def rows(runtime: Runtime, table: Table) -> int:
    with runtime.database.reader() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def on(plan: Plan, runtime: Runtime, user_id: UUID) -> None:
    if plan is Plan.PREMIUM:
        make_premium(runtime, user_id)


def describing(runtime: Runtime, user_id: UUID) -> Callable[[], object]:
    return lambda: gallery.create(runtime.unit_of_work(), user_id=user_id, description=DESCRIPTION)


def wishing(runtime: Runtime, user_id: UUID) -> list[Callable[[], object]]:
    """Return as many wishes as there are callers, each for another photocard of the catalog."""
    wanted = [photocard(runtime, user_id, f"Idol {n}") for n in range(CALLERS)]
    return [partial(wish, runtime, user_id, photocard_id=each) for each in wanted]


@pytest.mark.parametrize("plan", PLANS)
def test_galleries_are_never_too_full(
    runtime: Runtime, mina: UUID, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(plan, runtime, mina)
    with limits(monkeypatch, plan, LimitKey.GALLERY_CARDS_COUNT_MAX, 7):
        refusals = at_once([describing(runtime, mina)] * CALLERS)
    assert (rows(runtime, gallery_cards), len(refusals)) == (7, CALLERS - 7)
    assert {refusal.details["current_value"] for refusal in refusals} == {7}


@pytest.mark.parametrize("plan", PLANS)
def test_wishlists_are_never_too_full(
    runtime: Runtime, mina: UUID, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(plan, runtime, mina)
    works = wishing(runtime, mina)
    with limits(monkeypatch, plan, LimitKey.WISHLIST_ITEMS_MAX, 7):
        refusals = at_once(works)
    assert (rows(runtime, wishlist_items), len(refusals)) == (7, CALLERS - 7)


def test_premium_makes_as_many_cards_a_day_as_it_likes(runtime: Runtime, mina: UUID) -> None:
    make_premium(runtime, mina)
    assert at_once([announcing(runtime, mina)] * CALLERS) == []
    assert rows(runtime, cards) == CALLERS


def test_the_storage_of_premium_is_never_too_full(runtime: Runtime, mina: UUID) -> None:
    make_premium(runtime, mina)
    put_card(runtime, mina, size_bytes=GIB - 2 * len(PICTURE) - 1)
    works = [
        confirming(runtime, put_card(runtime, mina, confirmed=False, data=PICTURE), mina)
        for _ in range(CALLERS)
    ]
    assert len(at_once(works)) == CALLERS - 2
    with runtime.database.reader() as connection:
        assert connection.scalar(select(func.sum(cards.c.size_bytes))) == GIB - 1


def test_the_bytes_of_a_month_of_premium_are_never_passed(runtime: Runtime, mina: UUID) -> None:
    make_premium(runtime, mina)
    works = [confirming_media(runtime, mina) for _ in range(CALLERS)]
    month, now = runtime.quota_calendar.month(runtime.clock.now()), runtime.clock.now()
    with runtime.database.transaction() as connection:
        connection.execute(
            insert(quota_usage).values(
                user_id=mina,
                limit_key="media_bytes_per_month",
                period_start=month.start,
                used=2 * GIB - 5 * len(PICTURE) - 1,
                updated_at=now,
            )
        )
    assert len(at_once(works)) == CALLERS - 5
    assert month_usage(runtime, mina) == 2 * GIB - 1


@pytest.mark.parametrize("seed", range(4))
def test_buying_premium_in_the_middle_lets_everything_after_it_in(
    runtime: Runtime, mina: UUID, seed: int
) -> None:
    works = [announcing(runtime, mina)] * CALLERS
    works[seed * 5 % CALLERS] = partial(make_premium, runtime, mina)
    refusals = at_once(works)
    assert rows(runtime, cards) == CALLERS - 1 - len(refusals)
    assert rows(runtime, cards) >= 3
    assert {refusal.details["current_value"] for refusal in refusals} <= set(range(3, CALLERS))
    assert at_once([announcing(runtime, mina)] * 4) == []


@pytest.mark.parametrize("seed", range(4))
def test_once_premium_has_ended_nothing_more_fits(
    runtime: Runtime, mina: UUID, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_premium(runtime, mina)
    works: list[Callable[[], object]] = [describing(runtime, mina)] * CALLERS
    works[seed * 5 % CALLERS] = partial(end_premium, runtime, mina)
    with limits(monkeypatch, Plan.FREE, LimitKey.GALLERY_CARDS_COUNT_MAX, 3):
        refusals = at_once(works)
        kept = rows(runtime, gallery_cards)
        assert kept == CALLERS - 1 - len(refusals) and kept >= 3
        with pytest.raises(LimitExceeded) as raised:
            describing(runtime, mina)()
    assert (raised.value.details["limit_value"], raised.value.details["current_value"]) == (3, kept)

"""Galleries changed by many at once, with real commits: places stay 0, 1, 2 ... and limits are exact."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Event
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from kcardswap.domain.errors import LimitExceeded, Refusal
from kcardswap.domain.gallery import ForeignIds, GalleryCardNotFound
from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.runtime import Runtime
from kcardswap.services import gallery
from tests.albums import create, delete, picture_for, places, reorder
from tests.people import make_user

CALLERS = 16
ROUNDS = 12


@pytest.fixture
def runtime(committed_runtime: Runtime) -> Runtime:
    """A runtime with real commits."""
    return committed_runtime


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


def album(runtime: Runtime, user_id: UUID) -> dict[UUID, int]:
    with runtime.database.reader() as connection:
        return places(connection, user_id)


def at_once(*works: Callable[[], object]) -> list[type[Refusal] | None]:
    """Run all works at the same moment and return their refusals; any other exception fails the test."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], object]) -> type[Refusal] | None:
        barrier.wait(timeout=30)
        try:
            work()
        except Refusal as refusal:
            return type(refusal)
        return None

    with ThreadPoolExecutor(len(works)) as pool:
        return [*pool.map(run, works)]


def test_sixteen_at_once_fill_the_last_places_exactly(runtime: Runtime, mina: UUID) -> None:
    for _ in range(43):
        create(runtime, mina)
    outcomes = at_once(*[partial(create, runtime, mina)] * CALLERS)
    assert outcomes.count(None) == 7
    assert outcomes.count(LimitExceeded) == CALLERS - 7
    assert list(album(runtime, mina).values()) == list(range(50))


def test_one_card_deleted_by_many_at_once_closes_one_gap(runtime: Runtime, mina: UUID) -> None:
    for _ in range(ROUNDS):
        first, second, last = (create(runtime, mina) for _ in range(3))
        picture_for(runtime, second)
        outcomes = at_once(*[partial(delete, runtime, second, mina)] * 4)
        assert sorted(outcomes, key=str) == [GalleryCardNotFound] * 3 + [None]
        assert album(runtime, mina) == {first: 0, last: 1}
        for card_id in (first, last):
            delete(runtime, card_id, mina)


def test_of_two_orders_at_once_one_comes_wholly_after_the_other(runtime: Runtime, mina: UUID) -> None:
    ids = [create(runtime, mina) for _ in range(12)]
    for _ in range(ROUNDS):
        one, other = random.sample(ids, 12), random.sample(ids, 12)
        both = [partial(reorder, runtime, mina, *order) for order in (one, other)]
        assert at_once(*both) == [None, None]
        assert list(album(runtime, mina)) in (one, other)


class Onlooker:
    """Looks at galleries again and again while others change them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._done = Event()
        self.gaps: list[list[int]] = []
        self.looks = 0

    def watch(self, user_ids: list[UUID]) -> None:
        while not self._done.is_set():
            for user_id in user_ids:
                seen = list(album(self._runtime, user_id).values())
                self.looks += 1
                if seen != list(range(len(seen))):
                    self.gaps.append(seen)

    def stop(self) -> None:
        self._done.set()


def wild_change(runtime: Runtime, user_id: UUID, dice: random.Random) -> None:
    """Create, delete, edit or rearrange whatever is there; somebody else may have been faster."""
    ids = list(album(runtime, user_id))
    kind = dice.choice(("create", "delete", "reorder", "reorder", "edit"))
    if kind == "create" or not ids:
        create(runtime, user_id)
    elif kind == "delete":
        delete(runtime, dice.choice(ids), user_id)
    elif kind == "edit":
        changes: dict[str, Any] = {"title": str(dice.random())}
        gallery.edit(runtime.unit_of_work(), card_id=dice.choice(ids), by=user_id, changes=changes)
    else:
        reorder(runtime, user_id, *dice.sample(ids, dice.randint(1, len(ids))))


def test_any_mixture_of_changes_leaves_no_gap_at_any_moment(runtime: Runtime) -> None:
    people = [make_user(runtime, name) for name in ("mina", "jun")]
    for user_id in people:
        for _ in range(8):
            create(runtime, user_id)

    def change_for_a_while(seed: int) -> set[type[Refusal]]:
        dice, refusals = random.Random(seed), set()
        for _ in range(25):
            try:
                wild_change(runtime, people[seed % 2], dice)
            except Refusal as refusal:
                refusals.add(type(refusal))
        return refusals

    onlooker = Onlooker(runtime)
    with ThreadPoolExecutor(9) as pool:
        watching = pool.submit(onlooker.watch, people)
        changing = [pool.submit(change_for_a_while, seed) for seed in range(8)]
        try:
            refusals = set().union(*(each.result() for each in changing))
        finally:
            onlooker.stop()
        watching.result()
    # A faster deletion may have taken what was to be deleted, edited or arranged; nothing else goes wrong.
    assert refusals <= {GalleryCardNotFound, ForeignIds, LimitExceeded}
    assert onlooker.looks > 10 and onlooker.gaps == []
    for user_id in people:
        final = list(album(runtime, user_id).values())
        assert final == list(range(len(final)))


def test_a_gallery_is_not_held_up_by_the_one_of_somebody_else(runtime: Runtime, mina: UUID) -> None:
    jun = make_user(runtime, "jun")
    uow = runtime.unit_of_work()
    with uow:
        uow.users.get(jun, lock=True)
        began = time.monotonic()
        create(runtime, mina)
        assert time.monotonic() - began < 1
    with runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(gallery_cards)) == 1

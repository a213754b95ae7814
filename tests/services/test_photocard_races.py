"""Photocards under several hands at once: one row per card, and nothing that points at a merged one."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from kcardswap.domain.errors import Refusal
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.queries.keyset import PageRequest
from kcardswap.queries.photocards import photocards_found
from kcardswap.runtime import Runtime
from tests import binders
from tests.people import sign_in
from tests.photocards import curate, merge, submit
from tests.racing import at_once
from tests.wishes import wish


def pointing_at_merged(runtime: Runtime) -> int:
    """Return how many cards, wishes and merges point at a merged photocard."""
    merged = select(photocards.c.id).where(photocards.c.status == "merged")
    pointers = (cards.c.photocard_id, wishlist_items.c.photocard_id, photocards.c.merged_into_id)
    with runtime.database.reader() as connection:
        return sum(
            connection.scalar(select(func.count()).where(pointer.in_(merged))) or 0 for pointer in pointers
        )


@pytest.fixture
def people(committed_runtime: Runtime) -> list[UUID]:
    return [sign_in(committed_runtime, f"person{n}").user_id for n in range(4)]


def test_people_who_type_the_same_unknown_card_make_one(
    committed_runtime: Runtime, people: list[UUID]
) -> None:
    runtime = committed_runtime
    for version in "ABCDE":
        made = at_once(
            *(partial(submit, runtime, by, idol_group="IVE", version=version) for by in people),
            partial(binders.announce, runtime, people[0], idol_group="ive", version=version.lower()),
        )
        ids = {each.photocard_id for each in made[:-1]}
        assert len(ids) == 1
        assert sum(each.is_new for each in made[:-1]) <= 1
        if version == "C":
            break  # three cards a day
    with runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(photocards)) == 3


def test_people_who_bring_the_same_new_words_in_opposite_order_are_both_served(
    committed_runtime: Runtime, people: list[UUID]
) -> None:
    runtime = committed_runtime

    def bring(by: UUID, *albums: str) -> None:
        uow = runtime.unit_of_work()
        with uow:
            for album in albums:
                uow.photocards.matching({"idol_group": f"{by.hex} band", "album": album}, submitted_by=by)
            uow.commit()

    for n in range(5):
        new = [f"new {n}", f"newer {n}", f"newest {n}"]
        done = at_once(partial(bring, people[0], *new), partial(bring, people[1], *reversed(new)))
        assert done == [None, None]
        with runtime.database.reader() as connection:
            for album in new:
                found = photocards_found(connection, filters={}, q=album, page=PageRequest(5))
                assert found.total == 2


def test_whatever_meets_a_merge_ends_up_at_its_target(committed_runtime: Runtime, people: list[UUID]) -> None:
    runtime = committed_runtime
    card = binders.announce(runtime, people[3], idol_group="IVE").card_id
    for n in range(6):
        old, kept = (
            submit(runtime, people[0], idol_group="IVE", version=f"{n} {side}").photocard_id
            for side in ("old", "kept")
        )
        works: list[Callable[[], Any]] = [
            partial(merge, runtime, old, kept, people[0]),
            partial(wish, runtime, people[1], photocard_id=old),
            partial(wish, runtime, people[1], photocard_id=kept),
            partial(binders.edit, runtime, card, people[3], photocard_id=old),
            partial(curate, runtime, kept, people[0], rarity=None, version=f"{n} better"),
        ]
        if n < 3:
            works.append(partial(binders.announce, runtime, people[2], idol_group="IVE", version=f"{n} old"))
        at_once(*works)
        assert pointing_at_merged(runtime) == 0


def test_two_merges_in_opposite_directions_leave_one_target(
    committed_runtime: Runtime, people: list[UUID]
) -> None:
    runtime = committed_runtime
    for n in range(6):
        a, b, c = (
            submit(runtime, people[0], idol_group="IVE", version=f"{n}{x}").photocard_id for x in "abc"
        )
        done = at_once(
            partial(merge, runtime, a, b, people[0]),
            partial(merge, runtime, b, a, people[1]),
            partial(merge, runtime, c, a, people[2]),
        )
        assert sum(isinstance(each, Refusal) for each in done[:2]) == 1
        assert pointing_at_merged(runtime) == 0


def test_parallel_edits_of_one_card_leave_the_photocard_of_its_texts(
    committed_runtime: Runtime, people: list[UUID]
) -> None:
    runtime, owner = committed_runtime, people[0]
    card = binders.announce(runtime, owner, idol_group="IVE").card_id
    for n in range(6):
        at_once(
            partial(binders.edit, runtime, card, owner, idol=f"idol {n}"),
            partial(binders.edit, runtime, card, owner, version=f"version {n}"),
        )
        with runtime.database.reader() as connection:
            shown = binders.row(connection, card)
            linked = connection.execute(
                select(photocards).where(photocards.c.id == shown["photocard_id"])
            ).one()
        assert (linked.member_text, linked.version) == (shown["idol"], shown["version"])

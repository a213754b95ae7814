"""Imports and new upload URLs at the same moment, with real commits: limits stay exact, nobody deadlocks."""

from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from kcardswap.domain.errors import LimitExceeded, Refusal
from kcardswap.domain.media import UploadMissing
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.runtime import Runtime
from kcardswap.services.cards import AnnouncedCard
from tests.binders import PICTURE, announce, confirm, month_usage
from tests.people import make_user
from tests.pictures import send
from tests.racing import at_once
from tests.services.test_card_pictures import ask, imported
from tests.services.test_spreadsheets import import_cards, import_wishes
from tests.wishes import wish

CALLERS = 16
ROUNDS = 8


@pytest.fixture
def runtime(committed_runtime: Runtime) -> Runtime:
    """A runtime with real commits."""
    return committed_runtime


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


def count(runtime: Runtime, table: Any, *where: Any) -> int:
    with runtime.database.reader() as connection:
        return connection.scalar(select(func.count()).select_from(table).where(*where)) or 0


def refusals(outcomes: list[Any]) -> list[Refusal]:
    found = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert {type(refusal) for refusal in found} <= {LimitExceeded}, found
    return found


def test_sixteen_imports_at_once_never_pass_the_cards_without_a_picture(runtime: Runtime, mina: UUID) -> None:
    outcomes = at_once(*[partial(import_cards, runtime, mina, {"idol": "Haerin", "quantity": 150})] * CALLERS)
    assert len(refusals(outcomes)) == CALLERS - 6
    assert count(runtime, cards) == 900


def test_sixteen_imports_at_once_never_pass_the_wishes_of_a_list(runtime: Runtime, mina: UUID) -> None:
    lists = [[{"idol": f"Idol {n} of {line}"} for line in range(15)] for n in range(CALLERS)]
    outcomes = at_once(*[partial(import_wishes, runtime, mina, *lines) for lines in lists])
    assert len(refusals(outcomes)) == CALLERS - 6
    assert count(runtime, wishlist_items) == 90


def test_imports_and_single_wishes_for_the_same_cards_make_each_wish_once(
    runtime: Runtime, mina: UUID
) -> None:
    for n in range(ROUNDS):
        names = [f"Idol {n} of {line}" for line in range(5)]
        lines = [{"idol_group": "IVE", "idol": name} for name in names]
        at_once(
            partial(import_wishes, runtime, mina, *lines),
            partial(import_wishes, runtime, mina, *reversed(lines)),
            *[partial(wish, runtime, mina, name) for name in names],
        )
    assert count(runtime, wishlist_items) == count(runtime, photocards) == 5 * ROUNDS


def test_people_who_import_the_same_cards_in_any_order_make_each_photocard_once(runtime: Runtime) -> None:
    people = [make_user(runtime, f"person{n}") for n in range(8)]
    for n in range(3):
        lines = [{"idol": f"Idol {n} of {line}", "album": "Sky"} for line in range(60)]
        orders = [lines[start:] + lines[:start] for start in range(0, 32, 4)]
        outcomes = at_once(
            *[
                partial(import_cards if place % 2 else import_wishes, runtime, person, *order[:12])
                for place, (person, order) in enumerate(zip(people, orders, strict=True))
            ]
        )
        assert refusals(outcomes) == []
    with runtime.database.reader() as connection:
        keys = connection.scalars(select(photocards.c.match_key)).all()
    assert len(keys) == len(set(keys)) == 3 * 40


def test_urls_asked_for_at_once_leave_one_and_take_one_place(runtime: Runtime, mina: UUID) -> None:
    for _ in range(3):
        card_id = imported(runtime, mina)
        outcomes = at_once(*[partial(ask, runtime, card_id, mina)] * 6)
        assert refusals(outcomes) == []
    assert count(runtime, media_assets) == 3
    assert len(refusals(at_once(partial(announce, runtime, mina)))) == 1


def test_sixteen_cards_and_urls_at_once_share_the_places_of_the_day(runtime: Runtime, mina: UUID) -> None:
    waiting = [imported(runtime, mina) for _ in range(CALLERS // 2)]
    outcomes = at_once(
        *[partial(ask, runtime, card_id, mina) for card_id in waiting],
        *[partial(announce, runtime, mina)] * (CALLERS // 2),
    )
    assert len(refusals(outcomes)) == CALLERS - 3
    assert count(runtime, media_assets) == 3


def test_a_confirmation_and_a_new_url_at_once_end_in_one_of_the_two(runtime: Runtime, mina: UUID) -> None:
    for n in range(ROUNDS):
        owner = make_user(runtime, f"person{n}")
        card_id = imported(runtime, owner)
        send(runtime, ask(runtime, card_id, owner).object_key, PICTURE)
        confirmed, asked = at_once(
            partial(confirm, runtime, card_id, owner), partial(ask, runtime, card_id, owner)
        )
        with runtime.database.reader() as connection:
            status = connection.scalar(select(cards.c.upload_status).where(cards.c.id == card_id))
            used = month_usage(connection, owner)
        if confirmed is None:
            # The new URL is for the same object, so what came for the first one is good for it, too.
            assert (status, used) == ("confirmed", len(PICTURE))
            assert isinstance(asked, AnnouncedCard) or asked.reason == "not_pending"
        else:
            assert isinstance(confirmed, UploadMissing)
            assert (status, used) == ("pending", 0)
        # Whoever came first, the picture can be confirmed in the end, and once.
        confirm(runtime, card_id, owner)
        assert count(runtime, media_assets, media_assets.c.owner_id == owner) == 1

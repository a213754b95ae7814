"""Filling, ordering and emptying a gallery."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, func, insert, select

from kcardswap.domain.errors import DuplicateIds, LimitExceeded, NotOwner
from kcardswap.domain.gallery import ForeignIds, GalleryCardNotFound
from kcardswap.domain.media import StorageUnavailable
from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.runtime import Runtime
from kcardswap.services import gallery
from tests.albums import DESCRIPTION, create, delete, picture_for, places, reorder
from tests.binders import refused_limit
from tests.conftest import MovableClock
from tests.people import make_user
from tests.pictures import stored
from tests.premium import end_premium, make_premium


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def yuna(runtime: Runtime) -> UUID:
    return make_user(runtime, "yuna")


def row(connection: Connection, card_id: UUID) -> Any:
    return connection.execute(select(gallery_cards).where(gallery_cards.c.id == card_id)).one()


def fill(runtime: Runtime, connection: Connection, user_id: UUID, count: int) -> list[UUID]:
    """Store a gallery of ``count`` cards in one go."""
    now = runtime.clock.now()
    ids = [runtime.new_id() for _ in range(count)]
    connection.execute(
        insert(gallery_cards),
        [
            {
                **{"id": card_id, "user_id": user_id, "title": f"{n}", "idol_name": "Haerin"},
                **{"display_order": n, "created_at": now, "updated_at": now},
            }
            for n, card_id in enumerate(ids)
        ],
    )
    return ids


def test_a_new_card_is_the_last_one(runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID) -> None:
    create(runtime, yuna)
    made = [create(runtime, mina, era="OMG") for _ in range(3)]
    assert places(connection, mina) == {made[0]: 0, made[1]: 1, made[2]: 2}
    card = row(connection, made[0])
    assert (card.title, card.idol_name, card.era, card.description) == (
        *DESCRIPTION.values(),
        "OMG",
        None,
    )
    assert card.created_at == card.updated_at == runtime.clock.now()


def test_the_fifty_first_card_is_refused(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    fill(runtime, connection, mina, 49)
    create(runtime, mina)
    with pytest.raises(LimitExceeded) as refusal:
        create(runtime, mina)
    assert refused_limit(refusal) == ("gallery_cards_count_max", 50, 50)
    assert refusal.value.details["reset_at"] is None
    assert len(places(connection, mina)) == 50


def test_premium_holds_five_hundred_cards_and_keeps_them_when_it_ends(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    fill(runtime, connection, mina, 499)
    make_premium(runtime, mina)
    last = create(runtime, mina)
    with pytest.raises(LimitExceeded) as refusal:
        create(runtime, mina)
    assert refused_limit(refusal) == ("gallery_cards_count_max", 500, 500)
    end_premium(runtime, mina)
    with pytest.raises(LimitExceeded) as refusal:
        create(runtime, mina)
    assert refused_limit(refusal) == ("gallery_cards_count_max", 50, 500)
    assert reorder(runtime, mina, last) == 1
    assert places(connection, mina)[last] == 0


def test_a_deleted_card_makes_room(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    ids = fill(runtime, connection, mina, 50)
    delete(runtime, ids[7], mina)
    create(runtime, mina)
    assert list(places(connection, mina).values()) == list(range(50))


def test_an_edit_changes_what_is_given_and_dates_it(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    card_id = create(runtime, mina, era="OMG")
    clock.advance(hours=1)
    gallery.edit(runtime.unit_of_work(), card_id=card_id, by=mina, changes={"title": "Best", "era": None})
    card = row(connection, card_id)
    assert (card.title, card.idol_name, card.era) == ("Best", "Haerin", None)
    assert card.updated_at == clock.now() > card.created_at


def test_the_card_of_somebody_else_stays_as_it_is(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    card_id = create(runtime, mina)
    with pytest.raises(NotOwner):
        gallery.edit(runtime.unit_of_work(), card_id=card_id, by=yuna, changes={"title": "Mine"})
    with pytest.raises(NotOwner):
        delete(runtime, card_id, yuna)
    assert row(connection, card_id).title == DESCRIPTION["title"]


def test_an_unknown_card_is_not_found(runtime: Runtime, mina: UUID) -> None:
    with pytest.raises(GalleryCardNotFound):
        gallery.edit(runtime.unit_of_work(), card_id=uuid4(), by=mina, changes={})
    with pytest.raises(GalleryCardNotFound):
        delete(runtime, uuid4(), mina)


def test_deleting_closes_the_gap(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    a, b, c, d = (create(runtime, mina) for _ in range(4))
    delete(runtime, b, mina)
    assert places(connection, mina) == {a: 0, c: 1, d: 2}
    delete(runtime, a, mina)
    delete(runtime, d, mina)
    assert places(connection, mina) == {c: 0}
    delete(runtime, c, mina)
    assert places(connection, mina) == {}


def test_deleting_a_card_deletes_its_picture(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    card_id, kept_id = create(runtime, mina), create(runtime, mina)
    media_id, kept = picture_for(runtime, card_id), picture_for(runtime, kept_id)
    delete(runtime, card_id, mina)
    found = connection.execute(select(media_assets.c.id, media_assets.c.status))
    statuses = {row.id: row.status for row in found}
    assert statuses == {media_id: "deleted", kept: "attached"}
    assert stored(runtime, f"media/{mina}/{media_id}.jpg") is None
    assert stored(runtime, f"media/{mina}/{kept}.jpg") == b"JPEG"
    told = select(func.count()).where(outbox.c.event_type == "MediaDeleted")
    assert connection.scalar(told) == 1


def test_a_storage_that_does_not_work_keeps_no_card_alive(
    runtime: Runtime, connection: Connection, monkeypatch: pytest.MonkeyPatch, mina: UUID
) -> None:
    card_id = create(runtime, mina)
    picture_for(runtime, card_id)

    def broken(key: str) -> None:
        raise StorageUnavailable()

    monkeypatch.setattr(runtime.storage, "remove", broken)
    delete(runtime, card_id, mina)
    assert places(connection, mina) == {}
    # The purge finds the object by this row.
    assert connection.scalar(select(media_assets.c.status)) == "deleted"


def test_reordering_puts_the_listed_cards_first(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    a, b, c, d, e = (create(runtime, mina) for _ in range(5))
    assert reorder(runtime, mina, d, b) == 2
    assert places(connection, mina) == {d: 0, b: 1, a: 2, c: 3, e: 4}
    assert reorder(runtime, mina, e, c, a, b, d) == 5
    assert list(places(connection, mina)) == [e, c, a, b, d]


def test_reordering_dates_only_the_cards_that_moved(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    a, b, c = (create(runtime, mina) for _ in range(3))
    clock.advance(hours=1)
    reorder(runtime, mina, b, a, c)
    moved = [row(connection, card_id).updated_at == clock.now() for card_id in (a, b, c)]
    assert moved == [True, True, False]


def test_a_refused_order_changes_nothing(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    a, b = (create(runtime, mina) for _ in range(2))
    foreign = create(runtime, yuna)
    for listed, refusal in (
        ((b, b), DuplicateIds),
        ((b, foreign), ForeignIds),
        ((b, uuid4()), ForeignIds),
    ):
        with pytest.raises(refusal):
            reorder(runtime, mina, *listed)
    assert places(connection, mina) == {a: 0, b: 1}


def test_five_hundred_cards_take_as_many_statements_as_two(
    runtime: Runtime, connection: Connection, count_sql: Callable[[], Any], mina: UUID, yuna: UUID
) -> None:
    sent_for = []
    for user_id, count in ((yuna, 2), (mina, 500)):
        ids = fill(runtime, connection, user_id, count)
        with count_sql() as sent:
            reorder(runtime, user_id, *reversed(ids))
        sent_for.append(sent())
        assert list(places(connection, user_id)) == ids[::-1]
    # The owner, the order as it is, aside, in place; and the savepoint around a test's transaction.
    assert sent_for[0] == sent_for[1] <= 6


def test_any_sequence_of_changes_keeps_places_without_gaps(runtime: Runtime, connection: Connection) -> None:
    numbers = iter(range(10_000))

    class AlbumMachine(RuleBasedStateMachine):
        """Somebody adds, removes and arranges cards; the model is a list."""

        def __init__(self) -> None:
            super().__init__()
            self.user_id = make_user(runtime, f"mina{next(numbers)}")
            self.album: list[UUID] = []

        @rule()
        def add(self) -> None:
            self.album.append(create(runtime, self.user_id))

        @rule(place=st.integers(0, 20))
        def remove(self, place: int) -> None:
            if self.album:
                delete(runtime, self.album.pop(place % len(self.album)), self.user_id)

        @rule(data=st.data())
        def arrange(self, data: st.DataObject) -> None:
            if self.album:
                first = data.draw(st.lists(st.sampled_from(self.album), unique=True, min_size=1))
                assert reorder(runtime, self.user_id, *first) == len(first)
                self.album = [*first, *(card_id for card_id in self.album if card_id not in first)]

        @invariant()
        def places_are_those_of_the_model(self) -> None:
            expected = {card_id: place for place, card_id in enumerate(self.album)}
            assert places(connection, self.user_id) == expected

    run_state_machine_as_test(
        AlbumMachine, settings=settings(max_examples=20, stateful_step_count=25, deadline=None)
    )

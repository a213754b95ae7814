"""What free text means, and curating and merging photocards."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, func, select

from kcardswap.domain.cards import Condition
from kcardswap.domain.photocards import PhotocardExists
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.catalog import photocards
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.queries.keyset import PageRequest
from kcardswap.queries.photocards import photocards_found
from kcardswap.runtime import Runtime
from tests import binders
from tests.people import sign_in
from tests.photocards import Shelf, curate, group_named, merge, number_of_photocards, row, submit
from tests.wishes import wish


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return sign_in(runtime, "mina").user_id


@pytest.fixture
def shelf(runtime: Runtime, connection: Connection) -> Shelf:
    return Shelf(runtime, connection)


def parts_of(connection: Connection, photocard_id: UUID) -> tuple[Any, ...]:
    found = row(connection, photocard_id)
    return found["group_id"], found["member_id"], found["release_id"]


def test_a_members_name_alone_leads_to_their_group(
    runtime: Runtime, connection: Connection, shelf: Shelf, mina: UUID
) -> None:
    ive = group_named(connection, "ive")
    wonyoung, dive = shelf.member(ive, "Wonyoung"), shelf.release(ive, "Love Dive")
    made = submit(runtime, mina, idol="wonyoung", album="LOVE DIVE").photocard_id
    assert parts_of(connection, made) == (ive, wonyoung, dive)


def test_a_name_of_two_people_stays_text_until_the_group_says_which(
    runtime: Runtime, connection: Connection, shelf: Shelf, mina: UUID
) -> None:
    ive, bts = group_named(connection, "ive"), group_named(connection, "bts")
    shelf.member(bts, "Minji")
    minji = shelf.member(ive, "Minji")
    vague = submit(runtime, mina, idol="Minji").photocard_id
    assert parts_of(connection, vague) == (None, None, None)
    assert row(connection, vague)["member_text"] == "Minji"
    clear = submit(runtime, mina, idol="Minji", idol_group="IVE").photocard_id
    assert parts_of(connection, clear) == (ive, minji, None)


def test_a_member_is_not_looked_for_in_other_groups_than_the_one_typed(
    runtime: Runtime, connection: Connection, shelf: Shelf, mina: UUID
) -> None:
    shelf.member(group_named(connection, "ive"), "Wonyoung")
    made = submit(runtime, mina, idol="Wonyoung", idol_group="A group nobody knows").photocard_id
    assert parts_of(connection, made) == (None, None, None)


def test_two_groups_or_releases_of_one_name_stay_text(
    runtime: Runtime, connection: Connection, shelf: Shelf, mina: UUID
) -> None:
    ive = group_named(connection, "ive")
    shelf.group("ive-of-another-country", "IVE")
    shelf.release(ive, "Eleven", kind="single")
    shelf.release(ive, "Eleven", kind="album")
    assert parts_of(connection, submit(runtime, mina, idol_group="IVE").photocard_id) == (None, None, None)
    album = submit(runtime, mina, group_id=ive, album="Eleven").photocard_id
    assert parts_of(connection, album) == (ive, None, None)


def test_a_spelling_nobody_typed_is_searched_but_means_nobody(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    made = submit(runtime, mina, idol_group="aibeu").photocard_id
    assert parts_of(connection, made) == (None, None, None)


def test_the_first_who_types_a_card_makes_it_and_the_outbox_tells(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    first = submit(runtime, mina, idol_group="IVE", version="A")
    again = submit(runtime, mina, idol_group="아이브", version=" a ")
    assert (first.is_new, again) == (True, (first.photocard_id, False))
    told = select(func.count()).where(outbox.c.event_type == "PhotocardSubmitted")
    assert (number_of_photocards(connection), connection.scalar(told)) == (1, 1)
    assert row(connection, first.photocard_id)["submitted_by"] == mina


def test_a_card_finds_its_photocard_by_its_texts(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    card = binders.announce(runtime, mina, idol_group="IVE", idol="Rei").card_id
    found = binders.row(connection, card)["photocard_id"]
    assert row(connection, found)["member_text"] == "Rei"
    binders.edit(runtime, card, mina, note="nothing about the card itself")
    assert binders.row(connection, card)["photocard_id"] == found
    binders.edit(runtime, card, mina, version="A")
    other = binders.row(connection, card)["photocard_id"]
    assert (row(connection, other)["member_text"], row(connection, other)["version"]) == ("Rei", "A")


def test_a_card_without_group_and_idol_has_no_photocard(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    card = binders.announce(runtime, mina, idol_group="IVE").card_id
    binders.edit(runtime, card, mina, idol_group=None, album="Eleven")
    assert binders.row(connection, card)["photocard_id"] is None
    assert number_of_photocards(connection) == 1


def test_a_named_photocard_wins_and_the_typed_text_is_kept(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    named = submit(runtime, mina, idol_group="BTS").photocard_id
    card = binders.announce(runtime, mina, photocard_id=named, idol_group="IVE").card_id
    shown = binders.row(connection, card)
    assert (shown["photocard_id"], shown["idol_group"]) == (named, "IVE")
    binders.edit(runtime, card, mina, photocard_id=None)
    assert binders.row(connection, card)["photocard_id"] is None


def test_a_new_group_lets_the_typed_member_be_found(
    runtime: Runtime, connection: Connection, shelf: Shelf, mina: UUID
) -> None:
    ive = group_named(connection, "ive")
    rei = shelf.member(ive, "Rei")
    made = submit(runtime, mina, idol_group="nobody", idol="rei").photocard_id
    curate(runtime, made, mina, group_id=ive)
    assert parts_of(connection, made) == (ive, rei, None)
    assert " rei " in row(connection, made)["search_text"]
    curate(runtime, made, mina, member_id=None)
    assert (parts_of(connection, made), row(connection, made)["member_text"]) == ((ive, None, None), None)


def found(connection: Connection, q: str, **filters: Any) -> list[UUID]:
    return [row.id for row in photocards_found(connection, filters=filters, q=q, page=PageRequest(9)).rows]


def test_searches_find_a_photocard_by_what_it_is_called_now_and_a_merged_one_not_at_all(
    runtime: Runtime, connection: Connection, shelf: Shelf, mina: UUID
) -> None:
    ive = group_named(connection, "ive")
    made = submit(runtime, mina, idol_group="nobody", idol="rei").photocard_id
    assert found(connection, "nobody") == [made]
    assert found(connection, "ive") == found(connection, "rei", group_id=ive) == []
    curate(runtime, made, mina, group_id=ive, status="verified")
    assert found(connection, "ive", group_id=ive, status="verified") == [made]
    assert found(connection, "ive", status="pending") == []
    curate(runtime, made, mina, version="Photobook")
    assert found(connection, "photobook ive") == [made]
    kept = submit(runtime, mina, idol_group="IVE", version="kept").photocard_id
    assert found(connection, "ive") == [made, kept]
    merge(runtime, made, kept, mina)
    assert found(connection, "ive") == [kept]
    assert found(connection, "photobook") == []


def test_searches_find_photocards_that_were_made_many_at_once(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    uow = runtime.unit_of_work()
    with uow:
        wanted = [{"idol_group": f"band {n}", "idol": None, "album": None, "version": None} for n in range(3)]
        made = uow.photocard_batches.matching(wanted, submitted_by=mina)
        uow.commit()
    assert set(found(connection, "band")) == {each.id for each in made if each is not None}


def test_a_photocard_takes_the_key_of_one_merged_into_it_and_both_keep_leading_here(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    typo, kept = (submit(runtime, mina, idol_group="IVE", version=text).photocard_id for text in ("A", "AA"))
    merge(runtime, typo, kept, mina)
    curate(runtime, kept, mina, version="A")
    for version in ("A", "AA"):
        assert submit(runtime, mina, idol_group="IVE", version=version) == (kept, False)


def test_who_has_the_key_is_told_even_behind_a_merge(runtime: Runtime, mina: UUID) -> None:
    a, b, c = (submit(runtime, mina, idol_group="IVE", version=text).photocard_id for text in "ABC")
    merge(runtime, a, b, mina)
    with pytest.raises(PhotocardExists) as refusal:
        curate(runtime, c, mina, version="A")
    assert refusal.value.details["photocard_id"] == b


def test_after_a_merge_nothing_points_at_the_merged_one(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    first, second, third = (
        submit(runtime, mina, idol_group="IVE", version=text).photocard_id for text in "ABC"
    )
    card = binders.announce(runtime, mina, photocard_id=first).card_id
    merge(runtime, first, second, mina)
    assert merge(runtime, second, third, mina) == (1, 0)
    assert binders.row(connection, card)["photocard_id"] == third
    targets = select(photocards.c.merged_into_id).where(photocards.c.status == "merged")
    assert set(connection.scalars(targets)) == {third}
    later = binders.announce(runtime, mina, photocard_id=first).card_id
    assert binders.row(connection, later)["photocard_id"] == third


@pytest.mark.parametrize(
    ("old", "kept", "left"),
    [
        ((1, "mint"), (3, "good"), (1, "good")),
        ((3, "poor"), (2, "fair"), (2, "poor")),
        ((2, None), (2, "mint"), (2, None)),
        ((3, "near_mint"), (1, None), (1, None)),
    ],
)
def test_of_two_wishes_the_more_urgent_and_less_choosy_stays(
    runtime: Runtime, connection: Connection, mina: UUID, old: Any, kept: Any, left: Any
) -> None:
    jun = sign_in(runtime, "jun").user_id
    merged, target = (submit(runtime, mina, idol_group="IVE", version=text).photocard_id for text in "AB")
    for photocard_id, (priority, condition) in ((merged, old), (target, kept)):
        terms = {"priority": priority, "min_condition": condition and Condition(condition)}
        wish(runtime, mina, photocard_id=photocard_id, **terms)
    wish(runtime, jun, photocard_id=merged, priority=3)
    assert merge(runtime, merged, target, mina).moved_wishes == 2
    wishes = select(
        wishlist_items.c.user_id,
        wishlist_items.c.photocard_id,
        wishlist_items.c.priority,
        wishlist_items.c.min_condition,
    )
    assert set(connection.execute(wishes).all()) == {(mina, target, *left), (jun, target, 3, None)}


def test_a_merge_is_told_with_who_did_it(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    a, b = (submit(runtime, mina, idol_group="IVE", version=text).photocard_id for text in "AB")
    merge(runtime, a, b, mina)
    payload = connection.scalar(select(outbox.c.payload).where(outbox.c.event_type == "PhotocardsMerged"))
    assert payload == {
        "photocard_id": str(a),
        "into_id": str(b),
        "merged_by": str(mina),
        "moved_cards": 0,
        "moved_wishes": 0,
    }
    assert connection.scalar(select(func.count()).select_from(cards)) == 0

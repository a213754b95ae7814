"""Cards of a gallery and their order."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcardswap.domain.errors import DuplicateIds, NotOwner
from kcardswap.domain.gallery import ForeignIds, GalleryCard, rearranged

OWNER = uuid4()
NOW = datetime(2026, 3, 12, tzinfo=UTC)
A, B, C, D = (UUID(int=n) for n in range(1, 5))


def card(**description: str) -> GalleryCard:
    return GalleryCard.create(
        id=uuid4(),
        user_id=OWNER,
        description={"title": "First", "idol_name": "Haerin", **description},
        display_order=3,
        now=NOW,
    )


def test_a_new_card_has_what_its_owner_says_and_no_picture() -> None:
    made = card(era="OMG")
    assert (made.title, made.idol_name, made.era, made.description) == ("First", "Haerin", "OMG", None)
    assert (made.user_id, made.display_order, made.media_asset_id) == (OWNER, 3, None)
    assert made.created_at == made.updated_at == NOW


def test_only_what_is_given_changes() -> None:
    made = card(era="OMG")
    made.describe({"title": "Best", "era": None, "display_order": 0})
    assert (made.title, made.idol_name, made.era, made.display_order) == ("Best", "Haerin", None, 3)


def test_a_card_belongs_to_its_owner_alone() -> None:
    card().refuse_others(OWNER)
    with pytest.raises(NotOwner):
        card().refuse_others(uuid4())


def test_a_new_picture_takes_the_place_of_the_old_one() -> None:
    made = card()
    assert made.show(A) is None
    assert made.show(A) is None
    assert made.show(B) == A
    assert made.media_asset_id == B


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ([], [A, B, C, D]),
        ([D], [D, A, B, C]),
        ([C, A], [C, A, B, D]),
        ([D, C, B, A], [D, C, B, A]),
    ],
    ids=["nothing", "last", "two", "all"],
)
def test_listed_cards_come_first_and_the_others_keep_their_order(
    first: list[UUID], expected: list[UUID]
) -> None:
    assert rearranged([A, B, C, D], first) == expected


def test_a_card_listed_twice_is_refused() -> None:
    with pytest.raises(DuplicateIds):
        rearranged([A, B], [A, A])


def test_a_card_of_another_gallery_is_refused() -> None:
    with pytest.raises(ForeignIds) as refusal:
        rearranged([A, B], [B, C])
    assert refusal.value.details == {"reason": "foreign_ids"}


def test_duplicates_are_named_before_foreign_cards() -> None:
    with pytest.raises(DuplicateIds):
        rearranged([A], [C, C])


@given(st.lists(st.uuids(), unique=True), st.data())
def test_rearranging_loses_and_doubles_nothing(album: list[UUID], data: st.DataObject) -> None:
    first = data.draw(st.lists(st.sampled_from(album), unique=True)) if album else []
    arranged = rearranged(album, first)
    assert sorted(arranged) == sorted(album)
    assert arranged[: len(first)] == first
    assert arranged[len(first) :] == [card_id for card_id in album if card_id not in first]

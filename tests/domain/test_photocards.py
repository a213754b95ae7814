"""What makes two photocards the same, and how they are vouched for and merged."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcardswap.domain.cards import Rarity
from kcardswap.domain.catalog import PhotocardSource, PhotocardStatus
from kcardswap.domain.photocards import (
    Part,
    Parts,
    Photocard,
    PhotocardIncomplete,
    PhotocardMerged,
    PhotocardsMerged,
    PhotocardSubmitted,
    PhotocardVerified,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GROUP = UUID(int=1)


def typed(group: str | None, member: str | None = None, version: str | None = None) -> Parts:
    return Parts(Part(text=group), Part(text=member), version=version)


def photocard(parts: Parts) -> Photocard:
    return Photocard.submit(parts, id=uuid4(), submitted_by=uuid4(), now=NOW)


def written_otherwise(text: str) -> st.SearchStrategy[str]:
    """Return the ways people write the same name: case, full width, spaces and signs in between."""
    letter = st.sampled_from([str.upper, str.lower, lambda c: chr(ord(c) + 0xFEE0)])
    gap = st.sampled_from(["", " ", "  ", "-", "!", "·", "\u3000"])
    pieces = [st.builds(lambda change, between, c=c: change(c) + between, letter, gap) for c in text]
    return st.tuples(*pieces).map("".join)


@given(written_otherwise("LoveDive"), written_otherwise("Wonyoung"), written_otherwise("A1"))
def test_case_spaces_signs_and_width_make_no_other_card(album: str, idol: str, version: str) -> None:
    plain = Parts(Part(GROUP), Part(text="wonyoung"), Part(text="lovedive"), "a1")
    other = Parts(Part(GROUP), Part(text=idol), Part(text=album), version)
    assert other.match_key == plain.match_key


@given(st.lists(st.sampled_from(["ive", "bts", "", "a"]), min_size=4, max_size=4, unique=False))
def test_the_same_words_in_other_places_are_another_card(words: list[str]) -> None:
    a, b, c, d = words
    parts = Parts(Part(text=a), Part(text=b), Part(text=c), d)
    turned = Parts(Part(text=b), Part(text=c), Part(text=d), a)
    assert (parts.match_key == turned.match_key) == (len(set(words)) == 1)


def test_what_is_linked_counts_and_not_what_was_typed_for_it() -> None:
    assert Parts(Part(GROUP, "IVE")).match_key == Parts(Part(GROUP, "아이브")).match_key
    assert Parts(Part(GROUP)).match_key != Parts(Part(text=str(GROUP))).match_key


@pytest.mark.parametrize(("group", "member"), [(None, None), ("!", " "), ("", None)])
def test_signs_alone_name_nobody(group: str | None, member: str | None) -> None:
    assert not typed(group, member, "A").says_something
    assert typed("IVE").says_something and typed(None, "Rei").says_something
    assert Parts(Part(GROUP)).says_something


def test_every_name_and_text_is_searched() -> None:
    parts = Parts(Part(GROUP, "I V E", ("ive", "아이브")), Part(text="Rei"), version="Photobook A")
    assert parts.search_text == " ive photobooka rei 아이브 "


def test_a_submitted_photocard_is_pending_and_told_of() -> None:
    made = photocard(typed("IVE", "Rei", "A"))
    assert (made.status, made.source, made.group_text) == (
        PhotocardStatus.PENDING,
        PhotocardSource.ALBUM,
        "IVE",
    )
    (event,) = made.collect_events()
    assert event == PhotocardSubmitted(photocard_id=made.id, submitted_by=made.submitted_by or GROUP)


def test_only_a_photocard_of_a_known_group_is_verified_and_by_the_first() -> None:
    made, first, second = photocard(typed("IVE")), uuid4(), uuid4()
    made.collect_events()
    with pytest.raises(PhotocardIncomplete):
        made.verify(by=first, now=NOW)
    made.take(Parts(Part(GROUP)))
    made.verify(by=first, now=NOW)
    made.verify(by=second, now=NOW)
    assert (made.status, made.verified_by, made.verified_at) == (PhotocardStatus.VERIFIED, first, NOW)
    assert made.collect_events() == [PhotocardVerified(photocard_id=made.id, verified_by=first)]


def test_what_operators_say_replaces_and_what_they_leave_out_stays() -> None:
    made = photocard(typed("IVE"))
    made.describe({"rarity": Rarity.EPIC, "source": "pob"})
    made.describe({})
    assert (made.rarity, made.source) == (Rarity.EPIC, PhotocardSource.POB)
    made.describe({"rarity": None})
    assert made.rarity is None


def test_a_merged_photocard_is_final() -> None:
    old, target, by = photocard(typed("IVE")), photocard(typed("ive", "Rei")), uuid4()
    old.collect_events()
    old.merge_into(target, by=by, moved_cards=2, moved_wishes=1)
    assert (old.status, old.merged_into_id) == (PhotocardStatus.MERGED, target.id)
    (event,) = old.collect_events()
    assert event == PhotocardsMerged(
        photocard_id=old.id, into_id=target.id, merged_by=by, moved_cards=2, moved_wishes=1
    )
    for one, other in ((old, target), (target, old)):
        with pytest.raises(PhotocardMerged):
            one.merge_into(other, by=by, moved_cards=0, moved_wishes=0)
    with pytest.raises(PhotocardMerged):
        old.take(typed("IVE"))
    assert not old.confirm(rarity=Rarity.EPIC, now=NOW)


def test_an_operators_own_list_vouches_for_what_it_holds() -> None:
    listed = Photocard.vouched_for(
        Parts(Part(GROUP)), id=uuid4(), now=NOW, source=PhotocardSource.POB, rarity=None
    )
    assert (listed.status, listed.verified_at, listed.submitted_by) == (PhotocardStatus.VERIFIED, NOW, None)
    assert not listed.confirm(rarity=None, now=NOW)
    assert listed.confirm(rarity=Rarity.RARE, now=NOW)
    assert listed.collect_events() == []
    unknown, pending = photocard(typed("IVE")), photocard(Parts(Part(GROUP)))
    assert not unknown.confirm(rarity=None, now=NOW)
    assert pending.confirm(rarity=None, now=NOW) and pending.is_verified

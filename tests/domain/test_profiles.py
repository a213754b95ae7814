"""What a profile accepts and how changes are merged into it."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from kcardswap.domain.errors import ValidationFailed
from kcardswap.domain.profiles import PREFERENCES_MAX_BYTES, Profile, ProfileChanges, ProfileUpdated, SwapMode

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def profile() -> Profile:
    return Profile.blank(id=uuid4(), user_id=uuid4(), now=NOW)


def field_of(error: pytest.ExceptionInfo[ValidationFailed]) -> str:
    errors = error.value.details["errors"]
    assert isinstance(errors, list)
    return str(errors[0]["field"])


def test_a_blank_profile_is_visible_and_open_to_both_ways_of_swapping(profile: Profile) -> None:
    assert (profile.nickname, profile.avatar_url, profile.bio, profile.region) == (None, None, None, None)
    assert profile.swaps_in_person
    assert profile.swaps_by_mail
    assert profile.nearby_visible
    assert profile.show_online
    assert profile.allow_stranger_chat
    assert profile.show_wishlist
    assert profile.preferences == {}


def test_given_fields_change_and_absent_ones_stay(profile: Profile) -> None:
    profile.edit({"nickname": "Mina", "bio": "Haerin collector", "region": "Taipei"})
    profile.edit({"bio": "Only Haerin"})
    assert (profile.nickname, profile.nickname_norm) == ("Mina", "mina")
    assert (profile.bio, profile.region) == ("Only Haerin", "Taipei")


@pytest.mark.parametrize("field", ["nickname", "avatar_url", "bio", "region"])
def test_null_clears_a_text(profile: Profile, field: str) -> None:
    setattr(profile, field, "https://img.example.com/a.png")
    profile.edit({field: None})  # type: ignore[misc]
    assert getattr(profile, field) is None


def test_clearing_the_nickname_clears_what_searches_compare(profile: Profile) -> None:
    profile.edit({"nickname": "Mina"})
    profile.edit({"nickname": None})
    assert profile.nickname_norm is None


@pytest.mark.parametrize("url", ["https://img.example.com/a.png", "http://10.0.0.1:8000/a?b=c", "https://a"])
def test_web_addresses_are_taken_as_picture(profile: Profile, url: str) -> None:
    profile.edit({"avatar_url": url})
    assert profile.avatar_url == url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/x",
        "javascript:alert(1)",
        "//a.example/x",
        "https://",
        "https:///x",
        "HTTPS://A",
        "a.png",
        "https://a b",
        "https://a\nb",
    ],
)
def test_other_addresses_are_refused_as_picture(profile: Profile, url: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        profile.edit({"avatar_url": url})
    assert field_of(refusal) == "avatar_url"
    assert profile.avatar_url is None


@pytest.mark.parametrize(
    ("modes", "in_person", "by_mail"),
    [
        ([SwapMode.IN_PERSON], True, False),
        ([SwapMode.MAIL], False, True),
        ([SwapMode.MAIL, SwapMode.IN_PERSON], True, True),
    ],
)
def test_swap_modes_are_exactly_the_given_ones(
    profile: Profile, modes: list[SwapMode], in_person: bool, by_mail: bool
) -> None:
    profile.edit({"swap_modes": modes})
    assert (profile.swaps_in_person, profile.swaps_by_mail) == (in_person, by_mail)


def test_somebody_swaps_in_at_least_one_way(profile: Profile) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        profile.edit({"swap_modes": []})
    assert field_of(refusal) == "swap_modes"


def test_preferences_are_merged_one_level_deep(profile: Profile) -> None:
    profile.edit({"preferences": {"theme": {"dark": True, "size": 2}, "onboarding_completed": False}})
    profile.edit({"preferences": {"theme": {"dark": False}, "language": None}})
    assert profile.preferences == {"theme": {"dark": False}, "onboarding_completed": False, "language": None}


def test_merging_makes_a_new_object_so_that_the_change_is_stored(profile: Profile) -> None:
    before = profile.preferences
    profile.edit({"preferences": {"a": 1}})
    assert profile.preferences is not before
    assert before == {}


def filled(size: int) -> dict[str, str]:
    """Return preferences of exactly ``size`` bytes as JSON."""
    return {"a": "x" * (size - len('{"a": ""}'))}


def test_preferences_may_have_16_kib(profile: Profile) -> None:
    profile.edit({"preferences": filled(PREFERENCES_MAX_BYTES)})
    assert len(profile.preferences["a"]) > 16_000


def test_preferences_over_16_kib_after_merging_are_refused(profile: Profile) -> None:
    profile.edit({"preferences": filled(PREFERENCES_MAX_BYTES)})
    with pytest.raises(ValidationFailed) as refusal:
        profile.edit({"preferences": {"b": 1}})
    assert field_of(refusal) == "preferences"
    assert "b" not in profile.preferences


def test_preferences_count_in_bytes_not_characters(profile: Profile) -> None:
    with pytest.raises(ValidationFailed):
        profile.edit({"preferences": {"a": "뉴" * 6000}})


def test_full_preferences_do_not_keep_other_fields_from_changing(profile: Profile) -> None:
    profile.preferences = filled(PREFERENCES_MAX_BYTES + 1)
    profile.edit({"bio": "still editable"})
    assert profile.bio == "still editable"


def test_privacy_flags_are_merged(profile: Profile) -> None:
    profile.edit({"privacy_flags": {"nearby_visible": False}})
    profile.edit({"privacy_flags": {"show_wishlist": False}})
    assert (profile.nearby_visible, profile.show_wishlist) == (False, False)
    assert profile.show_online
    assert profile.allow_stranger_chat


@pytest.mark.parametrize("name", ["stealth_mode", "user_id", "nearby-visible"])
def test_an_unknown_privacy_flag_is_refused(profile: Profile, name: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        profile.edit({"privacy_flags": {name: True}})
    assert field_of(refusal) == f"privacy_flags.{name}"


def test_an_edit_is_recorded_once(profile: Profile) -> None:
    profile.edit({"bio": "hello", "region": "Taipei"})
    assert profile.collect_events() == [ProfileUpdated(user_id=profile.user_id)]
    assert profile.collect_events() == []


def test_an_empty_edit_is_no_edit(profile: Profile) -> None:
    nothing: ProfileChanges = {}
    profile.edit(nothing)
    assert profile.collect_events() == []


def test_a_provider_fills_only_what_is_empty(profile: Profile) -> None:
    profile.fill_empty(nickname=" Mina ", avatar_url="https://img.example.com/a.png")
    profile.fill_empty(nickname="Other", avatar_url="https://img.example.com/b.png")
    assert (profile.nickname, profile.nickname_norm) == ("Mina", "mina")
    assert profile.avatar_url == "https://img.example.com/a.png"


def test_a_provider_cannot_fill_what_a_profile_cannot_hold(profile: Profile) -> None:
    profile.fill_empty(nickname="   ", avatar_url="data:image/png;base64,AAAA")
    assert (profile.nickname, profile.avatar_url) == (None, None)
    profile.fill_empty(nickname="n" * 200, avatar_url="https://img.example.com/" + "a" * 2048)
    assert profile.nickname == "n" * 100
    assert profile.avatar_url is None

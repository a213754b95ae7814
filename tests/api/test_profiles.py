"""Profiles over HTTP: one's own, and what holds for reading anybody's."""

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, delete, select

from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.profiles import profiles
from tests.api.editors import SELF_FIELDS, edit, own
from tests.conftest import MovableClock
from tests.people import API, MakePerson, invalid_fields, refused

FLAGS = {"nearby_visible": True, "show_online": True, "allow_stranger_chat": True, "show_wishlist": True}


def test_a_fresh_profile_carries_the_name_the_provider_gave(person: MakePerson) -> None:
    mina = person("mina")
    profile = own(mina)
    assert set(profile) == SELF_FIELDS
    assert profile["user_id"] == str(mina.user_id)
    assert profile["nickname"] == "Mina"
    assert profile["swap_modes"] == ["in_person", "mail"]
    assert profile["preferences"] == {}
    assert profile["privacy_flags"] == FLAGS
    assert profile["stealth_mode"] is False


def test_a_missing_profile_is_made_by_reading_it(person: MakePerson, connection: Connection) -> None:
    mina = person("mina")
    connection.execute(delete(profiles).where(profiles.c.user_id == mina.user_id))
    first = own(mina)
    assert first["nickname"] is None
    assert first["privacy_flags"] == FLAGS
    assert own(mina)["id"] == first["id"]


def test_a_missing_profile_is_made_by_editing_it(person: MakePerson, connection: Connection) -> None:
    mina = person("mina")
    connection.execute(delete(profiles).where(profiles.c.user_id == mina.user_id))
    assert edit(mina, bio="hello")["bio"] == "hello"
    stored = select(profiles.c.bio).where(profiles.c.user_id == mina.user_id)
    assert connection.scalars(stored).all() == ["hello"]


def test_absent_fields_stay_and_null_clears(person: MakePerson) -> None:
    mina = person("mina")
    edit(
        mina,
        nickname="미나 🐰",
        bio="Collecting Haerin.",
        region="Taipei",
        avatar_url="http://a.example/m.png",
    )
    after = edit(mina, bio=None, region="  ", avatar_url=None)
    assert after["nickname"] == "미나 🐰"
    assert [after[field] for field in ("bio", "region", "avatar_url")] == [None, None, None]
    assert own(mina) == after


def test_nothing_changes_with_an_empty_edit(
    person: MakePerson, clock: MovableClock, connection: Connection
) -> None:
    mina = person("mina")
    before = own(mina)
    clock.advance(minutes=1)
    assert edit(mina) == before
    assert mina.put("/profile/me").status_code == 200
    assert "ProfileUpdated" not in connection.scalars(select(outbox.c.event_type)).all()


def test_an_edit_is_told_to_the_background_and_dated(
    person: MakePerson, clock: MovableClock, connection: Connection
) -> None:
    mina = person("mina")
    before = own(mina)
    clock.advance(minutes=1)
    after = edit(mina, bio="hello")
    assert after["updated_at"] > before["updated_at"]
    assert after["created_at"] == before["created_at"]
    events = connection.execute(select(outbox).where(outbox.c.event_type == "ProfileUpdated")).all()
    assert [(event.aggregate_id, event.payload) for event in events] == [
        (mina.user_id, {"user_id": str(mina.user_id)})
    ]


def test_texts_are_trimmed_and_counted_in_code_points(person: MakePerson) -> None:
    mina = person("mina")
    after = edit(mina, nickname=f"  {'💜' * 100}  ", bio="뉴" * 1000, region="r" * 100)
    assert (after["nickname"], after["bio"], after["region"]) == ("💜" * 100, "뉴" * 1000, "r" * 100)


def test_read_only_and_unknown_fields_have_no_effect(person: MakePerson) -> None:
    mina = person("mina")
    before = own(mina)
    after = edit(
        mina, id=str(uuid4()), user_id=str(uuid4()), stealth_mode=True, created_at="1990-01-01T00:00:00Z", x=1
    )
    assert after == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"nickname": "n" * 101}, "nickname"),
        ({"nickname": 5}, "nickname"),
        ({"nickname": "a\x00b"}, "nickname"),
        ({"bio": "b" * 1001}, "bio"),
        ({"bio": ["b"]}, "bio"),
        ({"region": "r" * 101}, "region"),
        ({"avatar_url": "https://a.example/" + "a" * 2048}, "avatar_url"),
        ({"avatar_url": "ftp://a.example/a.png"}, "avatar_url"),
        ({"avatar_url": "javascript:alert(1)"}, "avatar_url"),
        ({"avatar_url": "https://"}, "avatar_url"),
        ({"swap_modes": None}, "swap_modes"),
        ({"swap_modes": []}, "swap_modes"),
        ({"swap_modes": "mail"}, "swap_modes"),
        ({"swap_modes": ["mail", "mail"]}, "swap_modes"),
        ({"swap_modes": ["mail", "in_person", "mail"]}, "swap_modes"),
        ({"swap_modes": ["pigeon"]}, "swap_modes.0"),
        ({"preferences": None}, "preferences"),
        ({"preferences": []}, "preferences"),
        ({"preferences": "{}"}, "preferences"),
        ({"preferences": {"a": "x" * 16_400}}, "preferences"),
        ({"preferences": {"a": [9e307] * 60}}, "preferences"),
        ({"preferences": {"a": [{"b": "\x00"}]}}, "preferences.a.0.b"),
        ({"preferences": {"\x00": 1}}, "preferences"),
        ({"privacy_flags": None}, "privacy_flags"),
        ({"privacy_flags": []}, "privacy_flags"),
        ({"privacy_flags": {"nearby_visible": None}}, "privacy_flags.nearby_visible"),
        ({"privacy_flags": {"show_online": "true"}}, "privacy_flags.show_online"),
        ({"privacy_flags": {"show_wishlist": 1}}, "privacy_flags.show_wishlist"),
        ({"privacy_flags": {"stealth_mode": True}}, "privacy_flags.stealth_mode"),
        ({"privacy_flags": {"nearby_visible": False, "x": True}}, "privacy_flags.x"),
    ],
)
def test_what_a_profile_cannot_hold_is_refused_by_its_field(
    person: MakePerson, body: Any, field: str
) -> None:
    mina = person("mina")
    before = own(mina)
    assert invalid_fields(mina.put("/profile/me", {"bio": "lost", **body})) == {field}
    assert own(mina) == before


def test_half_a_surrogate_pair_inside_preferences_is_refused(person: MakePerson) -> None:
    mina = person("mina")
    body = '{"preferences": {"a": ["\\ud83d"]}}'
    answer = mina.put("/profile/me", data=body, content_type="application/json")
    assert invalid_fields(answer) == {"preferences.a.0"}


def test_preferences_nest_as_deep_as_a_body_may(person: MakePerson) -> None:
    mina = person("mina")
    fits: Any = "bottom"
    for _ in range(18):
        fits = {"a": fits}
    assert edit(mina, preferences=fits)["preferences"] == fits
    assert mina.put("/profile/me", {"preferences": {"a": {"a": {"a": fits}}}}).status_code == 400


def test_preferences_are_merged_one_level_deep(person: MakePerson) -> None:
    mina = person("mina")
    edit(mina, preferences={"favorite_idol_groups": ["newjeans", "ive"], "ui": {"dark": True, "size": 2.5}})
    after = edit(mina, preferences={"onboarding_completed": True, "ui": {"dark": None}})
    assert after["preferences"] == {
        "favorite_idol_groups": ["newjeans", "ive"],
        "ui": {"dark": None},
        "onboarding_completed": True,
    }


def test_preferences_are_limited_after_merging(person: MakePerson) -> None:
    mina = person("mina")
    edit(mina, preferences={"a": "x" * 10_000})
    assert invalid_fields(mina.put("/profile/me", {"preferences": {"b": "x" * 10_000}})) == {"preferences"}
    assert set(edit(mina, preferences={"a": "short"})["preferences"]) == {"a"}


def test_privacy_flags_are_merged_and_stealth_mode_follows(person: MakePerson) -> None:
    mina = person("mina")
    edit(mina, privacy_flags={"nearby_visible": False})
    after = edit(mina, privacy_flags={"show_wishlist": False})
    assert after["privacy_flags"] == {**FLAGS, "nearby_visible": False, "show_wishlist": False}
    assert after["stealth_mode"] is True


@pytest.mark.parametrize("modes", [["mail"], ["in_person"], ["in_person", "mail"]])
def test_swap_modes_are_replaced(person: MakePerson, modes: list[str]) -> None:
    assert edit(person("mina"), swap_modes=modes[::-1])["swap_modes"] == modes


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "me"), ("PUT", "me"), ("GET", "0190b6a0-0000-7000-8000-000000000001")]
)
def test_profiles_are_for_people_who_are_signed_in(client: FlaskClient, method: str, path: str) -> None:
    refused(client.open(f"{API}/profile/{path}", method=method), 401, "401_UNAUTHORIZED", "missing")


def test_reading_a_profile_takes_one_statement_beside_authentication(
    person: MakePerson, count_sql: Any
) -> None:
    mina, sana = person("mina"), person("sana")
    for path in ("/profile/me", f"/profile/{mina.user_id}"):
        with count_sql() as sent:
            assert sana.get(path).status_code == 200
            assert sent() <= 2


@pytest.mark.parametrize("path", ["/profile/me", "/profile/{user_id}"])
def test_an_unchanged_profile_is_not_sent_again(person: MakePerson, path: str) -> None:
    mina = person("mina")
    path = path.format(user_id=mina.user_id)
    first = mina.get(path)
    assert first.headers["ETag"].startswith('W/"')
    assert first.headers["Cache-Control"] == "private, no-cache"
    condition = {"If-None-Match": first.headers["ETag"]}
    again = mina.get(path, headers=condition)
    assert (again.status_code, again.get_data()) == (304, b"")
    edit(mina, bio="changed")
    assert mina.get(path, headers=condition).status_code == 200

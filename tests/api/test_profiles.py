"""Profiles over HTTP."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, delete, insert, select, update

from kcardswap.domain.trades import CancelReason, Meeting, TradeRole, TradeStatus
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.friendships import blocks
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.persistence.orm.trades import trade_participants, trades
from kcardswap.runtime import Runtime
from tests.conftest import MovableClock
from tests.people import API, MakePerson, Person, invalid_fields, make_user, refused, suspend
from tests.people import delete as delete_account

SELF_FIELDS = {
    "id",
    "user_id",
    "nickname",
    "avatar_url",
    "bio",
    "region",
    "swap_modes",
    "preferences",
    "privacy_flags",
    "stealth_mode",
    "created_at",
    "updated_at",
}
PUBLIC_FIELDS = (SELF_FIELDS - {"stealth_mode"}) | {
    "average_score",
    "total_ratings",
    "completed_trades",
    "is_online",
}
FLAGS = {"nearby_visible": True, "show_online": True, "allow_stranger_chat": True, "show_wishlist": True}


def own(person: Person) -> dict[str, Any]:
    answer = person.get("/profile/me")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    data: dict[str, Any] = answer.get_json()["data"]
    return data


def public(viewer: Person, user_id: UUID) -> dict[str, Any]:
    answer = viewer.get(f"/profile/{user_id}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    data: dict[str, Any] = answer.get_json()["data"]
    return data


def edit(person: Person, **changes: Any) -> dict[str, Any]:
    answer = person.put("/profile/me", changes)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    data: dict[str, Any] = answer.get_json()["data"]
    return data


def block(connection: Connection, runtime: Runtime, blocker: UUID, blocked: UUID) -> None:
    connection.execute(
        insert(blocks).values(
            id=runtime.new_id(), blocker_id=blocker, blocked_id=blocked, created_at=runtime.clock.now()
        )
    )


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


def test_a_public_profile_shows_no_email_preferences_or_flags(person: MakePerson) -> None:
    mina, sana = person("mina"), person("sana")
    edit(mina, bio="Collecting Haerin.", preferences={"secret": 1}, swap_modes=["mail"])
    profile = public(sana, mina.user_id)
    assert set(profile) == PUBLIC_FIELDS
    assert profile["nickname"] == "Mina"
    assert profile["bio"] == "Collecting Haerin."
    assert profile["swap_modes"] == ["mail"]
    assert profile["preferences"] == {}
    assert profile["privacy_flags"] is None
    assert (profile["average_score"], profile["total_ratings"], profile["completed_trades"]) == (0.0, 0, 0)
    assert profile["id"] == own(mina)["id"]


def test_an_account_without_profile_reads_as_a_blank_one(person: MakePerson, connection: Connection) -> None:
    mina, sana = person("mina"), person("sana")
    connection.execute(delete(profiles).where(profiles.c.user_id == mina.user_id))
    profile = public(sana, mina.user_id)
    assert set(profile) == PUBLIC_FIELDS
    assert (profile["nickname"], profile["swap_modes"]) == (None, ["in_person", "mail"])
    assert profile["is_online"] is True


def test_people_who_are_unknown_deleted_or_blocked_the_caller_answer_alike(
    person: MakePerson, runtime: Runtime, connection: Connection
) -> None:
    sana, blocker = person("sana"), person("momo")
    deleted = make_user(runtime, "jihyo")
    delete_account(runtime, deleted)
    block(connection, runtime, blocker.user_id, sana.user_id)
    hidden = [sana.get(f"/profile/{user_id}") for user_id in (uuid4(), deleted, blocker.user_id)]
    assert {answer.get_data() for answer in hidden} == {hidden[0].get_data()}
    assert refused(hidden[0], 404, "404_NOT_FOUND") == {"resource_type": "user"}
    assert public(person("mina"), blocker.user_id)["nickname"] == "Momo"


def test_a_blocker_still_sees_whom_they_blocked_to_unblock_them(
    person: MakePerson, runtime: Runtime, connection: Connection
) -> None:
    mina, sana = person("mina"), person("sana")
    block(connection, runtime, mina.user_id, sana.user_id)
    assert public(mina, sana.user_id)["nickname"] == "Sana"


def test_a_suspended_person_can_still_be_read_by_id(person: MakePerson, runtime: Runtime) -> None:
    mina = make_user(runtime)
    suspend(runtime, mina)
    assert public(person("sana"), mina)["nickname"] == "Mina"


def test_online_means_seen_in_the_last_five_minutes(
    person: MakePerson, runtime: Runtime, clock: MovableClock, connection: Connection
) -> None:
    mina, sana = make_user(runtime), person("sana")
    assert public(sana, mina)["is_online"] is True
    seen = update(users).where(users.c.id == mina)
    connection.execute(seen.values(last_seen_at=clock.now() - timedelta(minutes=5)))
    assert public(sana, mina)["is_online"] is True
    connection.execute(seen.values(last_seen_at=clock.now() - timedelta(minutes=5, microseconds=1)))
    assert public(sana, mina)["is_online"] is False
    connection.execute(seen.values(last_seen_at=None))
    assert public(sana, mina)["is_online"] is False


def test_online_is_null_when_the_person_hides_it(person: MakePerson) -> None:
    mina, sana = person("mina"), person("sana")
    edit(mina, privacy_flags={"show_online": False})
    assert public(sana, mina.user_id)["is_online"] is None


def store_trade(
    connection: Connection, runtime: Runtime, status: TradeStatus, initiator: UUID, responder: UUID
) -> None:
    now = runtime.clock.now()
    trade_id = runtime.new_id()
    completed, canceled = status is TradeStatus.COMPLETED, status is TradeStatus.CANCELED
    connection.execute(
        insert(trades).values(
            id=trade_id,
            status=status,
            meeting=Meeting.IN_PERSON,
            participant_count=2,
            accepted_at=now if completed else None,
            completed_at=now if completed else None,
            canceled_at=now if canceled else None,
            cancel_reason=CancelReason.TIMEOUT if canceled else None,
            deadline_at=None if completed or canceled else now,
            version=1,
            created_at=now,
            updated_at=now,
        )
    )
    for position, user_id in enumerate((initiator, responder)):
        connection.execute(
            insert(trade_participants).values(
                id=runtime.new_id(),
                trade_id=trade_id,
                user_id=user_id,
                position=position,
                role=TradeRole.RESPONDER if position else TradeRole.INITIATOR,
                accepted_at=now,
                proposed_at=now,
                completed_at=now if completed else None,
            )
        )


def test_only_ones_own_completed_trades_are_counted(
    person: MakePerson, runtime: Runtime, connection: Connection
) -> None:
    mina, momo, sana = make_user(runtime, "mina"), make_user(runtime, "momo"), person("sana")
    store_trade(connection, runtime, TradeStatus.COMPLETED, mina, sana.user_id)
    store_trade(connection, runtime, TradeStatus.COMPLETED, sana.user_id, mina)
    store_trade(connection, runtime, TradeStatus.COMPLETED, sana.user_id, momo)
    store_trade(connection, runtime, TradeStatus.PROPOSED, mina, sana.user_id)
    store_trade(connection, runtime, TradeStatus.CANCELED, mina, momo)
    assert public(sana, mina)["completed_trades"] == 2
    assert public(sana, momo)["completed_trades"] == 1


def test_a_malformed_id_is_a_bad_request(person: MakePerson) -> None:
    assert invalid_fields(person("mina").get("/profile/17")) == {"user_id"}


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

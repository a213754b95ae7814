"""Notifications and devices over HTTP."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from kcardswap.runtime import Runtime
from tests.conftest import MovableClock
from tests.notices import devices, message, request, tell
from tests.people import MakePerson, Person, invalid_fields

TOKEN = {"fcm_token": "dQw4w9WgXcQ:APA91bH", "platform": "ios"}


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def jun(person: MakePerson) -> Person:
    return person("jun")


def inbox(of: Person, **query: Any) -> Any:
    answer = of.get("/notifications", query_string=query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def mark(by: Person, **body: Any) -> Any:
    answer = by.post("/notifications/read", body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()["data"]


def ask(runtime: Runtime, mina: Person, jun: Person, times: int = 1) -> None:
    tell(runtime, *(request(runtime, to=mina.user_id, by=jun.user_id) for _ in range(times)))


def test_a_notification_says_what_happened_and_who_did_it(
    runtime: Runtime, mina: Person, jun: Person
) -> None:
    asked = request(runtime, to=mina.user_id, by=jun.user_id)
    tell(runtime, asked)
    data = inbox(mina)["data"]
    assert data == {
        "notifications": [
            {
                "id": data["notifications"][0]["id"],
                "type": "friend_request",
                "payload": {
                    "user_id": str(jun.user_id),
                    "friendship_id": str(asked.payload["friendship_id"]),
                },
                "created_at": "2026-03-12T04:00:00Z",
                "read_at": None,
            }
        ],
        "total": 1,
        "unread_count": 1,
    }


def test_an_empty_list_and_the_page_after_the_last_still_count(
    runtime: Runtime, mina: Person, jun: Person
) -> None:
    assert inbox(mina)["data"] == {"notifications": [], "total": 0, "unread_count": 0}
    ask(runtime, mina, jun, 2)
    data = inbox(mina, offset=5)["data"]
    assert data == {"notifications": [], "total": 2, "unread_count": 2}


def test_notifications_are_read_one_by_one_and_all_at_once(
    runtime: Runtime, mina: Person, jun: Person
) -> None:
    ask(runtime, mina, jun, 3)
    first, *_ = inbox(mina)["data"]["notifications"]
    assert mark(mina, ids=[first["id"], str(uuid4())]) == {"updated_count": 1, "unread_count": 2}
    assert mark(mina, ids=[first["id"]]) == {"updated_count": 0, "unread_count": 2}
    assert mark(mina, all=True) == {"updated_count": 2, "unread_count": 0}
    assert all(each["read_at"] for each in inbox(mina)["data"]["notifications"])


def test_nobody_reads_or_marks_the_notifications_of_others(
    runtime: Runtime, mina: Person, jun: Person
) -> None:
    ask(runtime, mina, jun)
    [only] = inbox(mina)["data"]["notifications"]
    assert inbox(jun)["data"] == {"notifications": [], "total": 0, "unread_count": 0}
    assert mark(jun, ids=[only["id"]]) == {"updated_count": 0, "unread_count": 0}
    assert inbox(mina)["data"]["unread_count"] == 1


def test_the_unread_are_paged_by_cursor(
    runtime: Runtime, clock: MovableClock, mina: Person, jun: Person
) -> None:
    ask(runtime, mina, jun, 5)
    everything = [each["id"] for each in inbox(mina)["data"]["notifications"]]
    mark(mina, ids=[everything[0], everything[2]])
    page = inbox(mina, unread="true", limit=2)
    found = page["data"]["notifications"]
    clock.advance(seconds=1)
    ask(runtime, mina, jun)
    page = inbox(mina, unread="true", limit=2, cursor=page["meta"]["next_cursor"])
    assert page["data"]["total"] is None and page["meta"]["next_cursor"] is None
    found += page["data"]["notifications"]
    assert [each["id"] for each in found] == [everything[1], everything[3], everything[4]]
    assert page["data"]["unread_count"] == 4
    read = inbox(mina, unread="false")["data"]
    assert [each["id"] for each in read["notifications"]] == [everything[0], everything[2]]
    cursor = inbox(mina, unread="true", limit=2)["meta"]["next_cursor"]
    foreign = mina.get("/notifications", query_string={"cursor": cursor})
    assert invalid_fields(foreign) == {"cursor"}


def test_a_room_shows_its_newest_message_only(runtime: Runtime, mina: Person, jun: Person) -> None:
    room = uuid4()
    for seq in (1, 2):
        tell(runtime, message(runtime, to=mina.user_id, by=jun.user_id, room=room, seq=seq))
    [entry] = inbox(mina)["data"]["notifications"]
    assert entry["type"] == "chat_message"
    assert entry["payload"] == {
        "room_id": str(room),
        "message_id": "00000000-0000-0000-0000-000000000002",
        "user_id": str(jun.user_id),
    }


def test_blocking_somebody_takes_what_they_did_off_the_list(
    runtime: Runtime, mina: Person, jun: Person
) -> None:
    ask(runtime, mina, jun)
    assert mina.post("/friends/block", {"user_id": str(jun.user_id)}).status_code == 200
    assert inbox(mina)["data"] == {"notifications": [], "total": 0, "unread_count": 0}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"ids"}),
        ({"ids": [str(uuid4())], "all": True}, {"ids"}),
        ({"all": False}, {"ids"}),
        ({"all": "true"}, {"all"}),
        ({"all": None}, {"all"}),
        ({"ids": []}, {"ids"}),
        ({"ids": None}, {"ids"}),
        ({"ids": ["x"]}, {"ids.0"}),
        ({"ids": [str(uuid4()) for _ in range(101)]}, {"ids"}),
    ],
    ids=["neither", "both", "not all", "text", "null", "none", "null ids", "no id", "too many"],
)
def test_exactly_one_way_of_marking_is_taken(mina: Person, body: dict[str, Any], fields: set[str]) -> None:
    assert {name.split(".")[0] for name in invalid_fields(mina.post("/notifications/read", body))} == {
        name.split(".")[0] for name in fields
    }


@pytest.mark.parametrize("unread", ["True", "1", "", "yes"])
def test_the_unread_filter_is_true_or_false(mina: Person, unread: str) -> None:
    assert invalid_fields(mina.get("/notifications", query_string={"unread": unread})) == {"unread"}


def test_marking_with_a_key_is_answered_the_same_again(runtime: Runtime, mina: Person, jun: Person) -> None:
    ask(runtime, mina, jun, 2)
    key = {"Idempotency-Key": "read-1"}
    first = mina.post("/notifications/read", {"all": True}, headers=key)
    ask(runtime, mina, jun)
    again = mina.post("/notifications/read", {"all": True}, headers=key)
    assert first.get_json()["data"] == {"updated_count": 2, "unread_count": 0}
    assert again.get_data() == first.get_data() and again.headers["Idempotent-Replayed"] == "true"


def test_a_list_is_one_statement_beside_who_is_asking(
    runtime: Runtime, mina: Person, jun: Person, count_sql: Callable[[], Any]
) -> None:
    ask(runtime, mina, jun, 3)
    inbox(mina)
    with count_sql() as sent:
        inbox(mina)
    # Plus who is asking; rate limits and last_seen_at cost nothing within a minute.
    assert sent() == 2


@pytest.mark.parametrize("device_id", ["pixel-8", "기기 1", "a" * 128, "50%", "a.b:c"])
def test_a_device_is_registered_moved_and_forgotten(
    connection: Connection, mina: Person, jun: Person, device_id: str
) -> None:
    path = f"/devices/{quote(device_id, safe='')}"
    for who in (mina, mina, jun):
        answer = who.put(path, TOKEN)
        assert (answer.status_code, answer.get_data()) == (204, b"")
    assert devices(connection) == {(jun.user_id, device_id, TOKEN["fcm_token"])}
    assert mina.delete(path).status_code == 204
    assert len(devices(connection)) == 1
    for _ in range(2):
        assert jun.delete(path).status_code == 204
    assert devices(connection) == set()


@pytest.mark.parametrize("device_id", ["a" * 129, "%20", "%00"], ids=["long", "blank", "nul"])
def test_a_device_needs_a_name_within_bounds(mina: Person, device_id: str) -> None:
    for answer in (mina.put(f"/devices/{device_id}", TOKEN), mina.delete(f"/devices/{device_id}")):
        assert invalid_fields(answer) == {"device_id"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"fcm_token": ""}, "fcm_token"),
        ({"fcm_token": "x" * 4097}, "fcm_token"),
        ({"fcm_token": "a\x00"}, "fcm_token"),
        ({"fcm_token": None}, "fcm_token"),
        ({"platform": "windows"}, "platform"),
        ({"platform": None}, "platform"),
    ],
    ids=["blank", "long", "nul", "null", "unknown", "no platform"],
)
def test_a_token_and_a_platform_are_needed(mina: Person, change: dict[str, Any], field: str) -> None:
    assert invalid_fields(mina.put("/devices/phone", {**TOKEN, **change})) == {field}


def test_a_token_as_long_as_allowed_is_kept_whole(connection: Connection, mina: Person) -> None:
    token = "x" * 4096
    assert mina.put("/devices/phone", {**TOKEN, "fcm_token": token}).status_code == 204
    assert devices(connection) == {(mina.user_id, "phone", token)}

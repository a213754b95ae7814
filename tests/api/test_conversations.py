"""Threads and chats over HTTP: one conversation in two serialisations."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from kcardswap.runtime import Runtime
from tests.api.swappers import data
from tests.api.talking import VIEWS, Talk, contents, statuses
from tests.conftest import MovableClock
from tests.people import (
    API,
    MakePerson,
    delete,
    invalid_fields,
    refused,
    suspend,
)
from tests.talks import open_thread

SOME_ID = "0190b6a0-0000-7000-8000-000000000001"


@pytest.fixture
def talk(runtime: Runtime, person: MakePerson) -> Talk:
    return Talk(runtime, person)


def test_a_message_is_the_same_in_both_views(talk: Talk) -> None:
    as_thread = talk.say(talk.mina, "hi", view="threads")
    assert as_thread == {
        "id": as_thread["id"],
        "thread_id": talk.id,
        "sender_id": str(talk.mina.user_id),
        "sender_nickname": "Mina",
        "sender_avatar_url": None,
        "content": "hi",
        "post_id": None,
        "status": "sent",
        "created_at": as_thread["created_at"],
    }
    as_chat = talk.say(talk.jun, "hello", view="chats")
    assert as_chat == {
        "id": as_chat["id"],
        "room_id": talk.id,
        "sender_id": str(talk.jun.user_id),
        "content": "hello",
        "status": "sent",
        "created_at": as_chat["created_at"],
        "post_id": None,
    }
    ids = [as_thread["id"], as_chat["id"]]
    assert [message["id"] for message in talk.messages(talk.mina)["messages"]] == ids
    assert [message["id"] for message in talk.chat(talk.jun)["messages"]] == ids


def test_a_thread_and_a_room_are_one_conversation(talk: Talk, clock: MovableClock) -> None:
    opened_at = talk.thread(talk.mina)["created_at"]
    clock.advance(minutes=1)
    message = talk.say(talk.mina, "hi", view="threads")
    thread = talk.thread(talk.jun)
    people = sorted([(str(talk.mina.user_id), "Mina"), (str(talk.jun.user_id), "Jun")])
    assert thread == {
        "id": talk.id,
        "user_a_id": people[0][0],
        "user_a_nickname": people[0][1],
        "user_a_avatar_url": None,
        "user_b_id": people[1][0],
        "user_b_nickname": people[1][1],
        "user_b_avatar_url": None,
        "created_at": opened_at,
        "updated_at": message["created_at"],
        "last_message_at": message["created_at"],
        "last_message": message,
        "unread_count": 1,
    }
    assert data(talk.jun.get("/threads")) == {"threads": [thread], "total": 1}
    assert data(talk.jun.get("/chats")) == {
        "rooms": [
            {
                "id": talk.id,
                "participants": [
                    {"user_id": user_id, "nickname": nickname, "avatar_url": None}
                    for user_id, nickname in people
                ],
                "last_message": {
                    "id": message["id"],
                    "room_id": talk.id,
                    "sender_id": str(talk.mina.user_id),
                    "content": "hi",
                    "status": "sent",
                    "created_at": message["created_at"],
                    "post_id": None,
                },
                "unread_count": 1,
                "created_at": opened_at,
            }
        ],
        "total": 1,
    }
    assert talk.thread(talk.mina)["unread_count"] == 0


def test_a_new_conversation_is_empty(talk: Talk) -> None:
    thread = talk.thread(talk.mina)
    assert (thread["last_message"], thread["last_message_at"], thread["unread_count"]) == (None, None, 0)
    assert talk.chat(talk.mina) == {"messages": [], "total": 0, "has_more": False}
    assert talk.messages(talk.mina) == {"messages": [], "total": 0}


@pytest.mark.parametrize(("path", "key"), [("/threads", "threads"), ("/chats", "rooms")])
def test_conversations_come_latest_activity_first_and_in_pages(
    talk: Talk, person: MakePerson, clock: MovableClock, count_sql: Any, path: str, key: str
) -> None:
    ids = [talk.id]
    for name in ("sana", "haru"):
        clock.advance(minutes=1)
        ids.append(str(open_thread(talk.runtime, person(name).user_id, talk.mina.user_id)))
    clock.advance(minutes=1)
    talk.say(talk.jun)
    # The first request after a while also notes that she was here.
    talk.mina.get(f"/threads/{talk.id}")
    with count_sql() as sent:
        answer = talk.mina.get(path).get_json()
        assert sent() <= 2
    assert [row["id"] for row in answer["data"][key]] == [ids[0], ids[2], ids[1]]
    page = talk.mina.get(f"{path}?limit=1&offset=1").get_json()
    assert [row["id"] for row in page["data"][key]] == [ids[2]]
    assert (page["data"]["total"], page["meta"]["total_pages"], page["meta"]["next_cursor"]) == (3, 3, None)
    empty = talk.mina.get(f"{path}?offset=9").get_json()["data"]
    assert empty == {key: [], "total": 3}
    assert talk.jun.get(path).get_json()["data"]["total"] == 1


def test_fetching_delivers_and_the_newest_page_of_a_thread_reads(talk: Talk) -> None:
    talk.say(talk.mina, "one")
    talk.say(talk.mina, "two")
    assert statuses(talk.chat(talk.mina)) == ["sent", "sent"]
    assert statuses(talk.chat(talk.jun)) == ["delivered", "delivered"]
    assert statuses(talk.messages(talk.mina)) == ["delivered", "delivered"]
    assert talk.thread(talk.jun)["unread_count"] == 2
    assert statuses(talk.messages(talk.jun)) == ["read", "read"]
    assert statuses(talk.chat(talk.mina)) == ["read", "read"]
    assert talk.thread(talk.jun)["unread_count"] == 0


def test_an_older_page_of_a_thread_reads_nothing(talk: Talk) -> None:
    for n in range(3):
        talk.say(talk.mina, str(n))
    newest = talk.mina.get(f"/threads/{talk.id}/messages?limit=1").get_json()
    cursor = newest["meta"]["next_cursor"]
    assert cursor
    assert contents(talk.messages(talk.jun, offset=1, limit=1)) == ["1"]
    assert talk.thread(talk.jun)["unread_count"] == 3


def test_a_message_is_read_with_all_earlier_ones_of_the_other(talk: Talk) -> None:
    first, second, third = [talk.say(talk.mina, str(n)) for n in range(3)]
    talk.say(talk.jun)
    path = f"/chats/{talk.id}/messages/{second['id']}/read"
    for _ in range(2):
        answer = talk.jun.post(path)
        assert (answer.status_code, answer.get_data()) == (204, b"")
        assert talk.thread(talk.jun)["unread_count"] == 1
    assert statuses(talk.chat(talk.mina))[:3] == ["read", "read", "sent"]
    # Marks only move forward.
    talk.jun.post(f"/chats/{talk.id}/messages/{third['id']}/read")
    talk.jun.post(f"/chats/{talk.id}/messages/{first['id']}/read")
    assert talk.thread(talk.jun)["unread_count"] == 0


def test_only_the_recipient_reads_a_message_of_this_room(talk: Talk, person: MakePerson) -> None:
    message = talk.say(talk.mina)
    path = f"/chats/{talk.id}/messages/{message['id']}/read"
    refused(talk.mina.post(path), 422, "422_INVALID_STATE", "own_message")
    refused(person("stranger").post(path), 403, "403_FORBIDDEN", "not_participant")
    sana = person("sana")
    other = open_thread(talk.runtime, talk.jun.user_id, sana.user_id)
    for room in (other, uuid4()):
        answer = talk.jun.post(f"/chats/{room}/messages/{message['id']}/read")
        refused(answer, 404, "404_NOT_FOUND")
    refused(talk.jun.post(f"/chats/{talk.id}/messages/{uuid4()}/read"), 404, "404_NOT_FOUND")


READS: list[Callable[[str], tuple[str, str]]] = [
    lambda id: ("GET", f"/threads/{id}"),
    lambda id: ("GET", f"/threads/{id}/messages"),
    lambda id: ("POST", f"/threads/{id}/messages"),
    lambda id: ("GET", f"/chats/{id}/messages"),
    lambda id: ("POST", f"/chats/{id}/messages"),
    lambda id: ("POST", f"/chats/{id}/messages/{SOME_ID}/read"),
]


@pytest.mark.parametrize("operation", range(len(READS)))
def test_a_conversation_of_others_is_forbidden_and_an_unknown_one_is_not_there(
    talk: Talk, person: MakePerson, operation: int
) -> None:
    stranger = person("stranger")

    def call(id: str) -> Any:
        method, path = READS[operation](id)
        return stranger.post(path, {"content": "hi"}) if method == "POST" else stranger.get(path)

    refused(call(talk.id), 403, "403_FORBIDDEN", "not_participant")
    assert refused(call(str(uuid4())), 404, "404_NOT_FOUND") == {"resource_type": "thread"}
    assert invalid_fields(call("x")) & {"thread_id", "room_id"}


@pytest.mark.parametrize("view", VIEWS)
def test_nobody_writes_across_a_block_but_both_still_read(talk: Talk, view: str) -> None:
    talk.say(talk.mina)
    talk.jun.post("/friends/block", {"user_id": str(talk.mina.user_id)})
    for person in (talk.mina, talk.jun):
        answer = person.post(f"/{view}/{talk.id}/messages", {"content": "hi"})
        refused(answer, 403, "403_BLOCKED", "blocked")
        assert contents(talk.messages(person)) == ["hello"]
        assert data(person.get("/chats"))["total"] == 1


@pytest.mark.parametrize("view", VIEWS)
def test_somebody_who_left_has_no_name_and_gets_no_message(runtime: Runtime, talk: Talk, view: str) -> None:
    talk.say(talk.jun, "bye")
    delete(runtime, talk.jun.user_id)
    answer = talk.mina.post(f"/{view}/{talk.id}/messages", {"content": "hi"})
    refused(answer, 403, "403_FORBIDDEN", "recipient_gone")
    (message,) = talk.messages(talk.mina)["messages"]
    assert (message["sender_id"], message["sender_nickname"], message["content"]) == (
        str(talk.jun.user_id),
        None,
        "bye",
    )
    names = {
        person["user_id"]: person["nickname"]
        for person in data(talk.mina.get("/chats"))["rooms"][0]["participants"]
    }
    assert names == {str(talk.mina.user_id): "Mina", str(talk.jun.user_id): None}
    last = talk.thread(talk.mina)["last_message"]
    assert (last["sender_nickname"], last["sender_avatar_url"]) == (None, None)


def test_a_suspended_person_still_gets_messages(runtime: Runtime, talk: Talk) -> None:
    suspend(runtime, talk.jun.user_id)
    talk.say(talk.mina)


@pytest.mark.parametrize("view", VIEWS)
def test_a_message_may_name_a_post_the_writer_sees(talk: Talk, person: MakePerson, view: str) -> None:
    sana = person("sana")
    post_id = data(sana.post("/posts", {"title": "Haerin", "content": "Taipei"}), 201)["id"]
    assert talk.say(talk.mina, view=view, post_id=post_id)["post_id"] == post_id
    sana.post("/friends/block", {"user_id": str(talk.mina.user_id)})
    for hidden in (post_id, str(uuid4())):
        answer = talk.mina.post(f"/{view}/{talk.id}/messages", {"content": "hi", "post_id": hidden})
        assert refused(answer, 404, "404_NOT_FOUND") == {"resource_type": "post"}
    assert talk.say(talk.jun, view=view, post_id=post_id)["post_id"] == post_id


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("content", ["", " \n", "x" * 5001, "a\x00b", None, 7, ["hi"]])
def test_a_message_is_text_of_1_to_5000_characters(talk: Talk, view: str, content: Any) -> None:
    answer = talk.mina.post(f"/{view}/{talk.id}/messages", {"content": content})
    assert invalid_fields(answer) == {"content"}


@pytest.mark.parametrize("view", VIEWS)
def test_half_a_character_is_no_text(talk: Talk, view: str) -> None:
    body, headers = b'{"content": "\\ud800"}', {"Content-Type": "application/json"}
    answer = talk.mina.post(f"/{view}/{talk.id}/messages", data=body, headers=headers)
    assert invalid_fields(answer) == {"content"}


@pytest.mark.parametrize("content", ["x", "한" * 5000, "<b>&amp;\\'\"\n\t😀</b>", "e\u0301 \u202e"])
def test_a_message_comes_out_as_it_went_in(talk: Talk, content: str) -> None:
    talk.say(talk.mina, f" {content}\n")
    assert contents(talk.chat(talk.jun)) == contents(talk.messages(talk.jun)) == [content]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/threads?limit=0", "limit"),
        ("/chats?offset=10001", "offset"),
        (f"/threads/{SOME_ID}/messages?limit=101", "limit"),
        (f"/chats/{SOME_ID}/messages?offset=-1", "offset"),
    ],
)
def test_a_malformed_query_names_its_field(talk: Talk, path: str, field: str) -> None:
    assert invalid_fields(talk.mina.get(path)) == {field}


def test_cursor_and_offset_do_not_go_together(talk: Talk) -> None:
    for n in range(2):
        talk.say(talk.mina, str(n))
    path = f"/threads/{talk.id}/messages"
    cursor = talk.mina.get(f"{path}?limit=1").get_json()["meta"]["next_cursor"]
    both = talk.mina.get(path, query_string={"cursor": cursor, "offset": 0})
    assert invalid_fields(both) == {"cursor"}
    assert invalid_fields(talk.jun.get(path, query_string={"cursor": cursor})) == {"cursor"}


@pytest.mark.parametrize("view", VIEWS)
def test_reading_along_takes_few_statements(talk: Talk, count_sql: Any, view: str) -> None:
    for n in range(5):
        talk.say(talk.mina if n % 2 else talk.jun, str(n))
    path = f"/{view}/{talk.id}/messages"
    assert talk.mina.get(path).status_code == 200
    with count_sql() as sent:
        assert talk.mina.get(path).status_code == 200
        # Who is calling, the conversation, its messages; nothing is written.
        assert sent() == 3
    with count_sql() as sent:
        assert talk.mina.get(f"/threads/{talk.id}").status_code == 200
        assert sent() == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/threads"),
        ("GET", "/chats"),
        *(read(SOME_ID) for read in READS),
    ],
)
def test_conversations_are_for_people_who_are_signed_in(client: FlaskClient, method: str, path: str) -> None:
    refused(client.open(API + path, method=method), 401, "401_UNAUTHORIZED", "missing")


@pytest.mark.parametrize("view", VIEWS)
def test_a_repeated_keyed_message_is_written_once(talk: Talk, view: str) -> None:
    headers, path = {"Idempotency-Key": "hello-1"}, f"/{view}/{talk.id}/messages"
    first, again = (talk.mina.post(path, {"content": "hi"}, headers=headers) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert again.get_data() == first.get_data()
    assert talk.chat(talk.jun)["total"] == 1


def test_read_only_fields_of_a_message_have_no_effect(talk: Talk) -> None:
    forged: dict[str, Any] = {"id": SOME_ID, "sender_id": str(talk.jun.user_id), "status": "read", "seq": 9}
    message = talk.say(talk.mina, "hi", **forged)
    assert message["id"] != SOME_ID
    assert (message["sender_id"], message["status"]) == (str(talk.mina.user_id), "sent")

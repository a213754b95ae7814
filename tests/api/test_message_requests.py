"""Message requests over HTTP."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from kcardswap.runtime import Runtime
from tests.api.swappers import data
from tests.conftest import MovableClock
from tests.people import API, MakePerson, Person, delete, invalid_fields, make_person, refused, suspend
from tests.swaps import befriend_all
from tests.talks import open_thread

TEXT = "Hello! Is your Haerin still there?"


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def jun(person: MakePerson) -> Person:
    return person("jun")


def send(by: Person, to: Person, **more: Any) -> Any:
    return by.post("/message-requests", {"recipient_id": str(to.user_id), "initial_message": TEXT, **more})


def listed(of: Person, box: str, **query: Any) -> Any:
    return data(of.get(f"/message-requests/{box}", query_string=query))


def post_of(by: Person, title: str = "Haerin for Hanni") -> str:
    post_id: str = data(by.post("/posts", {"title": title, "content": "Taipei, this week"}), 201)["id"]
    return post_id


def test_a_request_is_answered_as_it_stands_in_both_boxes(mina: Person, jun: Person) -> None:
    request = data(send(mina, jun), 201)
    assert request == {
        "id": request["id"],
        "sender_id": str(mina.user_id),
        "sender_nickname": "Mina",
        "sender_avatar_url": None,
        "recipient_id": str(jun.user_id),
        "recipient_nickname": "Jun",
        "recipient_avatar_url": None,
        "initial_message": TEXT,
        "post_id": None,
        "status": "pending",
        "thread_id": None,
        "created_at": request["created_at"],
        "updated_at": request["created_at"],
    }
    assert listed(jun, "inbox") == listed(mina, "sent") == [request]
    assert listed(jun, "sent") == listed(mina, "inbox") == []


def test_accepting_answers_with_the_request_and_the_thread(mina: Person, jun: Person) -> None:
    post_id = post_of(jun)
    request = data(send(mina, jun, post_id=post_id), 201)
    assert request["post_id"] == post_id
    answer = data(jun.post(f"/message-requests/{request['id']}/accept"))
    accepted, thread = answer["message_request"], answer["thread"]
    assert (accepted["status"], accepted["thread_id"]) == ("accepted", thread["id"])
    assert thread["unread_count"] == 1
    first = thread["last_message"]
    assert (first["sender_id"], first["content"], first["post_id"], first["status"]) == (
        str(mina.user_id),
        TEXT,
        post_id,
        "sent",
    )
    assert first["created_at"] == request["created_at"] == thread["last_message_at"]
    # It makes no friends.
    assert data(mina.get("/friends"))["total"] == 0


def test_declining_answers_with_the_declined_request(mina: Person, jun: Person) -> None:
    request = data(send(mina, jun), 201)
    declined = data(jun.post(f"/message-requests/{request['id']}/decline"))
    assert (declined["id"], declined["status"], declined["thread_id"]) == (request["id"], "declined", None)


def test_refused_requests_say_why(mina: Person, jun: Person, person: MakePerson, clock: MovableClock) -> None:
    refused(send(mina, mina), 400, "400_INVALID_REQUEST", "self_target")
    unknown = mina.post("/message-requests", {"recipient_id": str(uuid4()), "initial_message": TEXT})
    assert refused(unknown, 404, "404_NOT_FOUND") == {"resource_type": "user"}
    assert refused(send(mina, jun, post_id=str(uuid4())), 404, "404_NOT_FOUND") == {"resource_type": "post"}
    request = data(send(mina, jun), 201)
    for by, to, direction in ((mina, jun, "outgoing"), (jun, mina, "incoming")):
        details = refused(send(by, to), 409, "409_CONFLICT", "request_pending")
        assert (details["request_id"], details["direction"]) == (request["id"], direction)
    data(jun.post(f"/message-requests/{request['id']}/decline"))
    details = refused(send(mina, jun), 422, "422_INVALID_STATE", "cooldown")
    retry_at = datetime.fromisoformat(details["retry_at"])
    assert (retry_at - clock.now()).days == 7
    sana = person("sana")
    body = {"privacy_flags": {"allow_stranger_chat": False}}
    data(sana.put("/profile/me", body))
    refused(send(mina, sana), 403, "403_FORBIDDEN", "stranger_messages_disabled")


def test_a_block_comes_before_all_that_stands_between_two_people(
    runtime: Runtime, mina: Person, jun: Person
) -> None:
    post_id = post_of(jun)
    thread_id = open_thread(runtime, mina.user_id, jun.user_id)
    details = refused(send(mina, jun), 409, "409_CONFLICT", "conversation_exists")
    assert details["thread_id"] == str(thread_id)
    jun.post("/friends/block", {"user_id": str(mina.user_id)})
    refused(send(mina, jun, post_id=post_id), 403, "403_BLOCKED", "blocked")
    refused(send(jun, mina), 403, "403_BLOCKED", "blocked")


def test_a_post_of_somebody_who_shut_one_out_is_not_there(
    mina: Person, jun: Person, person: MakePerson
) -> None:
    sana = person("sana")
    post_id = post_of(sana)
    sana.post("/friends/block", {"user_id": str(mina.user_id)})
    assert refused(send(mina, jun, post_id=post_id), 404, "404_NOT_FOUND") == {"resource_type": "post"}
    assert sana.delete(f"/posts/{post_id}").status_code == 204
    refused(send(jun, mina, post_id=post_id), 404, "404_NOT_FOUND")


def test_the_twenty_first_waiting_request_is_over_the_limit(mina: Person, person: MakePerson) -> None:
    for n in range(20):
        data(send(mina, person(f"other{n}")), 201)
    details = refused(send(mina, person("last")), 422, "422_LIMIT_EXCEEDED")
    assert (details["limit_key"], details["limit_value"], details["current_value"]) == (
        "pending_requests_max",
        20,
        20,
    )
    assert details["reset_at"] is None


@pytest.mark.parametrize("answer", ["accept", "decline"])
def test_only_the_person_asked_may_answer(mina: Person, jun: Person, person: MakePerson, answer: str) -> None:
    request = data(send(mina, jun), 201)
    path = f"/message-requests/{request['id']}/{answer}"
    refused(mina.post(path), 403, "403_FORBIDDEN", "not_recipient")
    stranger = person("stranger")
    hidden = refused(stranger.post(path), 404, "404_NOT_FOUND")
    unknown = refused(jun.post(f"/message-requests/{uuid4()}/{answer}"), 404, "404_NOT_FOUND")
    assert hidden == unknown == {"resource_type": "message_request"}
    data(jun.post(path))
    details = refused(jun.post(path), 422, "422_INVALID_STATE", "not_pending")
    assert details["status"] == {"accept": "accepted", "decline": "declined"}[answer]


@pytest.mark.parametrize("leave", [delete, suspend])
def test_nobody_lets_in_somebody_who_is_gone(runtime: Runtime, mina: Person, jun: Person, leave: Any) -> None:
    request = data(send(mina, jun), 201)
    leave(runtime, mina.user_id)
    answer = jun.post(f"/message-requests/{request['id']}/accept")
    assert refused(answer, 404, "404_NOT_FOUND") == {"resource_type": "user"}


def test_boxes_are_filtered_by_state(mina: Person, jun: Person, person: MakePerson) -> None:
    askers = [mina, person("sana"), person("haru")]
    first, second, third = [data(send(asker, jun), 201) for asker in askers]
    data(jun.post(f"/message-requests/{first['id']}/accept"))
    data(jun.post(f"/message-requests/{second['id']}/decline"))

    def ids(**query: str) -> set[str]:
        return {request["id"] for request in listed(jun, "inbox", **query)}

    assert ids() == ids(status_filter="pending") == {third["id"]}
    assert ids(status_filter="accepted") == {first["id"]}
    assert ids(status_filter="declined") == {second["id"]}
    assert ids(status_filter="all") == {first["id"], second["id"], third["id"]}


def test_boxes_come_newest_first_and_in_pages(
    mina: Person, person: MakePerson, clock: MovableClock, count_sql: Any
) -> None:
    for n in range(3):
        clock.advance(seconds=1)
        data(send(mina, person(f"other{n}")), 201)
    with count_sql() as sent:
        answer = mina.get("/message-requests/sent?limit=2&offset=1").get_json()
        assert sent() <= 2
    assert [request["recipient_nickname"] for request in answer["data"]] == ["Other1", "Other0"]
    assert answer["meta"] == {
        "total": 3,
        "page": 1,
        "page_size": 2,
        "total_pages": 2,
        "next_cursor": None,
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"initial_message": "x" * 5001}, "initial_message"),
        ({"initial_message": "  "}, "initial_message"),
        ({"initial_message": None}, "initial_message"),
        ({"initial_message": "a\x00b"}, "initial_message"),
        ({"initial_message": 7}, "initial_message"),
        ({"recipient_id": "x"}, "recipient_id"),
        ({"recipient_id": None}, "recipient_id"),
        ({"post_id": "x"}, "post_id"),
    ],
)
def test_a_malformed_request_names_its_field(
    mina: Person, jun: Person, body: dict[str, Any], field: str
) -> None:
    whole = {"recipient_id": str(jun.user_id), "initial_message": TEXT, **body}
    assert invalid_fields(mina.post("/message-requests", whole)) == {field}


def test_a_message_is_kept_as_it_was_sent_but_for_the_spaces_around_it(mina: Person, jun: Person) -> None:
    text = "x" * 4996 + "\n 한"
    request = data(send(mina, jun, initial_message=f"  {text}\n", status="accepted", id=str(uuid4())), 201)
    assert (request["initial_message"], request["status"]) == (text, "pending")


@pytest.mark.parametrize("box", ["inbox", "sent"])
def test_an_unknown_state_is_a_bad_request(mina: Person, box: str) -> None:
    answer = mina.get(f"/message-requests/{box}?status_filter=blocked")
    assert invalid_fields(answer) == {"status_filter"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/message-requests"),
        ("GET", "/message-requests/inbox"),
        ("GET", "/message-requests/sent"),
        ("POST", "/message-requests/0190b6a0-0000-7000-8000-000000000001/accept"),
        ("POST", "/message-requests/0190b6a0-0000-7000-8000-000000000001/decline"),
    ],
)
def test_message_requests_are_for_people_who_are_signed_in(
    client: FlaskClient, method: str, path: str
) -> None:
    refused(client.open(API + path, method=method), 401, "401_UNAUTHORIZED", "missing")


def test_a_repeated_keyed_request_asks_once_and_accepts_once(mina: Person, jun: Person) -> None:
    body, headers = (
        {"recipient_id": str(jun.user_id), "initial_message": TEXT},
        {"Idempotency-Key": "ask-jun"},
    )
    first, again = (mina.post("/message-requests", body, headers=headers) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert again.get_data() == first.get_data()
    path = f"/message-requests/{first.get_json()['data']['id']}/accept"
    accepted, repeated = (jun.post(path, headers={"Idempotency-Key": "accept"}) for _ in range(2))
    assert accepted.status_code == 200
    assert repeated.get_data() == accepted.get_data()


def test_the_cooldown_is_a_setting(runtime: Runtime, mina: Person, jun: Person, clock: MovableClock) -> None:
    request = data(send(mina, jun), 201)
    data(jun.post(f"/message-requests/{request['id']}/decline"))
    clock.advance(hours=168)
    again = make_person(runtime, mina.client, "mina")
    data(send(again, jun), 201)


def test_friends_of_a_person_closed_to_strangers_may_ask(runtime: Runtime, mina: Person, jun: Person) -> None:
    data(jun.put("/profile/me", {"privacy_flags": {"allow_stranger_chat": False}}))
    befriend_all(runtime, [(mina.user_id, jun.user_id)])
    data(send(mina, jun), 201)

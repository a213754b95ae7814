"""Friends and blocks over HTTP."""

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from kcardswap.runtime import Runtime
from tests.conftest import MovableClock
from tests.people import API, MakePerson, Person, delete, invalid_fields, refused, suspend


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def jun(person: MakePerson) -> Person:
    return person("jun")


def ask(by: Person, target: Person) -> Any:
    answer = by.post("/friends/request", {"target_user_id": str(target.user_id)})
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return answer.get_json()["data"]


def friends(of: Person, **query: Any) -> Any:
    answer = of.get("/friends", query_string=query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()["data"]


def test_a_request_is_answered_with_the_pending_friendship(mina: Person, jun: Person) -> None:
    friendship = ask(mina, jun)
    assert friendship == {
        "id": friendship["id"],
        "user_id": str(mina.user_id),
        "friend_id": str(jun.user_id),
        "status": "pending",
        "created_at": friendship["created_at"],
        "thread_id": None,
    }
    assert friendship["created_at"].endswith("Z")


def test_accepting_answers_with_the_thread(mina: Person, jun: Person) -> None:
    friendship = ask(mina, jun)
    answer = jun.post(f"/friends/{friendship['id']}/accept")
    accepted = answer.get_json()["data"]
    assert answer.status_code == 200
    assert (accepted["id"], accepted["status"]) == (friendship["id"], "accepted")
    assert accepted["thread_id"] is not None


def test_the_request_of_a_suspended_or_deleted_person_cannot_be_accepted(
    mina: Person, jun: Person, runtime: Runtime
) -> None:
    friendship = ask(mina, jun)
    for leave in (suspend, delete):
        leave(runtime, mina.user_id)
        answer = jun.post(f"/friends/{friendship['id']}/accept")
        assert refused(answer, 404, "404_NOT_FOUND") == {"resource_type": "user"}


@pytest.mark.parametrize("step", ["accept", "reject"])
def test_an_operation_without_a_body_refuses_what_is_none(mina: Person, jun: Person, step: str) -> None:
    path = f"/friends/{ask(mina, jun)['id']}/{step}"
    text = jun.post(path, data="hello", headers={"Content-Type": "text/plain"})
    refused(text, 415, "415_UNSUPPORTED_MEDIA_TYPE")
    broken = jun.post(path, data="{", headers={"Content-Type": "application/json"})
    refused(broken, 400, "400_VALIDATION_FAILED")
    large = jun.post(path, data=b"{" + b" " * 131_072 + b"}", headers={"Content-Type": "application/json"})
    refused(large, 413, "413_PAYLOAD_TOO_LARGE")
    assert jun.post(path, {}).status_code < 300


def test_asking_back_answers_with_the_accepted_friendship(mina: Person, jun: Person) -> None:
    friendship = ask(mina, jun)
    back = ask(jun, mina)
    assert (back["id"], back["status"], back["user_id"]) == (
        friendship["id"],
        "accepted",
        str(mina.user_id),
    )
    assert back["thread_id"]


def test_rejecting_withdrawing_and_unfriending_leave_nothing(mina: Person, jun: Person) -> None:
    answer = jun.post(f"/friends/{ask(mina, jun)['id']}/reject")
    assert (answer.status_code, answer.get_data()) == (204, b"")
    assert mina.delete(f"/friends/{ask(mina, jun)['id']}").status_code == 204
    friendship = ask(mina, jun)
    ask(jun, mina)
    assert jun.delete(f"/friends/{friendship['id']}").status_code == 204
    refused(mina.delete(f"/friends/{friendship['id']}"), 404, "404_NOT_FOUND")
    assert friends(mina) == friends(mina, status="pending") == {"friends": [], "total": 0}


def test_refused_requests_say_why(runtime: Runtime, mina: Person, jun: Person) -> None:
    def request(target: object) -> Any:
        return mina.post("/friends/request", {"target_user_id": str(target)})

    refused(request(mina.user_id), 400, "400_INVALID_REQUEST", "self_target")
    assert refused(request(uuid4()), 404, "404_NOT_FOUND") == {"resource_type": "user"}
    ask(mina, jun)
    refused(request(jun.user_id), 409, "409_CONFLICT", "friend_request_pending")
    ask(jun, mina)
    refused(request(jun.user_id), 409, "409_CONFLICT", "already_friends")


@pytest.mark.parametrize("leave", [delete, suspend])
def test_somebody_who_is_gone_is_like_nobody(runtime: Runtime, mina: Person, jun: Person, leave: Any) -> None:
    leave(runtime, jun.user_id)
    gone = mina.post("/friends/request", {"target_user_id": str(jun.user_id)})
    unknown = mina.post("/friends/request", {"target_user_id": str(uuid4())})
    assert gone.get_json() == unknown.get_json()
    assert gone.status_code == 404


@pytest.mark.parametrize("answer", ["accept", "reject"])
def test_only_the_person_asked_may_answer(mina: Person, jun: Person, person: MakePerson, answer: str) -> None:
    friendship = ask(mina, jun)
    path = f"/friends/{friendship['id']}/{answer}"
    refused(mina.post(path), 403, "403_FORBIDDEN", "not_recipient")
    stranger = person("stranger")
    assert refused(stranger.post(path), 404, "404_NOT_FOUND") == {"resource_type": "friendship"}
    refused(jun.post(f"/friends/{uuid4()}/{answer}"), 404, "404_NOT_FOUND")
    refused(stranger.delete(f"/friends/{friendship['id']}"), 404, "404_NOT_FOUND")
    ask(jun, mina)
    details = refused(jun.post(path), 422, "422_INVALID_STATE", "not_pending")
    assert details["status"] == "accepted"


def test_a_block_refuses_the_other_and_is_lifted_by_its_maker_only(mina: Person, jun: Person) -> None:
    ask(mina, jun)
    blocked = jun.post("/friends/block", {"user_id": str(mina.user_id)})
    data = blocked.get_json()["data"]
    assert blocked.status_code == 200
    assert (data["user_id"], data["friend_id"], data["status"]) == (
        str(jun.user_id),
        str(mina.user_id),
        "blocked",
    )
    assert data["success"] is True
    assert data["message"]
    assert jun.post("/friends/block", {"user_id": str(mina.user_id)}).get_json()["data"] == data
    for by, target in ((mina, jun), (jun, mina)):
        answer = by.post("/friends/request", {"target_user_id": str(target.user_id)})
        refused(answer, 403, "403_BLOCKED", "blocked")
    nothing = mina.post("/friends/unblock", {"user_id": str(jun.user_id)}).get_json()["data"]
    assert (nothing["id"], nothing["created_at"], nothing["status"]) == (None, None, "unblocked")
    lifted = jun.post("/friends/unblock", {"user_id": str(mina.user_id)}).get_json()["data"]
    assert (lifted["id"], lifted["status"], lifted["created_at"]) == (
        data["id"],
        "unblocked",
        data["created_at"],
    )
    ask(mina, jun)


@pytest.mark.parametrize("operation", ["block", "unblock"])
def test_blocks_need_another_person(mina: Person, operation: str) -> None:
    path = f"/friends/{operation}"
    refused(mina.post(path, {"user_id": str(mina.user_id)}), 400, "400_INVALID_REQUEST", "self_target")
    refused(mina.post(path, {"user_id": str(uuid4())}), 404, "404_NOT_FOUND")


def test_the_three_lists_show_the_other_person(
    person: MakePerson, mina: Person, jun: Person, clock: MovableClock, count_sql: Any
) -> None:
    friendship = ask(jun, mina)
    ask(mina, jun)
    sora, haru = person("sora"), person("haru")
    request = ask(sora, mina)
    block = mina.post("/friends/block", {"user_id": str(haru.user_id)}).get_json()["data"]
    for status in ("accepted", "pending", "blocked"):
        with count_sql() as sent:
            friends(mina, status=status)
            assert sent() <= 2
    accepted = friends(mina)
    assert accepted["total"] == 1
    assert accepted["friends"] == [
        {
            "id": friendship["id"],
            "user_id": str(jun.user_id),
            "nickname": "Jun",
            "avatar_url": None,
            "status": "accepted",
            "created_at": friendship["created_at"],
            "direction": None,
            "average_score": 0.0,
            "completed_trades": 0,
            "is_online": True,
        }
    ]
    (pending,) = friends(mina, status="pending")["friends"]
    assert (pending["id"], pending["nickname"], pending["direction"]) == (request["id"], "Sora", "incoming")
    assert friends(sora, status="pending")["friends"][0]["direction"] == "outgoing"
    (blocked,) = friends(mina, status="blocked")["friends"]
    assert (blocked["id"], blocked["nickname"], blocked["status"]) == (block["id"], "Haru", "blocked")
    assert friends(haru, status="blocked")["friends"] == []


def test_lists_are_paged_by_offset(person: MakePerson, mina: Person, clock: MovableClock) -> None:
    for n in range(3):
        clock.advance(seconds=1)
        ask(mina, person(f"p{n}"))
    answer = mina.get("/friends?status=pending&limit=2&offset=2").get_json()
    assert [item["nickname"] for item in answer["data"]["friends"]] == ["P0"]
    assert answer["meta"] == {
        "total": 3,
        "page": 2,
        "page_size": 2,
        "total_pages": 2,
        "next_cursor": None,
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "rejected"}, "status"),
        ({"limit": "0"}, "limit"),
        ({"limit": "501"}, "limit"),
        ({"offset": "-1"}, "offset"),
        ({"offset": "10001"}, "offset"),
    ],
)
def test_a_malformed_query_names_its_field(mina: Person, query: dict[str, str], field: str) -> None:
    assert invalid_fields(mina.get("/friends", query_string=query)) == {field}


def test_the_largest_page_is_500(mina: Person) -> None:
    assert mina.get("/friends?limit=500&offset=10000").status_code == 200


@pytest.mark.parametrize(
    ("path", "field"),
    [("/friends/request", "target_user_id"), ("/friends/block", "user_id"), ("/friends/unblock", "user_id")],
)
@pytest.mark.parametrize("value", [None, "", "not-an-id", 7, [], "{0190b6a0-0000-7000-8000-000000000001}"])
def test_a_person_is_named_by_a_uuid(mina: Person, path: str, field: str, value: Any) -> None:
    assert invalid_fields(mina.post(path, {field: value})) == {field}
    assert invalid_fields(mina.post(path, {})) == {field}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/friends/x/accept"), ("POST", "/friends/x/reject"), ("DELETE", "/friends/x")],
)
def test_a_malformed_id_in_the_path_is_a_bad_request(mina: Person, method: str, path: str) -> None:
    answer = mina.client.open(
        API + path, method=method, headers={"Authorization": f"Bearer {mina.tokens.access_token}"}
    )
    assert invalid_fields(answer) == {"friendship_id"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/friends"),
        ("POST", "/friends/request"),
        ("POST", "/friends/0190b6a0-0000-7000-8000-000000000001/accept"),
        ("POST", "/friends/0190b6a0-0000-7000-8000-000000000001/reject"),
        ("DELETE", "/friends/0190b6a0-0000-7000-8000-000000000001"),
        ("POST", "/friends/block"),
        ("POST", "/friends/unblock"),
    ],
)
def test_friends_are_for_people_who_are_signed_in(client: FlaskClient, method: str, path: str) -> None:
    refused(client.open(API + path, method=method), 401, "401_UNAUTHORIZED", "missing")


def test_a_repeated_keyed_request_asks_once(mina: Person, jun: Person) -> None:
    body, headers = {"target_user_id": str(jun.user_id)}, {"Idempotency-Key": "ask-jun"}
    first = mina.post("/friends/request", body, headers=headers)
    again = mina.post("/friends/request", body, headers=headers)
    assert first.status_code == again.status_code == 201
    assert again.get_data() == first.get_data()
    assert again.headers["Idempotent-Replayed"] == "true"

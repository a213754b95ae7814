"""Likes, comments and interests over HTTP."""

from typing import Any
from uuid import uuid4

import pytest

from kcardswap.domain.accounts import Role
from kcardswap.runtime import Runtime
from tests.api.swappers import data
from tests.conftest import MovableClock
from tests.people import MakePerson, Person, delete, invalid_fields, refused, suspend
from tests.posts import make_post


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def jun(person: MakePerson) -> Person:
    return person("jun")


@pytest.fixture
def path(runtime: Runtime, mina: Person) -> str:
    """Where an open post of Mina is."""
    return f"/posts/{make_post(runtime, mina.user_id)}"


def say(person: Person, path: str, content: str = "還在嗎？") -> Any:
    return data(person.post(f"{path}/comments", {"content": content}), 201)


def want(person: Person, path: str) -> Any:
    return data(person.post(f"{path}/interest"), 201)


def test_a_like_is_a_toggle(mina: Person, jun: Person, path: str) -> None:
    assert data(jun.post(f"{path}/like")) == {"liked": True, "like_count": 1}
    assert data(mina.post(f"{path}/like")) == {"liked": True, "like_count": 2}
    assert data(jun.get(path))["liked_by_me"] is True
    assert data(jun.post(f"{path}/like")) == {"liked": False, "like_count": 1}
    shown = data(jun.get(path))
    assert (shown["liked_by_me"], shown["like_count"]) == (False, 1)


def test_a_repeated_key_likes_once(jun: Person, path: str) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = [jun.post(f"{path}/like", headers=headers) for _ in range(2)]
    assert [data(answer) for answer in answers] == [{"liked": True, "like_count": 1}] * 2


def test_comments_are_written_and_listed(clock: MovableClock, mina: Person, jun: Person, path: str) -> None:
    first = say(jun, path, " first ")
    assert first == {
        "id": first["id"],
        "post_id": path.removeprefix("/posts/"),
        "user_id": str(jun.user_id),
        "user_nickname": "Jun",
        "user_avatar_url": None,
        "content": "first",
        "created_at": first["created_at"],
        "updated_at": first["created_at"],
    }
    clock.advance(seconds=1)
    second = say(mina, path, "x" * 1000)
    assert data(mina.get(f"{path}/comments")) == {"comments": [second, first], "total": 2}
    page = mina.get(f"{path}/comments?limit=1").get_json()
    rest = mina.get(f"{path}/comments?limit=1&cursor={page['meta']['next_cursor']}").get_json()
    assert [row["id"] for row in rest["data"]["comments"]] == [first["id"]]
    assert data(mina.get(path))["comment_count"] == 2
    for content in ("", " ", "x" * 1001, None):
        assert invalid_fields(jun.post(f"{path}/comments", {"content": content})) == {"content"}


def test_comments_of_hidden_people_are_left_out(
    runtime: Runtime, person: MakePerson, mina: Person, jun: Person, path: str
) -> None:
    for name in ("suspended", "deleted", "blocking", "blocked"):
        say(person(name), path)
    kept = say(jun, path)
    suspend(runtime, person("suspended").user_id)
    delete(runtime, person("deleted").user_id)
    data(person("blocking").post("/friends/block", {"user_id": str(mina.user_id)}))
    data(mina.post("/friends/block", {"user_id": str(person("blocked").user_id)}))
    listed = data(mina.get(f"{path}/comments"))
    assert ([row["id"] for row in listed["comments"]], listed["total"]) == ([kept["id"]], 1)


def test_who_deletes_a_comment(person: MakePerson, mina: Person, jun: Person, path: str) -> None:
    root = person("root", Role.ADMIN)
    of_author, of_owner, of_root = (f"{path}/comments/{say(jun, path)['id']}" for _ in range(3))
    refused(person("nosy").delete(of_author), 403, "403_FORBIDDEN", "not_owner")
    assert jun.delete(of_author).status_code == 204
    assert mina.delete(of_owner).status_code == 204
    assert root.delete(of_root).status_code == 204
    assert refused(jun.delete(of_author), 404, "404_NOT_FOUND") == {"resource_type": "comment"}
    assert refused(jun.delete(f"/posts/{uuid4()}/comments/{uuid4()}"), 404, "404_NOT_FOUND") == {
        "resource_type": "post"
    }
    (entry,) = data(root.get("/admin/audit-log?action=delete_comment"))["entries"]
    assert entry["target_id"] == of_root.rpartition("/")[2]
    assert data(jun.get(path))["comment_count"] == 0


def test_nobody_comments_on_a_closed_post(mina: Person, jun: Person, path: str) -> None:
    assert mina.post(f"{path}/close").status_code == 204
    for answer in (jun.post(f"{path}/comments", {"content": "late"}), jun.post(f"{path}/interest")):
        assert refused(answer, 422, "422_INVALID_STATE", "post_not_open")["status"] == "closed"


def test_an_interest_is_expressed_once(mina: Person, jun: Person, path: str) -> None:
    interest = want(jun, path)
    assert interest == {
        "id": interest["id"],
        "post_id": path.removeprefix("/posts/"),
        "user_id": str(jun.user_id),
        "status": "pending",
        "created_at": interest["created_at"],
        "updated_at": interest["created_at"],
        "user_nickname": "Jun",
        "user_avatar_url": None,
    }
    refused(jun.post(f"{path}/interest"), 409, "409_CONFLICT", "interest_exists")
    refused(mina.post(f"{path}/interest"), 400, "400_INVALID_REQUEST", "self_target")
    refused(jun.post(f"/posts/{uuid4()}/interest"), 404, "404_NOT_FOUND")


def test_interests_are_listed_for_the_owner_and_shown_to_both(
    clock: MovableClock, person: MakePerson, mina: Person, jun: Person, path: str
) -> None:
    yuna = person("yuna")
    juns = want(jun, path)
    clock.advance(seconds=1)
    yunas = want(yuna, path)
    assert data(mina.get(f"{path}/interests")) == {"interests": [yunas, juns], "total": 2}
    assert mina.post(f"{path}/interests/{juns['id']}/reject").status_code == 204
    assert data(mina.get(f"{path}/interests?status=pending"))["interests"] == [yunas]
    assert invalid_fields(mina.get(f"{path}/interests?status=open")) == {"status"}
    one = f"{path}/interests/{juns['id']}"
    assert data(jun.get(one)) == data(mina.get(one))
    assert data(jun.get(one))["status"] == "rejected"
    for read in (one, f"{path}/interests"):
        refused(yuna.get(read), 403, "403_FORBIDDEN", "not_owner")
    assert refused(mina.get(f"{path}/interests/{uuid4()}"), 404, "404_NOT_FOUND") == {
        "resource_type": "interest"
    }


def test_accepting_an_interest_makes_friends_who_talk(mina: Person, jun: Person, path: str) -> None:
    interest = want(jun, path)
    accepted = data(mina.post(f"{path}/interests/{interest['id']}/accept"))
    assert accepted == {
        "interest_id": interest["id"],
        "friendship_created": True,
        "chat_room_id": accepted["chat_room_id"],
    }
    (friend,) = data(jun.get("/friends"))["friends"]
    assert friend["user_id"] == str(mina.user_id)
    rooms = data(jun.get("/chats"))["rooms"]
    assert [room["id"] for room in rooms] == [accepted["chat_room_id"]]
    assert data(jun.get(path))["can_message"] is False
    again = mina.post(f"{path}/interests/{interest['id']}/accept")
    assert refused(again, 422, "422_INVALID_STATE", "not_pending")["status"] == "accepted"
    refused(mina.post(f"{path}/interests/{interest['id']}/reject"), 422, "422_INVALID_STATE", "not_pending")


def test_a_message_request_that_waits_is_accepted_with_the_interest(
    mina: Person, jun: Person, path: str
) -> None:
    body = {"recipient_id": str(mina.user_id), "initial_message": "你好"}
    data(jun.post("/message-requests", body), 201)
    assert data(jun.get(path))["can_message"] is False
    room = data(mina.post(f"{path}/interests/{want(jun, path)['id']}/accept"))["chat_room_id"]
    (message,) = data(mina.get(f"/chats/{room}/messages"))["messages"]
    assert (message["content"], message["sender_id"]) == ("你好", str(jun.user_id))


def test_who_may_answer_an_interest(
    runtime: Runtime, person: MakePerson, mina: Person, jun: Person, path: str
) -> None:
    interest = want(jun, path)
    for answer in ("accept", "reject"):
        for nosy in (jun, person("yuna")):
            refused(
                nosy.post(f"{path}/interests/{interest['id']}/{answer}"), 403, "403_FORBIDDEN", "not_owner"
            )
        refused(mina.post(f"{path}/interests/{uuid4()}/{answer}"), 404, "404_NOT_FOUND")
        other = make_post(runtime, mina.user_id)
        refused(mina.post(f"/posts/{other}/interests/{interest['id']}/{answer}"), 404, "404_NOT_FOUND")
    suspend(runtime, jun.user_id)
    refused(mina.post(f"{path}/interests/{interest['id']}/accept"), 404, "404_NOT_FOUND")


def test_an_interest_in_a_closed_post_stays_unanswered(mina: Person, jun: Person, path: str) -> None:
    interest = want(jun, path)
    assert mina.post(f"{path}/close").status_code == 204
    for answer in ("accept", "reject"):
        late = mina.post(f"{path}/interests/{interest['id']}/{answer}")
        refused(late, 422, "422_INVALID_STATE", "post_not_open")

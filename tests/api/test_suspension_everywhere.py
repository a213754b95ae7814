"""A suspended person in every slice, and a deleted one: what is left out, what is gone, what stays."""

import pytest

from kcardswap.domain.accounts import Role
from kcardswap.runtime import Runtime
from tests.api.neighbours import Neighbours, advances, pages_of
from tests.api.swappers import COUNTER, data
from tests.conftest import MovableClock
from tests.people import MakePerson, refused
from tests.posts import want
from tests.talks import knock

NOTE = {"note": "Sold the same card twice."}


@pytest.fixture
def two(runtime: Runtime, person: MakePerson) -> Neighbours:
    """Mina and Jun while all is well."""
    return Neighbours(runtime, person)


@pytest.fixture
def shut(two: Neighbours, person: MakePerson) -> Neighbours:
    """Mina and Jun after Jun was suspended."""
    data(person("root", Role.ADMIN).post(f"/admin/users/{two.jun.user_id}/suspend", NOTE))
    return two


@pytest.fixture
def gone(two: Neighbours) -> Neighbours:
    """Mina and Jun after Jun deleted the account."""
    data(two.jun.delete("/account", {"confirm": "DELETE"}), 202)
    return two


# Suspended


def test_by_id_a_suspended_person_can_still_be_read(shut: Neighbours) -> None:
    for path in [*pages_of(shut.jun), f"/posts/{shut.post_of[shut.jun.user_id]}"]:
        assert shut.mina.get(path).status_code == 200, path
    pictures = shut.picture_of[shut.jun.user_id]
    assert shut.readable(shut.mina, pictures) == pictures


def test_nothing_new_is_started_with_a_suspended_person(shut: Neighbours) -> None:
    for what, answer in advances(shut, shut.mina, shut.jun).items():
        assert answer.status_code == 404, f"{what}: {answer.get_data(as_text=True)}"


def test_what_waits_with_a_suspended_person_is_not_taken_up(
    runtime: Runtime, two: Neighbours, person: MakePerson
) -> None:
    hana, root = person("hana"), person("root", Role.ADMIN)
    post = two.post_of[two.mina.user_id]
    interest = want(runtime, post, hana.user_id)
    request = knock(runtime, hana.user_id, two.mina.user_id)
    asked = data(hana.post("/friends/request", {"target_user_id": str(two.mina.user_id)}), 201)["id"]
    data(root.post(f"/admin/users/{hana.user_id}/suspend", NOTE))
    for path in (
        f"/posts/{post}/interests/{interest}/accept",
        f"/message-requests/{request}/accept",
        f"/friends/{asked}/accept",
    ):
        refused(two.mina.post(path), 404, "404_NOT_FOUND")


def test_feed_comments_and_counts_leave_a_suspended_person_out(two: Neighbours, person: MakePerson) -> None:
    path = f"/catalog/photocards/{two.wanted}"
    before = data(two.mina.get(path))["want_count"]
    data(person("root", Role.ADMIN).post(f"/admin/users/{two.jun.user_id}/suspend", NOTE))
    assert two.feed(two.mina) == {two.mina.user_id, two.sana.user_id}
    assert two.commenters(two.mina, two.third_post) == {two.mina.user_id, two.sana.user_id}
    assert data(two.mina.get(path))["want_count"] == before - 1


def test_unfinished_trades_are_off_for_good(shut: Neighbours) -> None:
    off = data(shut.mina.get(f"/trades/{shut.unfinished}"))
    assert (off["status"], off["cancel_reason"], off["canceled_by"]) == ("canceled", "suspended", None)
    assert data(shut.mina.get(f"/trades/{shut.finished}"))["status"] == "completed"
    available = data(shut.mina.get("/cards/me?status=available"))
    assert shut.minas[1] in {card["id"] for card in available}
    assert shut.mina.post(f"/trades/{shut.unfinished}/counter", COUNTER).status_code in (403, 404)


def test_friends_and_conversations_of_a_suspended_person_stay(shut: Neighbours) -> None:
    (friend,) = data(shut.mina.get("/friends"))["friends"]
    assert friend["user_id"] == str(shut.jun.user_id)
    thread = data(shut.mina.get(f"/threads/{shut.thread_id}"))
    assert "Jun" in (thread["user_a_nickname"], thread["user_b_nickname"])
    assert [m["content"] for m in data(shut.mina.get(f"/threads/{shut.thread_id}/messages"))["messages"]] == [
        "hello"
    ]


def test_a_suspended_person_can_be_blocked_and_reported(shut: Neighbours) -> None:
    jun = str(shut.jun.user_id)
    data(shut.mina.post("/reports", {"reported_user_id": jun, "reason": "fraud"}), 201)
    data(shut.mina.post("/friends/block", {"user_id": jun}))


def test_a_suspended_person_does_nothing(shut: Neighbours) -> None:
    for answer in advances(shut, shut.jun, shut.mina).values():
        refused(answer, 403, "403_FORBIDDEN", "account_suspended")
    for path in ("/profile/me", "/cards/me", "/posts", "/threads", "/notifications", "/friends"):
        refused(shut.jun.get(path), 403, "403_FORBIDDEN", "account_suspended")


def test_everything_is_back_when_the_suspension_is_over(
    two: Neighbours, person: MakePerson, clock: MovableClock
) -> None:
    root = person("root", Role.ADMIN)
    data(root.post(f"/admin/users/{two.jun.user_id}/suspend", {**NOTE, "until": "2026-03-12T04:10:00Z"}))
    assert two.jun.user_id not in two.feed(two.mina)
    clock.advance(minutes=10)
    # No job was here yet: readers see that the time is over.
    assert two.jun.user_id in two.feed(two.mina)
    assert two.jun.user_id in two.commenters(two.mina, two.third_post)
    statuses = {what: answer.status_code for what, answer in advances(two, two.mina, two.jun).items()}
    # They are friends already, and have a conversation.
    assert statuses.pop("friend request") == statuses.pop("message request") == 409
    assert set(statuses.values()) <= {200, 201}, statuses


def test_under_review_an_account_works(two: Neighbours, person: MakePerson) -> None:
    for name in ("a", "b", "c"):
        body = {"reported_user_id": str(two.jun.user_id), "reason": "fraud"}
        data(person(name).post("/reports", body), 201)
    assert two.jun.user_id in two.feed(two.mina)
    assert two.jun.get("/profile/me").status_code == 200
    assert two.mina.post(f"/posts/{two.post_of[two.jun.user_id]}/like").status_code == 200


# Deleted


def test_nothing_of_a_deleted_person_can_be_read(gone: Neighbours) -> None:
    for path in [*pages_of(gone.jun), f"/posts/{gone.post_of[gone.jun.user_id]}"]:
        refused(gone.mina.get(path), 404, "404_NOT_FOUND")
    assert gone.readable(gone.sana, gone.picture_of[gone.jun.user_id]) == []


def test_nothing_is_started_with_a_deleted_person(gone: Neighbours) -> None:
    for what, answer in advances(gone, gone.mina, gone.jun).items():
        assert answer.status_code == 404, f"{what}: {answer.get_data(as_text=True)}"
    for path, key in (("/friends/block", "user_id"), ("/reports", "reported_user_id")):
        body = {key: str(gone.jun.user_id), "reason": "fraud"}
        refused(gone.mina.post(path, body), 404, "404_NOT_FOUND")


def test_lists_leave_a_deleted_person_out(gone: Neighbours) -> None:
    assert gone.feed(gone.mina) == {gone.mina.user_id, gone.sana.user_id}
    assert gone.commenters(gone.mina, gone.third_post) == {gone.mina.user_id, gone.sana.user_id}
    assert data(gone.mina.get("/friends"))["friends"] == []


def test_shared_history_of_a_deleted_person_is_without_a_name(gone: Neighbours) -> None:
    off = data(gone.mina.get(f"/trades/{gone.unfinished}"))
    assert (off["status"], off["cancel_reason"]) == ("canceled", "account_deleted")
    done = data(gone.mina.get(f"/trades/{gone.finished}"))
    names = {each["user_id"]: each["nickname"] for each in done["participants"]}
    assert names == {str(gone.mina.user_id): "Mina", str(gone.jun.user_id): None}
    thread = data(gone.mina.get(f"/threads/{gone.thread_id}"))
    assert {thread["user_a_nickname"], thread["user_b_nickname"]} == {"Mina", None}
    answer = gone.mina.post(f"/threads/{gone.thread_id}/messages", {"content": "?"})
    refused(answer, 403, "403_FORBIDDEN", "recipient_gone")

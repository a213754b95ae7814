"""Ratings over HTTP."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from kcardswap.runtime import Runtime
from tests.api.swappers import Swappers, data
from tests.conftest import MovableClock
from tests.people import MakePerson, Person, delete, invalid_fields, refused, suspend

LONGEST = "가" * 500


@pytest.fixture
def two(runtime: Runtime, person: MakePerson) -> Swappers:
    return Swappers(runtime, person)


def rating(of: Person, **more: Any) -> dict[str, Any]:
    """Return the body of a rating."""
    return {"rated_user_id": str(of.user_id), "score": 5, **more}


def average(of: Person, by: Person) -> Any:
    return data(by.get(f"/ratings/user/{of.user_id}/average"))


def test_both_sides_rate_a_completed_swap(two: Swappers, clock: MovableClock) -> None:
    trade = two.completed()
    body = rating(two.jun, score=4, comment="  Quick answer. ", trade_id=trade["id"])
    given = data(two.mina.post("/ratings", body), 201)
    assert given == {
        "id": given["id"],
        "rater_id": str(two.mina.user_id),
        "rated_user_id": str(two.jun.user_id),
        "trade_id": trade["id"],
        "score": 4,
        "comment": "Quick answer.",
        "created_at": given["created_at"],
    }
    clock.advance(seconds=1)
    data(two.jun.post("/ratings", rating(two.mina, trade_id=trade["id"])), 201)
    found = data(two.mina.get(f"/ratings/user/{two.jun.user_id}"))
    assert found == {"ratings": [given], "total": 1}
    assert average(two.jun, two.mina) == {
        "user_id": str(two.jun.user_id),
        "average_score": 4.0,
        "total_ratings": 1,
    }
    assert average(two.mina, two.mina)["average_score"] == 5.0


def test_a_rating_shows_in_the_profile_and_among_friends(two: Swappers, person: MakePerson) -> None:
    data(two.mina.post("/ratings", rating(two.jun, score=4)), 201)
    data(two.mina.post("/ratings", rating(two.jun, trade_id=two.completed()["id"])), 201)
    profile = data(two.mina.get(f"/profile/{two.jun.user_id}"))
    assert (profile["average_score"], profile["total_ratings"]) == (4.5, 2)
    (friend,) = data(two.mina.get("/friends"))["friends"]
    assert friend["average_score"] == 4.5
    # Nothing about the rater changed.
    assert average(two.mina, two.jun)["total_ratings"] == 0


def test_a_new_rating_changes_the_tag_of_a_profile(two: Swappers) -> None:
    path = f"/profile/{two.jun.user_id}"
    tag = two.mina.get(path).headers["ETag"]
    assert two.mina.get(path, headers={"If-None-Match": tag}).status_code == 304
    data(two.mina.post("/ratings", rating(two.jun)), 201)
    assert two.mina.get(path, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("comment", [LONGEST, None, "", "   "], ids=["longest", "null", "empty", "blank"])
def test_a_comment_is_optional_and_up_to_five_hundred_characters(two: Swappers, comment: str | None) -> None:
    given = data(two.mina.post("/ratings", rating(two.jun, comment=comment, trade_id=None)), 201)
    assert given["comment"] == ((comment and comment.strip()) or None)
    assert given["trade_id"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("score", 0),
        ("score", 6),
        ("score", "5"),
        ("score", 4.5),
        ("score", None),
        ("score", True),
        ("score", 10**30),
        ("comment", LONGEST + "가"),
        ("comment", "nul\0"),
        ("comment", 5),
        ("rated_user_id", "mina"),
        ("rated_user_id", None),
        ("trade_id", "first"),
    ],
)
def test_a_malformed_rating_is_refused_by_field(two: Swappers, field: str, value: Any) -> None:
    assert invalid_fields(two.mina.post("/ratings", rating(two.jun, **{field: value}))) == {field}


def test_a_rating_needs_a_person_and_a_score(two: Swappers) -> None:
    assert invalid_fields(two.mina.post("/ratings", {})) == {"rated_user_id", "score"}


def test_refusals_of_a_rating(two: Swappers, person: MakePerson, runtime: Runtime) -> None:
    mina, jun, sora = two.mina, two.jun, person("sora")
    trade_id = two.accepted()["id"]
    refused(mina.post("/ratings", rating(mina)), 400, "400_INVALID_REQUEST", "self_target")
    unknown = mina.post("/ratings", {"rated_user_id": str(uuid4()), "score": 5})
    assert refused(unknown, 404, "404_NOT_FOUND") == {"resource_type": "user"}
    missing = mina.post("/ratings", rating(jun, trade_id=str(uuid4())))
    assert refused(missing, 404, "404_NOT_FOUND") == {"resource_type": "trade"}
    foreign = sora.post("/ratings", rating(jun, trade_id=trade_id))
    assert foreign.get_data() == missing.get_data()
    outside = mina.post("/ratings", rating(sora, trade_id=trade_id))
    refused(outside, 403, "403_FORBIDDEN", "not_participant")
    early = mina.post("/ratings", rating(jun, trade_id=trade_id))
    assert refused(early, 422, "422_INVALID_STATE", "trade_not_completed")["status"] == "accepted"
    refused(mina.post("/ratings", rating(sora)), 403, "403_FORBIDDEN", "not_friends")
    data(mina.post("/ratings", rating(jun)), 201)
    refused(mina.post("/ratings", rating(jun, score=1)), 409, "409_CONFLICT", "already_rated")
    suspend(runtime, sora.user_id)
    gone = mina.post("/ratings", rating(sora))
    assert refused(gone, 404, "404_NOT_FOUND") == {"resource_type": "user"}


@pytest.mark.parametrize("blocker", ["mina", "jun"])
def test_people_with_a_block_between_them_do_not_rate_each_other(two: Swappers, blocker: str) -> None:
    trade_id = two.completed()["id"]
    by, target = (two.mina, two.jun) if blocker == "mina" else (two.jun, two.mina)
    data(by.post("/friends/block", {"user_id": str(target.user_id)}))
    for body in (rating(two.jun, trade_id=trade_id), rating(two.jun)):
        refused(two.mina.post("/ratings", body), 403, "403_BLOCKED", "blocked")


def test_ratings_of_people_who_are_not_there_are_not_found(
    two: Swappers, person: MakePerson, runtime: Runtime
) -> None:
    gone, sora = person("gone"), person("sora")
    delete(runtime, gone.user_id)
    data(two.jun.post("/friends/block", {"user_id": str(sora.user_id)}))
    for path in ("/ratings/user/{}", "/ratings/user/{}/average"):
        answers = [sora.get(path.format(user_id)) for user_id in (gone.user_id, two.jun.user_id, uuid4())]
        for answer in answers:
            refused(answer, 404, "404_NOT_FOUND")
        assert len({answer.get_data() for answer in answers}) == 1
        assert two.jun.get(path.format(sora.user_id)).status_code == 200


def test_a_repeated_request_with_its_key_rates_once(two: Swappers) -> None:
    key = {"Idempotency-Key": "rating-1"}
    first = two.mina.post("/ratings", rating(two.jun), headers=key)
    again = two.mina.post("/ratings", rating(two.jun), headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.get_data() == first.get_data() and again.headers["Idempotent-Replayed"] == "true"
    # A second rating refused inside the request's own transaction leaves the key free.
    other = {"Idempotency-Key": "rating-2"}
    for _ in range(2):
        answer = two.mina.post("/ratings", rating(two.jun, score=1), headers=other)
        refused(answer, 409, "409_CONFLICT", "already_rated")
    assert average(two.jun, two.mina) == {
        "user_id": str(two.jun.user_id),
        "average_score": 5.0,
        "total_ratings": 1,
    }


def test_lists_are_paged_by_offset_with_the_true_total(
    two: Swappers, clock: MovableClock, count_sql: Callable[[], Any]
) -> None:
    ids = []
    for trade_id in (two.completed()["id"], None):
        clock.advance(seconds=1)
        ids.append(data(two.mina.post("/ratings", rating(two.jun, trade_id=trade_id)), 201)["id"])
    with count_sql() as sent:
        answer = two.mina.get(f"/ratings/user/{two.jun.user_id}?limit=1&offset=1")
        assert sent() <= 2
    page = answer.get_json()
    assert [row["id"] for row in page["data"]["ratings"]] == ids[:1]
    assert page["data"]["total"] == 2
    assert page["meta"] == {"total": 2, "page": 2, "page_size": 1, "total_pages": 2, "next_cursor": None}

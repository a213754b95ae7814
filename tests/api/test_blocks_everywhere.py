"""A block between two people, in every slice: what is hidden, what is refused, what stays."""

from typing import Any

import pytest
from sqlalchemy import Connection, select

from kcardswap.domain.message_requests import MessageRequestStatus
from kcardswap.domain.posts import InterestStatus
from kcardswap.persistence.orm.conversations import message_requests
from kcardswap.persistence.orm.posts import post_interests
from kcardswap.runtime import Runtime
from tests.api.neighbours import Neighbours, advances, pages_of
from tests.api.swappers import data
from tests.moderating import told
from tests.people import MakePerson, refused
from tests.posts import want
from tests.talks import knock


@pytest.fixture
def two(runtime: Runtime, person: MakePerson) -> Neighbours:
    """Mina and Jun before the block."""
    return Neighbours(runtime, person)


@pytest.fixture
def apart(two: Neighbours) -> Neighbours:
    """Mina and Jun after Mina blocked Jun."""
    data(two.mina.post("/friends/block", {"user_id": str(two.jun.user_id)}))
    return two


def test_the_blocked_person_reads_nothing_of_the_blocker(apart: Neighbours) -> None:
    for path in [*pages_of(apart.mina), f"/posts/{apart.post_of[apart.mina.user_id]}"]:
        refused(apart.jun.get(path), 404, "404_NOT_FOUND")
    assert apart.readable(apart.jun, apart.picture_of[apart.mina.user_id]) == []


def test_the_blocker_can_still_look(apart: Neighbours) -> None:
    for path in [*pages_of(apart.jun), f"/posts/{apart.post_of[apart.jun.user_id]}"]:
        assert apart.mina.get(path).status_code == 200, path


@pytest.mark.parametrize("by_blocker", [True, False])
def test_neither_can_start_anything_with_the_other(apart: Neighbours, by_blocker: bool) -> None:
    of, to = (apart.mina, apart.jun) if by_blocker else (apart.jun, apart.mina)
    for answer in advances(apart, of, to).values():
        refused(answer, 403, "403_BLOCKED", "blocked")


def test_feed_and_comments_leave_the_other_out_for_both(apart: Neighbours) -> None:
    mina, jun, sana = (each.user_id for each in (apart.mina, apart.jun, apart.sana))
    assert apart.feed(apart.mina) == {mina, sana} and apart.feed(apart.jun) == {jun, sana}
    assert apart.commenters(apart.mina, apart.third_post) == {mina, sana}
    assert apart.commenters(apart.jun, apart.third_post) == {jun, sana}
    assert apart.feed(apart.sana) == {mina, jun, sana}


def test_the_unfinished_trade_is_off_and_the_finished_one_stays(apart: Neighbours) -> None:
    for who in (apart.mina, apart.jun):
        off = data(who.get(f"/trades/{apart.unfinished}"))
        assert (off["status"], off["cancel_reason"], off["canceled_by"]) == ("canceled", "blocked", None)
        assert data(who.get(f"/trades/{apart.finished}"))["status"] == "completed"
        assert data(who.get("/trades/history"))["total"] == 2


def test_the_conversation_is_read_by_both_and_written_by_neither(apart: Neighbours) -> None:
    path = f"/threads/{apart.thread_id}/messages"
    for who in (apart.mina, apart.jun):
        assert [each["content"] for each in data(who.get(path))["messages"]] == ["hello"]
        assert data(who.get("/threads"))["total"] == 1
        refused(who.post(path, {"content": "?"}), 403, "403_BLOCKED")
        refused(who.post(f"/chats/{apart.thread_id}/messages", {"content": "?"}), 403, "403_BLOCKED")


def test_friendship_goes_and_only_the_blocker_sees_the_block(apart: Neighbours) -> None:
    for who in (apart.mina, apart.jun):
        assert data(who.get("/friends"))["friends"] == []
    blocked = [data(who.get("/friends?status=blocked"))["total"] for who in (apart.mina, apart.jun)]
    assert blocked == [1, 0]


def test_what_waits_between_the_two_comes_to_its_end(
    runtime: Runtime, connection: Connection, two: Neighbours, person: MakePerson
) -> None:
    hana = person("hana")
    want(runtime, two.post_of[two.mina.user_id], hana.user_id)
    knock(runtime, hana.user_id, two.mina.user_id)
    data(hana.post("/friends/request", {"target_user_id": str(two.mina.user_id)}), 201)
    data(two.mina.post("/friends/block", {"user_id": str(hana.user_id)}))
    assert connection.scalar(select(post_interests.c.status)) == InterestStatus.REJECTED
    assert connection.scalar(select(message_requests.c.status)) == MessageRequestStatus.DECLINED
    for who in (two.mina, hana):
        assert data(who.get("/friends?status=pending"))["total"] == 0


def test_ratings_and_counts_stay_what_they_were(two: Neighbours) -> None:
    body = {"rated_user_id": str(two.jun.user_id), "score": 4, "trade_id": two.finished}
    data(two.mina.post("/ratings", body), 201)
    wanted = data(two.sana.get(f"/catalog/photocards/{two.wanted}"))
    data(two.mina.post("/friends/block", {"user_id": str(two.jun.user_id)}))
    average = data(two.sana.get(f"/ratings/user/{two.jun.user_id}/average"))
    assert (average["average_score"], average["total_ratings"]) == (4.0, 1)
    assert data(two.sana.get(f"/catalog/photocards/{two.wanted}")) == wanted


def test_reports_reach_the_moderators_all_the_same(apart: Neighbours) -> None:
    body: dict[str, Any] = {"reported_user_id": str(apart.mina.user_id), "reason": "harassment"}
    data(apart.jun.post("/reports", body), 201)
    target = {"target_type": "card", "target_id": apart.minas[2]}
    data(apart.jun.post("/reports", {**body, **target}), 201)


def test_nobody_is_told_who_blocked_whom(apart: Neighbours, connection: Connection) -> None:
    (event,) = told(connection, "TradeCanceled")
    assert (event["reason"], event["user_id"]) == ("blocked", None)

"""Swapping cards over HTTP."""

from typing import Any
from uuid import uuid4

import pytest

from kcardswap.domain.cards import CardStatus
from kcardswap.runtime import Runtime
from tests.api.swappers import COUNTER, STEPS, Swappers, data, fresh, take
from tests.conftest import MovableClock
from tests.people import MakePerson, delete, refused, suspend
from tests.swaps import make_cards


@pytest.fixture
def two(runtime: Runtime, person: MakePerson) -> Swappers:
    return Swappers(runtime, person)


def test_a_proposal_is_answered_with_the_whole_trade(two: Swappers, clock: MovableClock) -> None:
    trade = two.propose(meeting="mail")
    assert {key: trade[key] for key in trade if key not in ("id", "participants", "items")} == {
        "status": "proposed",
        "meeting": "mail",
        "initiator_id": str(two.mina.user_id),
        "responder_id": str(two.jun.user_id),
        "initiator_confirmed_at": None,
        "responder_confirmed_at": None,
        "accepted_at": None,
        "completed_at": None,
        "rejected_at": None,
        "canceled_at": None,
        "cancel_reason": None,
        "canceled_by": None,
        "deadline_at": trade["deadline_at"],
        "countered_trade_id": None,
        "created_at": trade["created_at"],
        "updated_at": trade["created_at"],
        "shipments": [],
    }
    assert trade["deadline_at"] > trade["created_at"]
    mina, jun = trade["participants"]
    assert mina == {
        "user_id": str(two.mina.user_id),
        "nickname": "Mina",
        "avatar_url": None,
        "position": 0,
        "role": "initiator",
        "accepted_at": trade["created_at"],
        "confirmed_at": None,
    }
    assert (jun["nickname"], jun["position"], jun["role"], jun["accepted_at"]) == (
        "Jun",
        1,
        "responder",
        None,
    )
    assert [(item["card_id"], item["owner_side"], item["received_card_id"]) for item in trade["items"]] == [
        (two.minas[0], "initiator", None),
        (two.juns[0], "responder", None),
    ]
    card = trade["items"][0]["card"]
    assert (card["id"], card["status"], card["idol"]) == (two.minas[0], "trading", "Haerin")
    assert card["image_url"].startswith("http://localhost/api/v1/storage/cards/")


def test_a_swap_from_proposal_to_new_cards(two: Swappers) -> None:
    trade = two.accepted()
    assert trade["status"] == "accepted"
    assert trade["accepted_at"]
    path = f"/trades/{trade['id']}/complete"
    half = data(two.jun.post(path))
    assert (half["status"], half["initiator_confirmed_at"]) == ("accepted", None)
    assert half["responder_confirmed_at"]
    done = data(two.mina.post(path))
    assert (done["status"], done["deadline_at"]) == ("completed", None)
    assert done["completed_at"] == done["initiator_confirmed_at"]
    assert [item["card"]["status"] for item in done["items"]] == ["traded", "traded"]
    assert all(item["received_card_id"] for item in done["items"])
    assert data(two.jun.post(path)) == done
    mine = {card["id"]: card for card in data(two.mina.get("/cards/me"))}
    received = mine[done["items"][1]["received_card_id"]]
    assert (received["status"], received["acquired_trade_id"]) == ("held", trade["id"])
    assert received["image_url"]


def test_rejecting_and_canceling_say_what_happened(two: Swappers) -> None:
    rejected = data(two.jun.post(f"/trades/{two.propose()['id']}/reject"))
    assert (rejected["status"], rejected["cancel_reason"]) == ("rejected", None)
    assert rejected["rejected_at"]
    canceled = data(two.mina.post(f"/trades/{two.propose()['id']}/cancel"))
    assert (canceled["status"], canceled["cancel_reason"], canceled["canceled_by"]) == (
        "canceled",
        "user",
        str(two.mina.user_id),
    )
    assert canceled["items"][0]["card"]["status"] == "available"


def test_a_counter_offer_is_answered_with_the_new_trade(two: Swappers) -> None:
    old = two.propose(meeting="mail")
    body = {"initiator_card_ids": two.juns[:2], "responder_card_ids": two.minas[:1]}
    new = data(two.jun.post(f"/trades/{old['id']}/counter", body), 201)
    assert (new["status"], new["meeting"], new["countered_trade_id"]) == ("proposed", "mail", old["id"])
    assert (new["initiator_id"], new["responder_id"]) == (str(two.jun.user_id), str(two.mina.user_id))
    before = data(two.mina.get(f"/trades/{old['id']}"))
    assert (before["status"], before["cancel_reason"]) == ("rejected", "countered")


def test_a_block_cancels_the_swap_without_saying_whose_it_was(two: Swappers) -> None:
    trade = two.accepted()
    two.jun.post("/friends/block", {"user_id": str(two.mina.user_id)})
    ended = data(two.mina.get(f"/trades/{trade['id']}"))
    assert (ended["status"], ended["cancel_reason"], ended["canceled_by"]) == ("canceled", "blocked", None)


def test_refused_proposals_say_why_in_this_order(two: Swappers, runtime: Runtime, person: MakePerson) -> None:
    def proposal(**changes: Any) -> Any:
        return two.mina.post("/trades", two.body(**changes))

    unknown = str(uuid4())
    me = str(two.mina.user_id)
    refused(
        proposal(responder_id=me, responder_card_ids=[unknown]), 400, "400_INVALID_REQUEST", "self_target"
    )
    refused(
        proposal(responder_id=unknown, initiator_card_ids=two.minas[:1] * 2),
        400,
        "400_INVALID_REQUEST",
        "duplicate_ids",
    )
    details = refused(proposal(responder_id=unknown, responder_card_ids=[unknown]), 404, "404_NOT_FOUND")
    assert details == {"resource_type": "user"}
    details = refused(proposal(responder_card_ids=[unknown]), 404, "404_NOT_FOUND")
    assert details == {"resource_type": "card"}
    foreign = str(make_cards(runtime, person("sora").user_id, 1)[0])
    refused(proposal(responder_card_ids=[foreign], match_id="x"), 403, "403_FORBIDDEN", "not_owner")
    refused(proposal(match_id="x"), 400, "400_INVALID_REQUEST", "match_invalid")
    stranger = person("stranger")
    cards = [str(make_cards(runtime, stranger.user_id, 1)[0])]
    refused(
        proposal(responder_id=str(stranger.user_id), responder_card_ids=cards),
        403,
        "403_FORBIDDEN",
        "not_friends",
    )
    held = str(make_cards(runtime, two.jun.user_id, 1, status=CardStatus.HELD)[0])
    details = refused(proposal(responder_card_ids=[held]), 409, "409_CONFLICT", "card_unavailable")
    assert details["card_ids"] == [held]


@pytest.mark.parametrize("leave", [delete, suspend])
def test_somebody_who_is_gone_cannot_be_proposed_to(two: Swappers, runtime: Runtime, leave: Any) -> None:
    leave(runtime, two.jun.user_id)
    details = refused(two.mina.post("/trades", two.body()), 404, "404_NOT_FOUND")
    assert details == {"resource_type": "user"}


@pytest.mark.parametrize("blocker_proposes", [True, False])
def test_a_block_in_either_direction_refuses_a_proposal(two: Swappers, blocker_proposes: bool) -> None:
    blocker, other = (two.mina, two.jun) if blocker_proposes else (two.jun, two.mina)
    blocker.post("/friends/block", {"user_id": str(other.user_id)})
    refused(two.mina.post("/trades", two.body()), 403, "403_BLOCKED", "blocked")


def test_a_fourth_unfinished_trade_of_a_pair_is_refused(two: Swappers, runtime: Runtime) -> None:
    for mine, his in zip(two.minas, two.juns, strict=True):
        two.propose(initiator_card_ids=[mine], responder_card_ids=[his])
    cards = [[str(make_cards(runtime, p.user_id, 1)[0])] for p in (two.mina, two.jun)]
    answer = two.mina.post("/trades", two.body(initiator_card_ids=cards[0], responder_card_ids=cards[1]))
    assert refused(answer, 422, "422_LIMIT_EXCEEDED") == {
        "limit_key": "active_trades_per_pair",
        "limit_value": 3,
        "current_value": 3,
        "reset_at": None,
    }


@pytest.mark.parametrize("step", STEPS)
def test_outside_its_people_a_trade_does_not_exist(two: Swappers, person: MakePerson, step: str) -> None:
    trade, stranger = two.propose(), person("stranger")
    body = COUNTER if step == "counter" else None
    hidden = take(stranger, trade, step, body)
    unknown = take(stranger, {"id": str(uuid4())}, step, body)
    assert refused(hidden, 404, "404_NOT_FOUND") == {"resource_type": "trade"}
    assert hidden.get_data() == unknown.get_data()
    read = stranger.get(f"/trades/{trade['id']}")
    assert refused(read, 404, "404_NOT_FOUND") == {"resource_type": "trade"}
    assert data(stranger.get("/trades/history"))["trades"] == []


@pytest.mark.parametrize("step", ["accept", "reject", "counter"])
def test_the_initiator_cannot_answer(two: Swappers, step: str) -> None:
    body = {"initiator_card_ids": two.minas[1:2], "responder_card_ids": two.juns[1:2]}
    refused(
        take(two.mina, two.propose(), step, body if step == "counter" else None),
        403,
        "403_FORBIDDEN",
        "wrong_side",
    )


@pytest.mark.parametrize("step", ["accept", "reject", "counter"])
def test_an_accepted_trade_cannot_be_answered_again(two: Swappers, step: str) -> None:
    body = {"initiator_card_ids": two.juns[1:2], "responder_card_ids": two.minas[1:2]}
    answer = take(two.jun, two.accepted(), step, body if step == "counter" else None)
    details = refused(answer, 422, "422_INVALID_STATE", "trade_not_proposed")
    assert details["status"] == "accepted"


def test_steps_out_of_order_are_refused(two: Swappers) -> None:
    proposed = two.propose()
    refused(take(two.jun, proposed, "complete"), 422, "422_INVALID_STATE", "trade_not_accepted")
    two.jun.post(f"/trades/{proposed['id']}/reject")
    for step in ("cancel", "complete"):
        details = refused(take(two.jun, proposed, step), 422, "422_INVALID_STATE", "trade_finished")
        assert details["status"] == "rejected"
    completed = two.completed()
    refused(take(two.jun, completed, "cancel"), 422, "422_INVALID_STATE", "trade_finished")


def test_answers_after_a_block_are_refused(two: Swappers) -> None:
    trade = two.propose()
    two.mina.post("/friends/block", {"user_id": str(two.jun.user_id)})
    refused(take(two.jun, trade, "accept"), 403, "403_BLOCKED", "blocked")
    body = {"initiator_card_ids": two.juns[:1], "responder_card_ids": two.minas[:1]}
    refused(take(two.jun, trade, "counter", body), 403, "403_BLOCKED", "blocked")
    refused(take(two.jun, trade, "reject"), 422, "422_INVALID_STATE", "trade_not_proposed")


def test_refused_counter_offers_say_why(two: Swappers) -> None:
    trade = two.propose()

    def offer(gives: list[str], wants: list[str]) -> Any:
        return take(two.jun, trade, "counter", {"initiator_card_ids": gives, "responder_card_ids": wants})

    refused(offer(two.juns[:1] * 2, two.minas[:1]), 400, "400_INVALID_REQUEST", "duplicate_ids")
    details = refused(offer([str(uuid4())], two.minas[:1]), 404, "404_NOT_FOUND")
    assert details == {"resource_type": "card"}
    refused(offer(two.minas[1:2], two.minas[:1]), 403, "403_FORBIDDEN", "not_owner")
    two.propose(initiator_card_ids=two.minas[1:2], responder_card_ids=two.juns[1:2])
    details = refused(offer(two.juns[1:2], two.minas[:1]), 409, "409_CONFLICT", "card_unavailable")
    assert details["card_ids"] == [two.juns[1]]


@pytest.mark.parametrize("keyed", [False, True], ids=["plain", "with a key"])
def test_a_late_answer_is_refused_and_leaves_the_trade_canceled_for_good(
    two: Swappers, clock: MovableClock, keyed: bool
) -> None:
    trade = two.propose()
    deadline = trade["deadline_at"]
    clock.advance(days=7)
    seen = data(fresh(two.jun, two).get(f"/trades/{trade['id']}"))
    assert (seen["status"], seen["cancel_reason"], seen["canceled_at"]) == ("canceled", "timeout", deadline)
    headers = {"Idempotency-Key": "late"} if keyed else {}
    late = fresh(two.jun, two).post(f"/trades/{trade['id']}/accept", headers=headers)
    refused(late, 422, "422_INVALID_STATE", "proposal_timeout")
    again = fresh(two.jun, two).post(f"/trades/{trade['id']}/accept", headers=headers)
    refused(again, 422, "422_INVALID_STATE", "trade_not_proposed")
    assert data(fresh(two.mina, two).get("/cards/me?status=available"))
    assert seen["deadline_at"] is None


def test_a_late_confirmation_is_refused(two: Swappers, clock: MovableClock) -> None:
    trade = two.accepted()
    clock.advance(hours=48)
    late = fresh(two.mina, two).post(f"/trades/{trade['id']}/complete")
    refused(late, 422, "422_INVALID_STATE", "confirmation_timeout")


def test_history_lists_ones_trades_newest_first_by_offset_and_by_cursor(
    two: Swappers, clock: MovableClock, count_sql: Any
) -> None:
    made: list[str] = []
    for mine, his in zip(two.minas, two.juns, strict=True):
        clock.advance(seconds=1)
        made.insert(0, two.propose(initiator_card_ids=[mine], responder_card_ids=[his])["id"])
    with count_sql() as sent:
        answer = two.jun.get("/trades/history?limit=2&offset=1").get_json()
        assert sent() <= 3
    assert [trade["id"] for trade in answer["data"]["trades"]] == made[1:]
    assert {key: answer["data"][key] for key in ("total", "limit", "offset")} == {
        "total": 3,
        "limit": 2,
        "offset": 1,
    }
    assert (answer["meta"]["total"], answer["meta"]["next_cursor"]) == (3, None)
    first = two.jun.get("/trades/history?limit=2").get_json()
    cursor = first["meta"]["next_cursor"]
    second = two.jun.get("/trades/history", query_string={"limit": 2, "cursor": cursor}).get_json()
    assert [trade["id"] for page in (first, second) for trade in page["data"]["trades"]] == made
    assert (second["data"]["total"], second["meta"]["next_cursor"]) == (None, None)


def test_history_can_be_narrowed_to_a_state(two: Swappers) -> None:
    canceled = two.propose()
    two.mina.post(f"/trades/{canceled['id']}/cancel")
    proposed = two.propose()
    for status, expected in (
        ("canceled", [canceled["id"]]),
        ("proposed", [proposed["id"]]),
        ("completed", []),
    ):
        found = data(two.jun.get(f"/trades/history?status={status}"))
        assert ([trade["id"] for trade in found["trades"]], found["total"]) == (expected, len(expected))


def test_reading_one_trade_takes_two_statements_beside_authentication(two: Swappers, count_sql: Any) -> None:
    trade = two.propose()
    with count_sql() as sent:
        assert data(two.mina.get(f"/trades/{trade['id']}")) == trade
        assert sent() <= 3


def test_a_repeated_keyed_proposal_is_made_once(two: Swappers) -> None:
    headers = {"Idempotency-Key": "swap-1"}
    first = two.mina.post("/trades", two.body(), headers=headers)
    again = two.mina.post("/trades", two.body(), headers=headers)
    assert first.status_code == again.status_code == 201
    assert again.get_data() == first.get_data()
    assert data(two.mina.get("/trades/history"))["total"] == 1

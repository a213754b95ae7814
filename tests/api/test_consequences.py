"""What one person does reaches the other: real requests, their events, what the other is told."""

from typing import Any

import pytest
from sqlalchemy import Connection, select

from kcardswap.domain.accounts import Role
from kcardswap.domain.base import StoredEvent
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.runtime import Runtime
from tests.api.swappers import Swappers, data, take
from tests.notices import tell
from tests.people import MakePerson, Person


class Relay:
    """Hands the events of requests to those who tell people, as the worker does."""

    def __init__(self, runtime: Runtime, connection: Connection) -> None:
        self._runtime, self._connection = runtime, connection
        self._seen: set[object] = set()

    def new_for(self, person: Person) -> list[tuple[str, dict[str, str]]]:
        """Return type and payload of everything the person is told since they last read, oldest first."""
        columns = (outbox.c[name] for name in StoredEvent._fields)
        for row in self._connection.execute(select(*columns).order_by(outbox.c.id)).all():
            if row.id not in self._seen:
                self._seen.add(row.id)
                tell(self._runtime, StoredEvent(*row))
        listed = data(person.get("/notifications", query_string={"unread": "true", "limit": 100}))
        person.post("/notifications/read", {"all": True})
        return [(each["type"], each["payload"]) for each in reversed(listed["notifications"])]


@pytest.fixture
def relay(runtime: Runtime, connection: Connection) -> Relay:
    return Relay(runtime, connection)


def test_friends(person: MakePerson, relay: Relay) -> None:
    mina, jun = person("mina"), person("jun")
    asked = data(mina.post("/friends/request", {"target_user_id": str(jun.user_id)}), 201)
    by_mina = {"user_id": str(mina.user_id), "friendship_id": asked["id"]}
    assert relay.new_for(jun) == [("friend_request", by_mina)]
    thread_id = data(jun.post(f"/friends/{asked['id']}/accept"))["thread_id"]
    answer = {"user_id": str(jun.user_id), "friendship_id": asked["id"], "room_id": thread_id}
    assert relay.new_for(mina) == [("friend_accepted", answer)]
    assert relay.new_for(jun) == []


def test_strangers_who_write(person: MakePerson, relay: Relay) -> None:
    mina, jun = person("mina"), person("jun")
    asked = data(
        mina.post("/message-requests", {"recipient_id": str(jun.user_id), "initial_message": "secret"}), 201
    )
    by_mina = {"user_id": str(mina.user_id), "message_request_id": asked["id"]}
    assert relay.new_for(jun) == [("message_request", by_mina)]
    room_id = data(jun.post(f"/message-requests/{asked['id']}/accept"))["thread"]["id"]
    told = dict(relay.new_for(mina))
    assert told["message_request_accepted"] == {
        "user_id": str(jun.user_id),
        "message_request_id": asked["id"],
        "room_id": room_id,
    }
    relay.new_for(jun)
    for _ in range(3):
        sent = data(mina.post(f"/chats/{room_id}/messages", {"content": "secret"}), 201)
    payload = {"room_id": room_id, "message_id": sent["id"], "user_id": str(mina.user_id)}
    assert relay.new_for(jun) == [("chat_message", payload)]
    data(jun.post(f"/threads/{room_id}/messages", {"content": "secret"}), 201)
    assert [kind for kind, _ in relay.new_for(mina)] == ["chat_message"]
    assert "secret" not in str(data(jun.get("/notifications")))


def test_a_swap_and_its_rating(runtime: Runtime, person: MakePerson, relay: Relay) -> None:
    two = Swappers(runtime, person)
    mina, jun = two.mina, two.jun
    for who in (jun, mina):
        relay.new_for(who)
    trade = two.propose()
    by_mina, by_jun = ({"trade_id": trade["id"], "user_id": str(each.user_id)} for each in (mina, jun))
    assert relay.new_for(jun) == [("trade_proposal", by_mina)]
    take(jun, trade, "accept")
    assert relay.new_for(mina) == [("trade_accepted", {**by_jun, "status": "accepted"})]
    take(jun, trade, "complete")
    assert relay.new_for(mina) == [("trade_confirmed", by_jun)]
    take(mina, trade, "complete")
    done = ("trade_completed", {"trade_id": trade["id"]})
    assert relay.new_for(jun) == [("trade_confirmed", by_mina), done]
    assert relay.new_for(mina) == [done]
    rating = {"rated_user_id": str(jun.user_id), "score": 5, "trade_id": trade["id"], "comment": "secret"}
    rated = data(mina.post("/ratings", rating), 201)
    assert relay.new_for(jun) == [("rating", {**by_mina, "rating_id": rated["id"]})]


def test_swaps_that_come_to_nothing(runtime: Runtime, person: MakePerson, relay: Relay) -> None:
    two = Swappers(runtime, person)
    mina, jun = two.mina, two.jun
    first = two.propose()
    for who in (jun, mina):
        relay.new_for(who)
    counter = {"initiator_card_ids": two.juns[:1], "responder_card_ids": two.minas[:1]}
    second = data(jun.post(f"/trades/{first['id']}/counter", counter), 201)
    by_jun = {"trade_id": second["id"], "user_id": str(jun.user_id), "countered_trade_id": first["id"]}
    assert relay.new_for(mina) == [("trade_proposal", by_jun)]
    take(mina, second, "reject")
    rejected = {"trade_id": second["id"], "user_id": str(mina.user_id)}
    assert relay.new_for(jun) == [("trade_rejected", rejected)]
    third = two.propose()
    relay.new_for(jun)
    take(mina, third, "cancel")
    canceled = {"trade_id": third["id"], "reason": "user", "user_id": str(mina.user_id)}
    assert relay.new_for(jun) == [("trade_canceled", canceled)]
    fourth = two.propose()
    relay.new_for(jun)
    assert mina.post("/friends/block", {"user_id": str(jun.user_id)}).status_code == 200
    off = ("trade_canceled", {"trade_id": fourth["id"], "reason": "blocked"})
    assert relay.new_for(jun) == relay.new_for(mina) == [off]


def test_interest_in_a_post(person: MakePerson, relay: Relay) -> None:
    mina, jun, sana = person("mina"), person("jun"), person("sana")
    described = {
        "title": "LOVE DIVE",
        "content": "Looking for Yujin.",
        "category": "trade",
        "scope": "global",
    }
    post = data(mina.post("/posts", described), 201)
    told = {}
    for who in (jun, sana):
        interest = data(who.post(f"/posts/{post['id']}/interest"), 201)
        told[who.user_id] = {"post_id": post["id"], "interest_id": interest["id"]}
        by_them = {**told[who.user_id], "user_id": str(who.user_id)}
        assert relay.new_for(mina) == [("interest", by_them)]
    answers = f"/posts/{post['id']}/interests"
    accepted = data(mina.post(f"{answers}/{told[jun.user_id]['interest_id']}/accept"))
    mina.post(f"{answers}/{told[sana.user_id]['interest_id']}/reject")
    [(kind, payload)] = relay.new_for(jun)
    assert kind == "interest_accepted" and payload.pop("room_id") in str(accepted)
    assert payload == {**told[jun.user_id], "user_id": str(mina.user_id)}
    rejected = {**told[sana.user_id], "user_id": str(mina.user_id)}
    assert relay.new_for(sana) == [("interest_rejected", rejected)]


def test_reports_and_what_becomes_of_them(person: MakePerson, relay: Relay) -> None:
    mina, jun, root, chief = (
        person("mina"),
        person("jun"),
        person("root", Role.ADMIN),
        person("chief", Role.ADMIN),
    )

    def resolved(action: str, **more: Any) -> Any:
        about = {"reported_user_id": str(jun.user_id), "reason": "spam", **more}
        report = data(mina.post("/reports", about), 201)
        decision = {"action": action, "note": "secret"}
        data(root.post(f"/admin/reports/{report['id']}/resolve", decision))
        assert relay.new_for(mina) == [("report_resolved", {"report_id": report["id"]})]
        return report

    resolved("dismiss")
    assert relay.new_for(jun) == []
    resolved("warn")
    [(kind, payload)] = relay.new_for(jun)
    assert kind == "moderation_warning" and "user_id" not in payload
    data(jun.post(f"/account/sanctions/{payload['sanction_id']}/appeal", {"note": "please"}))
    decided = {"outcome": "overturned", "note": "secret"}
    data(chief.post(f"/admin/appeals/{payload['sanction_id']}/decide", decided))
    [(kind, decision)] = relay.new_for(jun)
    assert kind == "appeal_decided" and decision["outcome"] == "overturned"
    described = {
        "title": "LOVE DIVE",
        "content": "Looking for Yujin.",
        "category": "trade",
        "scope": "global",
    }
    post = data(jun.post("/posts", described), 201)
    resolved("remove_post", target_type="post", target_id=post["id"])
    [(kind, removal)] = relay.new_for(jun)
    assert kind == "moderation_removal"
    assert (removal["target_type"], removal["target_id"]) == ("post", post["id"])

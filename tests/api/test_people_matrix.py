"""What people may do with the things of somebody else, by what stands between the two: every operation."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from flask import Flask
from sqlalchemy import Connection
from werkzeug.test import TestResponse

from kcardswap.domain.accounts import Role
from kcardswap.runtime import Runtime
from tests import albums
from tests.api.examples import UNKNOWN, filled, json_example
from tests.api.neighbours import Neighbours
from tests.api.swappers import data
from tests.api.test_openapi import operations, spec_of
from tests.moderating import sanction_ids, shut_out
from tests.people import API, MakePerson, Person
from tests.posts import comment, make_picture, want
from tests.swaps import befriend, make_card
from tests.talks import knock, open_thread, say
from tests.wishes import wish

PEOPLE = ("user_id", "target_user_id", "recipient_id", "responder_id", "rated_user_id", "reported_user_id")


class Owner(Neighbours):
    """Mina, who has one of everything that can be hers; ``ids`` names each as paths do."""

    def __init__(self, runtime: Runtime, person: MakePerson, connection: Connection) -> None:
        super().__init__(runtime, person)
        mina, friend, root = self.mina.user_id, person("friend"), person("root", Role.ADMIN)
        post, thread = self.post_of[mina], open_thread(runtime, mina, friend.user_id)
        session = runtime.tokens.read_refresh_token(self.mina.tokens.refresh_token).session_id
        report = data(friend.post("/reports", {"reported_user_id": str(mina), "reason": "spam"}), 201)
        data(root.post(f"/admin/reports/{report['id']}/resolve", {"action": "warn", "note": "Mind."}))
        asked = data(friend.post("/friends/request", {"target_user_id": str(mina)}), 201)
        self.ids: Mapping[str, str] = {
            **{"user_id": str(mina), "session_id": str(session), "photocard_id": str(self.wanted)},
            **{"card_id": self.minas[2], "gallery_card_id": str(albums.create(runtime, mina))},
            **{"media_id": str(make_picture(runtime, mina)), "item_id": str(wish(runtime, mina, "Liz"))},
            **{"friendship_id": asked["id"], "trade_id": self.unfinished},
            **dict.fromkeys(("thread_id", "room_id"), str(thread)),
            "message_id": str(say(runtime, thread, mina)),
            "request_id": str(knock(runtime, self.sana.user_id, mina)),
            **{"post_id": str(post), "comment_id": str(comment(runtime, post, mina))},
            "interest_id": str(want(runtime, post, friend.user_id)),
            "sanction_id": str(sanction_ids(connection, mina)[0]),
        }


class Row(NamedTuple):
    """How an operation answers about somebody's things."""

    friend: str
    blocked: str
    """To whom the owner shut out."""
    blocker: str
    """To whoever shut the owner out."""
    suspended: str
    """To a friend of an owner who is suspended."""
    gone: str
    """To a friend of an owner who deleted the account."""


def always(answer: str) -> Row:
    return Row(*[answer] * 5)


OWN = always("own")
"""Names nothing of others; what it answers holds nothing of somebody who is not there for the caller."""
HIDDEN = always("404")
READ = Row("200", "404", "200", "200", "404")
OWNERS = always("403 not_owner")._replace(gone="404")
OWNERS_TO_READ = Row("403 not_owner", "404", "403 not_owner", "403 not_owner", "404")
PARTICIPANTS = always("403 not_participant")


def starts(friend: str) -> Row:
    """Return the row of what one starts with others."""
    return Row(friend, "403_BLOCKED", "403_BLOCKED", "404", "404")


ROWS: Mapping[Row, str] = {
    OWN: """
        POST /auth/logout-all | GET /auth/sessions | DELETE /account | GET /account/export
        GET /profile/me | PUT /profile/me | GET /catalog/photocards | POST /catalog/photocards
        GET /catalog/photocards/{photocard_id} | POST /cards/upload-url | GET /cards/me
        GET /cards/quota/status | GET /gallery/cards/me | POST /gallery/cards | GET /wishlist
        POST /wishlist | POST /cards/import | POST /wishlist/import | GET /posts | POST /posts
        GET /friends | GET /message-requests/inbox | GET /message-requests/sent | GET /threads | GET /chats
        GET /trades/history | PUT /devices/{device_id} | DELETE /devices/{device_id} | GET /notifications
        POST /notifications/read | GET /subscriptions/status | POST /subscriptions/verify-receipt
        GET /quotas/me | POST /media/upload-url | POST /media/read-urls | GET /reports
        GET /account/sanctions""",
    READ: """
        GET /profile/{user_id} | GET /users/{user_id}/cards | GET /users/{user_id}/gallery/cards
        GET /users/{user_id}/wishlist | GET /ratings/user/{user_id} | GET /ratings/user/{user_id}/average
        GET /posts/{post_id} | GET /posts/{post_id}/comments""",
    OWNERS: """
        POST /cards/{card_id}/upload-url | POST /cards/{card_id}/confirm-upload | PATCH /cards/{card_id}
        DELETE /cards/{card_id} | PATCH /gallery/cards/{card_id} | DELETE /gallery/cards/{card_id}
        PATCH /posts/{post_id} | DELETE /posts/{post_id} | POST /posts/{post_id}/close
        DELETE /posts/{post_id}/comments/{comment_id}
        POST /posts/{post_id}/interests/{interest_id}/accept
        POST /posts/{post_id}/interests/{interest_id}/reject | POST /media/{media_id}/confirm
        POST /media/posts/{post_id}/attach | POST /media/gallery/cards/{card_id}/attach""",
    OWNERS_TO_READ: """
        GET /posts/{post_id}/interests | GET /posts/{post_id}/interests/{interest_id}""",
    HIDDEN: """
        DELETE /auth/sessions/{session_id} | PATCH /wishlist/{item_id} | DELETE /wishlist/{item_id}
        POST /friends/{friendship_id}/accept | POST /friends/{friendship_id}/reject
        DELETE /friends/{friendship_id} | POST /message-requests/{request_id}/accept
        POST /message-requests/{request_id}/decline | POST /trades/{trade_id}/accept
        POST /trades/{trade_id}/reject | POST /trades/{trade_id}/cancel | POST /trades/{trade_id}/complete
        POST /trades/{trade_id}/counter | GET /trades/{trade_id}
        POST /account/sanctions/{sanction_id}/appeal""",
    PARTICIPANTS: """
        GET /threads/{thread_id} | GET /threads/{thread_id}/messages | POST /threads/{thread_id}/messages
        GET /chats/{room_id}/messages | POST /chats/{room_id}/messages
        POST /chats/{room_id}/messages/{message_id}/read""",
    starts("200"): "POST /posts/{post_id}/like",
    starts("201"): """
        POST /posts/{post_id}/comments | POST /posts/{post_id}/interest | POST /trades | POST /ratings""",
    starts("409 already_friends"): "POST /friends/request",
    starts("409 conversation_exists"): "POST /message-requests",
    always("200")._replace(gone="404"): "POST /friends/block | POST /friends/unblock",
    always("201")._replace(gone="404"): "POST /reports",
    always("400 foreign_ids"): "PUT /gallery/cards/reorder",
}
MATRIX = {
    name.strip(): row for row, names in ROWS.items() for name in re.split(r"[|\n]", names) if name.strip()
}
HISTORY = ("GET /friends", "GET /threads", "GET /chats")
"""Lists that go on naming the other person: one's friends, and conversations of the past."""


def called(name: str) -> str:
    """Return an operation's name without the prefix of the API."""
    return name.replace(f" {API}", " ")


@pytest.fixture
def people_s_operations(app: Flask) -> Mapping[str, Any]:
    """Everything people may call, by its name in the matrix."""
    return {
        called(name): operation
        for name, operation in operations(spec_of(app))
        if operation["x-caller"] in ("user", "restricted")
    }


def test_every_operation_has_a_row(people_s_operations: Mapping[str, Any]) -> None:
    assert set(MATRIX) == set(people_s_operations)


def path_of(name: str, ids: Mapping[str, str]) -> str:
    """Return the path of an operation that names these things, or things nobody has."""

    def named(found: re.Match[str]) -> str:
        kind = "gallery_card_id" if found[1] == "card_id" and "/gallery/" in name else found[1]
        return ids.get(kind, UNKNOWN)

    return re.sub(r"{(\w+)}", named, name.partition(" ")[2])


def body_of(operation: Mapping[str, Any], ids: Mapping[str, str], own_card: str) -> Any:
    """Return the example of an operation about the things of ``ids``, or about things nobody has."""
    example = json_example(operation)
    if example is None:
        return None
    person, media, card, gallery_card = (
        ids.get(name, UNKNOWN) for name in ("user_id", "media_id", "card_id", "gallery_card_id")
    )
    named = {
        **dict.fromkeys(PEOPLE, person),
        **{"target_type": "user", "target_id": person, "media_id": media, "media_asset_ids": [media]},
        **{"initiator_card_ids": [own_card], "responder_card_ids": [card], "card_ids": [gallery_card]},
        "ids": [UNKNOWN],
    }
    return filled(example, named)


def outcome(answer: TestResponse) -> str:
    """Return the status of an answer, and the reason of a refusal."""
    error = answer.get_json()["error"] if answer.status_code >= 400 else None
    if error is None:
        return str(answer.status_code)
    reason = error["details"].get("reason", "")
    return "403_BLOCKED" if error["code"] == "403_BLOCKED" else f"{answer.status_code} {reason}".strip()


class Asking:
    """Somebody who asks every operation about an owner, each time as if for the first."""

    def __init__(self, who: Person, owner: Owner, connection: Connection) -> None:
        self._who, self._owner, self._connection = who, owner, connection
        self._card = str(make_card(owner.runtime, who.user_id))

    def about(self, name: str, operation: Mapping[str, Any], ids: Mapping[str, str]) -> TestResponse:
        """Return the answer about the things of ``ids``, or about nothing there is."""
        method = name.partition(" ")[0].lower()
        nested = self._connection.begin_nested()
        try:
            ask: Callable[..., TestResponse] = getattr(self._who, method)
            body = body_of(operation, ids, self._card)
            return ask(path_of(name, ids)) if body is None else ask(path_of(name, ids), json=body)
        finally:
            nested.rollback()

    def expect(self, column: str, matrix: Mapping[str, Any]) -> None:
        """Assert that every operation answers as this column says."""
        person = self._owner.ids["user_id"].encode()
        for name, operation in matrix.items():
            expected = getattr(MATRIX[name], column)
            answer = self.about(name, operation, self._owner.ids)
            if expected == "own":
                told = column != "friend" and person in answer.get_data()
                assert not told or name in HISTORY, f"{name} of {column}"
                continue
            assert outcome(answer) == expected, f"{name} of {column}"
            if expected == "404":
                unknown = self.about(name, operation, {})
                assert answer.get_data() == unknown.get_data(), f"{name} of {column}"


@pytest.fixture
def owner(runtime: Runtime, person: MakePerson, connection: Connection) -> Owner:
    return Owner(runtime, person, connection)


def test_between_two_people_every_operation_answers_as_the_matrix_says(
    runtime: Runtime,
    person: MakePerson,
    connection: Connection,
    owner: Owner,
    people_s_operations: Mapping[str, Any],
) -> None:
    mina = owner.mina
    friend, blocked, blocker = (person(name) for name in ("close", "blocked", "blocker"))
    befriend(runtime, friend.user_id, mina.user_id)
    data(mina.post("/friends/block", {"user_id": str(blocked.user_id)}))
    data(blocker.post("/friends/block", {"user_id": str(mina.user_id)}))
    for who, column in ((blocked, "blocked"), (blocker, "blocker")):
        Asking(who, owner, connection).expect(column, people_s_operations)
    close = Asking(friend, owner, connection)
    close.expect("friend", people_s_operations)
    before = connection.begin_nested()
    shut_out(runtime, mina.user_id)
    close.expect("suspended", people_s_operations)
    before.rollback()
    data(mina.delete("/account", {"confirm": "DELETE"}), 202)
    close.expect("gone", people_s_operations)

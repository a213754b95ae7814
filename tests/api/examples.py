"""The request of every operation's own example, about things that are there."""

import json
import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kcardswap.domain.accounts import Role
from kcardswap.runtime import Runtime
from tests.api.swappers import Swappers, data
from tests.people import MakePerson, Person
from tests.premium import make_premium
from tests.wishes import wish

UNKNOWN = "0199a7c0-0000-7000-8000-0000000000ff"
UUID_TEXT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CSV = b"idol_group,idol,priority\nNewJeans,Haerin,1\n"


class Place:
    """Somebody with a friend, cards, a proposal and a friend request: ``ids`` says what there is by name."""

    def __init__(self, runtime: Runtime, person: MakePerson) -> None:
        two = Swappers(runtime, person)
        self.mina: Person = two.mina
        self.root: Person = person("root", Role.SUPER_ADMIN)
        asking, stranger, talker = (person(name) for name in ("asking", "stranger", "talker"))
        make_premium(runtime, self.mina.user_id)
        request = {"target_user_id": str(self.mina.user_id)}
        friendship = data(asking.post("/friends/request", request), 201)
        thread = data(self.mina.post(f"/friends/{_asked(talker, request)}/accept"))["thread_id"]
        message = data(talker.post(f"/threads/{thread}/messages", {"content": "Hello."}), 201)
        gate = {"recipient_id": str(self.mina.user_id), "initial_message": "Hello."}
        post = {"scope": "global", "category": "help", "title": "Fakes?", "content": "How to tell."}
        report = {"reported_user_id": str(two.jun.user_id), "reason": "spam"}
        proposed = two.jun.post(
            "/trades",
            {
                "responder_id": str(self.mina.user_id),
                "initiator_card_ids": two.juns[:1],
                "responder_card_ids": two.minas[:1],
            },
        ).get_json()["data"]
        jun, nobody = str(two.jun.user_id), str(person("nobody").user_id)
        self.named: Mapping[str, Any] = {
            **dict.fromkeys(("user_id", "rated_user_id", "reported_user_id", "responder_id"), jun),
            **dict.fromkeys(("target_user_id", "recipient_id"), nobody),
            **{"target_type": "user", "target_id": jun, "scope": "city"},
            "expires_at": "2026-03-15T12:00:00Z",
            "initiator_card_ids": two.minas[1:2],
            "responder_card_ids": two.juns[1:2],
        }
        """What bodies name."""
        self.ids: Mapping[str, str] = {
            "user_id": jun,
            "friendship_id": friendship["id"],
            "trade_id": proposed["id"],
            "card_id": two.minas[2],
            "item_id": str(wish(runtime, self.mina.user_id)),
            **dict.fromkeys(("thread_id", "room_id"), thread),
            "message_id": message["id"],
            "request_id": data(stranger.post("/message-requests", gate), 201)["id"],
            "post_id": data(self.mina.post("/posts", post), 201)["id"],
            "report_id": data(self.mina.post("/reports", report), 201)["id"],
        }
        """What paths name."""

    def caller(self, operation: Mapping[str, Any]) -> Person:
        """Return who may call an operation."""
        return self.root if operation["x-caller"].startswith("admin") else self.mina


def _asked(by: Person, request: Mapping[str, str]) -> str:
    """Send a friend request and return its id."""
    friendship_id: str = data(by.post("/friends/request", request), 201)["id"]
    return friendship_id


def json_example(operation: Mapping[str, Any]) -> Any:
    """Return the example of an operation's JSON body, or None when it takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    return content.get("application/json", {}).get("example")


def is_form(operation: Mapping[str, Any]) -> bool:
    """Tell whether an operation takes a multipart form."""
    return "multipart/form-data" in operation.get("requestBody", {}).get("content", {})


def filled(example: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """Return an example that names things which are there, and leaves out ids of things that are not."""
    return {
        name: named.get(name, value)
        for name, value in example.items()
        if name in named or not UUID_TEXT.search(json.dumps(value))
    }


def send(
    client: FlaskClient,
    name: str,
    operation: Mapping[str, Any],
    *,
    token: str | None = None,
    place: Place,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
    **options: Any,
) -> TestResponse:
    """Send the request of an operation (``POST /api/v1/...``).

    ``more`` is added to the fields of the example; ``options`` replace its body.
    """
    method, _, path = name.partition(" ")
    path = re.sub(r"{(\w+)}", lambda found: place.ids.get(found[1], UNKNOWN), path)
    query = {
        parameter["name"]: parameter.get("example", "1")
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and parameter.get("required")
    }
    if not options and is_form(operation):
        options = {"data": {"file": (BytesIO(CSV), "cards.csv")}}
    elif not options and json_example(operation) is not None:
        body = {**filled(json_example(operation), place.named), **(more or {})}
        # Written here: half a surrogate pair has to be escaped.
        options = {"data": json.dumps(body), "content_type": "application/json"}
    given = {} if token is None else {"Authorization": f"Bearer {token}"}
    return client.open(
        path, method=method, query_string=query, headers={**given, **(headers or {})}, **options
    )


def known_ids(place: Place) -> set[str]:
    """Return the ids of everything a place has as text."""
    found = {str(place.mina.user_id), str(place.root.user_id)}
    for value in (*place.ids.values(), *place.named.values()):
        found |= {value} if isinstance(value, str) else set(value)
    return found

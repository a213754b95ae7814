"""What holds for every operation of the document: keys, unknown fields, strange input, rate headers."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, select
from werkzeug.test import TestResponse

from kcardswap.api.limits import RateLimits
from kcardswap.persistence.orm.accounts import users
from kcardswap.runtime import Runtime
from kcardswap.settings import Settings
from tests.api.examples import UNKNOWN, UUID_TEXT, Place, is_form, json_example, known_ids, send
from tests.api.test_openapi import operations, spec_of
from tests.people import API, MakePerson, invalid_fields, refused

NEVER_LIMITED = re.compile(r"/(?:|livez|readyz|health|api/v1/health|api/v1/storage/.*)")
KEY = {"Idempotency-Key": "every-operation"}
Operations = dict[str, dict[str, Any]]


@pytest.fixture
def every(app: Flask, settings: Settings) -> Operations:
    """Every operation, with no limit in the way."""
    app.extensions["rate_limits"] = RateLimits(
        replace(settings, rate_limit_media="100000/minute", rate_limit_receipts="100000/minute")
    )
    return dict(operations(spec_of(app)))


@pytest.fixture
def place(runtime: Runtime, person: MakePerson) -> Place:
    return Place(runtime, person)


@pytest.fixture
def undone(connection: Connection) -> Callable[[], Any]:
    """Undo what is done inside ``with undone():``, so that every operation meets the same place."""

    @contextmanager
    def undoing() -> Iterator[None]:
        nested = connection.begin_nested()
        yield
        nested.rollback()

    return undoing


@pytest.fixture
def ask(client: FlaskClient, place: Place) -> Callable[..., TestResponse]:
    """Send the example of an operation as somebody who may: ``ask(name, operation, **options)``."""

    def asking(name: str, operation: Mapping[str, Any], **options: Any) -> TestResponse:
        token = None
        if operation["x-caller"] != "anon":
            token = place.caller(operation).tokens.access_token
        return send(client, name, operation, token=token, place=place, **options)

    return asking


# Idempotency-Key


def takes_key(operation: Mapping[str, Any]) -> bool:
    return "Idempotency-Key" in [each["name"] for each in operation.get("parameters", ())]


def test_every_keyed_operation_answers_a_repetition_the_same_and_another_request_not_at_all(
    every: Operations, ask: Callable[..., TestResponse], undone: Callable[[], Any]
) -> None:
    succeeded = set()
    for name, operation in every.items():
        if not takes_key(operation):
            continue
        with undone():
            first = ask(name, operation, headers=KEY)
            assert "Idempotent-Replayed" not in first.headers, name
            if first.status_code >= 300:
                # A refusal keeps nothing: it is decided anew.
                assert "Idempotent-Replayed" not in ask(name, operation, headers=KEY).headers, name
                continue
            succeeded.add(name.removeprefix(f"POST {API}"))
            again = ask(name, operation, headers=KEY)
            assert (again.status_code, again.get_data()) == (first.status_code, first.get_data()), name
            assert again.headers["Idempotent-Replayed"] == "true", name
            if not is_form(operation):
                other = ask(name, operation, headers=KEY, json={"another": "request"})
                refused(other, 422, "422_INVALID_STATE", "idempotency_mismatch")
    assert succeeded >= {
        *("/catalog/photocards", "/cards/upload-url", "/media/upload-url", "/gallery/cards", "/wishlist"),
        *("/cards/import", "/wishlist/import", "/ratings", "/posts", "/reports", "/message-requests"),
        *("/friends/request", "/friends/block", "/friends/unblock", "/friends/{friendship_id}/accept"),
        *("/posts/{post_id}/comments", "/posts/{post_id}/like", "/posts/{post_id}/close"),
        *(
            "/threads/{thread_id}/messages",
            "/chats/{room_id}/messages",
            "/message-requests/{request_id}/accept",
        ),
        *("/admin/reports/{report_id}/review", "/admin/users/{user_id}/suspend"),
        *("/trades", "/trades/{trade_id}/accept", "/trades/{trade_id}/reject", "/trades/{trade_id}/cancel"),
    }, succeeded


def test_every_keyed_operation_refuses_a_malformed_key(
    every: Operations, ask: Callable[..., TestResponse]
) -> None:
    for name, operation in every.items():
        if takes_key(operation):
            answer = ask(name, operation, headers={"Idempotency-Key": "not a key"})
            assert invalid_fields(answer) == {"Idempotency-Key"}, name


def test_every_other_operation_ignores_the_header(
    every: Operations, ask: Callable[..., TestResponse], undone: Callable[[], Any]
) -> None:
    for name, operation in every.items():
        if takes_key(operation):
            continue
        answers = []
        for headers in ({}, {"Idempotency-Key": "not a key"}, KEY):
            with undone():
                answers.append(ask(name, operation, headers=headers))
        assert len({answer.status_code for answer in answers}) == 1, name
        assert not any("Idempotent-Replayed" in answer.headers for answer in answers), name


# Fields nobody may set


READ_ONLY: dict[str, Any] = {
    **dict.fromkeys(
        ("id", "user_id", "owner_id", "sender_id", "rater_id", "reporter_id", "actor_id"), UNKNOWN
    ),
    **dict.fromkeys(("thread_id", "media_asset_id", "acquired_trade_id", "initiator_id"), UNKNOWN),
    **{"role": "super_admin", "status": "completed", "plan": "premium", "email": "taken@kcardswap.test"},
    **{"password_hash": "x", "upload_status": "confirmed", "size_bytes": 1, "like_count": 10**6},
    **dict.fromkeys(("created_at", "updated_at", "deleted_at", "expires_at"), "1999-01-01T00:00:00Z"),
    **{"total_ratings": 1000, "average_score": 5.0, "is_admin": True, "__class__": "User"},
}


def declared(spec: Mapping[str, Any], operation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties the document declares for an operation's JSON body."""
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    while "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    properties: dict[str, Any] = schema.get("properties", {})
    return properties


def outcome(answer: TestResponse, known: set[str]) -> Any:
    """Return an answer without what is new in every answer: fresh ids, and strings that hold secrets."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [plain(inner) for inner in value]
        if isinstance(value, str) and (len(value) > 80 or "://" in value):
            return "long"
        if isinstance(value, str):
            return UUID_TEXT.sub(lambda found: found[0] if found[0] in known else "new", value)
        return value

    return answer.status_code, plain(answer.get_json(silent=True))


def test_fields_an_operation_does_not_take_never_take_effect(
    app: Flask,
    every: Operations,
    ask: Callable[..., TestResponse],
    undone: Callable[[], Any],
    place: Place,
    client: FlaskClient,
    connection: Connection,
) -> None:
    known, worked = known_ids(place) | {UNKNOWN}, 0
    rights = select(users.c.id, users.c.role, users.c.email).order_by(users.c.id)
    for name, operation in every.items():
        if json_example(operation) is None:
            continue
        with undone():
            expected = ask(name, operation)
            changed = connection.execute(rights).all()
        taken = declared(spec_of(app), operation)
        more = {key: value for key, value in READ_ONLY.items() if key not in taken}
        with undone():
            answer = ask(name, operation, more=more)
            assert connection.execute(rights).all()[: len(changed)] == changed, name
        assert outcome(answer, known) == outcome(expected, known), name
        worked += answer.status_code < 300
    assert worked >= 20


# Strange input

MALFORMED: list[tuple[dict[str, Any], int]] = [
    ({"data": "{", "content_type": "application/json"}, 400),
    ({"data": "[]", "content_type": "application/json"}, 400),
    ({"data": '{"x": NaN}', "content_type": "application/json"}, 400),
    ({"data": '{"x": -Infinity}', "content_type": "application/json"}, 400),
    ({"data": '{"x": 1e999}', "content_type": "application/json"}, 400),
    ({"data": '{"x": %s}' % ("[" * 40 + "]" * 40), "content_type": "application/json"}, 400),
    ({"data": b'{"x": "\xff"}', "content_type": "application/json"}, 400),
]
REFUSED_UNREAD: list[tuple[dict[str, Any], int]] = [
    ({"data": "{" + " " * 131_072 + "}", "content_type": "application/json"}, 413),
    ({"data": "a=b", "content_type": "application/x-www-form-urlencoded"}, 415),
    ({"data": "<a/>", "content_type": "application/xml"}, 415),
]


def test_no_operation_takes_what_is_no_json_object(
    every: Operations, ask: Callable[..., TestResponse]
) -> None:
    takers = [
        (name, operation)
        for name, operation in every.items()
        if not (name.startswith("GET ") or is_form(operation) or "/storage/" in name)
    ]
    assert len(takers) > 5 * len(MALFORMED)
    # All read the body in one place: each meets two kinds of what cannot be read, all kinds have their turn.
    for (name, operation), first, second in zip(
        takers, cycle(MALFORMED), cycle(MALFORMED[3:] + MALFORMED[:3]), strict=False
    ):
        for body, status in (first, second, *REFUSED_UNREAD):
            answer = ask(name, operation, **body)
            assert answer.status_code == status, f"{name} {body['data'][:20]!r}: {answer.get_data(True)}"


UNSTORABLE = ["a\0b", "\ud800"]
STRANGE = [10**400, 1e308, "", None, [[True]], {"a": {"b": []}}]


def test_no_value_of_any_field_breaks_an_operation(
    app: Flask, every: Operations, ask: Callable[..., TestResponse], undone: Callable[[], Any]
) -> None:
    tried = 0
    for name, operation in every.items():
        if json_example(operation) is None:
            continue
        for field in declared(spec_of(app), operation):
            for value in (*UNSTORABLE, *STRANGE):
                with undone():
                    answer = ask(name, operation, more={field: value})
                # No provider is there to be asked what a code is worth.
                unreachable = answer.status_code == 503 and "/auth/" in name
                broken = answer.status_code >= 500 and not unreachable
                assert not broken, f"{name} {field}={value!r}: {answer.get_data(True)}"
                if value in UNSTORABLE:
                    assert answer.status_code == 400, f"{name} {field}={value!r}: {answer.get_data(True)}"
                tried += 1
    assert tried > 500


def test_no_value_of_any_parameter_breaks_an_operation(
    every: Operations, place: Place, client: FlaskClient
) -> None:
    for name, operation in every.items():
        method, _, path = name.partition(" ")
        token = place.caller(operation).tokens.access_token
        names = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
        path = re.sub(r"{(\w+)}", lambda found: place.ids.get(found[1], UNKNOWN), path)
        for parameter in names:
            for value in ("%00", "%ff", "%ed%a0%80", "", "9" * 400, "-1", "NaN", "a" * 3000):
                answer = client.open(
                    f"{path}?{parameter}={value}",
                    method=method,
                    headers={"Authorization": f"Bearer {token}"},
                )
                assert answer.status_code < 500, f"{name} {parameter}={value[:20]}"


# Rate limits


def test_every_answer_tells_what_is_left_whatever_its_status(
    every: Operations,
    ask: Callable[..., TestResponse],
    undone: Callable[[], Any],
    client: FlaskClient,
    place: Place,
) -> None:
    seen: set[int] = set()
    for name, operation in every.items():
        if NEVER_LIMITED.fullmatch(name.partition(" ")[2]):
            continue
        with undone():
            answer = ask(name, operation)
            again = ask(name, operation, headers={"If-None-Match": answer.headers.get("ETag", "*")})
        nobody = client.open(name.partition(" ")[2].replace("{", "").replace("}", ""), method=name.split()[0])
        mina = send(client, name, operation, token=place.mina.tokens.access_token, place=place, data="{")
        for each in (answer, again, nobody, mina):
            seen.add(each.status_code)
            limit, left, reset = (
                int(each.headers[f"RateLimit-{part}"]) for part in ("Limit", "Remaining", "Reset")
            )
            assert 0 <= left < limit and 0 <= reset <= 3600, name
    assert {200, 201, 204, 304, 400, 401, 403, 404} <= seen


def test_every_operation_is_refused_beyond_the_limit_and_says_when_to_come_back(
    app: Flask, every: Operations, ask: Callable[..., TestResponse], settings: Settings
) -> None:
    for name, operation in every.items():
        limited = not NEVER_LIMITED.fullmatch(name.partition(" ")[2])
        app.extensions["rate_limits"] = RateLimits(
            replace(settings, rate_limit_user="1/hour", rate_limit_anonymous="1/hour")
        )
        first, beyond = (ask(name, operation, data="{", content_type="text/plain") for _ in range(2))
        assert first.status_code != 429, name
        if limited:
            details = refused(beyond, 429, "429_RATE_LIMIT_EXCEEDED")
            assert details["limit_value"] == 1 and int(beyond.headers["Retry-After"]) >= 1, name
            assert beyond.headers["RateLimit-Remaining"] == "0", name
        else:
            assert beyond.status_code == first.status_code, name

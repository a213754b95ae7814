"""Who may call what: every operation of the document with every kind of credential."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kcardswap.domain.accounts import Role
from kcardswap.runtime import Runtime
from tests.api.swappers import Swappers
from tests.api.test_openapi import CALLERS, operations, spec_of
from tests.people import API, MakePerson, Person, delete, refused, suspend
from tests.posts import make_post, remove
from tests.wishes import wish

UNKNOWN = "0199a7c0-0000-7000-8000-0000000000ff"


@dataclass(frozen=True)
class Credential:
    """One kind of credential, and how an operation for somebody signed in refuses it."""

    header: str | None
    status: int
    code: str
    reason: str | None


def credentials(runtime: Runtime, person: MakePerson) -> Mapping[str, Credential]:
    """Return every kind of credential that is not good enough for an operation of somebody signed in."""
    mina, suspended, deleted, ended = (person(name) for name in ("mina", "suspended", "deleted", "ended"))
    uow = runtime.unit_of_work()
    with uow:
        user = uow.users.get(mina.user_id)
        past = runtime.clock.now() - timedelta(minutes=20)
        now = runtime.clock.now()
        expired = runtime.tokens.access_token(
            user, mina_session(mina, runtime), token_id=uow.new_id(), now=past
        )
        restricted = runtime.tokens.restricted_token(user, token_id=uow.new_id(), now=now)
    suspend(runtime, suspended.user_id)
    delete(runtime, deleted.user_id)
    assert ended.post("/auth/logout").status_code == 200
    invalid = (401, "401_UNAUTHORIZED", "invalid_token")
    gone = (401, "401_UNAUTHORIZED", "session_ended")
    return {
        "anonymous": Credential(None, 401, "401_UNAUTHORIZED", "missing"),
        "garbage": Credential("nonsense", *invalid),
        "expired token": Credential(expired, 401, "401_TOKEN_EXPIRED", None),
        "refresh token": Credential(mina.tokens.refresh_token, *invalid),
        "restricted token": Credential(restricted, *invalid),
        "suspended": Credential(suspended.tokens.access_token, 403, "403_FORBIDDEN", "account_suspended"),
        "deleted": Credential(deleted.tokens.access_token, *gone),
        "ended session": Credential(ended.tokens.access_token, *gone),
    }


def mina_session(person: Person, runtime: Runtime) -> UUID:
    """Return the id of the session a person signed in with."""
    return runtime.tokens.read_refresh_token(person.tokens.refresh_token).session_id


def call(client: FlaskClient, name: str, operation: Any, header: str | None, **ids: str) -> TestResponse:
    """Send the request of the operation's own example, with ids nobody has unless they are given."""
    method, _, path = name.partition(" ")
    path = re.sub(r"{(\w+)}", lambda found: ids.get(found[1], UNKNOWN), path)
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    query = {
        parameter["name"]: parameter.get("example", "1")
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and parameter.get("required")
    }
    headers = {} if header is None else {"Authorization": f"Bearer {header}"}
    body = content and content["example"]
    return client.open(path, method=method, json=body, query_string=query, headers=headers)


def select(app: Flask, *callers: str) -> dict[str, Any]:
    return {
        name: operation
        for name, operation in operations(spec_of(app))
        if operation.get("x-caller") in callers
    }


def test_every_operation_is_in_the_matrix(app: Flask) -> None:
    everything = dict(operations(spec_of(app)))
    assert set(select(app, *CALLERS)) == set(everything)
    assert select(app, "user") and select(app, "anon")


def test_operations_of_somebody_signed_in_refuse_every_lesser_credential(
    app: Flask, client: FlaskClient, runtime: Runtime, person: MakePerson
) -> None:
    for kind, credential in credentials(runtime, person).items():
        for name, operation in select(app, *CALLERS[1:]).items():
            if operation["x-caller"] == "restricted" and kind == "restricted token":
                continue
            answer = call(client, name, operation, credential.header)
            try:
                refused(answer, credential.status, credential.code, credential.reason)
            except AssertionError as error:
                raise AssertionError(f"{name} by {kind}: {error}") from error
            if credential.status == 401:
                assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_operations_for_everybody_answer_the_same_whatever_the_credential(
    app: Flask, client: FlaskClient, runtime: Runtime, person: MakePerson
) -> None:
    held = credentials(runtime, person)
    for name, operation in select(app, "anon").items():
        if name.endswith(("/auth/logout", "/auth/refresh", "/auth/google-login", "/auth/admin-login")):
            # They look at credentials by their nature; a bad one never gets in the way of signing out.
            continue
        expected = call(client, name, operation, None)
        for kind, credential in held.items():
            answer = call(client, name, operation, credential.header)
            assert answer.status_code == expected.status_code, f"{name} by {kind}"
    for kind, credential in held.items():
        out = call(client, f"POST {API}/auth/logout", {}, credential.header)
        assert out.status_code == 200, kind


def test_a_role_that_is_not_enough_is_refused_before_anything_is_looked_at(
    app: Flask, client: FlaskClient, person: MakePerson
) -> None:
    mina, root = person("mina"), person("root", Role.ADMIN)
    for name, operation in select(app, "admin", "admin or internal").items():
        answer = call(client, name, operation, mina.tokens.access_token)
        refused(answer, 403, "403_FORBIDDEN", "role_required")
        allowed = call(client, name, operation, root.tokens.access_token)
        assert allowed.status_code not in (401, 403), f"{name}: {allowed.status}"


def test_a_good_credential_opens_every_operation_of_somebody_signed_in(
    app: Flask, client: FlaskClient, person: MakePerson
) -> None:
    for name, operation in select(app, "user").items():
        mina = person("mina")
        answer = call(client, name, operation, mina.tokens.access_token)
        assert answer.status_code != 401, f"{name}: {answer.get_data(as_text=True)}"
        assert answer.status_code < 500, f"{name}: {answer.get_data(as_text=True)}"


# Things of other people


@pytest.fixture
def foreign(runtime: Runtime, person: MakePerson) -> dict[str, str]:
    """Ids of things that exist and are hidden from everybody but two other people."""
    two = Swappers(runtime, person)
    asked = person("sana")
    body = {"target_user_id": str(asked.user_id)}
    request = {"recipient_id": str(asked.user_id), "initial_message": "Hello!"}
    return {
        "request_id": two.mina.post("/message-requests", request).get_json()["data"]["id"],
        "trade_id": two.propose()["id"],
        "friendship_id": two.mina.post("/friends/request", body).get_json()["data"]["id"],
        "session_id": str(mina_session(two.mina, runtime)),
        "item_id": str(wish(runtime, two.mina.user_id)),
        "post_id": str(deleted_post(runtime, two.mina.user_id)),
    }


def deleted_post(runtime: Runtime, owner_id: UUID) -> UUID:
    post_id = make_post(runtime, owner_id)
    remove(runtime, post_id, owner_id)
    return post_id


def test_a_hidden_thing_answers_exactly_like_one_that_does_not_exist(
    app: Flask, client: FlaskClient, person: MakePerson, foreign: dict[str, str]
) -> None:
    nosy = person("nosy")
    tried: set[str] = set()
    for name, operation in select(app, "user").items():
        known = {key for key in foreign if f"{{{key}}}" in name}
        if not known:
            continue
        tried |= known
        token = nosy.tokens.access_token
        hidden, unknown = (
            call(client, name, operation, token, **foreign),
            call(client, name, operation, token),
        )
        refused(hidden, 404, "404_NOT_FOUND")
        assert hidden.get_data() == unknown.get_data(), name
    assert tried == set(foreign)


def test_read_only_and_unknown_fields_of_a_body_never_take_effect(
    app: Flask, client: FlaskClient, person: MakePerson, runtime: Runtime
) -> None:
    mina, jun = person("mina"), person("jun")
    injected: dict[str, Any] = {
        **{"id": UNKNOWN, "user_id": str(jun.user_id), "owner_id": str(jun.user_id), "role": "super_admin"},
        **{
            "status": "active",
            "plan": "premium",
            "email": "root@kcardswap.test",
            "created_at": "1999-01-01T00:00:00Z",
        },
    }
    answer = mina.put("/profile/me", {"nickname": "Mina", **injected})
    profile = answer.get_json()["data"]
    assert profile["user_id"] == str(mina.user_id) and profile["id"] != UNKNOWN
    assert not profile["created_at"].startswith("1999")
    uow = runtime.unit_of_work()
    with uow:
        user = uow.users.get(mina.user_id)
        assert (user.role, user.email) == (Role.USER, "mina@kcardswap.test")

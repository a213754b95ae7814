"""Leaving for good, and taking one's data along, over HTTP."""

import io
import json
from datetime import timedelta
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, insert, select

from kcardswap.domain.accounts import Provider, Role
from kcardswap.gateways.dev_play_store import Books
from kcardswap.persistence.orm.accounts import erasure_requests, identities, sessions, users
from kcardswap.persistence.orm.notifications import device_tokens
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.trades import trades
from kcardswap.queries.account_exports import EXPORTED_TABLES
from kcardswap.runtime import Runtime
from tests.api.swappers import Swappers
from tests.conftest import MovableClock
from tests.lives import Life
from tests.notices import register
from tests.people import API, MakePerson, Person, invalid_fields, refused, suspend
from tests.pictures import path_of, upload_card
from tests.swaps import broken_invariants, statuses

CONFIRMED = {"confirm": "DELETE"}


def restricted(runtime: Runtime, client: FlaskClient, person: Person) -> Person:
    """Return a suspended person with the token they got when they tried to sign in."""
    suspend(runtime, person.user_id)
    email = {"email": "mina@kcardswap.test"}
    token = client.get(f"{API}/dev/identity-token", query_string=email).get_json()["data"]["identity_token"]
    answer = client.post(f"{API}/auth/google-login", json={"google_token": token})
    details = refused(answer, 403, "403_FORBIDDEN", "account_suspended")
    return Person(person.user_id, person.tokens._replace(access_token=details["restricted_token"]), client)


# Deleting


def test_an_account_is_gone_at_once(
    person: MakePerson, runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    mina = person("mina")
    register(runtime, mina.user_id, "token")
    answer = mina.delete("/account", CONFIRMED)
    assert answer.status_code == 202
    data = answer.get_json()["data"]
    assert data == {"deleted_at": "2026-03-12T04:00:00Z", "erase_by": "2026-03-26T04:00:00Z"}
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 2 and all("Max-Age=0" in cookie for cookie in cookies)
    row = connection.execute(select(users).where(users.c.id == mina.user_id)).one()
    assert (row.status, row.email, row.last_seen_at, row.deleted_at) == ("deleted", None, None, clock.now())
    for table in (identities, device_tokens):
        assert connection.execute(select(table).where(table.c.user_id == mina.user_id)).all() == []
    ended = connection.execute(select(sessions).where(sessions.c.user_id == mina.user_id)).one()
    assert ended.end_reason == "deleted"
    request = connection.execute(select(erasure_requests)).one()
    assert request.due_at == request.next_try_at == clock.now() + timedelta(days=14)
    told = connection.scalars(select(outbox.c.event_type).order_by(outbox.c.id)).all()
    assert {"SessionsEnded", "AccountDeleted"} <= set(told)


def test_tokens_of_a_deleted_account_are_refused_at_once(person: MakePerson) -> None:
    mina = person("mina")
    assert mina.delete("/account", CONFIRMED).status_code == 202
    for answer in (mina.get("/profile/me"), mina.delete("/account", CONFIRMED), mina.get("/account/export")):
        refused(answer, 401, "401_UNAUTHORIZED", "session_ended")
    again = mina.client.post(f"{API}/auth/refresh", json={"refresh_token": mina.tokens.refresh_token})
    refused(again, 401, "401_UNAUTHORIZED", "refresh_invalid")


def test_the_same_google_account_starts_anew(person: MakePerson) -> None:
    old = person("mina")
    assert old.put("/profile/me", {"bio": "I was here"}).status_code == 200
    assert old.delete("/account", CONFIRMED).status_code == 202
    new = person("mina")
    assert new.user_id != old.user_id
    assert new.get("/profile/me").get_json()["data"]["bio"] is None


@pytest.mark.parametrize(
    "body", [None, {}, {"confirm": "delete"}, {"confirm": True}, {"confirm": " DELETE "}]
)
def test_leaving_has_to_be_meant(person: MakePerson, body: Any) -> None:
    assert invalid_fields(person("mina").delete("/account", body)) == {"confirm"}


@pytest.mark.parametrize("role", [Role.ADMIN, Role.SUPER_ADMIN])
def test_administrators_hand_their_role_back_first(person: MakePerson, role: Role) -> None:
    root = person("root", role)
    details = refused(root.delete("/account", CONFIRMED), 422, "422_INVALID_STATE", "admin_account")
    assert details["status"] == "active"
    assert root.get("/profile/me").status_code == 200


def test_unfinished_swaps_are_called_off_and_finished_ones_stay(
    runtime: Runtime, person: MakePerson, connection: Connection
) -> None:
    two = Swappers(runtime, person)
    done, waiting = (
        two.completed(),
        two.propose(initiator_card_ids=two.minas[1:2], responder_card_ids=two.juns[1:2]),
    )
    assert two.mina.delete("/account", CONFIRMED).status_code == 202
    kept = two.jun.get(f"/trades/{done['id']}").get_json()["data"]
    assert kept["status"] == "completed"
    assert [each["nickname"] for each in kept["participants"]] == [None, "Jun"]
    row = connection.execute(select(trades).where(trades.c.id == UUID(waiting["id"]))).one()
    assert (row.status, row.cancel_reason, row.canceled_by) == ("canceled", "account_deleted", None)
    assert broken_invariants(connection) == []
    assert statuses(connection, [UUID(two.juns[1])]) == ["available"]


def test_everything_of_a_deleted_person_is_gone_for_everybody(
    runtime: Runtime, connection: Connection, person: MakePerson, play: Books
) -> None:
    life = Life(runtime, connection, person, play)
    assert life.mina.delete("/account", CONFIRMED).status_code == 202
    missing = {
        f"/profile/{life.id}",
        f"/ratings/user/{life.id}",
        f"/ratings/user/{life.id}/average",
        f"/users/{life.id}/cards",
        f"/users/{life.id}/gallery/cards",
        f"/users/{life.id}/wishlist",
    }
    for path in sorted(missing):
        refused(life.jun.get(path), 404, "404_NOT_FOUND")
    for path in ("/friends?status=accepted", "/friends?status=pending", "/posts", "/message-requests/inbox"):
        shown = life.jun.get(path)
        assert shown.status_code == 200 and "canary" not in shown.get_data(as_text=True), path
    comments = life.jun.get(f"/posts/{life.juns_post}/comments").get_data(as_text=True)
    assert "canary" not in comments and "still there?" in comments
    for path in ("/threads", "/chats", "/trades/history"):
        shown = life.jun.get(path)
        assert shown.status_code == 200 and "Mina" not in shown.get_data(as_text=True), path
    refused(life.jun.post("/friends/request", {"target_user_id": str(life.id)}), 404, "404_NOT_FOUND")


# While suspended


def test_a_suspended_person_may_leave_and_stays_barred(
    runtime: Runtime, person: MakePerson, client: FlaskClient, connection: Connection
) -> None:
    mina = restricted(runtime, client, person("mina"))
    refused(mina.get("/profile/me"), 401, "401_UNAUTHORIZED", "invalid_token")
    assert mina.delete("/account", CONFIRMED).status_code == 202
    refused(mina.delete("/account", CONFIRMED), 401, "401_UNAUTHORIZED", "session_ended")
    token = client.get(f"{API}/dev/identity-token", query_string={"email": "mina@kcardswap.test"})
    sent = {"google_token": token.get_json()["data"]["identity_token"]}
    answer = client.post(f"{API}/auth/google-login", json=sent)
    details = refused(answer, 403, "403_FORBIDDEN", "account_suspended")
    assert details["suspended_until"] is None and "restricted_token" not in details


def test_the_restricted_token_ends_with_the_suspension(
    runtime: Runtime, person: MakePerson, client: FlaskClient
) -> None:
    mina = restricted(runtime, client, person("mina"))
    assert mina.get("/account/export?format=json").status_code == 200
    uow = runtime.unit_of_work()
    with uow:
        uow.users.get(mina.user_id).lift_suspension(reports_wait=False)
        uow.commit()
    refused(mina.get("/account/export"), 401, "401_UNAUTHORIZED", "session_ended")


def test_the_restricted_token_lasts_half_an_hour(
    runtime: Runtime, person: MakePerson, client: FlaskClient, clock: MovableClock
) -> None:
    mina = restricted(runtime, client, person("mina"))
    clock.advance(minutes=29)
    assert mina.get("/account/export?format=json").status_code == 200
    clock.advance(minutes=1)
    refused(mina.get("/account/export"), 401, "401_TOKEN_EXPIRED")


def test_a_suspended_person_is_refused_with_the_token_from_before(
    runtime: Runtime, person: MakePerson
) -> None:
    mina = person("mina")
    suspend(runtime, mina.user_id)
    refused(mina.get("/account/export"), 403, "403_FORBIDDEN", "account_suspended")


# The export


def test_the_export_holds_every_table_and_what_is_in_it(
    runtime: Runtime, connection: Connection, person: MakePerson, play: Books
) -> None:
    life = Life(runtime, connection, person, play)
    answer = life.mina.get("/account/export?format=json")
    assert answer.headers["Cache-Control"] == "private, no-store" and "ETag" not in answer.headers
    data = answer.get_json()["data"]
    assert data["exported_at"] == "2026-03-12T04:00:00Z"
    tables = data["tables"]
    assert tuple(tables) == EXPORTED_TABLES
    assert {name for name, rows in tables.items() if not rows} == set()
    assert {row["content"] for row in tables["messages"]} == {"canary says hello"}
    assert {row["id"] for row in tables["trades"]} >= {str(life.trade), str(life.live_trade)}
    assert tables["users"][0]["email"] == "mina-canary@kcardswap.test"
    everything = answer.get_data(as_text=True)
    for other in ("hello you", "still there?", "jun@kcardswap.test", "fcm-canary"):
        assert other not in everything


def test_an_export_as_a_file_reads_the_same_and_explains_itself(
    runtime: Runtime, connection: Connection, person: MakePerson, play: Books
) -> None:
    life = Life(runtime, connection, person, play)
    answer = life.mina.get("/account/export")
    assert answer.mimetype == "application/zip"
    assert 'filename="kcardswap-account-2026-03-12.zip"' in answer.headers["Content-Disposition"]
    packed = ZipFile(io.BytesIO(answer.get_data()))
    assert packed.testzip() is None
    files = {name: packed.read(name) for name in packed.namelist()}
    assert b"Everything kcardswap stores about you" in files.pop("README.txt")
    tables = life.mina.get("/account/export?format=json").get_json()["data"]["tables"]
    assert {name: json.loads(text) for name, text in files.items()} == {
        f"{name}.json": rows for name, rows in tables.items()
    }


def test_pictures_are_linked_for_a_day(person: MakePerson, clock: MovableClock) -> None:
    mina = person("mina")
    upload_card(mina)
    (picture,) = mina.get("/account/export?format=json").get_json()["data"]["tables"]["media_assets"]
    assert "object_key" not in picture and "phash" not in picture
    clock.advance(hours=23, minutes=59)
    assert mina.client.get(path_of(picture["url"])).status_code == 200
    clock.advance(minutes=1)
    refused(mina.client.get(path_of(picture["url"])), 403, "403_FORBIDDEN", "signature_expired")


def test_an_export_larger_than_a_batch_is_whole(
    person: MakePerson, runtime: Runtime, connection: Connection
) -> None:
    mina = person("mina")
    now = runtime.clock.now()
    keys = ("id", "user_id", "client", "created_at", "last_used_at", "expires_at")
    connection.execute(
        insert(sessions),
        [
            dict(
                zip(
                    keys,
                    (runtime.new_id(), mina.user_id, "bearer", now, now, now + timedelta(1)),
                    strict=True,
                )
            )
            for _ in range(1200)
        ],
    )
    rows = mina.get("/account/export?format=json").get_json()["data"]["tables"]["sessions"]
    assert len({row["id"] for row in rows}) == 1201


def test_exports_are_limited(person: MakePerson) -> None:
    mina = person("mina")
    for _ in range(10):
        assert mina.get("/account/export").status_code == 200
    details = refused(mina.get("/account/export"), 429, "429_RATE_LIMIT_EXCEEDED")
    assert details["limit_key"] == "account_exports"


def test_an_unknown_format_is_refused(person: MakePerson) -> None:
    assert invalid_fields(person("mina").get("/account/export?format=xml")) == {"format"}


def test_identities_are_exported_without_what_is_sealed(person: MakePerson, connection: Connection) -> None:
    mina = person("mina")
    (row,) = mina.get("/account/export?format=json").get_json()["data"]["tables"]["identities"]
    assert row["provider"] == Provider.GOOGLE and "sealed_refresh_token" not in row

"""Repeating a request with its Idempotency-Key: one effect, one answer."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
import requests
from sqlalchemy import Connection, func, select
from werkzeug.test import TestResponse

from kcardswap.domain.conversations import Thread, ThreadOrigin
from kcardswap.persistence.orm.conversations import messages
from kcardswap.persistence.orm.friendships import friendships
from kcardswap.persistence.orm.outbox import idempotency_keys
from kcardswap.runtime import Runtime
from tests.api.probe import CONFLICTS, PAUSES, Pause, notes_written
from tests.conftest import MovableClock
from tests.people import API, MakePerson, Person, invalid_fields, make_user, refused, sign_in
from tests.serving import gunicorn, wait_until_up

KEY = "proposal-1"


def keyed(
    person: Person, body: Any = None, *, path: str = "/probe/notes", key: str = KEY, **options: Any
) -> TestResponse:
    body = {"text": "a"} if body is None else body
    return person.post(path, body, headers={"Idempotency-Key": key, **options.pop("headers", {})}, **options)


def keys_kept(connection: Connection) -> int:
    return int(connection.scalar(select(func.count()).select_from(idempotency_keys)) or 0)


# One after the other


def test_a_repetition_gets_the_same_bytes_and_has_no_second_effect(
    runtime: Runtime, prober: MakePerson
) -> None:
    mina = prober("mina")
    first, again = keyed(mina), keyed(mina)
    assert first.status_code == again.status_code == 201
    assert first.get_data() == again.get_data() and first.content_type == again.content_type
    assert "Idempotent-Replayed" not in first.headers and again.headers["Idempotent-Replayed"] == "true"
    assert notes_written(runtime) == 1


def test_without_a_key_every_request_counts(runtime: Runtime, prober: MakePerson) -> None:
    mina = prober("mina")
    first, second = mina.post("/probe/notes", {"text": "a"}), mina.post("/probe/notes", {"text": "a"})
    assert first.get_data() != second.get_data()
    assert notes_written(runtime) == 2


def test_an_answer_without_body_is_repeated_too(runtime: Runtime, prober: MakePerson) -> None:
    mina, path = prober("mina"), f"/probe/things/{runtime.new_id()}/poke"
    answers = [mina.post(path, headers={"Idempotency-Key": KEY}) for _ in range(3)]
    assert {(answer.status_code, answer.get_data()) for answer in answers} == {(204, b"")}
    assert all("Content-Type" not in answer.headers for answer in answers)
    assert notes_written(runtime) == 1


def test_the_order_of_keys_and_spaces_is_no_difference(prober: MakePerson) -> None:
    mina = prober("mina")
    bodies = ('{"text": "a", "refuse": false}', '{"refuse":false,\n"text":"\\u0061"}')
    headers = {"Idempotency-Key": KEY}
    answers = {
        mina.post("/probe/notes", data=body, content_type="application/json", headers=headers).get_data()
        for body in bodies
    }
    assert len(answers) == 1


def test_another_request_with_the_key_is_refused(runtime: Runtime, prober: MakePerson) -> None:
    mina = prober("mina")
    keyed(mina)
    poke = f"/probe/things/{runtime.new_id()}/poke"
    for answer in (keyed(mina, {"text": "b"}), keyed(mina, {"text": "a", "more": 1}), keyed(mina, path=poke)):
        refused(answer, 422, "422_INVALID_STATE", "idempotency_mismatch")
    assert notes_written(runtime) == 1
    assert keyed(mina).headers["Idempotent-Replayed"] == "true"


def test_the_same_operation_on_another_thing_is_another_request(runtime: Runtime, prober: MakePerson) -> None:
    mina = prober("mina")
    assert keyed(mina, path=f"/probe/things/{runtime.new_id()}/poke").status_code == 204
    other = keyed(mina, path=f"/probe/things/{runtime.new_id()}/poke")
    refused(other, 422, "422_INVALID_STATE", "idempotency_mismatch")


def test_a_key_belongs_to_one_person(runtime: Runtime, prober: MakePerson) -> None:
    mina, sana = prober("mina"), prober("sana")
    assert keyed(mina).get_data() != keyed(sana, {"text": "b"}).get_data()
    assert notes_written(runtime) == 2


def test_a_refusal_keeps_nothing(runtime: Runtime, prober: MakePerson, connection: Connection) -> None:
    mina = prober("mina")
    refused(keyed(mina, {"text": "a", "refuse": True}), 400, "400_INVALID_REQUEST", "self_target")
    assert invalid_fields(keyed(mina, {})) == {"text"}
    refused(keyed(mina, path="/probe/things/17/poke"), 400, "400_VALIDATION_FAILED")
    answer = mina.post(
        "/probe/notes", data="{", content_type="application/json", headers={"Idempotency-Key": KEY}
    )
    assert invalid_fields(answer) == {""}
    assert keys_kept(connection) == 0
    # The key is free for a better try.
    assert keyed(mina).status_code == 201


def test_a_key_is_kept_for_24_hours(runtime: Runtime, prober: MakePerson, clock: MovableClock) -> None:
    mina = prober("mina")
    first = keyed(mina).get_data()
    clock.advance(hours=23, minutes=59)
    mina = prober("mina")
    assert keyed(mina).get_data() == first
    clock.advance(minutes=1)
    assert keyed(mina, {"text": "b"}).status_code == 201
    assert notes_written(runtime) == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "a\tb", "é", "x" * 256, "\x7f", "ключ"])
def test_a_malformed_key_is_refused(runtime: Runtime, prober: MakePerson, key: str) -> None:
    header = key.encode().decode("latin-1")
    assert invalid_fields(keyed(prober("mina"), key=header)) == {"Idempotency-Key"}
    assert notes_written(runtime) == 0


@pytest.mark.parametrize("key", ["!", "~", "x" * 255, "'; DROP TABLE users; --".replace(" ", "_"), "0"])
def test_any_visible_ascii_is_a_key(prober: MakePerson, key: str) -> None:
    mina = prober("mina")
    assert keyed(mina, key=key).get_data() == keyed(mina, key=key).get_data()


def test_the_credential_comes_before_the_key(prober: MakePerson, runtime: Runtime) -> None:
    mina = prober("mina")
    keyed(mina)
    answer = keyed(mina, headers={"Authorization": "Bearer nonsense"})
    refused(answer, 401, "401_UNAUTHORIZED", "invalid_token")
    assert mina.post("/auth/logout").status_code == 200
    refused(keyed(mina), 401, "401_UNAUTHORIZED", "session_ended")


def test_other_methods_and_operations_ignore_the_header(runtime: Runtime, prober: MakePerson) -> None:
    mina, key = prober("mina"), {"Idempotency-Key": "not a key"}
    assert mina.put("/probe/notes", {"text": "a"}, headers=key).status_code == 200
    assert mina.post("/probe/unkeyed", headers=key).status_code == 200
    assert mina.get("/probe/mine", headers=key).status_code == 200
    assert mina.post("/auth/logout", headers=key).status_code == 200
    key = {"Idempotency-Key": KEY}
    mina = prober("mina")
    assert (
        mina.post("/probe/unkeyed", headers=key).get_data()
        != mina.post("/probe/unkeyed", headers=key).get_data()
    )


def test_a_write_conflict_repeats_the_whole_request(runtime: Runtime, prober: MakePerson) -> None:
    mina = prober("mina")
    CONFLICTS["again"] = 4
    assert keyed(mina, {"text": "again"}).status_code == 201
    assert notes_written(runtime) == 1
    CONFLICTS["never"] = 5
    answer = keyed(mina, {"text": "never"}, key="2")
    refused(answer, 503, "503_SERVICE_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) >= 1
    assert notes_written(runtime) == 1
    assert keyed(mina, {"text": "never"}, key="2").status_code == 201


def test_an_unkeyed_write_is_repeated_after_a_write_conflict_too(
    runtime: Runtime, prober: MakePerson
) -> None:
    # What was written before the conflict belongs to a transaction of its own here, hence both rows.
    CONFLICTS["plain"] = 1
    assert prober("mina").post("/probe/notes", {"text": "plain"}).status_code == 201
    assert notes_written(runtime) == 2


def test_a_friend_request_can_be_repeated(person: MakePerson, connection: Connection) -> None:
    mina, jun = person("mina"), person("jun")
    body = {"target_user_id": str(jun.user_id)}
    first = keyed(mina, body, path="/friends/request")
    again = keyed(mina, body, path="/friends/request")
    assert first.status_code == again.status_code == 201 and first.get_data() == again.get_data()
    assert connection.scalar(select(func.count()).select_from(friendships)) == 1


# At the same moment


@pytest.fixture
def pause() -> Iterator[Pause]:
    """Holds every request that writes the note "held"."""
    PAUSES["held"] = Pause()
    yield PAUSES["held"]
    PAUSES["held"].go_on.set()
    del PAUSES["held"]


def test_a_twin_waits_and_gets_the_answer_of_the_first(
    committed_runtime: Runtime, racer: MakePerson, pause: Pause
) -> None:
    mina = racer("mina")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(keyed, mina, {"text": "held"})
        assert pause.reached.wait(10)
        twin = pool.submit(keyed, mina, {"text": "held"})
        with pytest.raises(TimeoutError):
            twin.result(timeout=0.5)
        pause.go_on.set()
        assert twin.result().get_data() == first.result().get_data()
    assert twin.result().headers["Idempotent-Replayed"] == "true"
    assert notes_written(committed_runtime) == 1


def test_a_twin_that_waited_two_seconds_is_told_to_come_back(
    committed_runtime: Runtime, racer: MakePerson, pause: Pause
) -> None:
    mina = racer("mina")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(keyed, mina, {"text": "held"})
        assert pause.reached.wait(10)
        answer = keyed(mina, {"text": "held"})
        refused(answer, 409, "409_CONFLICT", "in_progress")
        assert int(answer.headers["Retry-After"]) >= 1
        pause.go_on.set()
        assert first.result().status_code == 201
    assert keyed(mina, {"text": "held"}).get_data() == first.result().get_data()
    assert notes_written(committed_runtime) == 1


def test_a_twin_over_an_expired_key_is_told_the_same(
    committed_runtime: Runtime, racer: MakePerson, pause: Pause, clock: MovableClock
) -> None:
    keyed(racer("mina"), {"text": "other"})
    clock.advance(hours=25)
    mina = racer("mina")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(keyed, mina, {"text": "held"})
        assert pause.reached.wait(10)
        refused(keyed(mina, {"text": "held"}), 409, "409_CONFLICT", "in_progress")
        pause.go_on.set()
        assert first.result().status_code == 201


def test_other_people_and_keys_never_wait(
    committed_runtime: Runtime, racer: MakePerson, pause: Pause
) -> None:
    mina, sana = racer("mina"), racer("sana")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(keyed, mina, {"text": "held"})
        assert pause.reached.wait(10)
        assert keyed(sana).status_code == 201
        assert keyed(mina, key="other").status_code == 201
        pause.go_on.set()
        assert first.result().status_code == 201


def test_sixteen_twins_have_one_effect(committed_runtime: Runtime, racer: MakePerson) -> None:
    mina, start = racer("mina"), Barrier(16)

    def send(_: int) -> tuple[int, bytes]:
        start.wait()
        answer = keyed(mina)
        return answer.status_code, answer.get_data()

    with ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(send, range(16)))
    assert len(answers) == 1 and answers.pop()[0] == 201
    assert notes_written(committed_runtime) == 1


def test_when_the_first_is_refused_its_twin_takes_over(committed_runtime: Runtime, racer: MakePerson) -> None:
    mina, start = racer("mina"), Barrier(8)

    def send(_: int) -> int:
        start.wait()
        return keyed(mina, {"text": "a", "refuse": True}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, range(8))) == {400}
    assert keyed(mina).status_code == 201


# Across the death of the server


def open_thread(runtime: Runtime, a: UUID, b: UUID) -> UUID:
    """Let two people talk and return where."""
    uow = runtime.unit_of_work()
    with uow:
        thread = Thread.open(id=uow.new_id(), people=(a, b), origin=ThreadOrigin.FRIEND, now=uow.clock.now())
        thread_id = uow.threads.open(thread)
        uow.commit()
    return thread_id


def test_killed_between_commit_and_answer_the_same_answer_is_given_once_more(
    committed_runtime: Runtime, clock: MovableClock, tmp_path: Path
) -> None:
    settings = committed_runtime.settings
    # The server in its own process tells the time by the machine.
    clock.moment = datetime.now(UTC)
    mina, jun = sign_in(committed_runtime, "mina"), sign_in(committed_runtime, "jun")
    database: Any = committed_runtime.database
    secrets = {"JWT_SECRET_KEY": settings.jwt_secret_key, "HASH_PEPPER": settings.hash_pepper}
    thread_id = open_thread(committed_runtime, mina.user_id, make_user(committed_runtime, "sora"))
    talk = f"/threads/{thread_id}/messages"
    with gunicorn(
        "tests.api.dying_wsgi:app",
        data_dir=tmp_path,
        database_url=database.engine.url.render_as_string(hide_password=False),
        **secrets,
    ) as server:

        def send(path: str, body: Any, **headers: str) -> requests.Response:
            given = {"Authorization": f"Bearer {mina.access_token}", "Idempotency-Key": path}
            return requests.post(f"{server.url}{API}{path}", json=body, headers=given | headers, timeout=20)

        for path, body in (
            ("/friends/request", {"target_user_id": str(jun.user_id)}),
            ("/probe/notes", {"text": "once"}),
            (talk, {"content": "Once."}),
        ):
            with pytest.raises(requests.ConnectionError):
                send(path, body, **{"X-Die": "yes"})
            wait_until_up(server)
            again, third = send(path, body), send(path, body)
            assert again.status_code == third.status_code == 201, again.text
            assert again.headers["Idempotent-Replayed"] == third.headers["Idempotent-Replayed"] == "true"
            assert again.content == third.content
            assert json.loads(again.content)["data"]["id"]
    with committed_runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(friendships)) == 1
        assert connection.scalar(select(func.count()).select_from(messages)) == 1
    assert notes_written(committed_runtime) == 1

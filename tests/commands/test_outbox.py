"""flask outbox: what waits, what was given up, and trying it again."""

import json
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from kcardswap.persistence.orm.outbox import outbox
from kcardswap.runtime import Runtime
from kcardswap.services import outbox as service
from kcardswap.services.outbox import MAX_ATTEMPTS
from tests.conftest import MovableClock
from tests.worker.events import KIND, handed_out, happen, stored


def run(app: Flask, *arguments: str, status: int = 0) -> str:
    done = app.test_cli_runner().invoke(args=["outbox", *arguments])
    assert done.exit_code == status, done.output
    return done.output


def give_up(runtime: Runtime, clock: MovableClock) -> None:
    """Let every event that is due fail until it is given up."""
    for _ in range(MAX_ATTEMPTS):
        for event in handed_out(runtime):
            service.take_up(runtime.unit_of_work(), event=event, lease=timedelta(seconds=30))
            service.postpone(runtime.unit_of_work(), event=event, error="ValueError at services/cards.py:1")
        clock.advance(hours=1)


def test_an_empty_outbox_says_so(app: Flask) -> None:
    assert run(app, "list") == "No such events.\n"
    assert run(app, "list", "--dead", "--json") == ""


def test_events_are_listed_with_their_age_and_what_went_wrong(
    app: Flask, runtime: Runtime, clock: MovableClock
) -> None:
    [dead] = happen(runtime)
    give_up(runtime, clock)
    [later] = happen(runtime, after=60)
    [due] = happen(runtime, event_type="OtherHappened")
    header, first, second = run(app, "list").splitlines()
    assert header.split() == ["ID", "TYPE", "AGE", "ATTEMPTS", "LAST", "ERROR"]
    assert first.split() == [str(due), "OtherHappened", "0", "s", "0"]
    assert second.split()[0] == str(later)
    assert [line.split()[0] for line in run(app, "list", "--due").splitlines()[1:]] == [str(due)]
    [line] = run(app, "list", "--dead").splitlines()[1:]
    assert line.split() == [str(dead), KIND, "12", "h", "12", "ValueError", "at", "services/cards.py:1"]
    [row] = map(json.loads, run(app, "list", "--dead", "--json").splitlines())
    assert (row["id"], row["attempts"], row["event_type"]) == (str(dead), 12, KIND)
    assert len(run(app, "list", "--limit", "1").splitlines()) == 2


def test_all_that_was_given_up_is_tried_again_or_one_type_of_it(
    app: Flask, runtime: Runtime, clock: MovableClock
) -> None:
    happen(runtime, 2)
    give_up(runtime, clock)
    assert run(app, "replay", "--all-dead", "--type", "Other") == "0 events are tried again.\n"
    assert run(app, "replay", "--all-dead", "--type", KIND) == "2 events are tried again.\n"
    assert len(handed_out(runtime)) == 2
    assert run(app, "replay", "--all-dead") == "0 events are tried again.\n"


def test_more_than_one_statement_has_time_for_are_tried_again(
    app: Flask, runtime: Runtime, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    happen(runtime, 5)
    give_up(runtime, clock)
    monkeypatch.setattr(service, "REPLAYED_AT_ONCE", 2)
    assert run(app, "replay", "--all-dead") == "5 events are tried again.\n"
    assert len(handed_out(runtime)) == 5


def test_named_events_are_tried_again_and_unknown_ones_are_named(
    app: Flask, runtime: Runtime, clock: MovableClock
) -> None:
    [first, second] = happen(runtime, 2)
    give_up(runtime, clock)
    unknown = runtime.new_id()
    said = run(app, "replay", str(first), str(unknown))
    assert f"{unknown} is not there, or through already." in said
    assert said.endswith("1 events are tried again.\n")
    assert stored(runtime, second).dead_at is not None
    assert [event.id for event in handed_out(runtime)] == [first]


@pytest.mark.parametrize(
    "arguments",
    [[], ["--type", KIND], ["--all-dead", "01920000-0000-7000-8000-000000000000"], ["not-an-id"]],
    ids=["nothing named", "a type alone", "both", "no id"],
)
def test_a_replay_that_is_not_clear_does_nothing(app: Flask, arguments: list[str]) -> None:
    assert "Usage" in run(app, "replay", *arguments, status=2)


def test_payloads_are_never_listed(app: Flask, runtime: Runtime) -> None:
    happen(runtime)
    assert "number" not in run(app, "list", "--json")
    with runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(outbox)) == 1

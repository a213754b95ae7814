"""flask jobs: periodic work from the command line."""

from flask import Flask
from sqlalchemy import Connection

from kcardswap.runtime import Runtime
from tests.conftest import MovableClock
from tests.swaps import Two, propose, statuses, stored


def run(app: Flask, *arguments: str) -> str:
    done = app.test_cli_runner().invoke(args=["jobs", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_overdue_swaps_are_canceled_for_good_and_their_cards_freed(
    app: Flask, runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    two = Two(runtime)
    overdue = propose(runtime, two.mina, two.jun, two.minas[:1], two.juns[:1])
    clock.advance(days=6)
    in_time = propose(runtime, two.mina, two.jun, two.minas[1:2], two.juns[1:2])
    clock.advance(days=1, seconds=1)
    assert "Canceled 1 overdue trades." in run(app, "run", "cancel-overdue-trades")
    assert stored(connection, overdue).cancel_reason == "timeout"
    assert stored(connection, in_time).status == "proposed"
    assert statuses(connection, two.minas[:2]) == ["available", "trading"]
    assert "Canceled 0 overdue trades." in run(app, "run", "cancel-overdue-trades")


def test_help_says_what_each_job_does(app: Flask) -> None:
    assert "Cancel swaps past their deadline" in run(app, "run", "--help")

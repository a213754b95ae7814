"""The schedule: what is due runs once, wherever, and one job that fails stops no other."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from threading import Event
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from kcardswap.queries.jobs import JobRow, scheduled
from kcardswap.runtime import Runtime
from kcardswap.worker.jobs import JOBS, Job, JobFailed
from kcardswap.worker.schedule import Schedule
from tests.conftest import MovableClock
from tests.racing import at_once

TAIPEI = ZoneInfo("Asia/Taipei")


def job(runs: list[str], name: str, **when: timedelta | time) -> Job:
    def run(runtime: Runtime) -> str:
        runs.append(name)
        return f"Did {name}."

    return Job(run=run, **when)  # type: ignore[arg-type]


def rows(runtime: Runtime) -> dict[str, JobRow]:
    with runtime.database.reader() as connection:
        return {row.job: row for row in scheduled(connection)}


def test_a_job_runs_at_once_and_then_at_its_intervals(runtime: Runtime, clock: MovableClock) -> None:
    runs: list[str] = []
    schedule = Schedule(runtime, {"often": job(runs, "often", every=timedelta(minutes=5))})
    assert schedule.run_due() == ["often"]
    assert schedule.run_due() == []
    clock.advance(minutes=4, seconds=59)
    assert schedule.run_due() == []
    clock.advance(seconds=1)
    assert schedule.run_due() == ["often"]
    assert runs == ["often"] * 2
    assert rows(runtime)["often"].outcome == "Did often."


def test_a_missed_run_is_made_up_for_once(runtime: Runtime, clock: MovableClock) -> None:
    runs: list[str] = []
    schedule = Schedule(runtime, {"daily": job(runs, "daily", at=time(3))})
    schedule.run_due()
    clock.advance(days=3)
    assert schedule.run_due() == ["daily"]
    assert schedule.run_due() == []


@pytest.mark.parametrize(
    ("moment", "following"),
    [
        ("2026-03-12T18:59:59", "2026-03-12T19:00:00"),
        ("2026-03-12T19:00:00", "2026-03-13T19:00:00"),
        ("2026-12-31T20:00:00", "2027-01-01T19:00:00"),
    ],
)
def test_a_daily_job_runs_at_three_in_taipei(moment: str, following: str) -> None:
    daily = Job(run=lambda runtime: "", at=time(3))
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert daily.next_after(at, TAIPEI).isoformat() == f"{following}+00:00"


def test_a_job_that_fails_stops_no_other_and_is_tried_again_soon(
    runtime: Runtime, clock: MovableClock
) -> None:
    runs: list[str] = []

    def fail(runtime: Runtime) -> str:
        raise JobFailed("Did half of it.")

    def broken(runtime: Runtime) -> str:
        raise ValueError("what somebody wrote")

    jobs = {
        "fails": Job(run=fail, every=timedelta(hours=1)),
        "broken": Job(run=broken, every=timedelta(minutes=5)),
        "works": job(runs, "works", every=timedelta(hours=1)),
    }
    schedule = Schedule(runtime, jobs)
    assert schedule.run_due() == ["fails", "broken", "works"]
    assert runs == ["works"]
    assert {name: row.outcome for name, row in rows(runtime).items()} == {
        "fails": "Did half of it.",
        "broken": "ValueError",
        "works": "Did works.",
    }
    clock.advance(minutes=5)
    assert schedule.run_due() == ["broken"]
    clock.advance(minutes=5)
    assert schedule.run_due() == ["fails", "broken"]


def test_a_job_whose_worker_is_lost_is_due_again_soon(runtime: Runtime, clock: MovableClock) -> None:
    class Killed(BaseException):
        """Nothing of the process goes on."""

    def die(runtime: Runtime) -> str:
        raise Killed

    with pytest.raises(Killed):
        Schedule(runtime, {"daily": Job(run=die, at=time(3))}).run_due()
    runs: list[str] = []
    other = Schedule(runtime, {"daily": job(runs, "daily", at=time(3))})
    assert other.run_due() == []
    clock.advance(minutes=10)
    assert other.run_due() == ["daily"]


def test_of_workers_that_look_at_once_one_runs_a_job(committed_runtime: Runtime) -> None:
    runs: list[str] = []
    jobs = {name: job(runs, name, every=timedelta(hours=1)) for name in ("a", "b", "c")}
    looks: list[Callable[[], object]] = [Schedule(committed_runtime, jobs).run_due] * 4
    at_once(*looks)
    assert sorted(runs) == ["a", "b", "c"]


def test_a_schedule_that_is_stopped_begins_no_other_job(runtime: Runtime) -> None:
    stop, runs = Event(), list[str]()

    def last(runtime: Runtime) -> str:
        stop.set()
        return "Did last."

    jobs: Mapping[str, Job] = {"last": Job(run=last), "never": job(runs, "never")}
    Schedule(runtime, jobs).run(stop)
    assert runs == [] and set(rows(runtime)) == {"last"}


@pytest.mark.parametrize("name", sorted(JOBS))
def test_every_job_runs_with_nothing_to_do_and_says_so(app: Flask, runtime: Runtime, name: str) -> None:
    assert JOBS[name].run(runtime).endswith(".")
    assert app.test_cli_runner().invoke(args=["jobs", "run", name]).exit_code == 0


def test_operators_see_when_jobs_ran_and_are_due(app: Flask, runtime: Runtime) -> None:
    runs: list[str] = []
    Schedule(runtime, {"purge-records": job(runs, "purge-records", every=timedelta(hours=1))}).run_due()
    listed = app.test_cli_runner().invoke(args=["jobs", "list"])
    assert listed.exit_code == 0
    assert (
        "purge-records: began 2026-03-12 04:00 UTC; due 2026-03-12 05:00 UTC; Did purge-records."
        in listed.output.splitlines()
    )
    assert "cancel-overdue-trades: never ran; due now" in listed.output

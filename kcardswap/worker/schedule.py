"""The schedule: runs the periodic jobs when they are due, each on one worker at a time."""

import threading
import time
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from kcardswap.runtime import Runtime, retrying
from kcardswap.services import schedule
from kcardswap.worker.jobs import Job, JobFailed

LOOK_EVERY_SECONDS = 10.0
log = structlog.get_logger("kcardswap.jobs")


class Schedule:
    """Looks every ten seconds which jobs are due and runs, one by one, those no other worker took."""

    def __init__(self, runtime: Runtime, jobs: Mapping[str, Job]) -> None:
        self._runtime = runtime
        self._jobs = jobs
        self._zone = ZoneInfo(runtime.settings.quota_timezone)

    def run(self, stop: threading.Event) -> None:
        """Run what is due until ``stop``."""
        while not stop.is_set():
            try:
                self.run_due(stop)
            except Exception:
                log.error("schedule_waits", exc_info=True)
            stop.wait(LOOK_EVERY_SECONDS)

    def run_due(self, stop: threading.Event | None = None) -> list[str]:
        """Run every job that is due and return their names; one that fails stops no other."""
        due = schedule.due_among(self._runtime.unit_of_work(), jobs=self._jobs)
        return [name for name in due if not (stop and stop.is_set()) and self._run_if_free(name)]

    def _run_if_free(self, name: str) -> bool:
        job = self._jobs[name]
        next_at = self._next_after(job, self._runtime.clock.now())
        if not retrying(lambda: schedule.claim(self._runtime.unit_of_work(), job=name, next_at=next_at)):
            return False
        began = time.perf_counter()
        outcome, failed = self._outcome_of(name, job)
        ms = round((time.perf_counter() - began) * 1000, 1)
        (log.error if failed else log.info)("job_run", job=name, outcome=outcome, failed=failed, ms=ms)
        retrying(lambda: self._conclude(name, outcome, failed))
        return True

    def _outcome_of(self, name: str, job: Job) -> tuple[str, bool]:
        try:
            return job.run(self._runtime), False
        except JobFailed as failure:
            return str(failure), True
        except Exception as error:
            log.error("job_broke", job=name, exc_info=True)
            return type(error).__name__, True

    def _conclude(self, name: str, outcome: str, failed: bool) -> None:
        next_at = self._next_after(self._jobs[name], self._runtime.clock.now())
        uow = self._runtime.unit_of_work()
        schedule.conclude(uow, job=name, next_at=next_at, outcome=outcome, failed=failed)

    def _next_after(self, job: Job, moment: datetime) -> datetime:
        return job.next_after(moment, self._zone)

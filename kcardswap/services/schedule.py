"""When periodic jobs run: each by one worker at a time, wherever the workers are."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from kcardswap.persistence.unit_of_work import UnitOfWork

AGAIN_AFTER = timedelta(minutes=10)
"""When a job that failed, or whose worker was lost, is due again, if not sooner anyway."""


def due_among(uow: UnitOfWork, *, jobs: Iterable[str]) -> list[str]:
    """Return which of these jobs are due, in their order; one that never ran is."""
    with uow:
        waiting = uow.schedule.not_due(uow.clock.now())
    return [job for job in jobs if job not in waiting]


def claim(uow: UnitOfWork, *, job: str, next_at: datetime) -> bool:
    """Take a job that is due, or return False because another worker did."""
    with uow:
        now = uow.clock.now()
        claimed = uow.schedule.claim(job, now=now, until=min(next_at, now + AGAIN_AFTER))
        uow.commit()
        return claimed


def conclude(uow: UnitOfWork, *, job: str, next_at: datetime, outcome: str, failed: bool) -> None:
    """Note how the run of a job ended; one that failed is due again soon."""
    with uow:
        now = uow.clock.now()
        due_at = min(next_at, now + AGAIN_AFTER) if failed else next_at
        uow.schedule.conclude(job, now=now, due_at=due_at, outcome=outcome)
        uow.commit()

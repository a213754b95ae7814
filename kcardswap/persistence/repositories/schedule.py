"""Repository of when periodic jobs are due."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kcardswap.persistence.orm.jobs import scheduled_jobs

OUTCOME_MAX_CHARACTERS = 500


class ScheduleRepository:
    """One row per job; whoever moves it on runs the job."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def not_due(self, now: datetime) -> set[str]:
        """Return the jobs that wait for a later time; one that never ran does not."""
        return set(self.session.scalars(select(scheduled_jobs.c.job).where(scheduled_jobs.c.due_at > now)))

    def claim(self, job: str, *, now: datetime, until: datetime) -> bool:
        """Take a job that is due; it is due again ``until`` unless it ends before. False: another has it."""
        statement = (
            insert(scheduled_jobs)
            .values(job=job, due_at=until, started_at=now)
            .on_conflict_do_update(
                index_elements=["job"],
                set_={"due_at": until, "started_at": now},
                where=scheduled_jobs.c.due_at <= now,
            )
            .returning(scheduled_jobs.c.job)
        )
        return self.session.scalar(statement) is not None

    def conclude(self, job: str, *, now: datetime, due_at: datetime, outcome: str) -> None:
        """Note how a run ended and when the next is due."""
        self.session.execute(
            update(scheduled_jobs)
            .where(scheduled_jobs.c.job == job)
            .values(due_at=due_at, finished_at=now, outcome=outcome[:OUTCOME_MAX_CHARACTERS])
        )

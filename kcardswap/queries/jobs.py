"""When the periodic jobs ran and are due."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from kcardswap.persistence.orm.jobs import scheduled_jobs


class JobRow(NamedTuple):
    """When a job is due, and how it went last."""

    job: str
    due_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    outcome: str | None


def scheduled(connection: Connection) -> list[JobRow]:
    """Return every job that ran once, by name."""
    statement = select(*(scheduled_jobs.c[name] for name in JobRow._fields)).order_by(scheduled_jobs.c.job)
    return [JobRow(*row) for row in connection.execute(statement)]

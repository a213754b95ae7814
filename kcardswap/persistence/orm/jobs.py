"""scheduled_jobs."""

from sqlalchemy import Column, String, Table

from kcardswap.persistence.orm.base import metadata, moment

scheduled_jobs = Table(
    "scheduled_jobs",
    metadata,
    Column("job", String(60), primary_key=True),
    moment("due_at"),
    moment("started_at", nullable=True),
    moment("finished_at", nullable=True),
    Column("outcome", String(500)),
)

"""flask jobs: the periodic work, run once by hand, and when it ran last.

The jobs themselves are in ``kcardswap/worker/jobs.py``; each becomes a command here.
"""

from inspect import getdoc, signature
from typing import Any

import click
from flask.cli import with_appcontext

from kcardswap.queries.jobs import scheduled
from kcardswap.runtime import current_runtime
from kcardswap.worker.jobs import JOBS, Job, JobFailed

WHEN = "%Y-%m-%d %H:%M UTC"


@click.group("jobs")
def job_commands() -> None:
    """Run periodic work."""


@job_commands.group("run")
def run_commands() -> None:
    """Run one job now; every job may run at any time, on any number of machines at once."""


@job_commands.command("list")
@with_appcontext
def list_jobs() -> None:
    """Tell of every job when it ran last, how that ended, and when it is due."""
    with current_runtime().database.reader() as connection:
        rows = {row.job: row for row in scheduled(connection)}
    for name in JOBS:
        row = rows.get(name)
        if row is None:
            click.echo(f"{name}: never ran; due now")
        else:
            click.echo(
                f"{name}: began {row.started_at:{WHEN}}; due {row.due_at:{WHEN}}; {row.outcome or '-'}"
            )


def _command_of(name: str, job: Job) -> click.Command:
    @with_appcontext
    def run(**options: Any) -> None:
        try:
            click.echo(job.run(current_runtime(), **options))
        except JobFailed as failure:
            raise click.ClickException(str(failure)) from failure

    dry_run = click.Option(["--dry-run"], is_flag=True, help="Only say what would be removed.")
    options: list[click.Parameter] = [dry_run] if "dry_run" in signature(job.run).parameters else []
    return click.Command(name, callback=run, help=getdoc(job.run), params=options)


for _name, _job in JOBS.items():
    run_commands.add_command(_command_of(_name, _job))

"""flask jobs: the periodic work, run once by hand or by a scheduler."""

import click
from flask.cli import with_appcontext

from kcardswap.runtime import current_runtime
from kcardswap.services import trades

BATCH = 100


@click.group("jobs")
def job_commands() -> None:
    """Run periodic work."""


@job_commands.group("run")
def run_commands() -> None:
    """Run one job now; every job may run at any time, on any number of machines at once."""


@run_commands.command("cancel-overdue-trades")
@with_appcontext
def cancel_overdue_trades() -> None:
    """Cancel swaps past their deadline and free their cards."""
    canceled = 0
    while batch := trades.cancel_overdue(current_runtime().unit_of_work(), limit=BATCH):
        canceled += batch
    click.echo(f"Canceled {canceled} overdue trades.")

"""flask jobs: the periodic work, run once by hand or by a scheduler."""

from collections.abc import Callable
from functools import partial

import click
import structlog
from flask.cli import with_appcontext

from kcardswap.domain.media import StorageUnavailable
from kcardswap.domain.subscriptions import ACKNOWLEDGE_ALARM, StoreUnavailable
from kcardswap.queries.subscriptions import unacknowledged_since
from kcardswap.runtime import Runtime, current_runtime
from kcardswap.services import subscriptions, trades, uploads

BATCH = 100
CHECKS = 20
MISSES_IN_A_ROW = 3
EVERYTHING = 1_000_000
log = structlog.get_logger(__name__)


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


@run_commands.command("expire-subscriptions")
@with_appcontext
def expire_subscriptions() -> None:
    """End the subscriptions whose time is over."""
    ended = 0
    while batch := subscriptions.expire_over(current_runtime().unit_of_work(), limit=BATCH):
        ended += batch
    click.echo(f"Ended {ended} subscriptions.")


@run_commands.command("verify-purchases")
@with_appcontext
def verify_purchases() -> None:
    """Ask the store about purchases whose state may have changed, and tell it which were delivered."""
    runtime = current_runtime()
    if runtime.settings.google_play_package_name is None:
        click.echo("Google Play is not configured; there is nothing to verify.")
        return
    verified, unknown, failed = _carry_out_checks(runtime)
    with runtime.database.reader() as connection:
        late = unacknowledged_since(connection, before=runtime.clock.now() - ACKNOWLEDGE_ALARM)
    if late:
        log.error("purchases_not_acknowledged", purchases=late)
    click.echo(f"Verified {verified} purchases; {unknown} unknown, {failed} failed, {late} late.")
    if failed or late:
        raise click.exceptions.Exit(1)


def _carry_out_checks(runtime: Runtime) -> tuple[int, int, int]:
    """Return how many checks went well, found nothing and failed; it stops when the store seems down."""
    verified = unknown = failed = in_a_row = 0
    while checks := subscriptions.begin_due_checks(runtime.unit_of_work(), limit=CHECKS):
        for check in checks:
            try:
                known = subscriptions.carry_out(runtime.unit_of_work(), runtime.play_store, check)
            except StoreUnavailable:
                failed, in_a_row = failed + 1, in_a_row + 1
                if in_a_row == MISSES_IN_A_ROW:
                    return verified, unknown, failed
            else:
                verified, unknown, in_a_row = verified + known, unknown + (not known), 0
    return verified, unknown, failed


@run_commands.command("purge-uploads")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@with_appcontext
def purge_uploads(dry_run: bool) -> None:
    """Remove pictures that never came or that nothing shows, with their objects."""
    storage = current_runtime().storage
    steps: dict[str, Callable[..., int]] = {
        "cards without their picture": uploads.drop_lapsed_cards,
        "uploads that never came": uploads.drop_lapsed,
        "pictures never attached": uploads.drop_unused,
        "objects of deleted pictures": partial(uploads.remove_objects, storage=storage),
        "rows of deleted pictures": uploads.forget_deleted,
    }
    try:
        counts = {name: _until_done(step, dry_run=dry_run) for name, step in steps.items()}
        counts["objects of no picture"] = uploads.remove_strays(
            current_runtime().unit_of_work(), storage, dry_run=dry_run
        )
    except StorageUnavailable as error:
        raise click.ClickException("The object storage does not work; the next run goes on.") from error
    removed = ", ".join(f"{count} {name}" for name, count in counts.items())
    click.echo(f"{'Would remove' if dry_run else 'Removed'} {removed}.")


def _until_done(step: Callable[..., int], *, dry_run: bool) -> int:
    if dry_run:
        return step(current_runtime().unit_of_work(), limit=EVERYTHING, dry_run=True)
    done = 0
    while batch := step(current_runtime().unit_of_work(), limit=BATCH):
        done += batch
    return done

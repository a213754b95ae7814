"""flask outbox: events on their way to their consumers, and those that were given up."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import click
from flask.cli import with_appcontext

from kcardswap.queries.outbox import OutboxRow, OutboxState, waiting_events
from kcardswap.runtime import Runtime, current_runtime
from kcardswap.services import outbox


@click.group("outbox")
def outbox_commands() -> None:
    """Look after events that wait for their consumers or were given up."""


@outbox_commands.command("list")
@click.option("--dead", "state", flag_value=OutboxState.DEAD.value, help="Only events that were given up.")
@click.option("--due", "state", flag_value=OutboxState.DUE.value, help="Only events that are due.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@with_appcontext
def list_events(state: str | None, limit: int, as_json: bool) -> None:
    """List events that are not through: all that are on their way, or only some."""
    runtime = current_runtime()
    now = runtime.clock.now()
    with runtime.database.reader() as connection:
        wanted = OutboxState(state) if state else OutboxState.OPEN
        rows = waiting_events(connection, state=wanted, now=now, limit=limit)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row._asdict(), default=_plain))
    else:
        _print_table(rows, now)


def _print_table(rows: Sequence[OutboxRow], now: datetime) -> None:
    if not rows:
        click.echo("No such events.")
        return
    width = max(len(row.event_type) for row in rows)
    click.echo(f"{'ID':36}  {'TYPE':{width}}  {'AGE':>8}  ATTEMPTS  LAST ERROR")
    for row in rows:
        age = _age(now - row.created_at)
        click.echo(f"{row.id}  {row.event_type:{width}}  {age:>8}  {row.attempts:8}  {row.last_error or ''}")


def _age(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _plain(value: UUID | datetime) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@outbox_commands.command("replay")
@click.argument("ids", metavar="[ID]...", type=click.UUID, nargs=-1)
@click.option("--all-dead", is_flag=True, help="Every event that was given up.")
@click.option("--type", "event_type", help="With --all-dead: only events of this type.")
@with_appcontext
def replay(ids: tuple[UUID, ...], all_dead: bool, event_type: str | None) -> None:
    """Try events again at once, with all attempts before them. What consumers did already is not repeated."""
    if bool(ids) == all_dead:
        raise click.UsageError("Name events, or say --all-dead.")
    if event_type is not None and not all_dead:
        raise click.UsageError("--type goes with --all-dead.")
    if all_dead:
        count = outbox.replay_dead(current_runtime().unit_of_work(), event_type=event_type)
    else:
        count = _replay_named(current_runtime(), ids)
    click.echo(f"{count} events are tried again.")


def _replay_named(runtime: Runtime, ids: Sequence[UUID]) -> int:
    replayed = outbox.replay(runtime.unit_of_work(), ids=ids)
    for unknown in sorted(set(ids) - set(replayed)):
        click.echo(f"{unknown} is not there, or through already.", err=True)
    return len(replayed)

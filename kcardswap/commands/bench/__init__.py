"""flask bench: whether the product stays as fast as it is when it grows."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click
from sqlalchemy import Connection, Engine

from kcardswap.commands.bench import report
from kcardswap.commands.bench.binders import BINDERS
from kcardswap.commands.bench.catalogue import CATALOGUE
from kcardswap.commands.bench.community import COMMUNITY
from kcardswap.commands.bench.events import EVENTS
from kcardswap.commands.bench.filling import Filling, fill
from kcardswap.commands.bench.lists import LISTS
from kcardswap.commands.bench.measuring import Listing, Reading, Result, measure
from kcardswap.commands.bench.moderation import MODERATION
from kcardswap.commands.bench.notices import NOTICES
from kcardswap.commands.bench.people import PEOPLE
from kcardswap.commands.bench.server import empty_databases
from kcardswap.commands.bench.swaps import SWAPS
from kcardswap.commands.bench.talks import TALKS
from kcardswap.commands.bench.world import MIN_ROWS, World, worlds
from kcardswap.persistence.embedded import EmbeddedPostgresError

FILLINGS: tuple[Filling, ...] = (
    *PEOPLE,
    *CATALOGUE,
    *BINDERS,
    *SWAPS,
    *COMMUNITY,
    *TALKS,
    *NOTICES,
    *MODERATION,
    *EVENTS,
)
"""Every table that is filled, after what it refers to."""
MIN_PHOTOCARDS = 300
ATTEMPTS = 3


class Sizes(click.ParamType[tuple[int, ...]]):
    """Two or more numbers of cards, separated by commas."""

    name = "sizes"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Return the numbers in ascending order."""
        try:
            sizes = tuple(sorted({int(part) for part in str(value).split(",")}))
        except ValueError:
            self.fail("give numbers separated by commas, such as 10000,100000", param, ctx)
        if len(sizes) < 2 or sizes[0] < MIN_ROWS:
            self.fail(f"give at least two different numbers from {MIN_ROWS} on", param, ctx)
        return sizes


@click.group("bench")
def bench_commands() -> None:
    """Measure the product; each benchmark says whether it meets its bar."""


@bench_commands.command()
@click.option(
    "--sizes",
    type=Sizes(),
    default="10000,100000,1000000",
    show_default=True,
    metavar="N,N,...",
    help="How many cards, gallery cards and wishes; people, friends and swaps in proportion.",
)
@click.option(
    "--photocards",
    type=click.IntRange(min=MIN_PHOTOCARDS),
    default=100_000,
    show_default=True,
    help="How many photocards the catalogue has, at every size.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    help="How often each list is read at each size.",
)
@click.option("--only", metavar="TEXT", default="", help="Measure only lists with TEXT in their names.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Also write the table and the plans to this file, as Markdown.",
)
def growth(sizes: tuple[int, ...], photocards: int, rounds: int, only: str, out: Path | None) -> None:
    """Compare how long each list takes with few and with many rows.

    Fills fresh databases on a PostgreSQL server of its own, runs the queries behind the API on them, and
    shows times and indexes. Exit status 1: a list is slower with the most rows than with the fewest, or reads
    a large table as a whole. The server and its data are deleted at the end; no other database is touched.
    With the default sizes it takes some minutes and about 4 GB of disk.
    """
    readings = [reading for each in LISTS for reading in each.readings() if only in reading.name]
    if not readings:
        raise click.BadParameter("no list has that in its name", param_hint="--only")
    try:
        results, server = compare(worlds(sizes, photocards), readings, rounds)
    except EmbeddedPostgresError as error:
        raise click.ClickException(str(error)) from error
    click.echo(report.table(results))
    if out is not None:
        out.write_text(report.document(results, server), encoding="utf-8")
        click.echo(f"Wrote {out}.")
    broken = [result for result in results if result.faults]
    if broken:
        raise click.ClickException(f"{len(broken)} of {len(results)} lists break the bar.")


def compare(places: Sequence[World], readings: Sequence[Reading], rounds: int) -> tuple[list[Result], str]:
    """Make the worlds, and return what each reading needs in them and the version of the server."""
    with empty_databases([f"growth_{world.size}" for world in places]) as engines, ExitStack() as stack:
        for world, engine in zip(places, engines, strict=True):
            _fill(world, engine)
        opened = [
            (world, stack.enter_context(engine.connect()))
            for world, engine in zip(places, engines, strict=True)
        ]
        with click.progressbar(readings, label="Reading lists", file=sys.stderr) as progress:
            results = [_measured(reading, opened, rounds) for reading in progress]
        version = opened[0][1].exec_driver_sql("SHOW server_version").scalar_one()
    return results, f"PostgreSQL {version}"


def _measured(reading: Reading, opened: Sequence[tuple[World, Connection]], rounds: int) -> Result:
    """Measure, and measure again what breaks the bar: noise seldom strikes the same list three times."""
    for _ in range(ATTEMPTS):
        result = measure(reading, opened, rounds=rounds)
        if not result.faults:
            break
    return result


def _fill(world: World, engine: Engine) -> None:
    total = sum(filling.rows(world) for filling in FILLINGS)
    label = f"Filling for {world.size:,} cards"
    with click.progressbar(length=total, label=label, file=sys.stderr) as progress:
        fill(engine, world, FILLINGS, on_rows=progress.update)


__all__ = ["FILLINGS", "LISTS", "Listing", "bench_commands", "compare"]

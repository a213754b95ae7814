"""Filling a database with a world: COPY, table by table."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, Table

from kcardswap.commands.bench.world import World

BATCH_ROWS = 20_000
Row = tuple[Any, ...]
_PLAIN_INDEXES = """
    SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
    FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE relnamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


@dataclass(frozen=True)
class Filling:
    """How one table is filled: ``make_row(world, n)`` for each n; None leaves a row out."""

    table: Table
    columns: tuple[str, ...]
    rows: Callable[[World], int]
    make_row: Callable[[World, int], Row | None]


def fills(
    table: Table, columns: str, *, rows: Callable[[World], int]
) -> Callable[[Callable[[World, int], Row | None]], Filling]:
    """Return a decorator that makes a Filling of a function.

    :param columns: the names of what it returns, separated by blanks.
    :param rows: how many there are at most.
    """
    return lambda make_row: Filling(table, tuple(columns.split()), rows, make_row)


def fill(
    engine: Engine, world: World, fillings: tuple[Filling, ...], *, on_rows: Callable[[int], None]
) -> None:
    """Copy all tables of ``world`` into an empty database, then let it look as one that has been running.

    :param on_rows: told how many rows were looked at since it was last told.
    """
    with _patient(engine) as connection, _without_indexes(connection):
        for filling in fillings:
            columns = ", ".join(f'"{column}"' for column in filling.columns)
            command = f"COPY {filling.table.name} ({columns}) FROM STDIN (FORMAT csv)"
            for looked_at, text in _batches(filling, world):
                with closing(connection.connection.cursor()) as cursor:
                    cursor.copy_expert(command, text)
                on_rows(looked_at)
    with _patient(engine) as connection:
        # What autovacuum would have done by the time the tables have grown so large.
        connection.exec_driver_sql("VACUUM (ANALYZE)")
        connection.exec_driver_sql("CHECKPOINT")


@contextmanager
def _patient(engine: Engine) -> Iterator[Connection]:
    """Yield a connection whose statements commit at once and may take as long as they like."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        yield connection
        connection.invalidate()


@contextmanager
def _without_indexes(connection: Connection) -> Iterator[None]:
    """Drop every index that is no constraint, and make them again at the end: half the time, same result."""
    indexes = connection.exec_driver_sql(_PLAIN_INDEXES).all()
    for index in indexes:
        connection.exec_driver_sql(f"DROP INDEX {index.name}")
    yield
    for index in indexes:
        connection.exec_driver_sql(index.definition)


def _batches(filling: Filling, world: World) -> Iterator[tuple[int, io.StringIO]]:
    numbers = iter(range(filling.rows(world)))
    while batch := list(islice(numbers, BATCH_ROWS)):
        text = io.StringIO()
        # None becomes an empty field, which COPY reads as NULL.
        csv.writer(text).writerows(row for n in batch if (row := filling.make_row(world, n)) is not None)
        text.seek(0)
        yield len(batch), text

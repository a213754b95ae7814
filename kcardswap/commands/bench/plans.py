"""What PostgreSQL does to answer a statement: its plan, and how it comes to the rows of each table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

SMALL_TABLE_ROWS = 10_000
"""Tables up to this size may be read as a whole: a few hundred pages, which no index makes faster."""
_TABLE_ROWS = text("SELECT relname, reltuples FROM pg_class WHERE relkind IN ('r', 'p') AND reltuples > 0")


@dataclass(frozen=True)
class Access:
    """One place of a plan where rows of a table are read; ``index`` is None for a sequential scan."""

    node: str
    table: str | None
    index: str | None
    rows: float
    loops: int
    condition: str | None

    def __str__(self) -> str:
        """Return it like a line of EXPLAIN."""
        via = f" using {self.index}" if self.index else ""
        on = f" on {self.table}" if self.table else ""
        condition = f": {self.condition}" if self.condition else ""
        return f"{self.node}{via}{on} (rows={self.rows:g} loops={self.loops}){condition}"


@dataclass(frozen=True)
class Plan:
    """The plan of one statement as it was executed; ``buffers`` are pages of 8 KiB looked at."""

    execution_ms: float
    buffers: int
    accesses: tuple[Access, ...]

    @property
    def indexes(self) -> list[str]:
        """Return the indexes that were read, each once, in the order of the plan."""
        return list(dict.fromkeys(access.index for access in self.accesses if access.index))

    def full_reads(self, table_rows: Mapping[str, float], small_table_rows: int) -> list[str]:
        """Return the tables larger than ``small_table_rows`` that were read from beginning to end."""
        return [
            access.table
            for access in self.accesses
            if access.table and access.node == "Seq Scan" and table_rows[access.table] > small_table_rows
        ]


def explain(connection: Connection, statement: str, parameters: Any) -> Plan:
    """Execute the statement once more and return how that was done."""
    explained = connection.exec_driver_sql(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters
    ).scalar_one()
    (whole,) = explained
    root = whole["Plan"]
    buffers = root["Shared Hit Blocks"] + root["Shared Read Blocks"]
    return Plan(whole["Execution Time"], buffers, tuple(_accesses(root)))


def table_sizes(connection: Connection) -> dict[str, float]:
    """Return the number of rows of every table, as ANALYZE counted them."""
    # What was empty then counts as -1.
    sizes: dict[str, float] = dict.fromkeys(_table_names(connection), 0.0)
    return sizes | {row.relname: row.reltuples for row in connection.execute(_TABLE_ROWS)}


def _table_names(connection: Connection) -> Sequence[str]:
    return connection.scalars(text("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')")).all()


def _accesses(node: Mapping[str, Any]) -> Iterator[Access]:
    table, index = node.get("Relation Name"), node.get("Index Name")
    # Branches the executor never came to cost nothing.
    if (table or index) and node["Actual Loops"]:
        condition = node.get("Index Cond") or node.get("Filter")
        yield Access(node["Node Type"], table, index, node["Actual Rows"], node["Actual Loops"], condition)
    for child in node.get("Plans", ()):
        yield from _accesses(child)

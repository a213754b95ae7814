"""Measuring lists: the query functions of the product, run on worlds of different sizes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from inspect import signature
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, event

from kcardswap.commands.bench.plans import SMALL_TABLE_ROWS, Plan, explain, table_sizes
from kcardswap.commands.bench.world import PROBES, World
from kcardswap.queries.keyset import Page, PageRequest

RATIO_BAR = 1.3
NOISE_MS = 0.2
"""What scheduling on a busy machine adds to a median now and then; also less than one network round trip."""
PAGE_ROWS = 20


class Paging(StrEnum):
    """How the second page of a list is asked for."""

    KEY = "by key"
    OFFSET = "by offset"
    NONE = "none"


@dataclass(frozen=True)
class Listing:
    """One list or look-up of the product.

    :param operation: the operation of the API that reads it, such as ``GET /wishlist``.
    :param what: tells apart the filters and sorts of one operation.
    :param arguments: what the query is called with for one of the probes of a world.
    """

    operation: str
    what: str
    query: Callable[..., Any]
    arguments: Callable[[World, int], dict[str, Any]]
    paging: Paging = Paging.NONE
    page_rows: int = PAGE_ROWS

    @property
    def is_paged(self) -> bool:
        """Tell whether the query returns pages."""
        return "page" in signature(self.query).parameters

    def readings(self) -> "Iterator[Reading]":
        """Yield each way of reading it that costs differently."""
        yield Reading(self, "page 1" if self.is_paged else "")
        if self.paging is not Paging.NONE:
            yield Reading(self, f"page 2 {self.paging}")


@dataclass(frozen=True)
class Reading:
    """One way of reading a list: all of it, its first page, or the one after."""

    listing: Listing
    page: str

    @property
    def name(self) -> str:
        """Return what tables call it."""
        return ", ".join(filter(None, (self.listing.operation, self.listing.what, self.page)))

    def arguments(self, connection: Connection, world: World, probe: int) -> dict[str, Any]:
        """Return what the query is called with; asking for a second page reads the first.

        :raises LookupError: there is no second page to ask for.
        """
        given = self.listing.arguments(world, probe)
        if not self.listing.is_paged:
            return given
        limit = self.listing.page_rows
        if self.listing.paging is not Paging.NONE:
            # In a world so small that its lists are short, pages are, too.
            limit = max(1, min(limit, world.probe_rows // 4))
        first = PageRequest(limit)
        if self.page == "page 1":
            return {**given, "page": first}
        read: Page[Any] = self.listing.query(connection, **given, page=first)
        if read.next_key is None:
            raise LookupError(f"{self.listing.operation}, {self.listing.what}: everything is on one page")
        if self.listing.paging is Paging.OFFSET:
            return {**given, "page": first._replace(offset=limit)}
        return {**given, "page": first._replace(after=read.next_key)}


@dataclass(frozen=True)
class Sent:
    """One statement as it went to the database, and the milliseconds until its rows were here."""

    statement: str
    parameters: Any
    ms: float


@dataclass
class Figures:
    """What one reading needs in one world."""

    world: World
    rows: int
    plans: list[Plan]
    full_reads: list[str]
    times_ms: list[float] = field(default_factory=list)

    @property
    def p50_ms(self) -> float:
        """Return the time half of the rounds stay below."""
        return median(self.times_ms)


@dataclass(frozen=True)
class Result:
    """What one reading needs in each world, smallest first."""

    reading: Reading
    figures: Sequence[Figures]

    @property
    def ratio(self) -> float:
        """Return how many times as long the largest world takes as the smallest."""
        return self.figures[-1].p50_ms / self.figures[0].p50_ms

    @property
    def faults(self) -> list[str]:
        """Return what breaks the bar, in words; empty when nothing does."""
        tables = sorted({table for figures in self.figures for table in figures.full_reads})
        faults = [f"reads all of {table}" for table in tables]
        slower_ms = self.figures[-1].p50_ms - self.figures[0].p50_ms
        if slower_ms > NOISE_MS and self.ratio > RATIO_BAR:
            faults.append(f"{self.ratio:.2f} times as slow")
        return faults


def measure(
    reading: Reading,
    places: Sequence[tuple[World, Connection]],
    *,
    rounds: int,
    small_table_rows: int = SMALL_TABLE_ROWS,
) -> Result:
    """Run one reading in all worlds in turns, so that what else the machine does hits all of them alike."""
    calls = {world: _calls(reading, world, connection) for world, connection in places}
    figures = [
        _planned(reading, world, connection, calls[world][0], small_table_rows)
        for world, connection in places
    ]
    for number in range(rounds):
        for (world, connection), noted in zip(places, figures, strict=True):
            sent, _ = run(reading.listing.query, connection, calls[world][number % PROBES])
            noted.times_ms.append(sum(each.ms for each in sent))
    return Result(reading, figures)


def run(
    query: Callable[..., Any], connection: Connection, arguments: dict[str, Any]
) -> tuple[list[Sent], Any]:
    """Call a query in a transaction of its own and return the statements it sent, and its answer."""
    with capturing(connection) as sent:
        answer = query(connection, **arguments)
    connection.rollback()
    return sent, answer


@contextmanager
def capturing(connection: Connection) -> Iterator[list[Sent]]:
    """Collect the statements that ``connection`` sends meanwhile."""
    sent: list[Sent] = []
    began = 0.0

    def before(*args: Any) -> None:
        nonlocal began
        began = perf_counter()

    def after(connection: Connection, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        sent.append(Sent(statement, parameters, (perf_counter() - began) * 1000))

    event.listen(connection, "before_cursor_execute", before)
    event.listen(connection, "after_cursor_execute", after)
    try:
        yield sent
    finally:
        event.remove(connection, "before_cursor_execute", before)
        event.remove(connection, "after_cursor_execute", after)


def _calls(reading: Reading, world: World, connection: Connection) -> list[dict[str, Any]]:
    """Return the arguments for each probe, each used once: pages are in memory and statements compiled."""
    calls = [reading.arguments(connection, world, probe) for probe in range(PROBES)]
    for arguments in calls:
        run(reading.listing.query, connection, arguments)
    return calls


def _planned(
    reading: Reading,
    world: World,
    connection: Connection,
    arguments: dict[str, Any],
    small_table_rows: int,
) -> Figures:
    sent, answer = run(reading.listing.query, connection, arguments)
    plans = [explain(connection, each.statement, each.parameters) for each in sent]
    sizes = table_sizes(connection)
    connection.rollback()
    full_reads = [table for plan in plans for table in plan.full_reads(sizes, small_table_rows)]
    return Figures(world, _rows(answer), plans, full_reads)


def _rows(answer: Any) -> int:
    if isinstance(answer, Page):
        return len(answer.rows)
    return len(answer) if isinstance(answer, list) else 1

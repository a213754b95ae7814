"""What the benchmark found, as a table for the terminal and as a document."""

import os
import platform
from collections.abc import Iterator, Sequence

from kcardswap.commands.bench.measuring import NOISE_MS, RATIO_BAR, Result
from kcardswap.commands.bench.plans import SMALL_TABLE_ROWS

_INTRODUCTION = """\
# Growth

How long each list takes in a world of {sizes} cards. Written by `make bench-growth`, which
runs the query functions of the product and fails when one of them breaks the bar:

- no table of more than {small_table} rows is read from beginning to end;
- the largest world takes at most {ratio} times as long as the smallest. Differences up to {noise} ms do not
  count: they are below one network round trip, and within what a busy machine adds.

The world grows by people: each of the ten people who are measured has the same cards, wishes, friends and
swaps in every world, and the catalogue is the same. Times are medians of what the statements take, seen from
Python: planning, execution, and the rows on their way. The sizes take turns, so whatever else the machine
does hits all of them alike, and what breaks the bar is measured up to three times.

{place}.
"""


def table(results: Sequence[Result]) -> str:
    """Return the results in columns of even width."""
    rows = [_header(results), *(_cells(result) for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    # Names to the left, numbers to the right, and what is last as long as it likes.
    aligned = (
        [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:-2], widths[1:-2], strict=True)),
            row[-2].ljust(widths[-2]),
            row[-1],
        ]
        for row in rows
    )
    return "\n".join("  ".join(cells).rstrip() for cells in aligned)


def document(results: Sequence[Result], server: str) -> str:
    """Return the results as a page of Markdown."""
    return "\n".join([_introduction(results, server), *_markdown_table(results), "", *_plans(results), ""])


def _header(results: Sequence[Result]) -> list[str]:
    sizes = [f"{figures.world.size:,}" for figures in results[0].figures]
    return ["list", "rows", *(f"p50 ms at {size}" for size in sizes), "ratio", "index", "verdict"]


def _cells(result: Result) -> list[str]:
    times = [f"{figures.p50_ms:.2f}" for figures in result.figures]
    verdict = "; ".join(result.faults) or "ok"
    rows = str(result.figures[-1].rows)
    return [result.reading.name, rows, *times, f"{result.ratio:.2f}", _leading_index(result), verdict]


def _leading_index(result: Result) -> str:
    indexes = [index for plan in result.figures[-1].plans for index in plan.indexes]
    return indexes[0] if indexes else "none"


def _introduction(results: Sequence[Result], server: str) -> str:
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    return _INTRODUCTION.format(
        sizes=" / ".join(f"{figures.world.size:,}" for figures in results[0].figures),
        small_table=f"{SMALL_TABLE_ROWS:,}",
        ratio=RATIO_BAR,
        noise=NOISE_MS,
        place=f"{server}, {machine}, Python {platform.python_version()}",
    )


def _markdown_table(results: Sequence[Result]) -> Iterator[str]:
    header = _header(results)
    yield f"| {' | '.join(header)} |"
    yield f"|---|{'---:|' * (len(header) - 3)}---|---|"
    for result in results:
        name, *numbers, index, verdict = _cells(result)
        yield f"| {name} | {' | '.join(numbers)} | {index if index == 'none' else f'`{index}`'} | {verdict} |"


def _plans(results: Sequence[Result]) -> Iterator[str]:
    yield "## The plans"
    yield ""
    yield "How the rows of each table are found in the largest world: every node of the plan that read some."
    yield "Pages are of 8 KiB, counted in each world from the smallest to the largest."
    for result in results:
        yield ""
        yield f"### {result.reading.name}"
        yield ""
        yield "```"
        for same_statement in zip(*(figures.plans for figures in result.figures), strict=True):
            pages = " / ".join(str(plan.buffers) for plan in same_statement)
            plan = same_statement[-1]
            yield f"{plan.execution_ms:.3f} ms, pages read: {pages}"
            yield from (f"  {access}" for access in plan.accesses)
        yield "```"

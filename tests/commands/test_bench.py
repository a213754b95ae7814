"""flask bench growth: its world is right, every list is in it, and it says no when it should.

Nothing here looks at how long something takes: that is what the benchmark itself is for.
"""

import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_origin
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from kcardswap import queries
from kcardswap.commands import bench
from kcardswap.commands.bench import measuring
from kcardswap.commands.bench.filling import fill
from kcardswap.commands.bench.lists import LISTS
from kcardswap.commands.bench.measuring import Figures, Listing, Paging, Reading, Result, measure
from kcardswap.commands.bench.server import empty_databases
from kcardswap.commands.bench.world import PROBES, Kind, World, row_id, worlds
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.friendships import friendships
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.queries.keyset import Page

SIZES = (200, 400)
PHOTOCARDS = bench.MIN_PHOTOCARDS
Places = list[tuple[World, Connection]]


@pytest.fixture(scope="module")
def places() -> Iterator[Places]:
    """Two filled worlds."""
    smaller_first = worlds(SIZES, PHOTOCARDS)
    with empty_databases([str(world.size) for world in smaller_first]) as engines, ExitStack() as stack:
        for world, engine in zip(smaller_first, engines, strict=True):
            fill(engine, world, bench.FILLINGS, on_rows=lambda rows: None)
        yield [
            (world, stack.enter_context(engine.connect()))
            for world, engine in zip(smaller_first, engines, strict=True)
        ]


READINGS = [reading for listing in LISTS for reading in listing.readings()]


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading.name)
def test_every_list_is_read_and_explained_in_every_world(places: Places, reading: Reading) -> None:
    result = measure(reading, places, rounds=2)
    for figures in result.figures:
        assert figures.rows > 0
        assert figures.plans and all(plan.accesses for plan in figures.plans)
        assert len(figures.times_ms) == 2 and figures.p50_ms > 0


def test_what_is_measured_is_alike_in_every_world(places: Places) -> None:
    owners = (cards.c.owner_id, wishlist_items.c.user_id, friendships.c.user_id)
    belongings = [
        select(func.count()).where(owner == UUID(row_id(Kind.USER, 3))).scalar_subquery() for owner in owners
    ]
    counts = []
    for _, connection in places:
        counts.append(connection.execute(select(*belongings)).one())
        connection.rollback()
    assert counts[0] == counts[1]
    assert all(counts[0])


def unindexed(connection: Connection, *, note: str) -> list[Any]:
    """Look for something no index leads to."""
    return list(connection.execute(select(cards.c.id).where(cards.c.note == note)))


def test_a_query_without_an_index_is_flagged(places: Places) -> None:
    listing = Listing("GET /cards", "by note", unindexed, lambda world, probe: {"note": str(probe)})
    (reading,) = listing.readings()
    result = measure(reading, places, rounds=1, small_table_rows=100)
    assert result.faults[:1] == ["reads all of cards"]
    assert measure(reading, places, rounds=1, small_table_rows=1000).faults in ([], [result.faults[-1]])


def test_a_list_that_fits_on_one_page_has_no_second(places: Places) -> None:
    def one(connection: Connection, *, page: Any) -> Page[Any]:
        return Page([1], 1, None)

    _, second = Listing("GET /one", "", one, lambda world, probe: {}, Paging.KEY).readings()
    with pytest.raises(LookupError, match="everything is on one page"):
        measure(second, places, rounds=1)


def result_of(smallest_ms: list[float], largest_ms: list[float]) -> Result:
    reading = Reading(LISTS[0], "")
    return Result(
        reading,
        [
            Figures(world, 1, [], [], times)
            for world, times in zip(worlds(SIZES, PHOTOCARDS), (smallest_ms, largest_ms), strict=True)
        ],
    )


def test_a_list_may_take_a_third_longer_and_small_differences_do_not_count() -> None:
    assert result_of([1.0, 1.1, 9.0], [1.3, 1.4, 9.0]).faults == []
    assert result_of([1.0, 1.1, 9.0], [1.5, 1.6, 1.7]).faults == ["1.45 times as slow"]
    assert result_of([0.1], [0.3]).faults == []
    assert result_of([0.1], [0.31]).faults == ["3.10 times as slow"]


def test_the_command_prints_a_table_writes_the_document_and_leaves_nothing_behind(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "RATIO_BAR", 1e9)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    out = tmp_path / "growth.md"
    arguments = ["--sizes", "400,200", "--photocards", "300", "--rounds", "1", "--only", "sessions"]
    done = app.test_cli_runner().invoke(args=["bench", "growth", *arguments, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "p50 ms at 200  p50 ms at 400" in done.stdout
    assert "ix_sessions_user_id_last_used_at" in done.stdout
    assert "Filling for 400 cards" in done.stderr
    assert "| GET /auth/sessions | 3 |" in out.read_text()
    assert "using ix_sessions_user_id_last_used_at" in out.read_text()
    assert list(tmp_path.iterdir()) == [out]


def test_the_command_fails_when_a_list_breaks_the_bar(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    results = [result_of([1.0], [1.0]), result_of([1.0], [2.0])]
    monkeypatch.setattr(bench, "compare", lambda *arguments: (results, "PostgreSQL"))
    done = app.test_cli_runner().invoke(args=["bench", "growth"])
    assert done.exit_code == 1
    assert "2.00 times as slow" in done.stdout
    assert "Error: 1 of 2 lists break the bar." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--sizes", "1000"], "at least two different numbers"),
        (["--sizes", "100,1000"], "from 200 on"),
        (["--sizes", "many,more"], "numbers separated by commas"),
        (["--only", "no such list"], "no list has that in its name"),
    ],
    ids=["one size", "too small", "no numbers", "no list"],
)
def test_what_cannot_be_compared_is_refused(app: Flask, arguments: list[str], complaint: str) -> None:
    done = app.test_cli_runner().invoke(args=["bench", "growth", *arguments])
    assert done.exit_code == 2
    assert complaint in done.output


def query_functions() -> dict[str, Callable[..., Any]]:
    """Return the public functions of ``kcardswap.queries`` that return many rows."""
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(queries.__path__, f"{queries.__name__}.")
    ]
    return {
        f"{module.__name__}.{name}": function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and "connection" in inspect.signature(function).parameters
        and get_origin(inspect.signature(function).return_annotation) in (Page, list)
    }


NO_LISTS = {
    # Runs the statement it is given, for every other one.
    "kcardswap.queries.keyset.fetch_page",
    # One row for each periodic job of the program, however much the product grows.
    "kcardswap.queries.jobs.scheduled",
}


def test_every_query_that_returns_many_rows_is_measured() -> None:
    measured = {listing.query for listing in LISTS}
    missing = [name for name, function in query_functions().items() if function not in measured]
    assert set(missing) == NO_LISTS


def test_every_paged_operation_of_the_document_is_measured(app: Flask) -> None:
    document = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    paged = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, operations in document["paths"].items()
        for method in ("get", "post")
        if any(given.get("name") == "limit" for given in operations.get(method, {}).get("parameters", ()))
    }
    assert len(paged) > 5
    assert paged - {listing.operation for listing in LISTS} == set()


@given(st.integers(200, 3000), st.integers(0, 3000))
def test_owners_and_ranks_lead_back_to_their_row(size: int, n: int) -> None:
    (world,) = worlds((size,), PHOTOCARDS)
    slot = world.slot(n % size)
    assert world.row_of(world.owner(slot), world.rank(slot)) == n % size


@pytest.mark.parametrize("size", [200, 1000, 10_000])
def test_probes_own_the_same_in_every_world(size: int) -> None:
    (*_, world) = worlds((200, size), PHOTOCARDS)
    owned = Counter(world.owner(world.slot(n)) for n in range(size))
    assert len(owned) == world.people
    assert {owned[probe] for probe in range(PROBES)} == {world.probe_rows}
    assert max(owned[other] for other in range(PROBES, world.people)) == world.binder_rows

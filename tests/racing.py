"""Calls that start at the same moment, as parallel requests do, or that meet the locks of another."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import monotonic, sleep
from typing import Any

from sqlalchemy import text

from kcardswap.domain.errors import Refusal
from kcardswap.runtime import Runtime, retrying
from kcardswap.services import UnitOfWork

_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def at_once(*works: Callable[[], object]) -> list[Any]:
    """Run all works at the same moment; return what each returned or was refused with.

    What the database asks to repeat is repeated, as in requests.
    """
    barrier = Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        barrier.wait(timeout=30)
        try:
            return retrying(work)
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(len(works)) as pool:
        return [*pool.map(run, works)]


def not_held_up(
    runtime: Runtime, hold: Callable[[UnitOfWork], object], works: Mapping[str, Callable[[], object]]
) -> list[str]:
    """Return which works do not wait for the locks ``hold`` takes; each is tried alone."""
    return [name for name, work in works.items() if not _is_held_up(runtime, hold, work)]


def _is_held_up(runtime: Runtime, hold: Callable[[UnitOfWork], object], work: Callable[[], object]) -> bool:
    uow, patience = runtime.unit_of_work(), monotonic() + 30
    with ThreadPoolExecutor(1) as pool:
        with uow:
            hold(uow)
            started = pool.submit(work)
            while not started.done() and not _waiting(runtime) and monotonic() < patience:
                sleep(0.01)
            waits = not started.done()
        started.result(timeout=30)
    return waits


def _waiting(runtime: Runtime) -> bool:
    with runtime.database.reader() as connection:
        return bool(connection.execute(_WAITING).scalar_one())

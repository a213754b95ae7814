"""Calls that start at the same moment, as parallel requests do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from kcardswap.api.requests import retrying
from kcardswap.domain.errors import Refusal


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

"""Whose lists are read, and what queries are called with."""

from collections.abc import Callable
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from kcardswap.commands.bench.world import PROBES, Kind, World, row_id
from kcardswap.domain.quotas import QuotaCalendar

Arguments = Callable[[World, int], dict[str, Any]]
NO_FILTER: dict[str, Any] = {}
CALENDAR = QuotaCalendar(ZoneInfo("Asia/Taipei"))


def person(probe: int) -> UUID:
    """Return the id of a probe."""
    return UUID(row_id(Kind.USER, probe))


def neighbour(probe: int) -> UUID:
    """Return the id of another probe than that one."""
    return person((probe + 1) % PROBES)


def of(**constant: Any) -> Callable[..., Arguments]:
    """Return a function that names the parameters people are given in."""

    def naming(**people: Callable[[int], UUID]) -> Arguments:
        return lambda world, probe: constant | {key: who(probe) for key, who in people.items()}

    return naming


def photocard_id(photocard: int) -> UUID:
    """Return the id of a photocard."""
    return UUID(row_id(Kind.PHOTOCARD, photocard))

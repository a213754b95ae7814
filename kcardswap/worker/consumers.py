"""What happens because of events: which consumers each type has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kcardswap.domain.base import StoredEvent
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.runtime import Runtime


@dataclass(frozen=True, kw_only=True)
class Consumer:
    """One thing that happens because of an event, once.

    :param name: under which ``processed_events`` remembers that it happened.
    """

    name: str


@dataclass(frozen=True, kw_only=True)
class Inside(Consumer):
    """Changes the database only, in one transaction with the note that it happened: exactly once."""

    work: Callable[[UnitOfWork, StoredEvent], object]


@dataclass(frozen=True, kw_only=True)
class Outside(Consumer):
    """Reaches out of the database, in transactions of its own, and is noted afterwards: at least once.

    A worker lost in between does it again, so it has to know what it did already.
    """

    work: Callable[[Runtime, StoredEvent], object]


Consumers = Mapping[str, tuple[Inside | Outside, ...]]
"""Consumers by the type of event."""

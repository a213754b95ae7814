"""What every aggregate and event is built on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, Protocol
from uuid import UUID

NewId = Callable[[], UUID]
"""Makes the id of a new row; version 7, so that ids of one table sort by age."""


class Clock(Protocol):
    """Tells the time; injected so that deadlines can be tested and demo data can be dated."""

    def now(self) -> datetime:
        """Return the current moment, aware, in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened: a past-tense name with ids and facts, never entities."""

    aggregate: ClassVar[str]
    """Kind of the aggregate that changed; ``<aggregate>_id`` is the field that names it."""

    @property
    def aggregate_id(self) -> UUID:
        """Return the id of the aggregate this happened to."""
        value = getattr(self, f"{self.aggregate}_id")
        assert isinstance(value, UUID)
        return value


class StoredEvent(NamedTuple):
    """An event as the outbox kept it and as its consumers get it."""

    id: UUID
    event_type: str
    aggregate_id: UUID
    payload: Mapping[str, Any]
    """The fields of the event; ids and times are text."""
    request_id: str | None
    """The request that caused it; none for jobs and commands."""
    created_at: datetime


class RetryLater(Exception):
    """A consumer cannot do its part yet; it is asked again after ``seconds``, its other effects undone."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:g} s")
        self.seconds = seconds


class Aggregate:
    """An entity that is loaded, locked and stored as a whole and records what happened to it."""

    def record(self, event: Event) -> None:
        """Remember ``event`` until the unit of work collects it."""
        # Loading from the database runs no __init__, so the buffer is made on first use.
        self.__dict__.setdefault("_events", []).append(event)

    def collect_events(self) -> list[Event]:
        """Return the events recorded since the last call, oldest first, and forget them."""
        events: list[Event] = self.__dict__.pop("_events", [])
        return events

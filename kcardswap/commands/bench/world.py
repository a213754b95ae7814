"""Who owns what in the world the benchmark reads: the same for every run, computed instead of stored."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import cache
from hashlib import sha256
from math import gcd

NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
"""The moment the world is read at; nothing in it is younger."""
SPAN = timedelta(days=730)
PROBES = 10
"""People whose lists are measured: alike in every world, whatever its size."""
MIN_ROWS = 200
_PROBE_ROWS, _BINDER_ROWS, _MIN_OTHERS = 200, 50, 60
_FIRST_MILLISECOND = int((NOW - SPAN).timestamp() * 1000)


class Kind(IntEnum):
    """What an id belongs to; part of the id, so that ids of different tables differ."""

    USER = 1
    SESSION = 2
    GROUP = 3
    MEMBER = 4
    RELEASE = 5
    PHOTOCARD = 6
    CARD = 7
    CARD_PICTURE = 8
    GALLERY_CARD = 9
    GALLERY_PICTURE = 10
    WISH = 11
    FRIENDSHIP = 12
    BLOCK = 13
    TRADE = 14
    SEAT = 15
    TRADE_ITEM = 16
    ALIAS = 17
    SUBSCRIPTION = 18
    RATING = 19
    THREAD = 20
    MESSAGE = 21
    MESSAGE_REQUEST = 22
    POST = 23
    POST_LIKE = 24
    POST_COMMENT = 25
    POST_INTEREST = 26
    NOTIFICATION = 27
    REPORT = 28
    SANCTION = 29
    AUDIT_ENTRY = 30
    EVENT = 31


def row_id(kind: Kind, n: int) -> str:
    """Return the id of row ``n``: a UUID of version 7, so ids ascend as they do in production."""
    moment = f"{_FIRST_MILLISECOND + n:012x}"
    return f"{moment[:8]}-{moment[8:]}-7{kind:03x}-8000-{n:012x}"


def digest(*parts: object) -> str:
    """Return 64 hexadecimal digits that look random and are always the same for the same parts."""
    return sha256("|".join(map(str, parts)).encode()).hexdigest()


@dataclass(frozen=True)
class World:
    """A world with ``size`` cards, and as many wishes and gallery cards.

    It grows as the product would: by people. A binder stays of ordinary size, the catalogue has as many
    photocards as there are, and the ``PROBES`` people who are measured own the same in every world.
    """

    size: int
    photocards: int
    probe_rows: int
    binder_rows: int

    @property
    def people(self) -> int:
        """Return the number of people, probes first."""
        others = self.size - PROBES * self.probe_rows
        return PROBES + -(-others // self.binder_rows)

    @property
    def others(self) -> int:
        """Return the number of people who are no probes."""
        return self.people - PROBES

    def slot(self, n: int) -> int:
        """Return the place of row ``n``, counted from 0, when rows are sorted by their owners.

        What belongs to one person is spread over the whole table, as it is when people add things over years.
        """
        return n * _stride(self.size) % self.size

    def owner(self, slot: int) -> int:
        """Return the number of the person a place belongs to."""
        reserved = PROBES * self.probe_rows
        return slot % PROBES if slot < reserved else PROBES + (slot - reserved) // self.binder_rows

    def rank(self, slot: int) -> int:
        """Return the place among its owner's rows, from 0."""
        reserved = PROBES * self.probe_rows
        return slot // PROBES if slot < reserved else (slot - reserved) % self.binder_rows

    def row_of(self, person: int, rank: int) -> int:
        """Return the row at a place among its owner's rows: ``owner`` and ``rank`` backwards."""
        reserved = PROBES * self.probe_rows
        slot = (
            rank * PROBES + person
            if person < PROBES
            else reserved + (person - PROBES) * self.binder_rows + rank
        )
        return min(slot, self.size - 1) * pow(_stride(self.size), -1, self.size) % self.size

    def other(self, n: int) -> int:
        """Return the number of somebody who is no probe; goes round when ``n`` passes their number."""
        return PROBES + n % self.others

    def moment(self, n: int, rows: int) -> datetime:
        """Return when row ``n`` of ``rows`` was made: evenly over the last two years, ascending."""
        return NOW - SPAN * ((rows - n) / (rows + 1))


def worlds(sizes: tuple[int, ...], photocards: int) -> list[World]:
    """Return the worlds of these sizes, smallest first; what is measured is alike in all of them."""
    smallest = min(sizes)
    probe_rows = min(_PROBE_ROWS, smallest // (4 * PROBES))
    binder_rows = min(_BINDER_ROWS, (smallest - PROBES * probe_rows) // _MIN_OTHERS)
    return [World(size, photocards, probe_rows, binder_rows) for size in sorted(set(sizes))]


@cache
def _stride(size: int) -> int:
    # The golden ratio spreads neighbours best; a stride without common divisor visits every place once.
    stride = max(1, int(size * 0.618))
    while gcd(stride, size) != 1:
        stride += 1
    return stride

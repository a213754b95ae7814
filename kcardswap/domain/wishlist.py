"""Wishlists: the photocards somebody looks for, and when a card is good enough."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.cards import Condition
from kcardswap.domain.errors import Conflict, Forbidden, NotFound

MOST_WANTED, DEFAULT_PRIORITY, LEAST_WANTED = 1, 2, 3
WORSE_THAN_ANY = len(Condition)
"""Rank behind the worst condition."""


class WishNotFound(NotFound):
    """No such wish, or it is somebody else's."""

    def __init__(self) -> None:
        super().__init__("wishlist_item")


class WishExists(Conflict):
    """The photocard is on the list already; ``wishlist_item_id`` in the details names the wish."""

    message = "This photocard is on your wishlist already."
    reason = "wish_exists"


class WishlistPrivate(Forbidden):
    """The person shows their wishlist to nobody."""

    message = "This person keeps their wishlist private."
    reason = "wishlist_private"


@dataclass(frozen=True, slots=True, kw_only=True)
class WishAdded(Event):
    """Somebody looks for a photocard."""

    aggregate: ClassVar[str] = "wish"
    wish_id: UUID
    user_id: UUID
    photocard_id: UUID


@dataclass(eq=False, kw_only=True)
class Wish(Aggregate):
    """One person looks for one photocard; there is one wish per person and photocard."""

    id: UUID
    user_id: UUID
    photocard_id: UUID
    priority: int
    """1 is wanted most, 3 least."""
    min_condition: Condition | None
    note: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def add(
        cls, *, id: UUID, user_id: UUID, photocard_id: UUID, terms: Mapping[str, Any], now: datetime
    ) -> "Wish":
        """Put a photocard on the wishlist; ``terms`` takes the keys of ``change``."""
        wish = cls(
            id=id,
            user_id=user_id,
            photocard_id=photocard_id,
            priority=DEFAULT_PRIORITY,
            min_condition=None,
            note=None,
            created_at=now,
            updated_at=now,
        )
        wish.change(terms)
        wish.record(WishAdded(wish_id=id, user_id=user_id, photocard_id=photocard_id))
        return wish

    def refuse_others(self, user_id: UUID) -> None:
        """Do nothing for the person who has the wish.

        :raises WishNotFound: anybody else; wishlists may be private, so they learn nothing.
        """
        if self.user_id != user_id:
            raise WishNotFound()

    def change(self, terms: Mapping[str, Any]) -> None:
        """Take over the given ones of priority, min_condition and note."""
        for name in ("priority", "min_condition", "note"):
            if name in terms:
                setattr(self, name, terms[name])


def rank(condition: Condition | None) -> int:
    """Return how far from the best a condition is, from 0; none at all is behind the worst."""
    return WORSE_THAN_ANY if condition is None else list(Condition).index(condition)


def meets(condition: Condition | None, wanted: Condition | None) -> bool:
    """Tell whether a card in ``condition`` is in the ``wanted`` one or a better one.

    Without a wanted condition every card is; a card whose condition nobody stated meets none.
    """
    return rank(condition) <= rank(wanted)


def more_urgent(a: int, b: int) -> int:
    """Return the priority a wish made of two keeps."""
    return min(a, b)


def laxer(a: Condition | None, b: Condition | None) -> Condition | None:
    """Return the wanted condition a wish made of two keeps: what more cards meet, at most every card."""
    return max(a, b, key=rank)

"""Removing what was only needed for a while, from ended sessions to deleted cards."""

from kcardswap.persistence.repositories.records import CARDS_KEPT, Place, PurgedPage, RecordKind
from kcardswap.persistence.unit_of_work import UnitOfWork

__all__ = ["Place", "PurgedPage", "RecordKind", "purge", "purge_cards"]


def purge(uow: UnitOfWork, *, kind: RecordKind, limit: int) -> int:
    """Remove up to ``limit`` rows of one kind whose time is over and return how many."""
    with uow:
        removed = uow.records.purge(kind, now=uow.clock.now(), limit=limit)
        uow.commit()
        return removed


def purge_cards(uow: UnitOfWork, *, after: Place | None, limit: int) -> PurgedPage:
    """Remove cards deleted long ago that were in no trade, looking at ``limit`` after that place."""
    with uow:
        page = uow.records.purge_cards(after=after, before=uow.clock.now() - CARDS_KEPT, limit=limit)
        uow.commit()
        return page

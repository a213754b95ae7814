"""What every step of a swap checks first."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from kcardswap.domain.accounts import User, UserNotFound
from kcardswap.domain.errors import Blocked
from kcardswap.domain.trades import Trade
from kcardswap.persistence.unit_of_work import UnitOfWork


def refuse_gone(people: Iterable[User], now: datetime) -> None:
    """Do nothing when all of them can be dealt with.

    :raises UserNotFound: somebody was deleted or is suspended.
    """
    if any(person.is_deleted or person.is_suspended(now) for person in people):
        raise UserNotFound


def refuse_blocked(uow: UnitOfWork, people: Iterable[UUID]) -> None:
    """Do nothing when no two of the people have a block between them; their rows are locked.

    :raises Blocked: there is one.
    """
    if uow.blocks.any_among(people):
        raise Blocked


def refuse_if_overdue(uow: UnitOfWork, trade: Trade, now: datetime) -> None:
    """Do nothing before the deadline; past it, cancel the trade for good and refuse.

    :raises ProposalTimedOut: not everyone accepted in time.
    :raises ConfirmationTimedOut: not everyone confirmed in time.
    """
    if not trade.is_overdue(now):
        return
    late = trade.lapse()
    uow.reservations.release([trade], now)
    # Committed before it is refused: whoever came too late leaves the trade canceled and the cards free.
    uow.commit()
    raise late

"""Rating the people one swapped with, or knows as friends."""

from uuid import UUID

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.errors import Blocked, SelfTarget
from kcardswap.domain.friendships import NotFriends
from kcardswap.domain.ratings import Rating, refuse_unless_swapped
from kcardswap.persistence.unit_of_work import UnitOfWork


def rate(
    uow: UnitOfWork,
    *,
    by: UUID,
    rated_user_id: UUID,
    score: int,
    comment: str | None = None,
    trade_id: UUID | None = None,
) -> UUID:
    """Rate somebody for a swap the two completed, or as a friend, and return the rating.

    :param score: 1 (worst) to 5.

    :raises SelfTarget: nobody rates themselves.
    :raises UserNotFound: the other is unknown, deleted or suspended.
    :raises Blocked: there is a block between the two.
    :raises TradeNotFound: unknown, or ``by`` takes no part in it.
    :raises NotParticipant: the other takes no part in the trade.
    :raises TradeNotCompleted: the trade is not finished.
    :raises NotFriends: without a trade: the two are no friends.
    :raises AlreadyRated: done before for this trade, or as a friend.
    """
    if by == rated_user_id:
        raise SelfTarget
    with uow:
        now = uow.clock.now()
        rated = uow.users.find_many((by, rated_user_id), lock=True).get(rated_user_id)
        if rated is None or rated.is_deleted or rated.is_suspended(now):
            raise UserNotFound
        if uow.blocks.any_among((by, rated_user_id)):
            raise Blocked
        _refuse_unless_earned(uow, by, rated_user_id, trade_id)
        rating = Rating.give(
            id=uow.new_id(),
            rater_id=by,
            rated_user_id=rated_user_id,
            trade_id=trade_id,
            score=score,
            comment=comment,
            now=now,
        )
        uow.ratings.add(rating)
        uow.commit()
        return rating.id


def _refuse_unless_earned(
    uow: UnitOfWork, rater_id: UUID, rated_user_id: UUID, trade_id: UUID | None
) -> None:
    if trade_id is None:
        if not uow.friendships.are_friends(rater_id, rated_user_id):
            raise NotFriends
        return
    # A completed trade never changes again, so it needs no lock.
    trade = uow.trades.get(trade_id)
    refuse_unless_swapped(trade, rater_id=rater_id, rated_user_id=rated_user_id, now=uow.clock.now())

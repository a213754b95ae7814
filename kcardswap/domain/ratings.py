"""Ratings: what people say about those they swapped with, or know as friends."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.errors import Conflict, Forbidden, InvalidState, SelfTarget
from kcardswap.domain.trades import Trade, TradeNotFound, TradeStatus

WORST_SCORE, BEST_SCORE = 1, 5
COMMENT_MAX_LENGTH = 500


class NotParticipant(Forbidden):
    """The other person takes no part in the trade."""

    message = "This person took no part in the trade."
    reason = "not_participant"


class TradeNotCompleted(InvalidState):
    """Only a finished swap can be rated."""

    message = "This trade has not been completed."
    reason = "trade_not_completed"


class AlreadyRated(Conflict):
    """The caller rated this person for this trade, or as a friend, before."""

    message = "You have rated this person already."
    reason = "already_rated"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRated(Event):
    """``rater_id`` rated ``rated_user_id``, for a swap or as a friend."""

    aggregate: ClassVar[str] = "rating"
    rating_id: UUID
    rater_id: UUID
    rated_user_id: UUID
    trade_id: UUID | None


@dataclass(eq=False, kw_only=True)
class Rating(Aggregate):
    """One person's word about another: once per swap they completed, and once as friends."""

    id: UUID
    rater_id: UUID
    rated_user_id: UUID
    trade_id: UUID | None
    score: int
    """1 is worst, 5 is best."""
    comment: str | None
    created_at: datetime

    @classmethod
    def give(
        cls,
        *,
        id: UUID,
        rater_id: UUID,
        rated_user_id: UUID,
        trade_id: UUID | None,
        score: int,
        comment: str | None,
        now: datetime,
    ) -> "Rating":
        """Rate somebody; a rating is final.

        :raises SelfTarget: people do not rate themselves.
        """
        if rater_id == rated_user_id:
            raise SelfTarget
        rating = cls(
            id=id,
            rater_id=rater_id,
            rated_user_id=rated_user_id,
            trade_id=trade_id,
            score=score,
            comment=comment,
            created_at=now,
        )
        rating.record(
            UserRated(rating_id=id, rater_id=rater_id, rated_user_id=rated_user_id, trade_id=trade_id)
        )
        return rating


def refuse_unless_swapped(trade: Trade, *, rater_id: UUID, rated_user_id: UUID, now: datetime) -> None:
    """Do nothing when the two completed this trade together, also as parts of a ring.

    :raises TradeNotFound: the rater takes no part; to them the trade does not exist.
    :raises NotParticipant: the other person takes no part.
    :raises TradeNotCompleted: it is not finished, or came to nothing.
    """
    if rater_id not in trade.people:
        raise TradeNotFound
    if rated_user_id not in trade.people:
        raise NotParticipant
    if trade.status is not TradeStatus.COMPLETED:
        # Past its deadline a trade reads as canceled before anybody has written that down.
        status = TradeStatus.CANCELED if trade.is_overdue(now) else trade.status
        raise TradeNotCompleted(status=status)

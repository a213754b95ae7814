"""What a trade refuses."""

from kcardswap.domain.errors import Forbidden, InvalidRequest, InvalidState, LimitExceeded, NotFound

ACTIVE_TRADES_PER_PAIR = 3
"""Unfinished trades two people may share, rings included; the same on every plan."""


class TradeNotFound(NotFound):
    """No such trade, or the caller takes no part in it."""

    def __init__(self) -> None:
        super().__init__("trade")


class UnbalancedSwap(InvalidRequest):
    """Not a swap among two to five people in which everyone gives and receives."""

    message = "Everyone in a swap gives and receives at least one card, and two to five people take part."
    reason = "unbalanced_swap"


class MatchInvalid(InvalidRequest):
    """The match is not one of ours, or no longer one."""

    message = "This match is not valid."
    reason = "match_invalid"


class WrongSide(Forbidden):
    """The caller takes part, but not on the side that may do this."""

    message = "Only the people who were asked can do this."
    reason = "wrong_side"


class TradeNotProposed(InvalidState):
    """The trade left the proposed state."""

    message = "This trade is no longer waiting for an answer."
    reason = "trade_not_proposed"


class TradeNotAccepted(InvalidState):
    """Not everyone accepted yet."""

    message = "This trade has not been accepted by everyone."
    reason = "trade_not_accepted"


class TradeFinished(InvalidState):
    """The trade is completed, rejected or canceled."""

    message = "This trade is over."
    reason = "trade_finished"


class NotTwoParty(InvalidState):
    """A ring has no counter-offer."""

    message = "Only a trade between two people can be countered."
    reason = "not_two_party"


class ProposalTimedOut(InvalidState):
    """Nobody answered in time; the trade is canceled."""

    message = "This proposal was not answered in time and has been canceled."
    reason = "proposal_timeout"


class ConfirmationTimedOut(InvalidState):
    """The swap was not confirmed in time; the trade is canceled."""

    message = "This trade was not confirmed in time and has been canceled."
    reason = "confirmation_timeout"


class PairLimitReached(LimitExceeded):
    """Two of the people have as many unfinished trades with each other as they may."""

    def __init__(self) -> None:
        # The counter never passes the limit, so a refused pair stands exactly at it.
        super().__init__(
            limit_key="active_trades_per_pair",
            limit_value=ACTIVE_TRADES_PER_PAIR,
            current_value=ACTIVE_TRADES_PER_PAIR,
        )

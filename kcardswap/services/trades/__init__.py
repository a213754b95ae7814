"""Swapping cards: proposing, answering, countering, confirming, and what deadlines do."""

from kcardswap.services.trades.answering import accept, cancel, cancel_overdue, reject
from kcardswap.services.trades.completing import complete
from kcardswap.services.trades.proposing import counter, propose

__all__ = ["accept", "cancel", "cancel_overdue", "complete", "counter", "propose", "reject"]

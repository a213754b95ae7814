"""What happens to trades; every event names all participants, so that consumers know whom to tell."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from kcardswap.domain.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeEvent(Event):
    """Something that happened to a trade."""

    aggregate: ClassVar[str] = "trade"
    trade_id: UUID
    participant_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeProposed(TradeEvent):
    """``user_id`` proposed a swap, perhaps as the answer to ``countered_trade_id``."""

    user_id: UUID
    countered_trade_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeAccepted(TradeEvent):
    """``user_id`` accepted; ``status`` tells whether that was the last answer needed."""

    user_id: UUID
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRejected(TradeEvent):
    """``user_id`` turned the swap down."""

    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeCountered(TradeEvent):
    """``user_id`` turned the swap down and proposed another one instead."""

    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeCanceled(TradeEvent):
    """The swap is off; ``user_id`` is set only when that person called it off by hand."""

    reason: str
    user_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeConfirmed(TradeEvent):
    """``user_id`` confirmed that the cards changed hands."""

    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeCompleted(TradeEvent):
    """Everyone confirmed."""

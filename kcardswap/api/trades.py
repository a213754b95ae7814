"""Swapping cards."""

from typing import Any
from uuid import UUID

from marshmallow import fields

from kcardswap.api.blueprint import SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, runtime, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import collection_of, page_answer, page_request
from kcardswap.api.schemas.trades import (
    CounterOfferBody,
    TradeHistoryQuery,
    TradeProposalBody,
    TradeSchema,
)
from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.cards import CardNotFound, CardUnavailable
from kcardswap.domain.errors import Blocked, DuplicateIds, NotOwner, SelfTarget
from kcardswap.domain.friendships import NotFriends
from kcardswap.domain.trades import (
    ConfirmationTimedOut,
    MatchInvalid,
    NotTwoParty,
    PairLimitReached,
    ProposalTimedOut,
    TradeFinished,
    TradeNotAccepted,
    TradeNotFound,
    TradeNotProposed,
    TradeTimeouts,
    WrongSide,
)
from kcardswap.queries import trades as trade_queries
from kcardswap.services import trades

blp = Blueprint("trades", __name__, description="Swapping cards.")


@blp.operation(
    "POST",
    "/trades",
    caller=SIGNED_IN,
    body=TradeProposalBody,
    answer=TradeSchema,
    status=201,
    refuses=(
        SelfTarget,
        DuplicateIds,
        UserNotFound,
        Blocked,
        CardNotFound,
        NotOwner,
        MatchInvalid,
        NotFriends,
        CardUnavailable,
        PairLimitReached,
    ),
)
def propose_trade(body: dict[str, Any]) -> object:
    """Propose a swap to a friend; every card in it is reserved from now on."""
    trade_id = trades.propose(
        unit_of_work(),
        by=caller().user_id,
        responder_id=body["responder_id"],
        initiator_card_ids=body["initiator_card_ids"],
        responder_card_ids=body["responder_card_ids"],
        meeting=body["meeting"],
        match_id=body.get("match_id"),
        timeouts=_timeouts(),
    )
    return _trade(trade_id)


@blp.operation(
    "POST",
    "/trades/<id:trade_id>/accept",
    caller=SIGNED_IN,
    answer=TradeSchema,
    refuses=(
        TradeNotFound,
        UserNotFound,
        WrongSide,
        Blocked,
        TradeNotProposed,
        ProposalTimedOut,
        ConfirmationTimedOut,
        CardUnavailable,
    ),
)
def accept_trade(trade_id: UUID) -> object:
    """Accept a proposed swap; with the last acceptance the people can talk."""
    trades.accept(unit_of_work(), trade_id=trade_id, by=caller().user_id, timeouts=_timeouts())
    return _trade(trade_id)


@blp.operation(
    "POST",
    "/trades/<id:trade_id>/reject",
    caller=SIGNED_IN,
    answer=TradeSchema,
    refuses=(TradeNotFound, WrongSide, TradeNotProposed, ProposalTimedOut, ConfirmationTimedOut),
)
def reject_trade(trade_id: UUID) -> object:
    """Turn a proposed swap down; its cards are free again."""
    trades.reject(unit_of_work(), trade_id=trade_id, by=caller().user_id)
    return _trade(trade_id)


@blp.operation(
    "POST",
    "/trades/<id:trade_id>/cancel",
    caller=SIGNED_IN,
    answer=TradeSchema,
    refuses=(TradeNotFound, TradeFinished, ProposalTimedOut, ConfirmationTimedOut),
)
def cancel_trade(trade_id: UUID) -> object:
    """Call an unfinished swap off; its cards are free again."""
    trades.cancel(unit_of_work(), trade_id=trade_id, by=caller().user_id)
    return _trade(trade_id)


@blp.operation(
    "POST",
    "/trades/<id:trade_id>/complete",
    caller=SIGNED_IN,
    answer=TradeSchema,
    refuses=(TradeNotFound, TradeNotAccepted, TradeFinished, ProposalTimedOut, ConfirmationTimedOut),
)
def complete_trade(trade_id: UUID) -> object:
    """Confirm that the cards changed hands; the last confirmation completes the swap."""
    trades.complete(unit_of_work(), trade_id=trade_id, by=caller().user_id)
    return _trade(trade_id)


@blp.operation(
    "POST",
    "/trades/<id:trade_id>/counter",
    caller=SIGNED_IN,
    body=CounterOfferBody,
    answer=TradeSchema,
    status=201,
    refuses=(
        DuplicateIds,
        TradeNotFound,
        CardNotFound,
        UserNotFound,
        WrongSide,
        NotOwner,
        Blocked,
        NotTwoParty,
        TradeNotProposed,
        ProposalTimedOut,
        ConfirmationTimedOut,
        CardUnavailable,
    ),
)
def counter_trade(body: dict[str, Any], trade_id: UUID) -> object:
    """Answer a proposed swap with another one; cards in both stay reserved."""
    new_id = trades.counter(
        unit_of_work(),
        trade_id=trade_id,
        by=caller().user_id,
        initiator_card_ids=body["initiator_card_ids"],
        responder_card_ids=body["responder_card_ids"],
        meeting=body.get("meeting"),
        timeouts=_timeouts(),
    )
    return _trade(new_id)


@blp.operation(
    "GET",
    "/trades/history",
    caller=SIGNED_IN,
    query=TradeHistoryQuery,
    answer=collection_of(
        "trades", TradeSchema, limit=fields.Integer(required=True), offset=fields.Integer(required=True)
    ),
)
def list_trades(query: dict[str, Any]) -> Answer:
    """List the caller's swaps in all states, newest first."""
    page = read(
        trade_queries.history,
        viewer_id=caller().user_id,
        status=query.get("status"),
        now=runtime().clock.now(),
        page=page_request(query),
    )
    where = {"limit": query["limit"], "offset": query.get("offset") or 0}
    return page_answer("trades", page, query, cursors=True, **where)


@blp.operation("GET", "/trades/<id:trade_id>", caller=SIGNED_IN, answer=TradeSchema, refuses=(TradeNotFound,))
def show_trade(trade_id: UUID) -> object:
    """Show one swap of the caller."""
    return _trade(trade_id)


def _trade(trade_id: UUID) -> object:
    now = runtime().clock.now()
    return read(trade_queries.trade, trade_id=trade_id, viewer_id=caller().user_id, now=now)


def _timeouts() -> TradeTimeouts:
    settings = runtime().settings
    return TradeTimeouts(
        proposal=settings.trade_proposal_timeout,
        confirmation=settings.trade_confirmation_timeout,
        mail=settings.trade_mail_timeout,
    )

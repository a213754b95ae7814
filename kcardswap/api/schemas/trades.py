"""Swaps between people."""

from marshmallow import fields

from kcardswap.api.schemas.base import Choice, CursorPageQuery, Id, Moment, Schema, Text, many
from kcardswap.api.schemas.cards import CardSchema
from kcardswap.domain.trades import CARDS_PER_PERSON, CancelReason, Meeting, TradeRole, TradeStatus

MATCH_ID_MAX_LENGTH = 4000


class _CardsOfBothSides(Schema):
    initiator_card_ids = many(
        Id, min=1, max=CARDS_PER_PERSON, required=True, metadata={"description": "What the caller gives."}
    )
    responder_card_ids = many(
        Id, min=1, max=CARDS_PER_PERSON, required=True, metadata={"description": "What the other gives."}
    )


class TradeProposalBody(_CardsOfBothSides):
    """A swap between the caller and one other person."""

    responder_id = Id(required=True)
    meeting = Choice(Meeting, load_default=Meeting.IN_PERSON)
    match_id = Text(
        max=MATCH_ID_MAX_LENGTH, metadata={"description": "A live match stands in for being friends."}
    )


class CounterOfferBody(_CardsOfBothSides):
    """Another swap between the same two people."""

    meeting = Choice(Meeting, metadata={"description": "The same as before unless given."})


class TradeHistoryQuery(CursorPageQuery):
    """Which of the caller's trades."""

    status = Choice(TradeStatus)


class ParticipantSchema(Schema):
    """One person in a trade; deleted people have neither name nor picture."""

    user_id = Id(required=True)
    nickname = fields.String(required=True, allow_none=True, metadata={"example": "mina"})
    avatar_url = fields.String(required=True, allow_none=True)
    position = fields.Integer(required=True, metadata={"description": "The initiator is 0.", "example": 0})
    role = Choice(TradeRole, required=True)
    accepted_at = Moment(required=True, allow_none=True)
    confirmed_at = Moment(required=True, allow_none=True)


class TradeItemSchema(Schema):
    """One card that changes hands."""

    id = Id(required=True)
    trade_id = Id(required=True)
    card_id = Id(required=True)
    giver_id = Id(required=True)
    receiver_id = Id(required=True)
    owner_side = Choice(
        TradeRole,
        required=True,
        allow_none=True,
        metadata={"description": "The giver's role in a trade between two people, else null."},
    )
    received_card_id = Id(
        required=True, allow_none=True, metadata={"description": "The receiver's card, after completion."}
    )
    created_at = Moment(required=True)
    card = fields.Nested(CardSchema, required=True)


class ShipmentSchema(Schema):
    """What is on its way by mail."""

    id = Id(required=True)
    trade_id = Id(required=True)
    sender_id = Id(required=True)
    receiver_id = Id(required=True)
    carrier = fields.String(required=True, metadata={"example": "Chunghwa Post"})
    tracking_number = fields.String(required=True, metadata={"example": "RB123456785TW"})
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class TradeSchema(Schema):
    """A swap of cards; past its deadline it is canceled with reason ``timeout``."""

    id = Id(required=True, attribute="head.id")
    status = Choice(TradeStatus, required=True, attribute="head.status")
    meeting = Choice(Meeting, required=True, attribute="head.meeting")
    initiator_id = Id(required=True, attribute="initiator.user_id")
    responder_id = Id(
        required=True, allow_none=True, metadata={"description": "Null when more than two people take part."}
    )
    initiator_confirmed_at = Moment(required=True, allow_none=True, attribute="initiator.confirmed_at")
    responder_confirmed_at = Moment(required=True, allow_none=True)
    accepted_at = Moment(required=True, allow_none=True, attribute="head.accepted_at")
    completed_at = Moment(required=True, allow_none=True, attribute="head.completed_at")
    rejected_at = Moment(required=True, allow_none=True, attribute="head.rejected_at")
    canceled_at = Moment(required=True, allow_none=True, attribute="head.canceled_at")
    cancel_reason = Choice(CancelReason, required=True, allow_none=True, attribute="head.cancel_reason")
    canceled_by = Id(
        required=True,
        allow_none=True,
        attribute="head.canceled_by",
        metadata={"description": "Who canceled by hand."},
    )
    deadline_at = Moment(
        required=True,
        allow_none=True,
        attribute="head.deadline_at",
        metadata={"description": "When an unfinished trade is canceled by itself."},
    )
    countered_trade_id = Id(
        required=True,
        allow_none=True,
        attribute="head.countered_trade_id",
        metadata={"description": "The trade this one was the answer to."},
    )
    created_at = Moment(required=True, attribute="head.created_at")
    updated_at = Moment(required=True, attribute="head.updated_at")
    participants = fields.List(fields.Nested(ParticipantSchema), required=True)
    items = fields.List(fields.Nested(TradeItemSchema), required=True)
    shipments = fields.List(fields.Nested(ShipmentSchema), required=True)

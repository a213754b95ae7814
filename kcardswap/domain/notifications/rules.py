"""Who is told what of which event: one line per event, all that is sent is in this table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from kcardswap.domain.base import StoredEvent
from kcardswap.domain.notifications.entity import NotificationType


class Draft(NamedTuple):
    """What one person is to be told; ``actor_id`` is whose doing it is, None for nobody's."""

    user_id: UUID
    type: NotificationType
    payload: Mapping[str, str]
    actor_id: UUID | None
    collapse_key: str | None
    collapse_seq: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one kind of event is told; everything but ``type`` names fields of the event."""

    type: NotificationType
    to: str
    """Who is told: one person or several, but never the one whose doing it is."""
    by: str | None = None
    """Whose doing it is; the payload names them as ``user_id``."""
    says: Mapping[str, str] = field(default_factory=dict)
    """The rest of the payload: its key -> the field. A field without a value is left out."""
    one_per: str | None = None
    """Of those that agree in this field a person has one unread, the one with the greatest ``seq``."""


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


SANCTION = _same("sanction_id", "target_type", "target_id", "until", "outcome")
INTEREST = _same("post_id", "interest_id") | {"room_id": "thread_id"}
RULES: Mapping[str, Rule] = {
    "FriendRequested": Rule(
        type=NotificationType.FRIEND_REQUEST, to="friend_id", by="user_id", says=_same("friendship_id")
    ),
    "FriendshipAccepted": Rule(
        type=NotificationType.FRIEND_ACCEPTED,
        to="user_id",
        by="friend_id",
        says=_same("friendship_id") | {"room_id": "thread_id"},
    ),
    "MessageRequested": Rule(
        type=NotificationType.MESSAGE_REQUEST,
        to="recipient_id",
        by="sender_id",
        says=_same("message_request_id"),
    ),
    "MessageRequestAccepted": Rule(
        type=NotificationType.MESSAGE_REQUEST_ACCEPTED,
        to="sender_id",
        by="recipient_id",
        says=_same("message_request_id") | {"room_id": "thread_id"},
    ),
    "MessageSent": Rule(
        type=NotificationType.CHAT_MESSAGE,
        to="recipient_id",
        by="sender_id",
        says=_same("message_id") | {"room_id": "thread_id"},
        one_per="thread_id",
    ),
    "TradeProposed": Rule(
        type=NotificationType.TRADE_PROPOSAL,
        to="participant_ids",
        by="user_id",
        says=_same("trade_id", "countered_trade_id"),
    ),
    "TradeAccepted": Rule(
        type=NotificationType.TRADE_ACCEPTED,
        to="participant_ids",
        by="user_id",
        says=_same("trade_id", "status"),
    ),
    "TradeRejected": Rule(
        type=NotificationType.TRADE_REJECTED, to="participant_ids", by="user_id", says=_same("trade_id")
    ),
    "TradeCanceled": Rule(
        type=NotificationType.TRADE_CANCELED,
        to="participant_ids",
        by="user_id",
        says=_same("trade_id", "reason"),
    ),
    "TradeShipped": Rule(
        type=NotificationType.TRADE_SHIPPED, to="receiver_id", by="user_id", says=_same("trade_id")
    ),
    "TradeConfirmed": Rule(
        type=NotificationType.TRADE_CONFIRMED, to="participant_ids", by="user_id", says=_same("trade_id")
    ),
    "TradeCompleted": Rule(
        type=NotificationType.TRADE_COMPLETED, to="participant_ids", says=_same("trade_id")
    ),
    "InterestExpressed": Rule(
        type=NotificationType.INTEREST, to="owner_id", by="user_id", says=_same("post_id", "interest_id")
    ),
    "InterestAccepted": Rule(
        type=NotificationType.INTEREST_ACCEPTED, to="user_id", by="owner_id", says=INTEREST
    ),
    "InterestRejected": Rule(
        type=NotificationType.INTEREST_REJECTED, to="user_id", by="owner_id", says=INTEREST
    ),
    "UserRated": Rule(
        type=NotificationType.RATING, to="rated_user_id", by="rater_id", says=_same("rating_id", "trade_id")
    ),
    "MatchSuggested": Rule(
        type=NotificationType.MATCH_SUGGESTED, to="participant_ids", says=_same("run_id", "suggestion_id")
    ),
    "ReportResolved": Rule(type=NotificationType.REPORT_RESOLVED, to="reporter_id", says=_same("report_id")),
    # Which moderator it was is nobody's business.
    "UserWarned": Rule(type=NotificationType.MODERATION_WARNING, to="user_id", says=SANCTION),
    "ContentRemoved": Rule(type=NotificationType.MODERATION_REMOVAL, to="user_id", says=SANCTION),
    "UserSuspended": Rule(type=NotificationType.MODERATION_SUSPENSION, to="user_id", says=SANCTION),
    "AppealDecided": Rule(type=NotificationType.APPEAL_DECIDED, to="user_id", says=SANCTION),
}


def drafts_of(event: StoredEvent) -> Iterator[Draft]:
    """Yield what everybody concerned is to be told of ``event``; nothing when nobody is."""
    rule = RULES.get(event.event_type)
    if rule is None:
        return
    facts = event.payload
    actor = facts.get(rule.by) if rule.by else None
    payload = {} if actor is None else {"user_id": actor}
    payload |= {key: _text(facts[name]) for key, name in rule.says.items() if facts.get(name) is not None}
    collapse = (None, None) if rule.one_per is None else (f"{rule.type}:{facts[rule.one_per]}", facts["seq"])
    for person in _people(facts[rule.to]):
        if person != actor:
            yield Draft(UUID(person), rule.type, payload, actor and UUID(actor), *collapse)


def _people(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _text(value: Any) -> str:
    # Times are kept with an offset; everywhere else they are written with a Z.
    return str(value).replace("+00:00", "Z")

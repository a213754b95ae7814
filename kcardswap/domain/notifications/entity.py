"""What people are told, and the devices it is pushed to."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event

DEVICES_PER_PERSON = 20
"""How many devices of one person are pushed to; a further one takes the place of the longest unseen."""


class NotificationType(StrEnum):
    """What a notification is about."""

    FRIEND_REQUEST = "friend_request"
    FRIEND_ACCEPTED = "friend_accepted"
    MESSAGE_REQUEST = "message_request"
    MESSAGE_REQUEST_ACCEPTED = "message_request_accepted"
    CHAT_MESSAGE = "chat_message"
    TRADE_PROPOSAL = "trade_proposal"
    TRADE_ACCEPTED = "trade_accepted"
    TRADE_REJECTED = "trade_rejected"
    TRADE_CANCELED = "trade_canceled"
    TRADE_SHIPPED = "trade_shipped"
    TRADE_CONFIRMED = "trade_confirmed"
    TRADE_COMPLETED = "trade_completed"
    INTEREST = "interest"
    INTEREST_ACCEPTED = "interest_accepted"
    INTEREST_REJECTED = "interest_rejected"
    RATING = "rating"
    MATCH_SUGGESTED = "match_suggested"
    REPORT_RESOLVED = "report_resolved"
    MODERATION_WARNING = "moderation_warning"
    MODERATION_REMOVAL = "moderation_removal"
    MODERATION_SUSPENSION = "moderation_suspension"
    APPEAL_DECIDED = "appeal_decided"


class DevicePlatform(StrEnum):
    """What kind of device it is."""

    ANDROID = "android"
    IOS = "ios"
    WEB = "web"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationStored(Event):
    """There is something new to tell ``user_id``; it is pushed to their devices."""

    aggregate: ClassVar[str] = "notification"
    notification_id: UUID
    user_id: UUID


@dataclass(eq=False, kw_only=True)
class Notification(Aggregate):
    """One thing one person is told.

    Of those with the same ``collapse_key`` a person has one unread at most: the one with the greatest
    ``collapse_seq``. The newer one comes under an id of its own, so reading the older never hides it.
    """

    id: UUID
    user_id: UUID
    type: NotificationType
    payload: Mapping[str, str]
    actor_id: UUID | None
    collapse_key: str | None
    collapse_seq: int | None
    event_id: UUID
    created_at: datetime
    read_at: datetime | None
    pushed_at: datetime | None

    @classmethod
    def tell(
        cls,
        *,
        id: UUID,
        user_id: UUID,
        type: NotificationType,
        payload: Mapping[str, str],
        actor_id: UUID | None,
        collapse_key: str | None,
        collapse_seq: int | None,
        event_id: UUID,
        now: datetime,
    ) -> Self:
        """Return what ``user_id`` is told because of the event ``event_id``."""
        notification = cls(
            id=id,
            user_id=user_id,
            type=type,
            payload=payload,
            actor_id=actor_id,
            collapse_key=collapse_key,
            collapse_seq=collapse_seq,
            event_id=event_id,
            created_at=now,
            read_at=None,
            pushed_at=None,
        )
        notification.record(NotificationStored(notification_id=id, user_id=user_id))
        return notification


@dataclass(eq=False, kw_only=True)
class Device(Aggregate):
    """A device of one person, as they name it; ``fcm_token`` is where pushes to it go."""

    id: UUID
    user_id: UUID
    device_id: str
    platform: DevicePlatform
    fcm_token: str = field(repr=False)
    fcm_token_hash: str = field(repr=False)
    created_at: datetime
    updated_at: datetime

    @classmethod
    def register(
        cls,
        *,
        id: UUID,
        user_id: UUID,
        device_id: str,
        platform: DevicePlatform,
        fcm_token: str,
        now: datetime,
    ) -> Self:
        """Return a device that wants to be pushed to from ``now`` on."""
        return cls(
            id=id,
            user_id=user_id,
            device_id=device_id,
            platform=platform,
            fcm_token=fcm_token,
            fcm_token_hash=hash_of(fcm_token),
            created_at=now,
            updated_at=now,
        )


def hash_of(fcm_token: str) -> str:
    """Return what a token is told apart by: it may be too long for an index."""
    return hashlib.sha256(fcm_token.encode()).hexdigest()

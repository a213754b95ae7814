"""Notifications, and the devices they are pushed to."""

from typing import Any

from marshmallow import fields

from kcardswap.api.blueprint import SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import collection_of, page_answer, page_request
from kcardswap.api.schemas.notifications import (
    UNREAD_COUNT,
    DeviceBody,
    NotificationSchema,
    NotificationsQuery,
    ReadBody,
    ReadSchema,
)
from kcardswap.domain.errors import ValidationFailed
from kcardswap.queries import notifications as notification_queries
from kcardswap.services import notifications

DEVICE_ID_MAX = 128
DEVICE_ID_DOCS = {
    "parameters": [
        {
            "in": "path",
            "name": "device_id",
            "required": True,
            "description": "What the app calls this device, such as its Firebase installation id.",
            "schema": {"type": "string", "minLength": 1, "maxLength": DEVICE_ID_MAX},
            "example": "pixel-8-3f2a",
        }
    ]
}

blp = Blueprint("notifications", __name__, description="What happened meanwhile, and pushes.")


@blp.operation(
    "PUT", "/devices/<device_id>", caller=SIGNED_IN, body=DeviceBody, status=204, docs=DEVICE_ID_DOCS
)
def register_device(body: dict[str, Any], device_id: str) -> None:
    """Push to a device from now on; a token known under another device or user moves here."""
    notifications.register_device(
        unit_of_work(), user_id=caller().user_id, device_id=_device_id(device_id), **body
    )


@blp.operation("DELETE", "/devices/<device_id>", caller=SIGNED_IN, status=204, docs=DEVICE_ID_DOCS)
def forget_device(device_id: str) -> None:
    """Push nothing more to a device; an unknown one is fine."""
    notifications.forget_device(unit_of_work(), user_id=caller().user_id, device_id=_device_id(device_id))


@blp.operation(
    "GET",
    "/notifications",
    caller=SIGNED_IN,
    query=NotificationsQuery,
    answer=collection_of(
        "notifications",
        NotificationSchema,
        unread_count=fields.Integer(required=True, metadata=UNREAD_COUNT),
    ),
)
def list_notifications(query: dict[str, Any]) -> Answer:
    """List what the caller is told, newest first."""
    page = read(
        notification_queries.inbox,
        user_id=caller().user_id,
        unread=query.get("unread"),
        page=page_request(query),
    )
    unread = page.rows[0].unread_count if page.rows else _unread_count()
    return page_answer("notifications", page, query, cursors=True, unread_count=unread)


@blp.operation("POST", "/notifications/read", caller=SIGNED_IN, body=ReadBody, answer=ReadSchema)
def mark_notifications_read(body: dict[str, Any]) -> object:
    """Mark notifications read; foreign and unknown ids are passed over."""
    count = notifications.mark_read(unit_of_work(), user_id=caller().user_id, ids=body.get("ids"))
    return {"updated_count": count, "unread_count": _unread_count()}


def _unread_count() -> int:
    return read(notification_queries.unread_count, user_id=caller().user_id)


def _device_id(text: str) -> str:
    if not text.strip() or len(text) > DEVICE_ID_MAX:
        raise ValidationFailed("device_id", f"1 to {DEVICE_ID_MAX} characters, not all blank.", "invalid")
    return text

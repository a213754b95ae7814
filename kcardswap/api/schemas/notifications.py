"""Notifications and the devices they are pushed to."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from kcardswap.api.schemas.base import (
    Choice,
    CursorPageQuery,
    Flag,
    Id,
    Moment,
    QueryFlag,
    Schema,
    Text,
    many,
)
from kcardswap.domain.notifications import DevicePlatform, NotificationType

UNREAD_COUNT = {"description": "All unread notifications of the caller.", "example": 3}


class DeviceBody(Schema):
    """Where pushes to a device go."""

    fcm_token = Text(
        max=4096,
        required=True,
        metadata={"description": "Registration token of Firebase.", "example": "dQw4w9WgXcQ:APA91bH"},
    )
    platform = Choice(DevicePlatform, required=True)


class NotificationsQuery(CursorPageQuery):
    """Which notifications."""

    unread = QueryFlag(
        metadata={"description": "`true`: the unread ones; `false`: those that were read; without: all."}
    )


class ReadBody(Schema):
    """Which notifications were read: exactly one of the two."""

    ids = many(Id, min=1, max=100, metadata={"description": "Foreign and unknown ids are passed over."})
    all = Flag(metadata={"description": "`true`: all of them.", "enum": [True], "x-alone": True})

    @validates_schema
    def refuse_unless_one(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Take exactly one of the two, and ``all`` only as true."""
        if ("ids" in data) == ("all" in data) or data.get("all") is False:
            raise ValidationError("Send exactly one of ids and all: true.", "ids")


class NotificationSchema(Schema):
    """Something the caller is told."""

    id = Id(required=True)
    type = Choice(NotificationType, required=True)
    payload = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={
            "description": "What it is about, by type; all values are text.",
            "example": {"user_id": "0199a7c0-5f3e-7c52-9d6a-1b2c3d4e5f60"},
        },
    )
    created_at = Moment(required=True)
    read_at = Moment(required=True, allow_none=True)


class ReadSchema(Schema):
    """What marking changed."""

    updated_count = fields.Integer(
        required=True, metadata={"description": "How many of them were unread.", "example": 2}
    )
    unread_count = fields.Integer(required=True, metadata=UNREAD_COUNT)

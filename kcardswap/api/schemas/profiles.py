"""Profiles: one's own, others', and what one may change."""

from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, ValidationError, fields, validate

from kcardswap.api.schemas.base import Choice, Flag, Id, Moment, Schema, Text, refuse_unstorable
from kcardswap.api.schemas.ratings import AVERAGE
from kcardswap.domain.profiles import SwapMode

PREFERENCES_EXAMPLE = {"favorite_idol_groups": ["newjeans", "ive"], "onboarding_completed": True}


class JsonObject(fields.Dict):
    """Any JSON object whose keys and texts PostgreSQL can store."""

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """Return the object as it was sent."""
        _refuse_unstorable_inside(value)
        return super().deserialize(value, attr, data, **kwargs)


def _refuse_unstorable_inside(value: Any) -> None:
    # The parser bounds how deep a body may be, so recursion is safe here.
    if isinstance(value, str):
        refuse_unstorable(value)
    elif isinstance(value, dict | list):
        for inner in [*value, *(value.values() if isinstance(value, dict) else ())]:
            _refuse_unstorable_inside(inner)


def _distinct(values: list[Any]) -> None:
    if len(set(values)) < len(values):
        raise ValidationError("Name each way to swap once.")


class PrivacyFlagsBody(Schema):
    """The switches to change; unlike everywhere else, an unknown one is refused."""

    class Meta:
        unknown = RAISE

    nearby_visible = Flag(metadata={"description": "Found by searches nearby."})
    show_online = Flag(metadata={"description": "Others see whether this person is online."})
    allow_stranger_chat = Flag(metadata={"description": "People who are not friends may ask to write."})
    show_wishlist = Flag(metadata={"description": "Others may read the wishlist."})


class ProfileBody(Schema):
    """What to change: absent fields keep their value, null clears the first four."""

    nickname = Text(max=100, metadata={"example": "mina"})
    avatar_url = Text(
        max=2048, metadata={"description": "http or https.", "example": "https://img.example.com/mina.png"}
    )
    bio = Text(max=1000, metadata={"example": "Collecting Haerin. Swaps in Taipei or by mail."})
    region = Text(max=100, metadata={"example": "Taipei"})
    swap_modes = fields.List(
        Choice(SwapMode),
        validate=[validate.Length(min=1, max=2), _distinct],
        metadata={"example": ["in_person", "mail"]},
    )
    preferences = JsonObject(
        keys=fields.String(),
        metadata={
            "description": "The apps' own values, merged key by key; at most 16 KiB after merging.",
            "example": PREFERENCES_EXAMPLE,
        },
    )
    privacy_flags = fields.Nested(PrivacyFlagsBody, metadata={"description": "Merged key by key."})


class PrivacyFlagsSchema(Schema):
    """What a person lets others see and do."""

    nearby_visible = fields.Boolean(required=True)
    show_online = fields.Boolean(required=True)
    allow_stranger_chat = fields.Boolean(required=True)
    show_wishlist = fields.Boolean(required=True)


class _ProfileSchema(Schema):
    id = Id(required=True)
    user_id = Id(required=True)
    nickname = fields.String(required=True, allow_none=True, metadata={"example": "mina"})
    avatar_url = fields.String(
        required=True, allow_none=True, metadata={"example": "https://img.example.com/mina.png"}
    )
    bio = fields.String(required=True, allow_none=True)
    region = fields.String(required=True, allow_none=True, metadata={"example": "Taipei"})
    swap_modes = fields.List(Choice(SwapMode), required=True, metadata={"example": ["in_person", "mail"]})
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class OwnProfileSchema(_ProfileSchema):
    """A profile as its owner sees it."""

    preferences = fields.Dict(keys=fields.String(), required=True, metadata={"example": PREFERENCES_EXAMPLE})
    privacy_flags = fields.Nested(PrivacyFlagsSchema, required=True)
    stealth_mode = fields.Boolean(
        required=True, metadata={"description": "The opposite of `privacy_flags.nearby_visible`."}
    )


class PublicProfileSchema(_ProfileSchema):
    """A profile as others see it."""

    preferences: fields.Field[Any] = fields.Constant(
        {}, required=True, metadata={"type": "object", "description": "Never shown to others."}
    )
    privacy_flags = fields.Raw(required=True, dump_default=None, metadata={"type": "null"})
    average_score = fields.Float(required=True, metadata=AVERAGE)
    total_ratings = fields.Integer(required=True, metadata={"example": 12})
    completed_trades = fields.Integer(required=True, metadata={"example": 12})
    is_online = fields.Boolean(
        required=True,
        allow_none=True,
        metadata={"description": "Seen in the last 5 minutes; null when the person hides it."},
    )

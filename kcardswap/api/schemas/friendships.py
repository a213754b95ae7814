"""Friends, requests and blocks."""

from marshmallow import fields

from kcardswap.api.schemas.base import Choice, Id, Moment, OkSchema, PageQuery, QueryWhole, Schema
from kcardswap.api.schemas.ratings import AVERAGE
from kcardswap.domain.friendships import FriendshipStatus
from kcardswap.queries.friendships import Direction, FriendListStatus


class FriendsQuery(PageQuery):
    """Which list of people."""

    status = Choice(
        FriendListStatus,
        load_default=FriendListStatus.ACCEPTED,
        metadata={"description": "`pending` lists both directions, `blocked` the people the caller blocked."},
    )
    limit = QueryWhole(min=1, max=500, load_default=500, metadata={"description": "Rows of a page."})


class FriendRequestBody(Schema):
    """Whom to ask."""

    target_user_id = Id(required=True)


class BlockBody(Schema):
    """Whom to shut out, or to let in again."""

    user_id = Id(required=True)


class FriendshipSchema(Schema):
    """A friendship from the request on; ``user_id`` asked ``friend_id``."""

    id = Id(required=True)
    user_id = Id(required=True)
    friend_id = Id(required=True)
    status = Choice(FriendshipStatus, required=True)
    created_at = Moment(required=True)
    thread_id = Id(
        required=True,
        allow_none=True,
        metadata={"description": "Where the two talk; null before acceptance."},
    )


class BlockSchema(OkSchema):
    """A block after the call; ``user_id`` is the blocker, ``friend_id`` the other."""

    id = Id(required=True, allow_none=True, metadata={"description": "Null when there was no block to lift."})
    user_id = Id(required=True)
    friend_id = Id(required=True)
    status = fields.String(required=True, metadata={"enum": ["blocked", "unblocked"]})
    created_at = Moment(required=True, allow_none=True)


class FriendItemSchema(Schema):
    """The other person of a friendship, request or block."""

    id = Id(required=True, metadata={"description": "Of the friendship, request or block."})
    user_id = Id(required=True, metadata={"description": "The other person."})
    nickname = fields.String(required=True, allow_none=True, metadata={"example": "mina"})
    avatar_url = fields.String(required=True, allow_none=True)
    status = Choice(FriendListStatus, required=True)
    created_at = Moment(required=True)
    direction = Choice(
        Direction, required=True, allow_none=True, metadata={"description": "Of a pending request."}
    )
    average_score = fields.Float(required=True, metadata=AVERAGE)
    completed_trades = fields.Integer(required=True, metadata={"example": 12})
    is_online = fields.Boolean(
        required=True,
        allow_none=True,
        metadata={"description": "Seen in the last 5 minutes; null when the person hides it."},
    )

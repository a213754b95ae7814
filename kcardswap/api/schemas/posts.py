"""Posts, comments, likes and interests."""

from marshmallow import fields, validate

from kcardswap.api.schemas.base import Choice, CursorPageQuery, Id, Moment, PageQuery, Schema, Text
from kcardswap.domain.locations import CITIES
from kcardswap.domain.posts import InterestStatus, PostCategory, PostScope, PostStatus

TITLE_MAX_LENGTH = 120
CONTENT_MAX_LENGTH = 5000
COMMENT_MAX_LENGTH = 1000
NAME_MAX_LENGTH = 100
TITLE_EXAMPLE = "求換 LOVE DIVE 小卡"
CONTENT_EXAMPLE = "我有 Wonyoung，想換 Yujin，台北可面交。"


def _city(**metadata: str) -> fields.String:
    return fields.String(
        validate=validate.OneOf([city.code for city in CITIES]),
        allow_none=True,
        metadata={"example": "TPE", **metadata},
    )


class PostBody(Schema):
    """A new post."""

    scope = Choice(
        PostScope,
        allow_none=True,
        metadata={"description": "Default `city` with a `city_code`, else `global`."},
    )
    city_code = _city(description="Required for the scope `city`, refused for `global`.")
    category = Choice(
        PostCategory,
        load_default=PostCategory.TRADE,
        metadata={"description": "`announcement` is for administrators."},
    )
    title = Text(max=TITLE_MAX_LENGTH, required=True, metadata={"example": TITLE_EXAMPLE})
    content = Text(
        max=CONTENT_MAX_LENGTH,
        required=True,
        metadata={
            "example": CONTENT_EXAMPLE,
            "description": "Neither title nor content may tell a phone number or a street address.",
        },
    )
    idol = Text(max=NAME_MAX_LENGTH, metadata={"example": "Yujin"})
    idol_group = Text(max=NAME_MAX_LENGTH, metadata={"example": "IVE"})
    expires_at = Moment(
        allow_none=True, metadata={"description": "In the future, at most 90 days ahead; default 14 days."}
    )


class PostEditBody(Schema):
    """What to change; absent fields stay."""

    title = Text(max=TITLE_MAX_LENGTH, allow_none=False, metadata={"example": TITLE_EXAMPLE})
    content = Text(max=CONTENT_MAX_LENGTH, allow_none=False, metadata={"example": CONTENT_EXAMPLE})
    idol = Text(max=NAME_MAX_LENGTH, metadata={"example": "Yujin"})
    idol_group = Text(max=NAME_MAX_LENGTH, metadata={"example": "IVE"})
    category = Choice(PostCategory)


class FeedQuery(CursorPageQuery):
    """Which posts."""

    city_code = _city(description="Only posts for the people of this city.")
    category = Choice(PostCategory)
    idol = Text(max=NAME_MAX_LENGTH, metadata={"description": "Compared without signs, spaces and case."})
    idol_group = Text(
        max=NAME_MAX_LENGTH, metadata={"description": "Compared without signs, spaces and case."}
    )
    owner_id = Id()


class PostSchema(Schema):
    """A post as the caller sees it."""

    id = Id(required=True)
    owner_id = Id(required=True)
    owner_nickname = fields.String(required=True, allow_none=True, metadata={"example": "mina"})
    owner_avatar_url = fields.String(required=True, allow_none=True)
    scope = Choice(PostScope, required=True)
    city_code = fields.String(required=True, allow_none=True, metadata={"example": "TPE"})
    category = Choice(PostCategory, required=True)
    title = fields.String(required=True, metadata={"example": TITLE_EXAMPLE})
    content = fields.String(required=True, metadata={"example": CONTENT_EXAMPLE})
    idol = fields.String(required=True, allow_none=True, metadata={"example": "Yujin"})
    idol_group = fields.String(required=True, allow_none=True, metadata={"example": "IVE"})
    status = Choice(PostStatus, required=True)
    like_count = fields.Integer(required=True, metadata={"example": 12})
    liked_by_me = fields.Boolean(required=True)
    can_message = fields.Boolean(
        required=True, metadata={"description": "Whether the caller may send the owner a message request."}
    )
    comment_count = fields.Integer(
        required=True,
        metadata={"description": "Of all comments, also of people hidden from the caller.", "example": 3},
    )
    media_asset_ids = fields.List(
        Id(), required=True, metadata={"description": "In the order of attaching; see `/media/read-urls`."}
    )
    expires_at = Moment(required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class CategorySchema(Schema):
    """What a post can be about."""

    value = Choice(PostCategory, required=True)
    label = fields.String(required=True, metadata={"example": "求換"})


class CategoriesSchema(Schema):
    """Everything a post can be about, in the order to show it."""

    categories = fields.List(fields.Nested(CategorySchema), required=True)


class LikeSchema(Schema):
    """A like after the call."""

    liked = fields.Boolean(required=True)
    like_count = fields.Integer(required=True, metadata={"example": 12})


class CommentBody(Schema):
    """What to say about a post."""

    content = Text(max=COMMENT_MAX_LENGTH, required=True, metadata={"example": "還在嗎？"})


class CommentSchema(Schema):
    """What somebody says about a post."""

    id = Id(required=True)
    post_id = Id(required=True)
    user_id = Id(required=True)
    user_nickname = fields.String(required=True, allow_none=True, metadata={"example": "mina"})
    user_avatar_url = fields.String(required=True, allow_none=True)
    content = fields.String(required=True, metadata={"example": "還在嗎？"})
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class InterestsQuery(PageQuery):
    """Which interests."""

    status = Choice(InterestStatus)


class InterestSchema(Schema):
    """Somebody's interest in a post."""

    id = Id(required=True)
    post_id = Id(required=True)
    user_id = Id(required=True)
    status = Choice(InterestStatus, required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)
    user_nickname = fields.String(required=True, allow_none=True, metadata={"example": "mina"})
    user_avatar_url = fields.String(required=True, allow_none=True)


class InterestAcceptedSchema(Schema):
    """What accepting an interest led to."""

    interest_id = Id(required=True)
    friendship_created = fields.Boolean(
        required=True, metadata={"description": "Whether the two were not friends before."}
    )
    chat_room_id = Id(required=True, metadata={"description": "Where the two talk."})

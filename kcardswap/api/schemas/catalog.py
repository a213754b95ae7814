"""Groups, releases and photocards: choosing, submitting and curating them."""

from marshmallow import fields

from kcardswap.api.schemas.base import Choice, CursorPageQuery, Id, Moment, Schema, Text
from kcardswap.domain.cards import Rarity
from kcardswap.domain.catalog import ListedStatus, PhotocardSource, PhotocardStatus, ReleaseKind, Verification


class FeaturedGroupSchema(Schema):
    """A group offered to somebody new."""

    id = fields.String(required=True, metadata={"description": "The group's slug.", "example": "newjeans"})
    name = fields.String(required=True, metadata={"example": "NewJeans"})
    emoji = fields.String(required=True, allow_none=True, metadata={"example": "🐰"})
    sort_order = fields.Integer(required=True, metadata={"example": 1})


class FeaturedGroupsSchema(Schema):
    """All featured groups, in their order."""

    groups = fields.List(fields.Nested(FeaturedGroupSchema), required=True)


class NamedRefSchema(Schema):
    """A group or member the photocard is linked to."""

    id = Id(required=True)
    name = fields.String(required=True, metadata={"example": "NewJeans"})


class TitledRefSchema(Schema):
    """The release the photocard is linked to."""

    id = Id(required=True)
    title = fields.String(required=True, metadata={"example": "Get Up"})


class PhotocardSchema(Schema):
    """One design of a card; the four texts are for display, also where nothing is linked."""

    id = Id(required=True)
    status = Choice(PhotocardStatus, required=True)
    group = fields.Nested(NamedRefSchema, required=True, allow_none=True)
    member = fields.Nested(NamedRefSchema, required=True, allow_none=True)
    release = fields.Nested(TitledRefSchema, required=True, allow_none=True)
    idol_group = fields.String(required=True, allow_none=True, metadata={"example": "NewJeans"})
    idol = fields.String(required=True, allow_none=True, metadata={"example": "Haerin"})
    album = fields.String(required=True, allow_none=True, metadata={"example": "Get Up"})
    version = fields.String(required=True, allow_none=True, metadata={"example": "Bunny Beach Bag"})
    source = Choice(PhotocardSource, required=True)
    rarity = Choice(Rarity, required=True, allow_none=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class PhotocardCountsSchema(PhotocardSchema):
    """One photocard with the cards and wishes of active people."""

    have_count = fields.Integer(required=True, metadata={"example": 12})
    want_count = fields.Integer(required=True, metadata={"example": 34})


class PhotocardMergedSchema(PhotocardSchema):
    """The photocard another was merged into, and what points at it now."""

    moved_cards = fields.Integer(required=True, metadata={"example": 3})
    moved_wishes = fields.Integer(required=True, metadata={"example": 5})


def searched(example: str) -> Text:
    """Return the field of a search in names."""
    return Text(
        max=100,
        metadata={
            "description": "Words of names in any order and writing; typing errors are forgiven.",
            "example": example,
        },
    )


class GroupQuery(CursorPageQuery):
    """Which groups."""

    q = searched("아이브")


class ReleaseQuery(CursorPageQuery):
    """Which releases."""

    group_id = Id()
    q = searched("get up")


class PhotocardQuery(CursorPageQuery):
    """Which photocards."""

    group_id = Id()
    member_id = Id()
    release_id = Id()
    status = Choice(ListedStatus)
    q = searched("ive wonyoung")


class PhotocardBody(Schema):
    """A photocard, by ids of the catalog or in words; at least a group or a member."""

    group_id = Id(allow_none=True)
    idol_group = Text(max=100, metadata={"example": "NewJeans"})
    member_id = Id(allow_none=True)
    idol = Text(max=100, metadata={"example": "Haerin"})
    release_id = Id(allow_none=True)
    album = Text(max=100, metadata={"example": "Get Up"})
    version = Text(max=100, metadata={"example": "Bunny Beach Bag"})
    source = Choice(PhotocardSource, allow_none=True)
    rarity = Choice(Rarity, allow_none=True)


class PhotocardEditBody(Schema):
    """What to correct: absent fields keep their value, null clears."""

    group_id = Id(allow_none=True)
    member_id = Id(allow_none=True)
    release_id = Id(allow_none=True)
    version = Text(max=100, metadata={"example": "Bunny Beach Bag"})
    source = Choice(PhotocardSource)
    rarity = Choice(Rarity, allow_none=True)
    status = Choice(Verification)


class PhotocardMergeBody(Schema):
    """The photocard to keep."""

    into_id = Id(required=True)


class GroupSchema(Schema):
    """A K-pop group."""

    id = Id(required=True)
    slug = fields.String(required=True, metadata={"example": "newjeans"})
    name = fields.String(required=True, metadata={"example": "NewJeans"})
    name_ko = fields.String(required=True, allow_none=True, metadata={"example": "뉴진스"})
    name_zh = fields.String(required=True, allow_none=True)
    emoji = fields.String(required=True, allow_none=True, metadata={"example": "🐰"})
    aliases = fields.List(fields.String(), required=True, metadata={"example": ["NJZ", "NWJNS"]})
    featured = fields.Boolean(required=True)
    sort_order = fields.Integer(required=True, metadata={"example": 1})


class MemberSchema(Schema):
    """A member of a group."""

    id = Id(required=True)
    group_id = Id(required=True)
    name = fields.String(required=True, metadata={"example": "Haerin"})
    name_ko = fields.String(required=True, allow_none=True, metadata={"example": "해린"})
    name_zh = fields.String(required=True, allow_none=True)
    aliases = fields.List(fields.String(), required=True, metadata={"example": ["Kang Haerin"]})


class GroupDetailSchema(GroupSchema):
    """A group with its members."""

    members = fields.List(fields.Nested(MemberSchema), required=True)
    release_count = fields.Integer(required=True, metadata={"example": 7})


class ReleaseSchema(Schema):
    """An album, single or other release of a group."""

    id = Id(required=True)
    group_id = Id(required=True)
    title = fields.String(required=True, metadata={"example": "Get Up"})
    title_ko = fields.String(required=True, allow_none=True)
    title_zh = fields.String(required=True, allow_none=True)
    kind = Choice(ReleaseKind, required=True)
    released_on = fields.Date(required=True, allow_none=True, metadata={"example": "2023-07-21"})
    aliases = fields.List(fields.String(), required=True)

"""Posts: what people tell the community, what others say about it, and who wants to swap."""

from kcardswap.domain.posts.comments import Comment, CommentNotFound, PostCommented
from kcardswap.domain.posts.entity import Post, PostTerms
from kcardswap.domain.posts.events import PostClosed, PostCreated, PostDeleted, PostLiked
from kcardswap.domain.posts.interests import (
    Interest,
    InterestAccepted,
    InterestExists,
    InterestExpressed,
    InterestNotFound,
    InterestNotPending,
    InterestRejected,
    InterestStatus,
)
from kcardswap.domain.posts.kinds import PostCategory, PostScope, PostStatus
from kcardswap.domain.posts.refusals import CategoryRestricted, PostNotFound, PostNotOpen

__all__ = [
    "CategoryRestricted",
    "Comment",
    "CommentNotFound",
    "Interest",
    "InterestAccepted",
    "InterestExists",
    "InterestExpressed",
    "InterestNotFound",
    "InterestNotPending",
    "InterestRejected",
    "InterestStatus",
    "Post",
    "PostCategory",
    "PostClosed",
    "PostCommented",
    "PostCreated",
    "PostDeleted",
    "PostLiked",
    "PostNotFound",
    "PostNotOpen",
    "PostScope",
    "PostStatus",
    "PostTerms",
]

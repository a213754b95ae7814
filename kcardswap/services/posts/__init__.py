"""Telling the community something, reacting to it, and finding a swap partner that way."""

from kcardswap.services.posts.interests import (
    AcceptedInterest,
    accept_interest,
    express_interest,
    reject_interest,
)
from kcardswap.services.posts.reacting import comment, delete_comment, toggle_like
from kcardswap.services.posts.writing import close, create, delete, edit, expire_overdue

__all__ = [
    "AcceptedInterest",
    "accept_interest",
    "close",
    "comment",
    "create",
    "delete",
    "delete_comment",
    "edit",
    "expire_overdue",
    "express_interest",
    "reject_interest",
    "toggle_like",
]

"""What people report, what moderators do about it, and what their people say to that."""

from kcardswap.services.moderation.appealing import appeal, decide
from kcardswap.services.moderation.reporting import Decision, Filed, file, resolve, review
from kcardswap.services.moderation.roles import change_role
from kcardswap.services.moderation.suspending import lift_over, suspend, unsuspend

__all__ = [
    "Decision",
    "Filed",
    "appeal",
    "change_role",
    "decide",
    "file",
    "lift_over",
    "resolve",
    "review",
    "suspend",
    "unsuspend",
]

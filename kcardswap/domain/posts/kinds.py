"""Where a post is shown, what it is about and how far it got."""

from enum import StrEnum


class PostScope(StrEnum):
    """Whether a post is for everybody or for the people of one city."""

    GLOBAL = "global"
    CITY = "city"


class PostCategory(StrEnum):
    """What a post is about, in the order clients show it."""

    TRADE = "trade"
    GIVEAWAY = "giveaway"
    GROUP = "group"
    SHOWCASE = "showcase"
    HELP = "help"
    ANNOUNCEMENT = "announcement"

    @property
    def label(self) -> str:
        """Return what people call it."""
        return _LABELS[self]


_LABELS = {
    PostCategory.TRADE: "求換",
    PostCategory.GIVEAWAY: "送出",
    PostCategory.GROUP: "揪團",
    PostCategory.SHOWCASE: "展示",
    PostCategory.HELP: "求助",
    PostCategory.ANNOUNCEMENT: "公告",
}


class PostStatus(StrEnum):
    """How far a post got; nothing opens it again."""

    OPEN = "open"
    CLOSED = "closed"
    EXPIRED = "expired"
    DELETED = "deleted"

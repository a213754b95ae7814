"""What cannot be done with a post."""

from kcardswap.domain.errors import Forbidden, InvalidState, NotFound


class PostNotFound(NotFound):
    """No such post, or it is hidden from the caller."""

    def __init__(self) -> None:
        super().__init__("post")


class PostNotOpen(InvalidState):
    """The post was closed or deleted, or its time is over."""

    message = "This post is no longer open."
    reason = "post_not_open"


class CategoryRestricted(Forbidden):
    """Only administrators announce something."""

    message = "Announcements are for administrators."
    reason = "category_restricted"

"""What everybody who reacts to a post has to pass."""

from uuid import UUID

from kcardswap.domain.errors import Blocked
from kcardswap.domain.posts import Post, PostNotFound
from kcardswap.persistence.unit_of_work import UnitOfWork


def post_to_react_to(uow: UnitOfWork, post_id: UUID, *, by: UUID) -> Post:
    """Return a post whose owner can be dealt with; the rows of both people are locked.

    :raises PostNotFound: unknown or deleted, or its owner is deleted or suspended.
    :raises Blocked: there is a block between the two.
    """
    # Whom a post belongs to never changes, so it can be read before anybody is locked.
    owner_id = uow.posts.get_present(post_id).owner_id
    owner = uow.users.find_many((by, owner_id), lock=True).get(owner_id)
    if owner is None or owner.is_deleted or owner.is_suspended(uow.clock.now()):
        raise PostNotFound
    if uow.blocks.any_among((by, owner_id)):
        raise Blocked
    return uow.posts.get_present(post_id, lock=True)

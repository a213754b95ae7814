"""Expressing interest in a post, and answering it."""

from typing import NamedTuple
from uuid import UUID

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.conversations import Thread, ThreadOrigin
from kcardswap.domain.errors import Blocked
from kcardswap.domain.friendships import Friendship, FriendshipStatus
from kcardswap.domain.posts import Interest, InterestExists
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.services.posts.checks import post_to_react_to


class AcceptedInterest(NamedTuple):
    """What accepting an interest led to: a new friendship, unless they were friends, and a conversation."""

    interest_id: UUID
    friendship_created: bool
    chat_room_id: UUID


def express_interest(uow: UnitOfWork, *, post_id: UUID, by: UUID) -> UUID:
    """Tell the owner of a post that one is interested, once, and return the interest.

    :raises PostNotFound: unknown or deleted, or its owner is deleted or suspended.
    :raises SelfTarget: it is their own post.
    :raises Blocked: there is a block between the two.
    :raises PostNotOpen: it was closed, or its time is over.
    :raises InterestExists: they were interested before, whatever was answered.
    """
    with uow:
        now = uow.clock.now()
        uow.posts.get_present(post_id).refuse_own(by)
        post = post_to_react_to(uow, post_id, by=by)
        post.refuse_unless_open(now)
        if uow.interests.find_by(post.id, by) is not None:
            raise InterestExists
        interest = Interest.express(
            id=uow.new_id(), post_id=post.id, owner_id=post.owner_id, user_id=by, now=now
        )
        uow.interests.add(interest)
        uow.commit()
        return interest.id


def accept_interest(uow: UnitOfWork, *, post_id: UUID, interest_id: UUID, by: UUID) -> AcceptedInterest:
    """Take up an interest: the two become friends and have a conversation.

    :raises PostNotFound: unknown or deleted.
    :raises InterestNotFound: the post has no such interest.
    :raises NotOwner: somebody else's post.
    :raises UserNotFound: the interested person was deleted or is suspended.
    :raises Blocked: there is a block between the two.
    :raises InterestNotPending: it was answered.
    :raises PostNotOpen: the post was closed, or its time is over.
    """
    with uow:
        now = uow.clock.now()
        interested_id = _lock_people(uow, post_id, interest_id, by=by)
        interested = uow.users.get(interested_id)
        if interested.is_deleted or interested.is_suspended(now):
            raise UserNotFound
        if uow.blocks.any_among((by, interested_id)):
            raise Blocked
        friendship = uow.friendships.find_between(by, interested_id, lock=True)
        interest = uow.interests.get(interest_id, lock=True)
        interest.refuse_unless_pending()
        thread = Thread.open(
            id=uow.new_id(), people=(interested_id, by), origin=ThreadOrigin.INTEREST, now=now
        )
        thread_id = uow.threads.open(thread)
        # Posts are locked after conversations; a refusal takes the conversation back.
        uow.posts.get_present(post_id, lock=True).refuse_unless_open(now)
        interest.accept(owner_id=by, thread_id=thread_id)
        befriended = _befriend(uow, friendship, interested_id=interested_id, by=by, thread_id=thread_id)
        uow.commit()
        return AcceptedInterest(interest_id, befriended, thread_id)


def reject_interest(uow: UnitOfWork, *, post_id: UUID, interest_id: UUID, by: UUID) -> None:
    """Turn an interest down.

    :raises PostNotFound: unknown or deleted.
    :raises InterestNotFound: the post has no such interest.
    :raises NotOwner: somebody else's post.
    :raises InterestNotPending: it was answered.
    :raises PostNotOpen: the post was closed, or its time is over.
    """
    with uow:
        _lock_people(uow, post_id, interest_id, by=by)
        interest = uow.interests.get(interest_id, lock=True)
        interest.refuse_unless_pending()
        uow.posts.get_present(post_id, lock=True).refuse_unless_open(uow.clock.now())
        interest.reject(owner_id=by)
        uow.commit()


def _lock_people(uow: UnitOfWork, post_id: UUID, interest_id: UUID, *, by: UUID) -> UUID:
    """Lock the owner of a post and who is interested in it; return the latter."""
    post = uow.posts.get_present(post_id)
    interested_id = uow.interests.get_in(post_id, interest_id).user_id
    post.refuse_others(by)
    uow.users.find_many((by, interested_id), lock=True)
    return interested_id


def _befriend(
    uow: UnitOfWork, friendship: Friendship | None, *, interested_id: UUID, by: UUID, thread_id: UUID
) -> bool:
    """Make two people friends and tell whether they were not before."""
    now = uow.clock.now()
    if friendship is None:
        uow.friendships.add(Friendship.made(id=uow.new_id(), user_id=interested_id, friend_id=by, now=now))
        return True
    if friendship.status is FriendshipStatus.ACCEPTED:
        return False
    # Whoever of the two asked: both have said yes now.
    friendship.accept(by=friendship.friend_id, thread_id=thread_id, now=now)
    return True

"""Making friends, parting, and shutting people out."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.conversations import Thread, ThreadOrigin
from kcardswap.domain.errors import Blocked, SelfTarget
from kcardswap.domain.friendships import Block, Friendship
from kcardswap.domain.trades import CancelReason
from kcardswap.persistence.unit_of_work import UnitOfWork


class BlockState(NamedTuple):
    """A block as it stands, or as it stood before it was lifted; all None when there was none to lift."""

    id: UUID | None
    created_at: datetime | None


def request(uow: UnitOfWork, *, by: UUID, target_id: UUID) -> UUID:
    """Ask somebody to be friends and return the friendship; a request from their side is accepted instead.

    :raises SelfTarget: nobody befriends themselves.
    :raises UserNotFound: the other is unknown, deleted or suspended.
    :raises Blocked: there is a block between the two.
    :raises AlreadyFriends: they are friends.
    :raises FriendRequestPending: the caller asked before.
    """
    if by == target_id:
        raise SelfTarget
    with uow:
        now = uow.clock.now()
        target = uow.users.find_many((by, target_id), lock=True).get(target_id)
        if target is None or target.is_deleted or target.is_suspended(now):
            raise UserNotFound
        if uow.blocks.any_among((by, target_id)):
            raise Blocked
        friendship = uow.friendships.find_between(by, target_id, lock=True)
        if friendship is None:
            friendship = Friendship.request(id=uow.new_id(), user_id=by, friend_id=target_id, now=now)
            uow.friendships.add(friendship)
        else:
            friendship.refuse_repeat(by=by)
            _accept(uow, friendship, by=by)
        uow.commit()
        return friendship.id


def accept(uow: UnitOfWork, *, friendship_id: UUID, by: UUID) -> None:
    """Accept a friend request; from now on the two have a conversation.

    :raises FriendshipNotFound: unknown, or ``by`` is no party.
    :raises NotRecipient: ``by`` is the one who asked.
    :raises UserNotFound: whoever asked was deleted or is suspended.
    :raises Blocked: there is a block between the two.
    :raises FriendshipNotPending: it was accepted.
    """
    with uow:
        friendship = _locked(uow, friendship_id, by=by)
        friendship.refuse_unless_recipient(by)
        asking = uow.users.get(friendship.other(by))
        if asking.is_deleted or asking.is_suspended(uow.clock.now()):
            raise UserNotFound
        if uow.blocks.any_among(friendship.people):
            raise Blocked
        _accept(uow, friendship, by=by)
        uow.commit()


def reject(uow: UnitOfWork, *, friendship_id: UUID, by: UUID) -> None:
    """Turn a friend request down; nothing of it remains.

    :raises FriendshipNotFound: unknown, or ``by`` is no party.
    :raises NotRecipient: ``by`` is the one who asked.
    :raises FriendshipNotPending: it was accepted.
    """
    with uow:
        friendship = _locked(uow, friendship_id, by=by)
        friendship.refuse_unless_recipient(by)
        friendship.refuse_unless_pending()
        uow.friendships.remove(friendship)
        uow.commit()


def end(uow: UnitOfWork, *, friendship_id: UUID, by: UUID) -> None:
    """Unfriend, or withdraw a request; the conversation stays.

    :raises FriendshipNotFound: unknown, or ``by`` is no party.
    """
    with uow:
        uow.friendships.remove(_locked(uow, friendship_id, by=by))
        uow.commit()


def block(uow: UnitOfWork, *, by: UUID, target_id: UUID) -> BlockState:
    """Shut somebody out: friendship and requests go, unfinished trades of the two are called off.

    Blocking again changes nothing.

    :raises SelfTarget: nobody blocks themselves.
    :raises UserNotFound: the other is unknown or deleted.
    """
    if by == target_id:
        raise SelfTarget
    with uow:
        now = uow.clock.now()
        _lock_people(uow, by, target_id)
        made = uow.blocks.find_by_pair(blocker_id=by, blocked_id=target_id)
        if made is None:
            made = Block.between(id=uow.new_id(), blocker_id=by, blocked_id=target_id, now=now)
            uow.blocks.add(made)
            _part(uow, by, target_id, now)
            uow.commit()
        return BlockState(made.id, made.created_at)


def unblock(uow: UnitOfWork, *, by: UUID, target_id: UUID) -> BlockState:
    """Let somebody in again; what the block ended stays ended. Without a block nothing changes.

    :raises SelfTarget: nobody blocks themselves.
    :raises UserNotFound: the other is unknown or deleted.
    """
    if by == target_id:
        raise SelfTarget
    with uow:
        _lock_people(uow, by, target_id)
        lifted = uow.blocks.find_by_pair(blocker_id=by, blocked_id=target_id)
        if lifted is None:
            return BlockState(None, None)
        uow.blocks.remove(lifted)
        uow.commit()
        return BlockState(lifted.id, lifted.created_at)


def _locked(uow: UnitOfWork, friendship_id: UUID, *, by: UUID) -> Friendship:
    """Lock both people, then their friendship; strangers learn nothing."""
    seen = uow.friendships.get(friendship_id)
    seen.other(by)
    # People are locked before the friendship; its two never change, so reading them first is safe.
    uow.users.find_many(seen.people, lock=True)
    return uow.friendships.get(friendship_id, lock=True)


def _lock_people(uow: UnitOfWork, by: UUID, target_id: UUID) -> None:
    target = uow.users.find_many((by, target_id), lock=True).get(target_id)
    if target is None or target.is_deleted:
        raise UserNotFound


def _accept(uow: UnitOfWork, friendship: Friendship, *, by: UUID) -> None:
    now = uow.clock.now()
    friendship.refuse_unless_pending()
    thread = Thread.open(id=uow.new_id(), people=friendship.people, origin=ThreadOrigin.FRIEND, now=now)
    friendship.accept(by=by, thread_id=uow.threads.open(thread), now=now)


def _part(uow: UnitOfWork, a: UUID, b: UUID, now: datetime) -> None:
    friendship = uow.friendships.find_between(a, b, lock=True)
    if friendship is not None:
        uow.friendships.remove(friendship)
    uow.message_requests.decline_pending_between(a, b, now)
    uow.interests.reject_pending_between(a, b)
    # Nobody writes to a thread without its lock, so no message slips past the block.
    uow.threads.find_between(a, b, lock=True)
    shared = uow.trades.lock_unfinished_shared_by(a, b)
    uow.reservations.call_off(shared, CancelReason.BLOCKED, now)

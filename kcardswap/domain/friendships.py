"""Friends and blocks: who asked whom, who accepted, and who wants nothing to do with whom."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.errors import Conflict, Forbidden, InvalidState, NotFound, SelfTarget


class FriendshipStatus(StrEnum):
    """How far a friendship got; rejecting, withdrawing and unfriending remove it."""

    PENDING = "pending"
    ACCEPTED = "accepted"


class FriendshipNotFound(NotFound):
    """No such friendship, or the caller is no party to it."""

    def __init__(self) -> None:
        super().__init__("friendship")


class AlreadyFriends(Conflict):
    """The two are friends."""

    message = "You are friends already."
    reason = "already_friends"


class FriendRequestPending(Conflict):
    """The caller's earlier request waits for an answer."""

    message = "Your friend request is waiting for an answer."
    reason = "friend_request_pending"


class NotRecipient(Forbidden):
    """Only the person who was asked may answer."""

    message = "Only the person who was asked can answer."
    reason = "not_recipient"


class NotFriends(Forbidden):
    """The two are no friends."""

    message = "This is for friends only."
    reason = "not_friends"


class FriendshipNotPending(InvalidState):
    """The request has been answered."""

    message = "This friend request has been answered."
    reason = "not_pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class FriendRequested(Event):
    """Somebody wants to be friends with ``friend_id``."""

    aggregate: ClassVar[str] = "friendship"
    friendship_id: UUID
    user_id: UUID
    friend_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class FriendshipAccepted(Event):
    """``friend_id`` accepted what ``user_id`` asked; ``thread_id`` is where they talk."""

    aggregate: ClassVar[str] = "friendship"
    friendship_id: UUID
    user_id: UUID
    friend_id: UUID
    thread_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class UserBlocked(Event):
    """Somebody blocked somebody."""

    aggregate: ClassVar[str] = "block"
    block_id: UUID
    blocker_id: UUID
    blocked_id: UUID


@dataclass(eq=False, kw_only=True)
class Friendship(Aggregate):
    """The mutual edge between two people, from the request of ``user_id`` on; one per pair."""

    id: UUID
    user_id: UUID
    friend_id: UUID
    status: FriendshipStatus
    accepted_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def request(cls, *, id: UUID, user_id: UUID, friend_id: UUID, now: datetime) -> "Friendship":
        """Ask ``friend_id`` to be friends.

        :raises SelfTarget: people are no friends of themselves.
        """
        if user_id == friend_id:
            raise SelfTarget
        friendship = cls(
            id=id,
            user_id=user_id,
            friend_id=friend_id,
            status=FriendshipStatus.PENDING,
            accepted_at=None,
            created_at=now,
            updated_at=now,
        )
        friendship.record(FriendRequested(friendship_id=id, user_id=user_id, friend_id=friend_id))
        return friendship

    @classmethod
    def made(cls, *, id: UUID, user_id: UUID, friend_id: UUID, now: datetime) -> "Friendship":
        """Return a friendship that needed no request: what the two agreed on tells of it."""
        return cls(
            id=id,
            user_id=user_id,
            friend_id=friend_id,
            status=FriendshipStatus.ACCEPTED,
            accepted_at=now,
            created_at=now,
            updated_at=now,
        )

    @property
    def people(self) -> tuple[UUID, UUID]:
        """Return the two people, the one who asked first."""
        return self.user_id, self.friend_id

    def other(self, person: UUID) -> UUID:
        """Return the other one of the two.

        :raises FriendshipNotFound: ``person`` is neither.
        """
        if person not in self.people:
            raise FriendshipNotFound
        return self.friend_id if person == self.user_id else self.user_id

    def refuse_unless_recipient(self, person: UUID) -> None:
        """Do nothing for the person who was asked.

        :raises FriendshipNotFound: ``person`` is no party.
        :raises NotRecipient: ``person`` is the one who asked.
        """
        if self.other(person) == self.friend_id:
            raise NotRecipient

    def refuse_unless_pending(self) -> None:
        """Do nothing while the request waits.

        :raises FriendshipNotPending: it was accepted.
        """
        if self.status is not FriendshipStatus.PENDING:
            raise FriendshipNotPending(status=self.status)

    def accept(self, *, by: UUID, thread_id: UUID, now: datetime) -> None:
        """Become friends; from now on the two talk in ``thread_id``.

        :raises FriendshipNotFound: ``by`` is no party.
        :raises NotRecipient: ``by`` is the one who asked.
        :raises FriendshipNotPending: it was accepted.
        """
        self.refuse_unless_recipient(by)
        self.refuse_unless_pending()
        self.status = FriendshipStatus.ACCEPTED
        self.accepted_at = now
        self.updated_at = now
        self.record(
            FriendshipAccepted(
                friendship_id=self.id, user_id=self.user_id, friend_id=self.friend_id, thread_id=thread_id
            )
        )

    def refuse_repeat(self, *, by: UUID) -> None:
        """Do nothing when ``by`` may answer this request by asking in turn.

        :raises AlreadyFriends: the two are friends.
        :raises FriendRequestPending: ``by`` asked before.
        """
        if self.status is FriendshipStatus.ACCEPTED:
            raise AlreadyFriends
        if by == self.user_id:
            raise FriendRequestPending


@dataclass(eq=False, kw_only=True)
class Block(Aggregate):
    """One person shuts another one out; only the blocker can lift it."""

    id: UUID
    blocker_id: UUID
    blocked_id: UUID
    created_at: datetime

    @classmethod
    def between(cls, *, id: UUID, blocker_id: UUID, blocked_id: UUID, now: datetime) -> "Block":
        """Shut ``blocked_id`` out of everything between the two.

        :raises SelfTarget: nobody shuts themselves out.
        """
        if blocker_id == blocked_id:
            raise SelfTarget
        block = cls(id=id, blocker_id=blocker_id, blocked_id=blocked_id, created_at=now)
        block.record(UserBlocked(block_id=id, blocker_id=blocker_id, blocked_id=blocked_id))
        return block

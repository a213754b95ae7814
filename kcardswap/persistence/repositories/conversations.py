"""Repositories of threads, messages and message requests."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Update, bindparam, case, delete, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kcardswap.domain.accounts import UserStatus
from kcardswap.domain.base import Aggregate, NewId
from kcardswap.domain.conversations import (
    Message,
    MessageNotFound,
    Progress,
    Side,
    Thread,
    ThreadNotFound,
    in_order,
)
from kcardswap.domain.message_requests import MessageRequest, MessageRequestNotFound, MessageRequestStatus
from kcardswap.domain.posts import PostStatus
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.conversations import counts_as_waiting, message_requests, messages, threads
from kcardswap.persistence.orm.friendships import blocks
from kcardswap.persistence.orm.posts import posts
from kcardswap.persistence.repositories.base import Repository


class ClaimedMessage(NamedTuple):
    """A message that is about to be purged, and who comes first in its thread."""

    id: UUID
    thread_id: UUID
    seq: int
    sender_id: UUID
    sender_seq: int
    user_a_id: UUID


class MessageRequestRepository(Repository[MessageRequest]):
    """Message requests; whoever makes or answers one holds the locks of both users."""

    entity = MessageRequest
    table = message_requests
    missing = MessageRequestNotFound

    def find_pending_between(self, a: UUID, b: UUID, *, lock: bool = False) -> MessageRequest | None:
        """Return the request that waits between two people, whoever asked, or None."""
        smaller, larger = in_order(a, b)
        return self._one(
            func.least(message_requests.c.sender_id, message_requests.c.recipient_id) == smaller,
            func.greatest(message_requests.c.sender_id, message_requests.c.recipient_id) == larger,
            message_requests.c.status == MessageRequestStatus.PENDING,
            lock=lock,
        )

    def find_last_declined(self, *, sender_id: UUID, recipient_id: UUID) -> MessageRequest | None:
        """Return the request of one person to another that was declined last, or None."""
        declined = (
            select(MessageRequest)
            .where(
                message_requests.c.sender_id == sender_id,
                message_requests.c.recipient_id == recipient_id,
                message_requests.c.status == MessageRequestStatus.DECLINED,
            )
            .order_by(message_requests.c.responded_at.desc())
            .limit(1)
        )
        found = self._all(declined)
        return found[0] if found else None

    def count_pending_of(self, sender_id: UUID) -> int:
        """Return how many of somebody's requests wait; exact under the lock of their quota row."""
        waiting = select(func.count()).where(message_requests.c.sender_id == sender_id, counts_as_waiting)
        return self.session.scalar(waiting) or 0

    def decline_pending_between(self, a: UUID, b: UUID, now: datetime) -> None:
        """Decline what waits between two people, if anything does; both are locked."""
        request = self.find_pending_between(a, b, lock=True)
        if request is not None:
            request.decline(now=now)


class ThreadRepository(Repository[Thread]):
    """Conversations; a pair has at most one, which is never removed."""

    entity = Thread
    table = threads
    missing = ThreadNotFound

    def __init__(
        self, session: Session, seen: list[Aggregate], *, requests: MessageRequestRepository, new_id: NewId
    ) -> None:
        super().__init__(session, seen)
        self._requests = requests
        self._new_id = new_id

    def find_between(self, a: UUID, b: UUID, *, lock: bool = False) -> Thread | None:
        """Return the conversation of two people, or None when they never had a reason for one."""
        user_a_id, user_b_id = in_order(a, b)
        return self._one(threads.c.user_a_id == user_a_id, threads.c.user_b_id == user_b_id, lock=lock)

    def open(self, thread: Thread) -> UUID:
        """Store a new conversation unless its pair has one, and return the id of the one they have.

        A message request that waits between the two is accepted, whatever opens the conversation: what it
        says becomes the first message. The rows of both people are locked.
        """
        request = self._requests.find_pending_between(thread.user_a_id, thread.user_b_id, lock=True)
        thread_id = self._insert(thread)
        if request is not None:
            stored = self.get(thread_id, lock=True)
            self.session.add(request.accept(stored, message_id=self._new_id(), now=thread.created_at))
        return thread_id

    def _insert(self, thread: Thread) -> UUID:
        values = {column.name: getattr(thread, column.name) for column in threads.columns}
        self.session.execute(
            insert(threads).values(values).on_conflict_do_nothing(index_elements=["user_a_id", "user_b_id"])
        )
        pair = (threads.c.user_a_id == thread.user_a_id, threads.c.user_b_id == thread.user_b_id)
        thread_id: UUID = self.session.execute(select(threads.c.id).where(*pair)).scalar_one()
        return thread_id

    def advance(self, thread_id: UUID, progress: Progress) -> None:
        """Move the marks of one person forward, in one statement; marks that are further stay."""
        values = {
            "thread": thread_id,
            "delivered": progress.delivered_seq,
            "read": progress.read_seq,
            "seen": progress.seen,
        }
        self.session.connection().execute(_ADVANCE[progress.side], values)

    def forget(self, purged: Sequence[ClaimedMessage]) -> None:
        """Count messages that are no more as seen; the rows of their threads are locked."""
        counts: dict[UUID, dict[str, Any]] = {}
        for row in purged:
            seen = "b_purged" if row.sender_id == row.user_a_id else "a_purged"
            count = counts.setdefault(row.thread_id, {"thread": row.thread_id, **_NOTHING_PURGED})
            count[seen] = max(count[seen], row.sender_seq)
            count["last"] = max(count["last"], row.seq)
        if counts:
            # In id order, like all rows of one kind.
            self.session.connection().execute(_FORGET, [counts[key] for key in sorted(counts)])


def _number(name: str) -> Any:
    return bindparam(name, type_=threads.c.next_seq.type)


def _advancing(side: Side) -> Update:
    delivered, read, seen = (
        threads.c[f"{side}_last_delivered_seq"],
        threads.c[f"{side}_last_read_seq"],
        threads.c[f"{side}_seen"],
    )
    return (
        update(threads)
        .where(
            threads.c.id == bindparam("thread"),
            or_(delivered < _number("delivered"), read < _number("read"), seen < _number("seen")),
        )
        .values(
            {
                delivered: func.greatest(delivered, _number("delivered")),
                read: func.greatest(read, _number("read")),
                seen: func.greatest(seen, _number("seen")),
            }
        )
    )


_ADVANCE = {side: _advancing(side) for side in Side}
_NOTHING_PURGED = {"a_purged": 0, "b_purged": 0, "last": 0}
_FORGET = (
    update(threads)
    .where(threads.c.id == bindparam("thread"))
    .values(
        a_seen=func.greatest(threads.c.a_seen, _number("a_purged")),
        b_seen=func.greatest(threads.c.b_seen, _number("b_purged")),
        last_message_at=case(
            (threads.c.next_seq == _number("last") + 1, null()), else_=threads.c.last_message_at
        ),
    )
)


class MessageRepository(Repository[Message]):
    """Messages; they are added under the lock of their thread."""

    entity = Message
    table = messages
    missing = MessageNotFound

    def get_in(self, thread_id: UUID, message_id: UUID) -> Message:
        """Return a message of this thread.

        :raises MessageNotFound: there is no such message in it.
        """
        found = self._one(messages.c.thread_id == thread_id, messages.c.id == message_id)
        if found is None:
            raise MessageNotFound
        return found

    def may_name(self, post_id: UUID, *, by: UUID, among: Collection[UUID]) -> bool:
        """Tell whether somebody may name this post to the other one ``among`` two people.

        Posts of people who shut them out do not exist for them. Where the owner is one of the two, the
        block itself is what refuses.
        """
        shut_out = select(blocks.c.id).where(
            blocks.c.blocker_id == posts.c.owner_id, blocks.c.blocked_id == by
        )
        shown = (
            select(posts.c.id)
            .join_from(posts, users, users.c.id == posts.c.owner_id)
            .where(
                posts.c.id == post_id,
                posts.c.status != PostStatus.DELETED,
                users.c.status != UserStatus.DELETED,
                or_(posts.c.owner_id.in_(among), ~shut_out.exists()),
            )
        )
        return self.session.scalar(shown) is not None

    def claim(self, *, before: datetime, limit: int) -> list[ClaimedMessage]:
        """Lock up to ``limit`` messages written before a moment, oldest first, with their threads.

        What others have locked is left out, so nothing here waits while it holds a lock. Within a thread
        the order is the one they were written in.
        """
        statement = (
            select(
                messages.c.id,
                messages.c.thread_id,
                messages.c.seq,
                messages.c.sender_id,
                messages.c.sender_seq,
                threads.c.user_a_id,
            )
            .join_from(messages, threads, threads.c.id == messages.c.thread_id)
            # While an account is erased its messages have a new sender before the thread does; they wait.
            .where(
                messages.c.created_at < before,
                messages.c.sender_id.in_((threads.c.user_a_id, threads.c.user_b_id)),
            )
            .order_by(messages.c.created_at, messages.c.seq)
            .limit(limit)
            .with_for_update(key_share=True, skip_locked=True, of=[messages, threads])
        )
        return [ClaimedMessage(*row) for row in self.session.execute(statement)]

    def purge(self, claimed: Sequence[ClaimedMessage]) -> None:
        """Delete claimed messages."""
        self.session.execute(delete(messages).where(messages.c.id.in_([row.id for row in claimed])))

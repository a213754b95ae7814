"""Writing to people one has a conversation with, and reading what they wrote."""

from datetime import timedelta
from uuid import UUID

from kcardswap.domain.conversations import Progress, RecipientGone
from kcardswap.domain.errors import Blocked
from kcardswap.domain.posts import PostNotFound
from kcardswap.persistence.unit_of_work import UnitOfWork


def write(uow: UnitOfWork, *, thread_id: UUID, by: UUID, content: str, post_id: UUID | None = None) -> UUID:
    """Send a message to the other person of a thread and return it.

    :raises ThreadNotFound: there is no such thread.
    :raises PostNotFound: the post is unknown or hidden from ``by``.
    :raises NotParticipant: ``by`` takes no part in it.
    :raises RecipientGone: the other person's account was deleted.
    :raises Blocked: there is a block between the two.
    """
    with uow:
        # Its lock makes the order of messages that of their commits, and keeps blocks waiting.
        thread = uow.threads.get(thread_id, lock=True)
        if post_id is not None and not uow.messages.may_name(post_id, by=by, among=thread.people):
            raise PostNotFound
        recipient_id = thread.other(by)
        if uow.users.get(recipient_id).is_deleted:
            raise RecipientGone
        if uow.blocks.any_among((by, recipient_id)):
            raise Blocked
        message = thread.write(id=uow.new_id(), by=by, content=content, post_id=post_id, now=uow.clock.now())
        uow.messages.add(message)
        uow.commit()
        return message.id


def read_up_to(uow: UnitOfWork, *, thread_id: UUID, message_id: UUID, by: UUID) -> None:
    """Note that somebody read this message and all earlier ones of the other person.

    :raises ThreadNotFound: there is no such thread.
    :raises NotParticipant: ``by`` takes no part in it.
    :raises MessageNotFound: it is not, or no longer, in this thread.
    :raises OwnMessage: ``by`` wrote it.
    """
    with uow:
        thread = uow.threads.get(thread_id)
        thread.side_of(by)
        message = uow.messages.get_in(thread_id, message_id)
        uow.threads.advance(thread_id, thread.progress_to(message, by=by))
        uow.commit()


def note_progress(uow: UnitOfWork, *, thread_id: UUID, progress: Progress) -> None:
    """Note how far somebody got by being shown messages."""
    with uow:
        uow.threads.advance(thread_id, progress)
        uow.commit()


def purge(uow: UnitOfWork, *, older_than: timedelta, limit: int) -> int:
    """Delete up to ``limit`` messages of a greater age, the oldest first, and return how many.

    Repeats safely, and any number of callers may do so at once: each leaves out what others claimed.
    """
    with uow:
        claimed = uow.messages.claim(before=uow.clock.now() - older_than, limit=limit)
        if claimed:
            uow.messages.purge(claimed)
            uow.threads.forget(claimed)
        uow.commit()
        return len(claimed)

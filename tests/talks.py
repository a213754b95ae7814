"""What people need to talk in tests: conversations, messages, requests; and what always holds for them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, func, or_, select

from kcardswap.domain.conversations import Thread, ThreadOrigin
from kcardswap.persistence.orm.conversations import message_requests, messages, threads
from kcardswap.queries.conversations import MessagePage, messages_of
from kcardswap.queries.keyset import PageRequest
from kcardswap.runtime import Runtime, retrying
from kcardswap.services import conversations
from kcardswap.services import message_requests as request_services

COOLDOWN = timedelta(days=7)


def open_thread(runtime: Runtime, a: UUID, b: UUID) -> UUID:
    """Give two people a conversation, as a swap does."""
    uow = runtime.unit_of_work()
    with uow:
        uow.users.find_many((a, b), lock=True)
        now = uow.clock.now()
        thread_id = uow.threads.open(
            Thread.open(id=uow.new_id(), people=(a, b), origin=ThreadOrigin.TRADE, now=now)
        )
        uow.commit()
        return thread_id


def say(runtime: Runtime, thread_id: UUID, by: UUID, content: str = "hello", **more: Any) -> UUID:
    """Write a message."""
    message_id: UUID = retrying(
        lambda: conversations.write(
            runtime.unit_of_work(), thread_id=thread_id, by=by, content=content, **more
        )
    )
    return message_id


def knock(
    runtime: Runtime, by: UUID, to: UUID, text: str = "hi", *, cooldown: timedelta = COOLDOWN, **more: Any
) -> UUID:
    """Send a message request."""
    request_id: UUID = retrying(
        lambda: request_services.send(
            runtime.unit_of_work(), by=by, recipient_id=to, initial_message=text, cooldown=cooldown, **more
        )
    )
    return request_id


def let_in(runtime: Runtime, request_id: UUID, by: UUID) -> UUID:
    """Accept a message request and return the thread."""
    thread_id: UUID = retrying(
        lambda: request_services.accept(runtime.unit_of_work(), request_id=request_id, by=by)
    )
    return thread_id


def turn_away(runtime: Runtime, request_id: UUID, by: UUID) -> None:
    """Decline a message request."""
    retrying(lambda: request_services.decline(runtime.unit_of_work(), request_id=request_id, by=by))


def look(
    runtime: Runtime,
    thread_id: UUID,
    by: UUID,
    *,
    limit: int = 50,
    offset: int = 0,
    cursor: tuple[Any, ...] | None = None,
    after: UUID | None = None,
    reading: bool = False,
) -> MessagePage:
    """Read a page of messages, without noting that somebody did."""
    with runtime.database.reader() as connection:
        return messages_of(
            connection,
            thread_id=thread_id,
            viewer_id=by,
            page=PageRequest(limit, offset, cursor),
            after_message_id=after,
            reading=reading,
        )


def note(runtime: Runtime, thread_id: UUID, page: MessagePage) -> None:
    """Note how far a page brings its reader, as the API does after reading it."""
    if page.progress is not None:
        conversations.note_progress(runtime.unit_of_work(), thread_id=thread_id, progress=page.progress)


def fetch(runtime: Runtime, thread_id: UUID, by: UUID, **options: Any) -> MessagePage:
    """Fetch messages as the API does; options as of ``look``."""
    found = look(runtime, thread_id, by, **options)
    note(runtime, thread_id, found)
    return found


def broken_promises(connection: Connection) -> list[str]:
    """Return which of the promises about conversations do not hold for what is stored; empty when all do."""
    problems = {
        "a request waits between people with a thread": _needless_requests(),
        "messages the first person has not read": _wrong_unread("a", "b"),
        "messages the second person has not read": _wrong_unread("b", "a"),
        "the moment of the last message": _wrong_last_message(),
        "messages out of order": _out_of_order(),
    }
    return [name for name, statement in problems.items() if connection.execute(statement).first() is not None]


def _needless_requests() -> Any:
    pair = (message_requests.c.sender_id, message_requests.c.recipient_id)
    joined = and_(threads.c.user_a_id == func.least(*pair), threads.c.user_b_id == func.greatest(*pair))
    return (
        select(threads.c.id)
        .join_from(message_requests, threads, joined)
        .where(message_requests.c.status == "pending")
    )


def _wrong_unread(reader: str, writer: str) -> Any:
    unread = (
        select(func.count())
        .where(
            messages.c.thread_id == threads.c.id,
            messages.c.sender_id == threads.c[f"user_{writer}_id"],
            messages.c.seq > threads.c[f"{reader}_last_read_seq"],
        )
        .correlate(threads)
        .scalar_subquery()
    )
    return select(threads.c.id).where(threads.c[f"{writer}_sent"] - threads.c[f"{reader}_seen"] != unread)


def _wrong_last_message() -> Any:
    newest = (
        select(messages.c.created_at)
        .where(messages.c.thread_id == threads.c.id)
        .order_by(messages.c.seq.desc())
        .limit(1)
        .correlate(threads)
        .scalar_subquery()
    )
    return select(threads.c.id).where(threads.c.last_message_at.is_distinct_from(newest))


def _out_of_order() -> Any:
    later = messages.alias("later")
    joined = and_(later.c.thread_id == messages.c.thread_id, later.c.seq > messages.c.seq)
    wrong = or_(
        later.c.created_at < messages.c.created_at,
        and_(later.c.sender_id == messages.c.sender_id, later.c.sender_seq <= messages.c.sender_seq),
    )
    return select(messages.c.id).join_from(messages, later, joined).where(wrong)

"""Conversations and their messages as the two people in them read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Uuid,
    bindparam,
    case,
    func,
    literal,
    select,
    true,
    union_all,
)

from kcardswap.domain.accounts import UserStatus
from kcardswap.domain.conversations import (
    MessageNotFound,
    MessageStatus,
    NotParticipant,
    Progress,
    Side,
    ThreadNotFound,
    UnknownPosition,
)
from kcardswap.domain.message_requests import MessageRequestStatus
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.conversations import message_requests, messages, threads
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.queries.keyset import Details, Page, PageRequest, SortKey, fetch_page
from kcardswap.queries.visibility import Person


def has_thread(a: Person, b: Person) -> ColumnElement[bool]:
    """Return the condition that these two have a conversation."""
    thread = threads.alias()
    found = select(literal(1)).where(
        thread.c.user_a_id == func.least(a, b), thread.c.user_b_id == func.greatest(a, b)
    )
    return found.correlate_except(thread).exists()


def has_pending_request(a: Person, b: Person) -> ColumnElement[bool]:
    """Return the condition that a message request waits between these two, whoever asked."""
    request = message_requests.alias()
    found = select(literal(1)).where(
        func.least(request.c.sender_id, request.c.recipient_id) == func.least(a, b),
        func.greatest(request.c.sender_id, request.c.recipient_id) == func.greatest(a, b),
        request.c.status == MessageRequestStatus.PENDING,
    )
    return found.correlate_except(request).exists()


class PersonRow(NamedTuple):
    """One of the two; a deleted one has neither name nor picture."""

    user_id: UUID
    nickname: str | None
    avatar_url: str | None


class MessageRow(NamedTuple):
    """A message as its reader sees it; ``seq`` is its place in the thread."""

    id: UUID
    thread_id: UUID
    seq: int
    sender_seq: int
    sender: PersonRow
    content: str
    post_id: UUID | None
    status: MessageStatus
    created_at: datetime


class ThreadRow(NamedTuple):
    """A conversation with its newest message; ``unread_count`` is how many the reader has not read."""

    id: UUID
    a: PersonRow
    b: PersonRow
    created_at: datetime
    updated_at: datetime
    last_message_at: datetime | None
    last_message: MessageRow | None
    unread_count: int

    @property
    def participants(self) -> tuple[PersonRow, PersonRow]:
        """Return the two people."""
        return self.a, self.b


@dataclass(frozen=True, slots=True)
class MessagePage(Page[MessageRow]):
    """Messages, oldest first, and how far they bring the reader; None when no further than before."""

    progress: Progress | None


class _Marks(NamedTuple):
    """How far one of the two got with the messages of the other, and how many they wrote themselves."""

    read_seq: int
    delivered_seq: int
    seen: int
    sent: int


class _Head(NamedTuple):
    """A thread without its messages."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    last_message_at: datetime | None
    next_seq: int
    people: dict[Side, PersonRow]
    marks: dict[Side, _Marks]

    def side_of(self, viewer_id: UUID) -> Side:
        """Return which of the two the reader is.

        :raises NotParticipant: neither.
        """
        for side, person in self.people.items():
            if person.user_id == viewer_id:
                return side
        raise NotParticipant

    def message(self, reader: Side, row: Sequence[Any]) -> MessageRow:
        """Return a message from the columns of ``_MESSAGE``."""
        id, seq, sender_seq, sender_id, content, post_id, created_at = row
        # Whoever is not the reader is the other: messages of an account that is being erased get their
        # new sender before the thread does.
        sender = reader if sender_id == self.people[reader].user_id else _other(reader)
        status = _status(seq, self.marks[_other(sender)])
        return MessageRow(
            id, self.id, seq, sender_seq, self.people[sender], content, post_id, status, created_at
        )

    def after(self, progress: Progress | None) -> "_Head":
        """Return the same thread with the marks of one person moved forward."""
        if progress is None:
            return self
        marks = self.marks[progress.side]
        moved = marks._replace(
            read_seq=max(marks.read_seq, progress.read_seq),
            delivered_seq=max(marks.delivered_seq, progress.delivered_seq),
        )
        return self._replace(marks={**self.marks, progress.side: moved})


def _other(side: Side) -> Side:
    return Side.B if side is Side.A else Side.A


def _status(seq: int, recipient: _Marks) -> MessageStatus:
    if seq <= recipient.read_seq:
        return MessageStatus.READ
    return MessageStatus.DELIVERED if seq <= recipient.delivered_seq else MessageStatus.SENT


_ME = bindparam("viewer_id", type_=Uuid())
_THREAD_ID = bindparam("thread_id", type_=Uuid())
_USERS = {side: users.alias(f"user_{side}") for side in Side}
_PROFILES = {side: profiles.alias(f"profile_{side}") for side in Side}


def _person(side: Side) -> list[ColumnElement[Any]]:
    there = _USERS[side].c.status != UserStatus.DELETED
    profile = _PROFILES[side].c
    return [
        threads.c[f"user_{side}_id"],
        case((there, profile.nickname)).label(f"{side}_nickname"),
        case((there, profile.avatar_url)).label(f"{side}_avatar_url"),
    ]


_HEAD: list[ColumnElement[Any]] = [
    threads.c.id,
    threads.c.created_at,
    threads.c.updated_at,
    threads.c.last_message_at,
    threads.c.next_seq,
    *(column for side in Side for column in _person(side)),
    *(
        threads.c[f"{side}_{name}"]
        for side in Side
        for name in ("last_read_seq", "last_delivered_seq", "seen", "sent")
    ),
]
_MESSAGE: list[ColumnElement[Any]] = [
    messages.c.id,
    messages.c.seq,
    messages.c.sender_seq,
    messages.c.sender_id,
    messages.c.content,
    messages.c.post_id,
    messages.c.created_at,
]
_LAST = (
    select(*_MESSAGE)
    .where(messages.c.thread_id == threads.c.id)
    .order_by(messages.c.seq.desc())
    .limit(1)
    .correlate(threads)
    .lateral("last_message")
)


def _with_people(source: FromClause) -> FromClause:
    for side in Side:
        source = source.outerjoin(_USERS[side], _USERS[side].c.id == threads.c[f"user_{side}_id"])
        source = source.outerjoin(_PROFILES[side], _PROFILES[side].c.user_id == _USERS[side].c.id)
    return source


def _with_last_message(source: FromClause) -> FromClause:
    return _with_people(source).outerjoin(_LAST, true())


def _head(row: Sequence[Any]) -> _Head:
    people = {Side.A: PersonRow(*row[5:8]), Side.B: PersonRow(*row[8:11])}
    marks = {Side.A: _Marks(*row[11:15]), Side.B: _Marks(*row[15:19])}
    return _Head(row[0], row[1], row[2], row[3], row[4], people, marks)


def _thread(viewer_id: UUID, row: Sequence[Any]) -> ThreadRow:
    head, last = _head(row), row[len(_HEAD) :]
    side = head.side_of(viewer_id)
    return ThreadRow(
        head.id,
        head.people[Side.A],
        head.people[Side.B],
        head.created_at,
        head.updated_at,
        head.last_message_at,
        None if last[0] is None else head.message(side, last),
        head.marks[_other(side)].sent - head.marks[side].seen,
    )


# Each thread as either of its people sees it: PostgreSQL merges an index of each side in the order of the
# list, so a page reads its own rows and no more.
_SIDES = union_all(
    *(
        select(threads.c.id, threads.c[f"user_{side}_id"].label("reader_id"), threads.c.active_at)
        for side in Side
    )
).subquery("sides")
_MINE = select(_SIDES.c.id).where(_SIDES.c.reader_id == _ME)
_LATEST_FIRST = (SortKey(_SIDES.c.active_at, descending=True), SortKey(_SIDES.c.id))
_DETAILS = Details(
    columns=[*_HEAD, *_LAST.c],
    joined_to=lambda source, page: _with_last_message(source.outerjoin(threads, threads.c.id == page.c.id)),
)
_ONE = select(*_HEAD, *_LAST.c).select_from(_with_last_message(threads)).where(threads.c.id == _THREAD_ID)


def conversations(connection: Connection, *, viewer_id: UUID, page: PageRequest) -> Page[ThreadRow]:
    """Return a page of the reader's conversations, latest activity first."""
    return fetch_page(
        connection,
        _MINE.params(viewer_id=viewer_id),
        sort=_LATEST_FIRST,
        page=page,
        make_row=lambda *row: _thread(viewer_id, row),
        details=_DETAILS,
    )


def conversation(connection: Connection, *, thread_id: UUID, viewer_id: UUID) -> ThreadRow:
    """Return one conversation.

    :raises ThreadNotFound: there is no such thread.
    :raises NotParticipant: the reader takes no part in it.
    """
    row = connection.execute(_ONE, {"thread_id": thread_id}).one_or_none()
    if row is None:
        raise ThreadNotFound
    return _thread(viewer_id, row)


_POSITION = (
    select(messages.c.seq)
    .where(messages.c.id == bindparam("message_id", type_=Uuid()), messages.c.thread_id == threads.c.id)
    .correlate(threads)
    .scalar_subquery()
)
_HEAD_AND_POSITION = (
    select(*_HEAD, _POSITION).select_from(_with_people(threads)).where(threads.c.id == _THREAD_ID)
)
_MESSAGES = select(*_MESSAGE).where(messages.c.thread_id == _THREAD_ID)


def messages_of(
    connection: Connection,
    *,
    thread_id: UUID,
    viewer_id: UUID,
    page: PageRequest,
    after_message_id: UUID | None = None,
    reading: bool = False,
) -> MessagePage:
    """Return a page of messages, oldest first, as it stands once the reader has it.

    With ``after_message_id`` pages go forward from the message after that one; without, they go back
    from the newest. ``reading`` says that whoever is shown the newest page has read everything.

    :raises ThreadNotFound: there is no such thread.
    :raises NotParticipant: the reader takes no part in it.
    :raises UnknownPosition: the thread has no message ``after_message_id``.
    """
    values = {"thread_id": thread_id, "message_id": after_message_id}
    row = connection.execute(_HEAD_AND_POSITION, values).one_or_none()
    if row is None:
        raise ThreadNotFound
    head, position = _head(row), row[-1]
    side = head.side_of(viewer_id)
    if after_message_id is not None and position is None:
        raise UnknownPosition
    found = _page_of(connection, thread_id, position, page)
    newest = reading and after_message_id is None and page.after is None and not page.offset
    progress = _progress(head, side, found.rows, newest=newest)
    shown = head.after(progress)
    rows = [shown.message(side, columns) for columns in found.rows]
    return MessagePage(rows, found.total, found.next_key, progress)


def _page_of(
    connection: Connection, thread_id: UUID, position: int | None, page: PageRequest
) -> Page[tuple[Any, ...]]:
    statement = _MESSAGES if position is None else _MESSAGES.where(messages.c.seq > position)
    found = fetch_page(
        connection,
        statement.params(thread_id=thread_id),
        sort=(SortKey(messages.c.seq, descending=position is None),),
        page=page,
        make_row=lambda *columns: columns,
    )
    return found if position is not None else Page(found.rows[::-1], found.total, found.next_key)


def _progress(head: _Head, side: Side, rows: Sequence[tuple[Any, ...]], *, newest: bool) -> Progress | None:
    """Return how far the reader gets with these rows, None when that is no further than they were."""
    mine, theirs = head.marks[side], head.marks[_other(side)]
    me = head.people[side].user_id
    # The newest of the other's messages among the rows; it may be younger than the head.
    seq, sender_seq = next(((row[1], row[2]) for row in reversed(rows) if row[3] != me), (0, 0))
    seen = max(sender_seq, theirs.sent)
    if newest and seen > mine.seen:
        read_seq = max(seq, head.next_seq - 1)
        return Progress(side=side, delivered_seq=read_seq, read_seq=read_seq, seen=seen)
    return Progress(side=side, delivered_seq=seq) if seq > mine.delivered_seq else None


_MESSAGE_AND_HEAD = (
    select(*_HEAD, *_MESSAGE)
    .select_from(_with_people(messages.join(threads, threads.c.id == messages.c.thread_id)))
    .where(messages.c.id == bindparam("message_id", type_=Uuid()))
)


def message(connection: Connection, *, message_id: UUID, viewer_id: UUID) -> MessageRow:
    """Return one message as one of the two people sees it.

    :raises MessageNotFound: there is no such message.
    :raises NotParticipant: the reader takes no part in its thread.
    """
    row = connection.execute(_MESSAGE_AND_HEAD, {"message_id": message_id}).one_or_none()
    if row is None:
        raise MessageNotFound
    head = _head(row)
    return head.message(head.side_of(viewer_id), row[len(_HEAD) :])

"""Message requests as the two people in them read them."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Uuid, and_, bindparam, case, or_, select

from kcardswap.domain.accounts import UserStatus
from kcardswap.domain.message_requests import MessageRequestNotFound, MessageRequestStatus
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.conversations import message_requests
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.queries.keyset import Page, PageRequest, SortKey, fetch_page
from kcardswap.queries.visibility import blocked_either_way


class Box(StrEnum):
    """Whose requests: those the reader received, or those they sent."""

    INBOX = "inbox"
    SENT = "sent"


class MessageRequestRow(NamedTuple):
    """A message request; a deleted person has neither name nor picture."""

    id: UUID
    sender_id: UUID
    sender_nickname: str | None
    sender_avatar_url: str | None
    recipient_id: UUID
    recipient_nickname: str | None
    recipient_avatar_url: str | None
    initial_message: str
    post_id: UUID | None
    status: MessageRequestStatus
    thread_id: UUID | None
    created_at: datetime
    updated_at: datetime


_ME = bindparam("viewer_id", type_=Uuid())
_ROLES = ("sender", "recipient")
_USERS = {role: users.alias(f"{role}_user") for role in _ROLES}
_PROFILES = {role: profiles.alias(f"{role}_profile") for role in _ROLES}


def _person(role: str) -> list[ColumnElement[Any]]:
    there = _USERS[role].c.status != UserStatus.DELETED
    return [
        message_requests.c[f"{role}_id"],
        case((there, _PROFILES[role].c.nickname)).label(f"{role}_nickname"),
        case((there, _PROFILES[role].c.avatar_url)).label(f"{role}_avatar_url"),
    ]


_SOURCE = message_requests
for _role in _ROLES:
    _SOURCE = _SOURCE.join(  # type: ignore[assignment]
        _USERS[_role], _USERS[_role].c.id == message_requests.c[f"{_role}_id"]
    ).outerjoin(_PROFILES[_role], _PROFILES[_role].c.user_id == _USERS[_role].c.id)
_REQUESTS = select(
    message_requests.c.id,
    *_person("sender"),
    *_person("recipient"),
    message_requests.c.initial_message,
    message_requests.c.post_id,
    message_requests.c.status,
    message_requests.c.thread_id,
    message_requests.c.created_at,
    message_requests.c.updated_at,
).select_from(_SOURCE)
_ONE = _REQUESTS.where(
    message_requests.c.id == bindparam("request_id", type_=Uuid()),
    or_(message_requests.c.sender_id == _ME, message_requests.c.recipient_id == _ME),
)


def _box(reader: str, other: str) -> Any:
    # What waits for somebody who left waits for ever; what was answered is history.
    waits_for_nobody = and_(
        message_requests.c.status == MessageRequestStatus.PENDING,
        _USERS[other].c.status == UserStatus.DELETED,
    )
    return _REQUESTS.where(
        message_requests.c[f"{reader}_id"] == _ME,
        ~blocked_either_way(_ME, message_requests.c[f"{other}_id"]),
        ~waits_for_nobody,
    )


_BOXES = {Box.INBOX: _box("recipient", "sender"), Box.SENT: _box("sender", "recipient")}
_NEWEST_FIRST = (SortKey(message_requests.c.created_at, descending=True), SortKey(message_requests.c.id))


def message_request(connection: Connection, *, request_id: UUID, viewer_id: UUID) -> MessageRequestRow:
    """Return one message request of the reader.

    :raises MessageRequestNotFound: unknown, or the reader is no party.
    """
    row = connection.execute(_ONE, {"request_id": request_id, "viewer_id": viewer_id}).one_or_none()
    if row is None:
        raise MessageRequestNotFound
    return MessageRequestRow._make(row)


def requests_in(
    connection: Connection,
    *,
    box: Box,
    viewer_id: UUID,
    status: MessageRequestStatus | None,
    page: PageRequest,
) -> Page[MessageRequestRow]:
    """Return a page of what the reader received or sent, in one state or in any, newest first.

    Left out are people with a block between them and the reader, and what waits for somebody who left.
    """
    statement = _BOXES[box]
    if status is not None:
        statement = statement.where(message_requests.c.status == status)
    return fetch_page(
        connection,
        statement.params(viewer_id=viewer_id),
        sort=_NEWEST_FIRST,
        page=page,
        make_row=MessageRequestRow,
    )

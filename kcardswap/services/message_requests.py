"""Asking strangers to be written to, and letting them in."""

from datetime import datetime, timedelta
from uuid import UUID

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.conversations import ConversationExists, Thread, ThreadOrigin
from kcardswap.domain.errors import Blocked, SelfTarget
from kcardswap.domain.message_requests import MessageRequest, StrangerMessagesDisabled
from kcardswap.domain.posts import PostNotFound
from kcardswap.domain.quotas import LimitKey, require_room
from kcardswap.persistence.unit_of_work import UnitOfWork


def send(
    uow: UnitOfWork,
    *,
    by: UUID,
    recipient_id: UUID,
    initial_message: str,
    post_id: UUID | None = None,
    cooldown: timedelta,
) -> UUID:
    """Ask somebody to be written to and return the request; its words are the first message.

    ``cooldown`` is how long a declined sender waits before asking the same person again. The refusals
    are tried in this order.

    :raises SelfTarget: nobody writes to themselves.
    :raises UserNotFound: the other is unknown, deleted or suspended.
    :raises PostNotFound: the post is unknown or hidden from ``by``.
    :raises Blocked: there is a block between the two.
    :raises ConversationExists: they can write to each other already.
    :raises RequestPending: a request waits between them, whoever asked.
    :raises RequestCooldown: the other declined too short a time ago.
    :raises StrangerMessagesDisabled: the other takes requests of friends only.
    :raises LimitExceeded: too many requests of the sender wait.
    """
    if by == recipient_id:
        raise SelfTarget
    with uow:
        now = uow.clock.now()
        recipient = uow.users.find_many((by, recipient_id), lock=True).get(recipient_id)
        if recipient is None or recipient.is_deleted or recipient.is_suspended(now):
            raise UserNotFound
        if post_id is not None and not uow.messages.may_name(post_id, by=by, among=(by, recipient_id)):
            raise PostNotFound
        if uow.blocks.any_among((by, recipient_id)):
            raise Blocked
        _refuse_second(uow, by, recipient_id, cooldown=cooldown, now=now)
        _refuse_unwanted(uow, by, recipient_id)
        _require_room(uow, by, now)
        request = MessageRequest.send(
            id=uow.new_id(),
            sender_id=by,
            recipient_id=recipient_id,
            initial_message=initial_message,
            post_id=post_id,
            now=now,
        )
        uow.message_requests.add(request)
        uow.commit()
        return request.id


def _refuse_second(
    uow: UnitOfWork, by: UUID, recipient_id: UUID, *, cooldown: timedelta, now: datetime
) -> None:
    thread = uow.threads.find_between(by, recipient_id)
    if thread is not None:
        raise ConversationExists(thread_id=thread.id)
    waiting = uow.message_requests.find_pending_between(by, recipient_id)
    if waiting is not None:
        waiting.refuse_another(by=by)
    declined = uow.message_requests.find_last_declined(sender_id=by, recipient_id=recipient_id)
    if declined is not None:
        declined.refuse_repeat(cooldown=cooldown, now=now)


def _refuse_unwanted(uow: UnitOfWork, by: UUID, recipient_id: UUID) -> None:
    profile = uow.profiles.find_by_user(recipient_id)
    takes_strangers = profile is None or profile.allow_stranger_chat
    if not takes_strangers and not uow.friendships.are_friends(by, recipient_id):
        raise StrangerMessagesDisabled


def _require_room(uow: UnitOfWork, by: UUID, now: datetime) -> None:
    uow.quotas.lock(by, LimitKey.PENDING_REQUESTS_MAX, now=now)
    waiting = uow.message_requests.count_pending_of(by)
    require_room(uow.quotas.plan_of(by), LimitKey.PENDING_REQUESTS_MAX, used=waiting, wanted=1)


def accept(uow: UnitOfWork, *, request_id: UUID, by: UUID) -> UUID:
    """Let a stranger in and return the thread that starts with what they asked.

    :raises MessageRequestNotFound: unknown, or ``by`` is no party.
    :raises NotRecipient: ``by`` is the one who asked.
    :raises UserNotFound: whoever asked was deleted or is suspended.
    :raises Blocked: there is a block between the two.
    :raises MessageRequestNotPending: it was answered.
    """
    with uow:
        now = uow.clock.now()
        request = _locked(uow, request_id, by=by)
        asking = uow.users.get(request.sender_id)
        if asking.is_deleted or asking.is_suspended(now):
            raise UserNotFound
        if uow.blocks.any_among(request.people):
            raise Blocked
        request.refuse_unless_pending()
        # Opening a thread accepts the request that waits between its people: this one.
        thread_id = uow.threads.open(
            Thread.open(id=uow.new_id(), people=request.people, origin=ThreadOrigin.REQUEST, now=now)
        )
        uow.commit()
        return thread_id


def decline(uow: UnitOfWork, *, request_id: UUID, by: UUID) -> None:
    """Turn a stranger away.

    :raises MessageRequestNotFound: unknown, or ``by`` is no party.
    :raises NotRecipient: ``by`` is the one who asked.
    :raises MessageRequestNotPending: it was answered.
    """
    with uow:
        _locked(uow, request_id, by=by).decline(now=uow.clock.now())
        uow.commit()


def _locked(uow: UnitOfWork, request_id: UUID, *, by: UUID) -> MessageRequest:
    """Lock both people, then their request; strangers and senders learn nothing."""
    seen = uow.message_requests.get(request_id)
    seen.refuse_unless_recipient(by)
    # People are locked before the request; its two never change, so reading them first is safe.
    uow.users.find_many(seen.people, lock=True)
    return uow.message_requests.get(request_id, lock=True)

"""Message requests, alone and against a model: whatever two people do, it is in the state the model says."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kcardswap.domain.conversations import Thread, ThreadOrigin
from kcardswap.domain.errors import Refusal, SelfTarget
from kcardswap.domain.friendships import NotRecipient
from kcardswap.domain.message_requests import (
    Direction,
    MessageRequest,
    MessageRequestAccepted,
    MessageRequestDeclined,
    MessageRequested,
    MessageRequestNotFound,
    MessageRequestNotPending,
    MessageRequestStatus,
    RequestCooldown,
    RequestPending,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINA, JUN, STRANGER = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.fixture
def request_of_mina() -> MessageRequest:
    return send()


def send() -> MessageRequest:
    return MessageRequest.send(id=uuid4(), sender_id=MINA, recipient_id=JUN, initial_message="hi", now=NOW)


def new_thread() -> Thread:
    return Thread.open(id=uuid4(), people=(MINA, JUN), origin=ThreadOrigin.REQUEST, now=NOW)


def test_a_request_waits_and_says_who_asks_whom(request_of_mina: MessageRequest) -> None:
    assert request_of_mina.status is MessageRequestStatus.PENDING
    assert request_of_mina.collect_events() == [
        MessageRequested(message_request_id=request_of_mina.id, sender_id=MINA, recipient_id=JUN)
    ]


def test_nobody_asks_themselves() -> None:
    with pytest.raises(SelfTarget):
        MessageRequest.send(id=uuid4(), sender_id=MINA, recipient_id=MINA, initial_message="hi", now=NOW)


def test_only_the_person_asked_may_answer(request_of_mina: MessageRequest) -> None:
    request_of_mina.refuse_unless_recipient(JUN)
    with pytest.raises(NotRecipient):
        request_of_mina.refuse_unless_recipient(MINA)
    with pytest.raises(MessageRequestNotFound):
        request_of_mina.refuse_unless_recipient(STRANGER)


def test_the_words_of_an_accepted_request_are_the_first_message(request_of_mina: MessageRequest) -> None:
    thread, later = new_thread(), NOW + timedelta(hours=1)
    message = request_of_mina.accept(thread, message_id=uuid4(), now=later)
    assert (message.seq, message.sender_id, message.content, message.created_at) == (1, MINA, "hi", NOW)
    assert (request_of_mina.thread_id, request_of_mina.responded_at) == (thread.id, later)
    # Who accepts knows what they were asked; nobody is told of a message.
    assert thread.collect_events() == []


@pytest.mark.parametrize(("by", "direction"), [(MINA, Direction.OUTGOING), (JUN, Direction.INCOMING)])
def test_a_second_request_is_told_of_the_first(
    request_of_mina: MessageRequest, by: UUID, direction: Direction
) -> None:
    with pytest.raises(RequestPending) as refusal:
        request_of_mina.refuse_another(by=by)
    assert refusal.value.details["request_id"] == request_of_mina.id
    assert refusal.value.details["direction"] == direction


def test_a_declined_sender_waits_to_the_very_moment(request_of_mina: MessageRequest) -> None:
    request_of_mina.decline(now=NOW)
    week = timedelta(days=7)
    with pytest.raises(RequestCooldown) as refusal:
        request_of_mina.refuse_repeat(cooldown=week, now=NOW + week - timedelta(microseconds=1))
    assert refusal.value.details["retry_at"] == NOW + week
    request_of_mina.refuse_repeat(cooldown=week, now=NOW + week)


class MessageRequestMachine(RuleBasedStateMachine):
    """Three people act on one request; the model is its state and the events it should have recorded."""

    @initialize()
    def start(self) -> None:
        self.request, self.thread = send(), new_thread()
        self.model = MessageRequestStatus.PENDING
        self.events: list[type] = [MessageRequested]

    def _answer(self, by: UUID, status: MessageRequestStatus, event: type) -> None:
        expected = {MINA: NotRecipient, STRANGER: MessageRequestNotFound}.get(by)
        if expected is None and self.model is not MessageRequestStatus.PENDING:
            expected = MessageRequestNotPending
        assert self._refusal_of(by, status) is expected
        if expected is None:
            self.model = status
            self.events.append(event)

    def _refusal_of(self, by: UUID, status: MessageRequestStatus) -> type[Refusal] | None:
        try:
            self.request.refuse_unless_recipient(by)
            if status is MessageRequestStatus.ACCEPTED:
                self.request.accept(self.thread, message_id=uuid4(), now=NOW)
            else:
                self.request.decline(now=NOW)
        except Refusal as refusal:
            return type(refusal)
        return None

    @rule(by=st.sampled_from([MINA, JUN, STRANGER]))
    def accept(self, by: UUID) -> None:
        self._answer(by, MessageRequestStatus.ACCEPTED, MessageRequestAccepted)

    @rule(by=st.sampled_from([MINA, JUN, STRANGER]))
    def decline(self, by: UUID) -> None:
        self._answer(by, MessageRequestStatus.DECLINED, MessageRequestDeclined)

    @invariant()
    def is_as_the_model_says(self) -> None:
        request, accepted = self.request, self.model is MessageRequestStatus.ACCEPTED
        assert request.status is self.model
        assert (request.responded_at is None) == (self.model is MessageRequestStatus.PENDING)
        assert (request.thread_id is not None) == accepted
        assert self.thread.next_seq == (2 if accepted else 1)
        recorded = request.__dict__.get("_events", [])
        assert [type(event) for event in recorded] == self.events


TestMessageRequestMachine = MessageRequestMachine.TestCase
TestMessageRequestMachine.settings = settings(max_examples=50, stateful_step_count=10, deadline=None)

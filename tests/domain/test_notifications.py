"""Who is told what of which event, and in which words."""

import importlib
import pkgutil
import string
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest

from kcardswap import domain
from kcardswap.domain.base import Event, StoredEvent
from kcardswap.domain.notifications import (
    RULES,
    SUBJECTS,
    TEXTS,
    Draft,
    Language,
    NotificationType,
    drafts_of,
    language_of,
    text_of,
)
from kcardswap.persistence.outbox import plain

NOW = datetime(2026, 3, 12, 4, 0, tzinfo=UTC)
ME, YOU, THIRD = (UUID(int=n) for n in (1, 2, 3))
TOLD = {
    *("FriendRequested", "FriendshipAccepted"),
    *("MessageRequested", "MessageRequestAccepted", "MessageSent"),
    *("InterestExpressed", "InterestAccepted", "InterestRejected"),
    *("TradeProposed", "TradeAccepted", "TradeRejected", "TradeCanceled", "TradeShipped"),
    *("TradeConfirmed", "TradeCompleted", "MatchSuggested", "UserRated"),
    *("ReportResolved", "UserWarned", "ContentRemoved", "UserSuspended", "AppealDecided"),
}
"""The events people are notified of."""
NOT_YET = {"TradeShipped", "MatchSuggested"}
"""Those of features that are still to come."""


def event_classes() -> dict[str, type[Event]]:
    for module in pkgutil.walk_packages(domain.__path__, "kcardswap.domain."):
        importlib.import_module(module.name)

    def below(kind: type[Event]) -> Iterator[type[Event]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    return {kind.__name__: kind for kind in below(Event) if kind.__module__.startswith("kcardswap.")}


CLASSES = event_classes()


def a_value(kind: Any, n: int) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(part for part in get_args(kind) if part is not types.NoneType)
    if kind is UUID:
        return UUID(int=100 + n)
    if get_origin(kind) is tuple:
        return (ME, YOU, THIRD)
    return {int: 5, str: "word", datetime: NOW}[kind]


def stored(name: str, **facts: Any) -> StoredEvent:
    return StoredEvent(
        id=UUID(int=9),
        event_type=name,
        aggregate_id=UUID(int=10),
        payload={key: plain(value) for key, value in facts.items()},
        request_id=None,
        created_at=NOW,
    )


def sample(name: str) -> StoredEvent:
    """Return an event of this class as the outbox keeps it, every field with a value of its own."""
    hints = get_type_hints(CLASSES[name])
    facts = {each.name: a_value(hints[each.name], n) for n, each in enumerate(fields(CLASSES[name]))}
    return stored(name, **facts)


def told(name: str, **facts: Any) -> dict[UUID, Draft]:
    return {draft.user_id: draft for draft in drafts_of(stored(name, **facts))}


def test_there_is_a_rule_for_every_event_people_are_notified_of() -> None:
    assert RULES.keys() == TOLD
    assert TOLD - CLASSES.keys() <= NOT_YET
    assert {rule.type for rule in RULES.values()} == set(NotificationType)


@pytest.mark.parametrize("name", sorted(TOLD & CLASSES.keys()))
def test_events_carry_everything_their_notification_says(name: str) -> None:
    rule, known = RULES[name], {each.name for each in fields(CLASSES[name])}
    assert rule.to in known and (rule.by is None or rule.by in known)
    if rule.one_per is not None:
        assert {rule.one_per, "seq"} <= known
    drafts = list(drafts_of(sample(name)))
    assert drafts
    for draft in drafts:
        assert draft.user_id != draft.actor_id
        assert all(isinstance(value, str) for value in draft.payload.values())


PAYLOADS: Mapping[str, set[str]] = {
    "FriendRequested": {"user_id", "friendship_id"},
    "FriendshipAccepted": {"user_id", "friendship_id", "room_id"},
    "MessageRequested": {"user_id", "message_request_id"},
    "MessageRequestAccepted": {"user_id", "message_request_id", "room_id"},
    "MessageSent": {"room_id", "message_id", "user_id"},
    "TradeProposed": {"trade_id", "user_id", "countered_trade_id"},
    "TradeAccepted": {"trade_id", "user_id", "status"},
    "TradeRejected": {"trade_id", "user_id"},
    "TradeCanceled": {"trade_id", "reason", "user_id"},
    "TradeConfirmed": {"trade_id", "user_id"},
    "TradeCompleted": {"trade_id"},
    "InterestExpressed": {"post_id", "interest_id", "user_id"},
    "InterestAccepted": {"post_id", "interest_id", "user_id", "room_id"},
    "InterestRejected": {"post_id", "interest_id", "user_id"},
    "UserRated": {"user_id", "rating_id", "trade_id"},
    "ReportResolved": {"report_id"},
    "UserWarned": {"sanction_id", "target_type", "target_id"},
    "ContentRemoved": {"sanction_id", "target_type", "target_id"},
    "UserSuspended": {"sanction_id", "until"},
    "AppealDecided": {"sanction_id", "target_type", "target_id", "outcome"},
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_payloads_say_what_the_contract_lists(name: str) -> None:
    for draft in drafts_of(sample(name)):
        assert draft.payload.keys() == PAYLOADS[name]


def test_what_has_no_value_is_left_out() -> None:
    rated = told("UserRated", rating_id=UUID(int=5), rater_id=YOU, rated_user_id=ME, trade_id=None)
    assert rated[ME].payload == {"rating_id": str(UUID(int=5)), "user_id": str(YOU)}
    suspended = told("UserSuspended", sanction_id=UUID(int=5), user_id=ME, until=NOW)
    assert suspended[ME].payload["until"] == "2026-03-12T04:00:00Z"


def test_only_the_others_hear_of_what_a_participant_did() -> None:
    for name in ("TradeProposed", "TradeAccepted", "TradeRejected", "TradeConfirmed"):
        drafts = told(name, trade_id=UUID(int=5), participant_ids=(ME, YOU, THIRD), user_id=YOU)
        assert drafts.keys() == {ME, THIRD}
        assert {draft.actor_id for draft in drafts.values()} == {YOU}


def test_what_nobody_did_by_hand_is_told_to_all() -> None:
    facts = {"trade_id": UUID(int=5), "participant_ids": (ME, YOU), "reason": "timeout", "user_id": None}
    drafts = told("TradeCanceled", **facts)
    assert drafts.keys() == {ME, YOU}
    assert drafts[ME].payload == {"trade_id": str(UUID(int=5)), "reason": "timeout"}
    assert told("TradeCompleted", trade_id=UUID(int=5), participant_ids=(ME, YOU)).keys() == {ME, YOU}


def test_the_two_features_to_come_have_their_rules() -> None:
    shipped = told("TradeShipped", trade_id=UUID(int=5), user_id=YOU, receiver_id=ME)
    assert shipped[ME].payload == {"trade_id": str(UUID(int=5)), "user_id": str(YOU)}
    suggestion = {"run_id": UUID(int=5), "suggestion_id": UUID(int=6), "participant_ids": (ME, YOU)}
    suggested = told("MatchSuggested", **suggestion)
    assert suggested.keys() == {ME, YOU}
    assert suggested[ME].payload == {"run_id": str(UUID(int=5)), "suggestion_id": str(UUID(int=6))}


def test_messages_of_one_room_are_one_entry_in_the_order_of_the_room() -> None:
    [draft] = drafts_of(sample("MessageSent"))
    assert draft.collapse_key == f"chat_message:{draft.payload['room_id']}"
    assert draft.collapse_seq == 5
    others = (draft for name in PAYLOADS if name != "MessageSent" for draft in drafts_of(sample(name)))
    assert {(draft.collapse_key, draft.collapse_seq) for draft in others} == {(None, None)}


def test_events_without_a_rule_tell_nobody_anything() -> None:
    assert list(drafts_of(stored("UserBlocked", blocker_id=ME, blocked_id=YOU))) == []


@pytest.mark.parametrize("language", list(Language))
def test_every_type_has_its_words_in_every_language(language: Language) -> None:
    assert TEXTS[language].keys() == set(NotificationType)
    for kind, text in TEXTS[language].items():
        assert text.title and text.body and len(text.title) <= 40 and len(text.body) <= 100
        names = [part for _, part, *_ in string.Formatter().parse(text.body) if part]
        english = [
            part for _, part, *_ in string.Formatter().parse(TEXTS[Language.ENGLISH][kind].body) if part
        ]
        assert names == english and "{" not in text.title
        assert len(names) <= 1


def test_a_push_names_people_by_nickname() -> None:
    kind = NotificationType.CHAT_MESSAGE
    said = {language: text_of(kind, language, name="Mina").body for language in Language}
    assert said == {
        Language.ENGLISH: "Mina sent you a message.",
        Language.KOREAN: "Mina님이 메시지를 보냈어요.",
        Language.CHINESE: "Mina 傳了訊息給你。",
        Language.JAPANESE: "Minaさんがメッセージを送りました。",
    }
    nameless = {language: text_of(kind, language, name=None).body for language in Language}
    assert nameless[Language.ENGLISH] == "Someone sent you a message."
    assert all(SUBJECTS[language].nameless in said for language, said in nameless.items())


def test_names_cannot_change_the_sentence() -> None:
    kind, english = NotificationType.FRIEND_REQUEST, Language.ENGLISH
    assert text_of(kind, english, name="{name} {0}").body == "{name} {0} wants to be friends with you."
    assert text_of(kind, english, name="Mi\n\nna").body == "Mi na wants to be friends with you."
    assert text_of(kind, english, name=" \n ").body == "Someone wants to be friends with you."


@pytest.mark.parametrize(
    ("preference", "language"),
    [
        *(("en", "en"), ("ko", "ko"), ("zh-TW", "zh-TW"), ("ja", "ja")),
        *(("zh", "zh-TW"), ("zh-Hant-HK", "zh-TW"), ("zh_CN", "zh-TW"), ("KO-kr", "ko"), ("ja_JP", "ja")),
        *(("fr", "en"), ("", "en"), (None, "en"), (7, "en"), (["ko"], "en"), ("korean", "en")),
    ],
    ids=str,
)
def test_the_language_is_the_preferred_one_or_its_nearest(preference: Any, language: str) -> None:
    assert language_of(preference) is Language(language)

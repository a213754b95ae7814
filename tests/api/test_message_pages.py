"""Pages of messages and polling over HTTP: back from the newest, and on from the last one seen."""

from functools import partial
from uuid import uuid4

import pytest
from sqlalchemy import make_url

from kcardswap.app import build_runtime
from kcardswap.persistence.engine import PooledDatabase, make_engine
from kcardswap.runtime import Runtime
from kcardswap.settings import Settings
from tests.api.conftest import prepared
from tests.api.swappers import data
from tests.api.talking import VIEWS, Talk, contents, statuses
from tests.conftest import MovableClock, scratch_database, with_clock
from tests.people import MakePerson, invalid_fields, make_person
from tests.talks import open_thread


@pytest.fixture
def talk(runtime: Runtime, person: MakePerson) -> Talk:
    return Talk(runtime, person)


@pytest.mark.parametrize("view", VIEWS)
def test_pages_go_back_from_the_newest_and_each_is_ascending(talk: Talk, view: str) -> None:
    for n in range(5):
        talk.say(talk.mina if n % 2 else talk.jun, str(n))
    path = f"/{view}/{talk.id}/messages"
    first = talk.mina.get(f"{path}?limit=2").get_json()
    assert (contents(first["data"]), first["data"]["total"], first["meta"]["total"]) == (["3", "4"], 5, 5)
    seen = contents(first["data"])
    cursor = first["meta"]["next_cursor"]
    while cursor:
        # What comes meanwhile is no part of the way back.
        talk.say(talk.jun, "new")
        answer = talk.mina.get(path, query_string={"limit": 2, "cursor": cursor}).get_json()
        assert answer["data"]["total"] is None
        seen = contents(answer["data"]) + seen
        cursor = answer["meta"]["next_cursor"]
    assert seen == ["0", "1", "2", "3", "4"]
    skipped = talk.mina.get(f"{path}?limit=2&offset=3").get_json()["data"]
    assert contents(skipped) == ["2", "3"]


def test_polling_goes_on_after_the_last_message_seen(talk: Talk) -> None:
    messages = [talk.say(talk.mina, str(n)) for n in range(3)]
    first = talk.chat(talk.jun, after_message_id=messages[0]["id"], limit=1)
    assert (contents(first), first["has_more"], first["total"]) == (["1"], True, 2)
    rest = talk.chat(talk.jun, after_message_id=first["messages"][-1]["id"], limit=1)
    assert (contents(rest), rest["has_more"], rest["total"]) == (["2"], False, 1)
    nothing = talk.chat(talk.jun, after_message_id=messages[-1]["id"])
    assert nothing == {"messages": [], "total": 0, "has_more": False}
    # What was polled is delivered, and only that.
    assert statuses(talk.chat(talk.mina)) == ["delivered"] * 3


def test_a_poll_can_be_continued_by_cursor(talk: Talk) -> None:
    messages = [talk.say(talk.mina, str(n)) for n in range(5)]
    path, query = f"/chats/{talk.id}/messages", {"after_message_id": messages[0]["id"], "limit": 2}
    first = talk.jun.get(path, query_string=query).get_json()
    assert (contents(first["data"]), first["data"]["has_more"]) == (["1", "2"], True)
    cursor = first["meta"]["next_cursor"]
    second = talk.jun.get(path, query_string={**query, "cursor": cursor}).get_json()
    assert (contents(second["data"]), second["data"]["has_more"]) == (["3", "4"], False)
    assert second["meta"]["next_cursor"] is None
    # It belongs to this poll.
    assert invalid_fields(talk.jun.get(path, query_string={"cursor": cursor})) == {"cursor"}


def test_has_more_says_that_there_are_older_messages(talk: Talk) -> None:
    for n in range(2):
        talk.say(talk.mina, str(n))
    assert talk.chat(talk.jun, limit=1)["has_more"] is True
    assert talk.chat(talk.jun, limit=2)["has_more"] is False


def test_an_unknown_or_foreign_message_is_no_place_to_go_on_from(talk: Talk, person: MakePerson) -> None:
    sana = person("sana")
    other = open_thread(talk.runtime, talk.mina.user_id, sana.user_id)
    foreign = data(sana.post(f"/chats/{other}/messages", {"content": "hi"}), 201)["id"]
    for after in (foreign, str(uuid4()), "x"):
        answer = talk.mina.get(f"/chats/{talk.id}/messages", query_string={"after_message_id": after})
        assert invalid_fields(answer) == {"after_message_id"}


def test_messages_are_read_from_the_primary_even_where_lists_come_from_a_replica(
    settings: Settings, server_url: str, migrated_url: str, clock: MovableClock
) -> None:
    template = make_url(migrated_url).database
    with (
        scratch_database(server_url, template) as url,
        # As far behind as can be: it has heard of nobody.
        scratch_database(server_url, template) as behind,
    ):
        engines = make_engine(url), make_engine(behind)
        runtime = with_clock(build_runtime(settings, PooledDatabase(*engines)), clock)
        client = prepared(settings, runtime).test_client(use_cookies=False)
        talk = Talk(runtime, partial(make_person, runtime, client))
        message = talk.say(talk.mina)
        assert data(talk.jun.get("/threads"))["total"] == 0
        assert contents(talk.messages(talk.jun)) == ["hello"]
        assert talk.chat(talk.mina, after_message_id=message["id"])["total"] == 0
        assert statuses(talk.chat(talk.mina)) == ["read"]
        for engine in engines:
            engine.dispose()

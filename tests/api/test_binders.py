"""Lists of cards over HTTP: one's own binder and what others offer."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, insert

from kcardswap.domain.quotas import MIB
from kcardswap.persistence.orm.friendships import blocks
from kcardswap.runtime import Runtime
from tests.binders import CARD_FIELDS, PICTURE, data_of, set_status
from tests.people import MakePerson, Person, delete, invalid_fields, refused
from tests.pictures import put_card, upload_card


@pytest.fixture
def mina(person: MakePerson) -> Person:
    return person("mina")


@pytest.fixture
def yuna(person: MakePerson) -> Person:
    return person("yuna")


def test_the_own_binder_is_an_array_with_totals_in_meta(mina: Person, runtime: Runtime) -> None:
    now = runtime.clock.now()
    made = [put_card(runtime, mina.user_id, made_at=now - timedelta(days=age)) for age in range(3)]
    answer = mina.get("/cards/me?limit=2&offset=2")
    assert [card["id"] for card in data_of(answer)] == [str(made[2])]
    assert answer.get_json()["meta"] == {
        "total": 3,
        "page": 2,
        "page_size": 2,
        "total_pages": 2,
        "next_cursor": None,
    }
    assert mina.get("/cards/me").get_json()["meta"]["page_size"] == 500


@pytest.mark.parametrize("sort", ["newest", "oldest", "updated"])
def test_the_own_binder_is_continued_by_cursor(mina: Person, runtime: Runtime, sort: str) -> None:
    for _ in range(5):
        put_card(runtime, mina.user_id)
    whole = [card["id"] for card in data_of(mina.get(f"/cards/me?sort={sort}"))]
    answer = mina.get(f"/cards/me?sort={sort}&limit=2")
    found = [card["id"] for card in data_of(answer)]
    while cursor := answer.get_json()["meta"]["next_cursor"]:
        answer = mina.get(f"/cards/me?sort={sort}&limit=2&cursor={cursor}")
        found += [card["id"] for card in data_of(answer)]
        assert set(answer.get_json()["meta"]) == {"page_size", "next_cursor"}
    assert found == whole


def test_a_cursor_belongs_to_its_list_and_filters(mina: Person, runtime: Runtime) -> None:
    for _ in range(3):
        put_card(runtime, mina.user_id)
    cursor = mina.get("/cards/me?limit=1").get_json()["meta"]["next_cursor"]
    for path in (
        f"/cards/me?limit=1&sort=oldest&cursor={cursor}",
        f"/cards/me?limit=1&status=held&cursor={cursor}",
        f"/users/{mina.user_id}/cards?limit=1&cursor={cursor}",
        f"/cards/me?limit=1&offset=1&cursor={cursor}",
        "/cards/me?cursor=nonsense",
    ):
        assert invalid_fields(mina.get(path)) == {"cursor"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "x"),
        ("limit", "1_0"),
        ("offset", "-1"),
        ("offset", "10001"),
        ("status", "lost"),
        ("rarity", "x"),
        ("sort", "random"),
        ("photocard_id", "x"),
        ("idol", "x" * 101),
        ("idol_group", "x" * 101),
        ("album", "x" * 101),
        ("idol", "%00"),
    ],
)
def test_a_defect_of_a_binder_query_names_its_field(mina: Person, field: str, value: str) -> None:
    assert invalid_fields(mina.get(f"/cards/me?{field}={value}")) == {field}


def test_a_binder_page_may_hold_five_hundred_and_others_one_hundred(mina: Person, yuna: Person) -> None:
    assert mina.get("/cards/me?limit=500").status_code == 200
    assert mina.get(f"/users/{yuna.user_id}/cards?limit=100").status_code == 200
    assert invalid_fields(mina.get(f"/users/{yuna.user_id}/cards?limit=101")) == {"limit"}


def test_filters_of_the_own_binder(mina: Person, runtime: Runtime) -> None:
    haerin = put_card(runtime, mina.user_id, idol="Haerin", idol_group="NewJeans", album="Get Up")
    put_card(runtime, mina.user_id, idol="Minji", status="held")
    for query in (
        "idol=hae-rin",
        "idol_group=NEW JEANS",
        "album=getup",
        "status=available",
        "idol=haerin&sort=oldest",
    ):
        assert [card["id"] for card in data_of(mina.get(f"/cards/me?{query}"))] == [str(haerin)], query
    assert len(data_of(mina.get("/cards/me?idol="))) == 2


def test_the_quota_status_follows_uploads(mina: Person) -> None:
    upload_card(mina)
    status = data_of(mina.get("/cards/quota/status"))
    assert status == {
        "uploads_today": 1,
        "daily_limit": 3,
        "remaining_uploads": 2,
        "storage_used_bytes": len(PICTURE),
        "storage_limit_bytes": 100 * MIB,
        "remaining_storage_bytes": 100 * MIB - len(PICTURE),
        "storage_used_mb": 0.0,
        "storage_limit_mb": 100.0,
        "remaining_storage_mb": 100.0,
        "unlimited": False,
    }


def test_others_see_offered_cards_only(
    mina: Person, yuna: Person, runtime: Runtime, connection: Connection
) -> None:
    offered = put_card(runtime, mina.user_id, idol="Haerin")
    put_card(runtime, mina.user_id, status="held")
    put_card(runtime, mina.user_id, confirmed=False)
    set_status(connection, put_card(runtime, mina.user_id), "traded")
    answer = yuna.get(f"/users/{mina.user_id}/cards")
    found = data_of(answer)
    assert [card["id"] for card in found["cards"]] == [str(offered)]
    assert found["total"] == answer.get_json()["meta"]["total"] == 1
    assert set(found["cards"][0]) == CARD_FIELDS
    assert data_of(yuna.get(f"/users/{mina.user_id}/cards?idol=minji")) == {"cards": [], "total": 0}


def test_unknown_deleted_and_blocking_people_have_the_same_empty_answer(
    mina: Person, yuna: Person, person: MakePerson, runtime: Runtime, connection: Connection
) -> None:
    gone = person("gone")
    put_card(runtime, gone.user_id)
    put_card(runtime, mina.user_id)
    delete(runtime, gone.user_id)
    connection.execute(
        insert(blocks).values(
            id=uuid4(), blocker_id=mina.user_id, blocked_id=yuna.user_id, created_at=runtime.clock.now()
        )
    )
    answers = [yuna.get(f"/users/{user_id}/cards") for user_id in (uuid4(), gone.user_id, mina.user_id)]
    for answer in answers:
        assert refused(answer, 404, "404_NOT_FOUND") == {"resource_type": "user"}
    assert len({answer.get_data() for answer in answers}) == 1
    assert mina.get(f"/users/{yuna.user_id}/cards").status_code == 200
    assert invalid_fields(yuna.get("/users/x/cards")) == {"user_id"}


def test_a_binder_costs_one_statement_beside_authentication(
    mina: Person, yuna: Person, runtime: Runtime, count_sql: Any
) -> None:
    for _ in range(3):
        put_card(runtime, mina.user_id)
    for path in ("/cards/me", f"/users/{mina.user_id}/cards", "/cards/quota/status"):
        yuna.get(path)
        with count_sql() as sent:
            assert yuna.get(path).status_code == 200
            assert sent() <= 2

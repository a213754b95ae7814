"""Pages of lists: by offset with the true total, by cursor without gaps."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.people import API, MakePerson, Person, invalid_fields

NOTES = f"{API}/probe/notes"


@pytest.fixture
def writer(prober: MakePerson) -> Person:
    """Somebody who wrote seven notes at the same moment."""
    writer = prober("mina")
    for _ in range(7):
        assert writer.put("/probe/notes", {"text": "a"}).status_code == 200
    return writer


def page(client: FlaskClient, **query: Any) -> Any:
    answer = client.get(NOTES, query_string=query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def ids(body: Any) -> list[str]:
    return [note["id"] for note in body["data"]["notes"]]


def test_pages_by_offset_carry_the_true_total(probe: FlaskClient, writer: Person) -> None:
    first, last, beyond = page(probe, limit=3), page(probe, limit=3, offset=6), page(probe, limit=3, offset=9)
    assert [len(ids(body)) for body in (first, last, beyond)] == [3, 1, 0]
    assert [body["data"]["total"] for body in (first, last, beyond)] == [7, 7, 7]
    meta = first["meta"]
    assert meta.pop("next_cursor") is not None
    assert meta == {"total": 7, "page": 1, "page_size": 3, "total_pages": 3}
    assert last["meta"] == {"total": 7, "page": 3, "page_size": 3, "total_pages": 3, "next_cursor": None}
    assert page(probe, limit=3, offset=4)["meta"]["page"] == 2


def test_an_empty_list_has_no_pages(probe: FlaskClient) -> None:
    assert page(probe) == {
        "data": {"notes": [], "total": 0},
        "meta": {"total": 0, "page": 1, "page_size": 50, "total_pages": 0, "next_cursor": None},
        "error": None,
    }


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
def test_following_the_cursor_shows_every_row_once(probe: FlaskClient, writer: Person, limit: int) -> None:
    body, seen = page(probe, limit=limit), []
    while True:
        seen += ids(body)
        cursor = body["meta"]["next_cursor"]
        if cursor is None:
            break
        body = page(probe, limit=limit, cursor=cursor)
        assert body["data"]["total"] is None
        assert set(body["meta"]) == {"page_size", "next_cursor"}
    assert seen == ids(page(probe)) and len(set(seen)) == 7


def test_a_page_stays_the_same_while_rows_are_added(probe: FlaskClient, writer: Person) -> None:
    before = ids(page(probe))
    cursor = page(probe, limit=3)["meta"]["next_cursor"]
    added = writer.put("/probe/notes", {"text": "a"}).get_json()["data"]["id"]
    rest = ids(page(probe, cursor=cursor))
    assert [note for note in rest if note != added] == before[3:]


def test_a_page_takes_one_statement(probe: FlaskClient, writer: Person, count_sql: Any) -> None:
    cursor = page(probe, limit=3)["meta"]["next_cursor"]
    for query in ({"limit": 3}, {"limit": 3, "offset": 3}, {"limit": 3, "cursor": cursor}):
        with count_sql() as sent:
            page(probe, **query)
            assert sent() == 1


def test_the_limit_of_a_page_may_change_on_the_way(probe: FlaskClient, writer: Person) -> None:
    cursor = page(probe, limit=2)["meta"]["next_cursor"]
    assert ids(page(probe, limit=5, cursor=cursor)) == ids(page(probe))[2:]


def test_a_cursor_works_only_where_it_came_from(
    probe: FlaskClient, writer: Person, prober: MakePerson
) -> None:
    cursor = page(probe, limit=3)["meta"]["next_cursor"]
    mine = writer.get("/probe/my-notes", query_string={"limit": 3}).get_json()["meta"]["next_cursor"]
    assert writer.get("/probe/my-notes", query_string={"cursor": mine}).status_code == 200
    for answer in (
        probe.get(NOTES, query_string={"cursor": mine}),
        probe.get(NOTES, query_string={"cursor": cursor, "filter": "x"}),
        writer.get("/probe/my-notes", query_string={"cursor": cursor}),
        prober("sana").get("/probe/my-notes", query_string={"cursor": mine}),
        writer.get("/trades/history", query_string={"cursor": cursor}),
    ):
        assert invalid_fields(answer) == {"cursor"}


@pytest.mark.parametrize("cursor", ["nonsense", ".", "W10.x", "null", "é", "%", "x" * 2000])
def test_an_unknown_cursor_is_refused(probe: FlaskClient, cursor: str) -> None:
    assert invalid_fields(probe.get(NOTES, query_string={"cursor": cursor})) == {"cursor"}


def test_a_changed_cursor_is_refused(probe: FlaskClient, writer: Person) -> None:
    cursor = page(probe, limit=3)["meta"]["next_cursor"]
    for changed in (cursor[:-1], cursor[1:], "A" + cursor[1:], cursor + "A", cursor.swapcase()):
        assert invalid_fields(probe.get(NOTES, query_string={"cursor": changed})) == {"cursor"}


def test_a_cursor_and_an_offset_do_not_go_together(probe: FlaskClient, writer: Person) -> None:
    cursor = page(probe, limit=3)["meta"]["next_cursor"]
    assert invalid_fields(probe.get(NOTES, query_string={"cursor": cursor, "offset": 0})) == {"cursor"}


def test_a_list_that_is_a_bare_array_carries_its_total_in_meta(probe: FlaskClient, writer: Person) -> None:
    body = probe.get(f"{API}/probe/bare-notes", query_string={"limit": 5}).get_json()
    assert len(body["data"]) == 5
    assert body["meta"] == {"total": 7, "page": 1, "page_size": 5, "total_pages": 2, "next_cursor": None}

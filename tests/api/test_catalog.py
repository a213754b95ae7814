"""Groups over HTTP."""

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Connection, insert

from kcardswap.persistence.orm.catalog import catalog_groups
from kcardswap.runtime import Runtime
from tests.people import API

FEATURED = [
    ("newjeans", "NewJeans", "🐰"),
    ("ive", "IVE", "🎀"),
    ("aespa", "aespa", "🦋"),
    ("le-sserafim", "LE SSERAFIM", "🪽"),
    ("blackpink", "BLACKPINK", "🖤"),
    ("twice", "TWICE", "🍭"),
    ("seventeen", "SEVENTEEN", "💎"),
    ("bts", "BTS", "💜"),
    ("stray-kids", "Stray Kids", "🐺"),
    ("enhypen", "ENHYPEN", "🧛"),
    ("txt", "TXT", "⭐"),
    ("itzy", "ITZY", "👑"),
]


def add_group(connection: Connection, runtime: Runtime, slug: str, **values: Any) -> None:
    now = runtime.clock.now()
    row = {"id": runtime.new_id(), "slug": slug, "name": slug, "search_text": slug, **values}
    connection.execute(insert(catalog_groups).values(**row, created_at=now, updated_at=now))


def test_the_twelve_featured_groups_come_in_their_order_without_signing_in(
    client: FlaskClient, connection: Connection, runtime: Runtime
) -> None:
    add_group(connection, runtime, "aaa-not-featured")
    answer = client.get(f"{API}/idols/groups")
    assert answer.status_code == 200
    assert answer.get_json()["data"] == {
        "groups": [
            {"id": slug, "name": name, "emoji": emoji, "sort_order": place}
            for place, (slug, name, emoji) in enumerate(FEATURED, start=1)
        ]
    }


def test_a_group_featured_later_takes_its_place(
    client: FlaskClient, connection: Connection, runtime: Runtime
) -> None:
    add_group(connection, runtime, "first", featured=True, sort_order=0)
    add_group(connection, runtime, "last", featured=True, sort_order=99)
    groups = client.get(f"{API}/idols/groups").get_json()["data"]["groups"]
    assert groups[0] == {"id": "first", "name": "first", "emoji": None, "sort_order": 0}
    assert groups[-1]["id"] == "last"
    assert len(groups) == 14


def test_bad_credentials_do_not_matter_for_reference_data(client: FlaskClient) -> None:
    answer = client.get(f"{API}/idols/groups", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 200


def test_groups_are_cached_by_everybody_and_not_sent_again_unchanged(
    client: FlaskClient, connection: Connection, runtime: Runtime, count_sql: Any
) -> None:
    with count_sql() as sent:
        first = client.get(f"{API}/idols/groups")
        assert sent() == 1
    assert first.headers["Cache-Control"] == "public, max-age=300"
    condition = {"If-None-Match": first.headers["ETag"]}
    again = client.get(f"{API}/idols/groups", headers=condition)
    assert (again.status_code, again.get_data()) == (304, b"")
    add_group(connection, runtime, "another", featured=True)
    assert client.get(f"{API}/idols/groups", headers=condition).status_code == 200

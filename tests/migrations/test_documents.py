"""The documents about the database are true: their commands and recipes run, their tables are complete."""

import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, event, text

from kcardswap.commands import database
from kcardswap.queries import accounts, cards, friendships, gallery, posts, trades, wishlist
from kcardswap.queries.keyset import PageRequest
from tests.conftest import PROJECT
from tests.migrations.running import REVISIONS, alembic, copy_migrations, must, point_at
from tests.migrations.schema import differences, schema_of

MIGRATIONS = (PROJECT / "docs" / "database-migrations.md").read_text()
QUERIES = (PROJECT / "docs" / "query-optimization.md").read_text()
ARCHITECTURE = (PROJECT / "docs" / "database-architecture.md").read_text()

RECIPE = '''"""A recipe."""

import sqlalchemy as sa
from alembic import op

revision = "{number:04d}"
down_revision = "{previous:04d}"
branch_labels = None
depends_on = None


{body}'''


def blocks(document: str, language: str) -> list[str]:
    """Return the contents of all code blocks in ``language``, indented ones too."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", document, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the revisions in a copy of the project."""
    monkeypatch.setattr(database, "PROJECT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return copy_migrations(tmp_path)


@pytest.mark.usefixtures("versions")
def test_every_command_of_the_migration_document_runs(scratch_url: str, app: Flask) -> None:
    commands = [
        shlex.split(line, comments=True) for block in blocks(MIGRATIONS, "sh") for line in block.splitlines()
    ]
    assert len(commands) > 30
    point_at(app, scratch_url)
    for command in commands:
        if command[:3] == ["flask", "db", "wait"]:
            assert app.test_cli_runner().invoke(args=command[1:]).exit_code == 0
        elif command[:2] == ["flask", "db"]:
            must(*command[2:], url=scratch_url)
        else:
            assert command[0] == "alembic"
            alembic(*command[1:], url=scratch_url)


def test_every_command_flask_db_has_is_in_the_document() -> None:
    missing = [name for name in database.database_commands.commands if f"flask db {name}" not in MIGRATIONS]
    assert missing == []


def test_every_recipe_of_the_migration_document_works_forth_and_back(
    versions: Path, scratch_url: str, scratch: Connection
) -> None:
    scratch.execute(
        text(
            "INSERT INTO users (id, role, status, created_at, updated_at)"
            " SELECT gen_random_uuid(), 'user', 'active', now(), now() FROM generate_series(1, 12000)"
        )
    )
    scratch.execute(
        text(
            "INSERT INTO profiles (id, user_id, created_at, updated_at)"
            " SELECT gen_random_uuid(), id, now(), now() FROM users"
        )
    )
    recipes = blocks(MIGRATIONS, "python")
    assert len(recipes) >= 11
    last = int(REVISIONS[-1])
    for number, body in enumerate(recipes, start=last + 1):
        file = versions / f"{number:04d}_recipe.py"
        file.write_text(RECIPE.format(number=number, previous=number - 1, body=body))
        before = schema_of(scratch)
        must("upgrade", url=scratch_url)
        after = schema_of(scratch)
        must("downgrade", url=scratch_url)
        assert differences(schema_of(scratch), before) == []
        must("upgrade", url=scratch_url)
        assert differences(schema_of(scratch), after) == []
    assert scratch.scalar(text("SELECT count(*) FROM profiles WHERE motto = ''")) == 12000
    assert must("upgrade", f"{last:04d}:head", "--sql", url=scratch_url).count("Running upgrade") == len(
        recipes
    )


def test_the_query_that_finds_who_holds_a_lock_runs(scratch: Connection) -> None:
    (query,) = blocks(MIGRATIONS, "sql")
    assert list(scratch.execute(text(query))) == []


def test_the_table_of_indexes_is_complete_and_exact(scratch: Connection) -> None:
    indexes = scratch.execute(
        text(
            """
            SELECT indexname, tablename, regexp_replace(indexdef, '^.* USING (btree )?', '')
            FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
            """
        )
    )
    rows = re.findall(r"^\| (\w+) \| `(\w+)` \| `(.+)` \| (.+) \|$", QUERIES, re.MULTILINE)
    assert {(name, table, on) for table, name, on, _ in rows} == {tuple(row) for row in indexes}
    assert len(rows) == len({name for _, name, *_ in rows})


PEOPLE = 300
BUSIEST = UUID(int=1)


@pytest.fixture
def filled(scratch: Connection) -> Connection:
    """A database with the data of the document, as few as the statements allow."""
    for statement in blocks(QUERIES, "sql")[-1].split(";\n"):
        if statement.strip():
            scratch.execute(text(statement), {"people": PEOPLE})
    # So little data is read faster without an index.
    scratch.execute(text("SET enable_seqscan = off"))
    return scratch


def plan_of(connection: Connection, read: Callable[[], object]) -> str:
    """Return the plans of the statements ``read`` sends."""
    sent: list[tuple[str, Any]] = []

    def note(connection: Connection, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        sent.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    read()
    event.remove(connection, "before_cursor_execute", note)
    plans = [
        connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) {statement}", parameters)
        for statement, parameters in sent
    ]
    return "\n".join(line for plan in plans for line in plan.scalars())


def test_the_queries_of_the_document_are_planned_over_the_indexes_it_shows(filled: Connection) -> None:
    now, page = datetime.now(UTC), PageRequest(limit=20)
    after = PageRequest(limit=20, after=(now, UUID(int=0)))
    reads: dict[str, Callable[[], object]] = {
        "One's own binder": lambda: cards.binder(
            filled, owner_id=BUSIEST, filters={}, sort=cards.CardSort.NEWEST, page=after
        ),
        "What others see of a binder": lambda: cards.cards_of(
            filled, owner_id=UUID(int=77), viewer_id=BUSIEST, filters={}, page=after
        ),
        "Friends": lambda: friendships.people(
            filled, viewer_id=BUSIEST, status=friendships.FriendListStatus.ACCEPTED, now=now, page=page
        ),
        "The history of trades": lambda: trades.history(
            filled, viewer_id=BUSIEST, status=None, now=now, page=after
        ),
        "The feed": lambda: posts.feed(filled, viewer_id=BUSIEST, filters={}, now=now, page=after),
        "A wishlist": lambda: wishlist.own_wishlist(filled, user_id=BUSIEST, priority=None, page=page),
        "A gallery": lambda: gallery.album_of(filled, user_id=BUSIEST, viewer_id=UUID(int=77)),
        "Live sessions": lambda: accounts.live_sessions(filled, user_id=BUSIEST, current=BUSIEST, now=now),
    }
    # The index that narrows to one person is what makes the plan; the rest are probes by key.
    decisive = {
        "One's own binder": ["ix_cards_owner_id_created_at_id"],
        "What others see of a binder": ["ix_cards_swappable_owner_id_created_at_id"],
        "Friends": [
            "ix_friendships_user_id_status_created_at_id",
            "ix_friendships_friend_id_status_created_at_id",
        ],
        "The history of trades": [
            "ix_trade_participants_user_id_proposed_at_trade_id",
            "uq_trade_participants_trade_id_position",
        ],
        "The feed": ["ix_posts_open_created_at_id"],
        "A wishlist": ["ix_wishlist_items_user_id_priority_created_at_id"],
        "A gallery": ["uq_gallery_cards_user_id_display_order"],
        "Live sessions": ["ix_sessions_user_id_last_used_at"],
    }
    for title, read in reads.items():
        section = QUERIES.split(f"### {title}\n")[1].split("\n##")[0]
        plan = plan_of(filled, read)
        for index in decisive[title]:
            assert index in section, title
            assert index in plan, f"{title}:\n{plan}"


def test_the_slow_queries_of_the_document_run(filled: Connection) -> None:
    values = {"at": datetime.now(UTC), "id": UUID(int=0)}
    for query in blocks(QUERIES, "sql")[:-1]:
        filled.execute(text(query), values)


@pytest.mark.parametrize(
    "document", [MIGRATIONS, QUERIES, ARCHITECTURE], ids=["migrations", "queries", "architecture"]
)
def test_every_file_a_document_names_exists(document: str) -> None:
    named = set(re.findall(r"`((?:kcardswap|migrations|tests|docs)/[\w./-]+\.\w+)`", document))
    assert [path for path in named if not (PROJECT / path).exists()] == []

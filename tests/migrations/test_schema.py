"""The migrations build exactly the tables the application maps, step by step, forth and back."""

import ast
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from kcardswap.commands.database import alembic_config
from kcardswap.persistence.orm.base import metadata
from kcardswap.persistence.orm.mappings import map_entities
from tests.conftest import PROJECT, scratch_database
from tests.migrations.running import REVISIONS, flask_db, must
from tests.migrations.schema import differences, other_objects, schema_of


def test_the_history_is_one_line_of_numbered_revisions() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    assert len(scripts.get_heads()) == 1
    assert [int(revision) for revision in REVISIONS] == list(range(1, len(REVISIONS) + 1))


def test_every_step_can_be_undone_and_done_again(empty_url: str) -> None:
    engine = create_engine(empty_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        on_the_way_up = [schema_of(connection)]
        for revision in REVISIONS:
            must("upgrade", revision, url=empty_url)
            on_the_way_up.append(schema_of(connection))
        for before in reversed(on_the_way_up[:-1]):
            must("downgrade", url=empty_url)
            assert differences(schema_of(connection), before) == []
        assert schema_of(connection) == {}
        must("upgrade", url=empty_url)
        assert differences(schema_of(connection), on_the_way_up[-1]) == []
    engine.dispose()


def test_an_empty_database_reaches_head_in_one_go_and_leaves_it_in_one_go(empty_url: str) -> None:
    must("upgrade", url=empty_url)
    assert f"{REVISIONS[-1]} (head)" in must("current", "--check-heads", url=empty_url)
    assert "No new upgrade operations" in must("check", url=empty_url)
    must("downgrade", "base", url=empty_url)
    assert flask_db("current", "--check-heads", url=empty_url).exit_code == 1


def test_migrations_build_what_the_tables_say_to_the_last_predicate(empty_url: str) -> None:
    # Autogenerate overlooks changed CHECKs, predicates and operator classes; PostgreSQL's own words do not.
    map_entities()
    must("upgrade", url=empty_url)
    with scratch_database(empty_url) as made_from_tables:
        ours, theirs = create_engine(empty_url), create_engine(made_from_tables)
        with ours.connect() as migrated, theirs.begin() as created:
            created.execute(text("CREATE EXTENSION pg_trgm"))
            metadata.create_all(created)
            assert differences(schema_of(migrated), schema_of(created)) == []
            assert len(schema_of(migrated)) > 300
        ours.dispose()
        theirs.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE users DROP CONSTRAINT ck_users_role, ADD CONSTRAINT ck_users_role CHECK (role <> '')",
        "DROP INDEX ix_outbox_dead_at; CREATE INDEX ix_outbox_dead_at ON outbox (dead_at)",
        "ALTER TABLE users ALTER email DROP NOT NULL, ALTER role DROP NOT NULL",
        "ALTER TABLE outbox ALTER attempts SET DEFAULT 1",
        "ALTER TABLE profiles ALTER region TYPE varchar(101)",
    ],
)
def test_the_comparison_sees_each_kind_of_drift(scratch: Connection, change: str) -> None:
    before = schema_of(scratch)
    scratch.execute(text(change))
    assert len(differences(schema_of(scratch), before)) == 1


def test_check_names_what_differs(scratch: Connection, scratch_url: str) -> None:
    scratch.execute(text("ALTER TABLE users DROP COLUMN last_seen_at"))
    done = flask_db("check", url=scratch_url)
    assert done.exit_code == 1
    assert "last_seen_at" in done.output


def test_the_database_holds_tables_and_indexes_and_nothing_that_a_pooler_or_replica_minds(
    scratch: Connection,
) -> None:
    assert other_objects(scratch) == {}
    assert set(scratch.scalars(text("SELECT extname FROM pg_extension"))) == {"plpgsql", "pg_trgm"}


def test_every_constraint_and_index_has_the_name_its_kind_prescribes(scratch: Connection) -> None:
    prefixes = {"p": "pk_", "u": "uq_", "f": "fk_", "c": "ck_"}
    rows = scratch.execute(
        text(
            """
            SELECT conname, conrelid::regclass::text AS table, contype FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace AND contype <> 'n' AND conrelid <> 0
            """
        )
    )
    wrong = [
        row.conname
        for row in rows
        if row.table != "alembic_version"
        and not row.conname.startswith(f"{prefixes[row.contype]}{row.table}")
    ]
    assert wrong == []
    indexes = scratch.execute(text("SELECT indexname, tablename FROM pg_indexes WHERE schemaname = 'public'"))
    named = [row for row in indexes if row.tablename != "alembic_version"]
    assert [row.indexname for row in named if row.indexname[:3] not in ("ix_", "uq_", "pk_")] == []
    assert [row.indexname for row in named if not row.indexname[3:].startswith(row.tablename)] == []


def test_every_foreign_key_has_an_index_that_starts_with_it(scratch: Connection) -> None:
    # Without one, deleting or re-pointing the other row reads this whole table. A partial index serves too
    # where every row that refers to something is in it.
    unindexed = scratch.scalars(
        text(
            """
            SELECT conname FROM pg_constraint
            WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND NOT EXISTS (
                SELECT FROM pg_index JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
                WHERE indrelid = conrelid
                  AND (
                      indpred IS NULL
                      OR pg_get_expr(indpred, indrelid) = '(' || quote_ident(attname) || ' IS NOT NULL)'
                  )
                  AND (indkey::smallint[])[0:cardinality(conkey) - 1] @> conkey
            )
            """
        )
    )
    assert list(unindexed) == []


def test_create_all_is_called_here_alone() -> None:
    sources = [
        path for folder in ("kcardswap", "migrations", "tests") for path in (PROJECT / folder).rglob("*.py")
    ] + [PROJECT / "wsgi.py"]
    callers = [path for path in sources if calls_create_all(path)]
    assert callers == [Path(__file__)]


def calls_create_all(path: Path) -> bool:
    tree = ast.parse(path.read_text())
    return any(isinstance(node, ast.Attribute) and node.attr == "create_all" for node in ast.walk(tree))

"""The documents about the database are true: their commands and recipes run, their tables are complete."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from kcardswap.commands import database
from tests.conftest import PROJECT
from tests.migrations.running import REVISIONS, alembic, copy_migrations, must
from tests.migrations.schema import differences, schema_of

MIGRATIONS = (PROJECT / "docs" / "database-migrations.md").read_text()

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
    runtime = app.extensions["kcardswap"]
    settings = replace(runtime.settings, database_url=scratch_url)
    app.extensions["kcardswap"] = replace(runtime, settings=settings)
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

"""flask db: Alembic's commands under the project's roof."""

import ast
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import CommandLine
from alembic.util import CommandError
from flask import Flask
from sqlalchemy import Connection, create_engine, make_url, text

from kcardswap.commands import database
from kcardswap.commands.database import database_commands
from tests.conftest import PROJECT, scratch_database
from tests.migrations.running import REVISIONS, alembic, copy_migrations, flask_db, must, point_at

HEAD = REVISIONS[-1]
NOBODY_LISTENS = "postgresql://collector:secret@127.0.0.1:1/kcardswap"


@pytest.fixture
def url(server_url: str, migrated_url: str) -> Iterator[str]:
    """URL of a migrated database of the test's own."""
    with scratch_database(server_url, make_url(migrated_url).database) as url:
        yield url


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    """A connection to that database; each statement commits by itself."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the revisions in a copy of the project, where commands may write."""
    monkeypatch.setattr(database, "PROJECT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return copy_migrations(tmp_path)


def revision_in(connection: Connection) -> list[str]:
    return list(connection.scalars(text("SELECT version_num FROM alembic_version ORDER BY 1")))


def test_downgrade_goes_one_step_back_and_upgrade_all_the_way_up(url: str, connection: Connection) -> None:
    must("downgrade", "-1", url=url)
    assert revision_in(connection) == [REVISIONS[-2]]
    must("downgrade", REVISIONS[-4], url=url)
    assert revision_in(connection) == [REVISIONS[-4]]
    must("upgrade", "+1", url=url)
    assert revision_in(connection) == [REVISIONS[-3]]
    must("upgrade", url=url)
    assert revision_in(connection) == [HEAD]


def test_each_step_prints_a_line(url: str) -> None:
    what_it_does = re.escape(must("history", "-r", f"{HEAD}:{HEAD}", url=url).partition(", ")[2].strip())
    assert re.match(f"Downgraded from {HEAD}: {what_it_does}", must("downgrade", url=url))
    assert re.match(f"Upgraded to {HEAD}: {what_it_does}", must("upgrade", url=url))
    assert must("upgrade", url=url) == ""


@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize(
    "arguments",
    [
        ("current",),
        ("current", "--verbose"),
        ("history",),
        ("history", "-v", "-i"),
        ("history", "-r", "0003:0005"),
        ("heads",),
        ("heads", "--verbose"),
        ("show", "0007"),
        ("show", "head"),
        ("show", "current"),
        ("check",),
        ("upgrade", "head", "--sql"),
        ("upgrade", "0013:0015", "--sql"),
        ("downgrade", "0015:0012", "--sql"),
        ("stamp", "0004", "--sql"),
    ],
    ids=" ".join,
)
def test_a_command_prints_what_alembic_prints(migrated_url: str, arguments: tuple[str, ...]) -> None:
    # The password is part of what --verbose names, hidden by both.
    printed = must(*arguments, url=migrated_url)
    assert printed == alembic(*arguments, url=migrated_url)
    assert printed
    assert str(make_url(migrated_url).password) not in printed


def test_plain_alembic_upgrades_and_downgrades_too(versions: Path, url: str, connection: Connection) -> None:
    alembic("downgrade", "-2", url=url)
    assert revision_in(connection) == [REVISIONS[-3]]
    alembic("upgrade", "head", url=url)
    assert revision_in(connection) == [HEAD]
    alembic("-x", f"url={url}", "downgrade", "-1", url=NOBODY_LISTENS)
    assert revision_in(connection) == [REVISIONS[-2]]


def test_the_commands_work_as_programs_from_any_directory(url: str, tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": url, "FLASK_APP": str(PROJECT / "wsgi.py")}
    for command in (["flask", "db", "current"], ["alembic", "-c", str(PROJECT / "alembic.ini"), "current"]):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(PROJECT), "DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == f"{HEAD} (head)\n", done.stderr


def test_every_option_of_alembic_is_there_and_means_the_same() -> None:
    subparsers = next(
        action
        for action in CommandLine("alembic").parser._actions
        if hasattr(action, "choices") and action.choices
    )
    for name, command in database_commands.commands.items():
        if name in ("wait", "grant"):
            continue
        ours = {
            option for parameter in command.params for option in parameter.opts if option.startswith("--")
        }
        theirs = {
            option
            for action in subparsers.choices[name]._actions  # type: ignore[index]
            for option in action.option_strings
            if option.startswith("--")
        }
        assert theirs - ours == {"--help"}, name


def test_stamp_records_a_revision_without_running_it(url: str, connection: Connection) -> None:
    must("stamp", "0003", url=url)
    assert revision_in(connection) == ["0003"]
    assert connection.scalar(text("SELECT to_regclass('trades')"))
    must("stamp", "--purge", "head", url=url)
    assert revision_in(connection) == [HEAD]


def test_current_fails_on_request_when_the_database_is_behind(url: str) -> None:
    assert HEAD in must("current", "--check-heads", url=url)
    must("downgrade", url=url)
    assert flask_db("current", "--check-heads", url=url).exit_code == 1


def test_looking_neither_creates_anything_nor_waits_for_a_running_migration(
    server_url: str, url: str
) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE alembic_version IN SHARE UPDATE EXCLUSIVE MODE"))
        assert HEAD in must("current", url=url)
        assert "No new upgrade operations" in must("check", url=url)
    engine.dispose()
    with scratch_database(server_url) as empty:
        must("current", url=empty)
        engine = create_engine(empty)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT to_regclass('alembic_version')")) is None
        engine.dispose()


def test_a_migration_waits_for_its_turn_and_says_so(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE alembic_version IN SHARE UPDATE EXCLUSIVE MODE"))
        done = flask_db("downgrade", url=url, MIGRATION_TURN_SECONDS="0.3")
    engine.dispose()
    assert done.exit_code == 1
    assert done.stdout == "Another migration runs; waiting for it.\n"
    assert done.stderr == "Error: Another migration still runs after 0.3 s.\n"


def test_a_revision_gets_the_next_number_and_the_house_form(versions: Path, url: str) -> None:
    must("revision", "-m", "add card frames", url=url)
    made = versions / f"{int(HEAD) + 1:04d}_add_card_frames.py"
    content = made.read_text()
    tree = ast.parse(content)
    assert (ast.get_docstring(tree) or "").startswith("add card frames")
    assert f'down_revision = "{HEAD}"' in content
    assert (
        subprocess.run([sys.executable, "-m", "ruff", "format", "--check", made], check=False).returncode == 0
    )
    assert f"{int(HEAD) + 1:04d} (head)" in must("heads", url=url)


def test_autogenerate_drafts_what_the_database_lacks(
    versions: Path, url: str, connection: Connection
) -> None:
    connection.execute(text("ALTER TABLE profiles DROP COLUMN region, ALTER show_online DROP DEFAULT"))
    connection.execute(text("DROP INDEX ix_sessions_expires_at"))
    must("revision", "--autogenerate", "-m", "restore", url=url)
    draft = (versions / f"{int(HEAD) + 1:04d}_restore.py").read_text()
    assert 'op.add_column("profiles", sa.Column("region", sa.String(length=100), nullable=True))' in draft
    assert 'op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"]' in draft
    assert "show_online" in draft
    must("upgrade", url=url)
    assert "No new upgrade operations" in must("check", url=url)


def test_two_heads_are_told_and_merged(versions: Path, url: str, connection: Connection) -> None:
    frames, stickers, both = (f"{int(HEAD) + n:04d}" for n in (1, 2, 3))
    must("revision", "-m", "frames", "--rev-id", frames, url=url)
    must("revision", "-m", "stickers", "--rev-id", stickers, "--head", HEAD, "--splice", url=url)
    assert {line.split()[0] for line in must("heads", url=url).splitlines()} == {frames, stickers}
    done = flask_db("upgrade", url=url)
    assert done.exit_code == 1
    assert "Multiple head revisions" in done.stderr
    must("merge", "heads", "-m", "frames and stickers", url=url)
    must("upgrade", url=url)
    assert revision_in(connection) == [both]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("upgrade", "nowhere"), "Can't locate revision"),
        (("downgrade", "-1", "--sql"), "downgrade with --sql requires"),
        (("revision", "--sql", "-m", "nothing"), "does not make any sense"),
        (("show", "9999"), "Can't locate revision"),
        (("upgrade", "0001:0002"), "Range revision not allowed"),
    ],
)
def test_what_alembic_refuses_is_one_line(migrated_url: str, arguments: tuple[str, ...], says: str) -> None:
    done = flask_db(*arguments, url=migrated_url)
    assert done.exit_code == 1
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    with pytest.raises(CommandError):
        alembic(*arguments, url=migrated_url)


def test_check_refuses_a_database_that_is_behind(url: str) -> None:
    must("downgrade", url=url)
    done = flask_db("check", url=url)
    assert (done.exit_code, done.stderr) == (1, "Error: Target database is not up to date.\n")


def test_a_database_that_cannot_be_reached_is_one_line() -> None:
    done = flask_db("upgrade", url=NOBODY_LISTENS)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: The database says: connection to server")
    assert "secret" not in done.output
    assert len(done.stderr.splitlines()) == 1


def test_wait_returns_when_the_database_answers_and_gives_up_in_time(app: Flask, url: str) -> None:
    point_at(app, url)
    answers = app.test_cli_runner().invoke(args=["db", "wait", "--seconds", "5"])
    assert (answers.exit_code, answers.output) == (0, "")
    point_at(app, NOBODY_LISTENS)
    begun = time.monotonic()
    silent = app.test_cli_runner().invoke(args=["db", "wait", "--seconds", "0.5"])
    assert 0.5 < time.monotonic() - begun < 5
    assert silent.exit_code == 1
    assert silent.stderr.startswith("Error: The database did not answer within 0.5 s: connection to server")

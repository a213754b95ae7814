"""Running Alembic in this process, through the same commands operators type."""

import os
import shutil
from dataclasses import replace
from io import StringIO
from pathlib import Path
from unittest.mock import patch

from alembic.config import CommandLine, Config
from alembic.script import ScriptDirectory
from click.testing import CliRunner, Result
from flask import Flask

from kcardswap.commands.database import PROJECT, alembic_config, database_commands

REVISIONS = tuple(
    reversed([script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()])
)
"""All revisions, the oldest first."""

TIDY = {"ENVIRONMENT": "test", "MIGRATION_ATTEMPTS": "3"}


def flask_db(*arguments: str, url: str, **environment: str) -> Result:
    """Run ``flask db ...`` on the database at ``url`` and return what it printed, whatever came of it."""
    return CliRunner().invoke(database_commands, arguments, env={**TIDY, "DATABASE_URL": url, **environment})


def must(*arguments: str, url: str, **environment: str) -> str:
    """Run ``flask db ...``, which must succeed, and return what it printed."""
    done = flask_db(*arguments, url=url, **environment)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def alembic(*arguments: str, url: str) -> str:
    """Run ``alembic ...`` in the current directory and return what it printed.

    :raises CommandError: Alembic refused.
    """
    options = CommandLine("alembic").parser.parse_args(["--raiseerr", *arguments])
    printed = StringIO()
    config = Config("alembic.ini", cmd_opts=options, stdout=printed)
    # Without --sql Alembic prints to the configured stream, with it to standard output.
    config.output_buffer = printed
    with patch.dict(os.environ, {**TIDY, "DATABASE_URL": url}):
        CommandLine("alembic").run_cmd(config, options)
    return printed.getvalue()


def copy_migrations(into: Path) -> Path:
    """Copy what Alembic works on, so that commands may add files, and return the folder of the revisions."""
    shutil.copy(PROJECT / "alembic.ini", into)
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "migrations", into / "migrations", ignore=skipped)
    return into / "migrations" / "versions"


def point_at(app: Flask, url: str) -> None:
    """Let the commands of ``app`` that need its settings work on the database at ``url``."""
    runtime = app.extensions["kcardswap"]
    settings = replace(runtime.settings, database_url=url)
    app.extensions["kcardswap"] = replace(runtime, settings=settings)

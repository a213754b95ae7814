"""Running Alembic in this process, through the same commands operators type."""

import os
from unittest.mock import patch

import click
from alembic.config import CommandLine
from click.testing import CliRunner, Result

from kcardswap.commands.database import database_commands

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


def plain_alembic(*arguments: str, url: str) -> str:
    """Run ``alembic ...`` in the current directory and return what it printed.

    :raises CommandError: Alembic refused.
    """

    @click.command()
    def alembic() -> None:
        CommandLine("alembic").main(["--raiseerr", *arguments])

    with patch.dict(os.environ, {**TIDY, "DATABASE_URL": url}):
        done = CliRunner().invoke(alembic)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output

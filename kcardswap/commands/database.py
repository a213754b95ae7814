"""flask db: Alembic's commands with the same names, options and meaning, and one that waits."""

import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from flask.cli import with_appcontext
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from kcardswap.persistence.embedded import EmbeddedPostgresError
from kcardswap.persistence.engine import CONNECT_TIMEOUT_SECONDS, normalise_url
from kcardswap.persistence.grants import changeable, grant_use
from kcardswap.runtime import current_runtime, database_url
from kcardswap.settings import InvalidSettings

PROJECT = Path(__file__).resolve().parents[2]

sql_option = click.option("--sql", is_flag=True, help="Print the SQL instead of running it.")
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Show more about each revision.")


def alembic_config() -> Config:
    """Return the project's Alembic configuration, wherever the command was started."""
    config = Config(str(PROJECT / "alembic.ini"), stdout=sys.stdout)
    if find_spec("ruff"):
        # Drafts come out formatted where the developers' tools are; production has none and makes none.
        hook = {"hooks": "ruff", "ruff.type": "module", "ruff.module": "ruff"}
        hook["ruff.options"] = "format --quiet REVISION_SCRIPT_FILENAME"
        for name, value in hook.items():
            config.set_section_option("post_write_hooks", name, value)
    return config


def run(work: Callable[..., Any], *args: Any, **options: Any) -> None:
    """Run one Alembic command; what operators can mend becomes one line and exit status 1."""
    try:
        work(alembic_config(), *args, **options)
    except CommandError as error:
        raise click.ClickException(str(error)) from error
    except InvalidSettings as error:
        raise click.ClickException("; ".join(error.problems)) from error
    except EmbeddedPostgresError as error:
        raise click.ClickException(str(error)) from error
    except OperationalError as error:
        raise click.ClickException(f"The database says: {first_line(error)}") from error


def first_line(error: DBAPIError) -> str:
    """Return what the database or its driver complains about, without the statement."""
    return next(iter(str(error.orig).strip().splitlines()), "nothing")


@click.group("db")
def database_commands() -> None:
    """Change and inspect the database schema."""


@database_commands.command()
@click.argument("role")
@with_appcontext
def grant(role: str) -> None:
    """Let ROLE use all tables as the application does; run it after each upgrade, as the tables' owner.

    The audit log can then be read and added to, but not changed.
    """
    engine = create_engine(
        normalise_url(database_url(current_runtime().settings)),
        poolclass=NullPool,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS},
    )
    try:
        with engine.begin() as connection:
            grant_use(connection, role)
            loose = changeable(connection, role)
    except (OperationalError, ProgrammingError) as error:
        raise click.ClickException(f"The database says: {first_line(error)}") from error
    if loose:
        raise click.ClickException(
            f"{role} can still change rows of {', '.join(loose)}, as a superuser or through another role."
        )
    click.echo(f"{role} can use the tables; rows of the audit log stay as they are.")


@database_commands.command()
@click.option(
    "--seconds", type=click.FloatRange(min=0), default=60, show_default=True, help="How long at most."
)
@with_appcontext
def wait(seconds: float) -> None:
    """Wait until the database answers, for instance before an upgrade at start-up."""
    engine = create_engine(
        normalise_url(database_url(current_runtime().settings)),
        poolclass=NullPool,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS},
    )
    deadline = time.monotonic() + seconds
    while True:
        try:
            engine.connect().close()
            return
        except OperationalError as error:
            if time.monotonic() >= deadline:
                raise click.ClickException(
                    f"The database did not answer within {seconds:g} s: {first_line(error)}"
                ) from error
        time.sleep(0.5)


@database_commands.command()
@click.argument("revision", default="head")
@sql_option
@click.option("--tag", help="A tag that migrations can read.")
def upgrade(revision: str, sql: bool, tag: str | None) -> None:
    """Upgrade to REVISION (default: head)."""
    run(command.upgrade, revision, sql=sql, tag=tag)


# Unknown options are left alone for the sake of ``downgrade -1``.
@database_commands.command(context_settings={"ignore_unknown_options": True})
@click.argument("revision", default="-1")
@sql_option
@click.option("--tag", help="A tag that migrations can read.")
def downgrade(revision: str, sql: bool, tag: str | None) -> None:
    """Downgrade to REVISION (default: one step back); with --sql give FROM:TO."""
    run(command.downgrade, revision, sql=sql, tag=tag)


@database_commands.command()
@verbose_option
@click.option("--check-heads", is_flag=True, help="Fail when the database is not at head.")
def current(verbose: bool, check_heads: bool) -> None:
    """Show the revision the database is at."""
    run(command.current, verbose=verbose, check_heads=check_heads)


@database_commands.command()
@click.option("-r", "--rev-range", help="Only revisions of this range, as FROM:TO.")
@click.option("-i", "--indicate-current", is_flag=True, help="Mark the revision the database is at.")
@verbose_option
def history(rev_range: str | None, indicate_current: bool, verbose: bool) -> None:
    """List the revisions, newest first."""
    run(command.history, rev_range=rev_range, indicate_current=indicate_current, verbose=verbose)


@database_commands.command()
@verbose_option
@click.option("--resolve-dependencies", is_flag=True, help="Treat dependencies as revisions before.")
def heads(verbose: bool, resolve_dependencies: bool) -> None:
    """Show the newest revision (more than one means a merge is due)."""
    run(command.heads, verbose=verbose, resolve_dependencies=resolve_dependencies)


@database_commands.command()
def check() -> None:
    """Fail when the mapped tables differ from the database."""
    run(command.check)


@database_commands.command()
@click.argument("revisions", nargs=-1, required=True)
@sql_option
@click.option("--tag", help="A tag that migrations can read.")
@click.option("--purge", is_flag=True, help="Empty the version table first.")
def stamp(revisions: tuple[str, ...], sql: bool, tag: str | None, purge: bool) -> None:
    """Record REVISIONS as applied without running them."""
    run(command.stamp, list(revisions), sql=sql, tag=tag, purge=purge)


@database_commands.command()
@click.argument("revisions", nargs=-1, required=True)
@click.option("-m", "--message", help="What the merge is about.")
@click.option("--branch-label", help="A label of the new revision.")
@click.option("--rev-id", help="Id of the new revision; default: the next number.")
@click.option("--splice", is_flag=True, help="Allow revisions that are no heads.")
def merge(
    revisions: tuple[str, ...],
    message: str | None,
    branch_label: str | None,
    rev_id: str | None,
    splice: bool,
) -> None:
    """Join several heads (REVISIONS, or the word heads) in a new revision."""
    run(
        command.merge,
        list(revisions),
        message=message,
        branch_label=branch_label,
        rev_id=rev_id or next_revision_id(),
        splice=splice,
    )


@database_commands.command()
@click.argument("revision", default="head")
def show(revision: str) -> None:
    """Show one REVISION (default: head)."""
    run(command.show, revision)


@database_commands.command()
@click.option("-m", "--message", required=True, help="What changes, in a few words.")
@click.option("--autogenerate", is_flag=True, help="Draft it from the difference of tables and database.")
@sql_option
@click.option("--head", default="head", show_default=True, help="The revision to build on.")
@click.option("--splice", is_flag=True, help="Allow a revision that is no head to build on.")
@click.option("--branch-label", help="A label of the new revision.")
@click.option("--version-path", help="Folder of the new file.")
@click.option("--rev-id", help="Id of the new revision; default: the next number.")
@click.option("--depends-on", multiple=True, help="Another revision this one needs.")
def revision(
    message: str,
    autogenerate: bool,
    sql: bool,
    head: str,
    splice: bool,
    branch_label: str | None,
    version_path: str | None,
    rev_id: str | None,
    depends_on: tuple[str, ...],
) -> None:
    """Make a new revision file."""
    run(
        command.revision,
        message=message,
        autogenerate=autogenerate,
        sql=sql,
        head=head,
        splice=splice,
        branch_label=branch_label,
        version_path=version_path,
        rev_id=rev_id or next_revision_id(),
        depends_on=list(depends_on) or None,
    )


def next_revision_id() -> str:
    """Return the number after the highest one in use, as four digits."""
    files = (PROJECT / "migrations" / "versions").glob("[0-9][0-9][0-9][0-9]_*.py")
    return f"{max((int(file.name[:4]) for file in files), default=0) + 1:04d}"

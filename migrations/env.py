"""How Alembic reaches the database: a transaction per migration, one run at a time, impatient about locks."""

import os
import time
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, event, pool, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

from kcardswap.persistence.engine import normalise_url, refuse_trusting_server
from kcardswap.persistence.orm.base import metadata
from kcardswap.persistence.orm.mappings import map_entities
from kcardswap.runtime import database_url
from kcardswap.settings import Settings

# A migration that waits for a lock makes every later query on that table wait behind it, so it gives
# up quickly and tries again.
LOCK_TIMEOUT = os.environ.get("MIGRATION_LOCK_TIMEOUT", "2s")
STATEMENT_TIMEOUT = os.environ.get("MIGRATION_STATEMENT_TIMEOUT", "15min")
ATTEMPTS = int(os.environ.get("MIGRATION_ATTEMPTS", "10"))
TURN_SECONDS = float(os.environ.get("MIGRATION_TURN_SECONDS", "900"))
LOCK_NOT_AVAILABLE, DEADLOCK = "55P03", "40P01"
UNDEFINED_TABLE, DUPLICATE_TABLE, UNIQUE_VIOLATION = "42P01", "42P07", "23505"
VERSION_TABLE = "alembic_version"

# A list, because alembic applies the naming convention of a single metadata to what migrations create. They
# spell every name out, and one written last year means the same after the convention changed.
TARGET = [metadata]

map_entities()


def target_url() -> str:
    """Return the URL given with ``-x url=...`` or in the configuration, else the one of the settings.

    :raises InvalidSettings: production has no usable database, or one that lets everybody in.
    """
    given = context.get_x_argument(as_dictionary=True).get("url")
    given = given or context.config.get_main_option("sqlalchemy.url")
    if given:
        return normalise_url(given)
    settings = Settings.from_env()
    url = normalise_url(database_url(settings))
    if settings.is_production:
        refuse_trusting_server(url)
    return url


def run_offline() -> None:
    """Print the SQL instead of running it."""
    context.configure(
        dialect_name="postgresql",
        target_metadata=TARGET,
        literal_binds=True,
        transaction_per_migration=True,
    )
    context.get_context().impl.static_output(f"SET lock_timeout = '{LOCK_TIMEOUT}';")
    context.get_context().impl.static_output(f"SET statement_timeout = '{STATEMENT_TIMEOUT}';")
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Run against the database; a lock that is not to be had is tried for again with growing pauses."""
    engine = create_engine(
        target_url(),
        poolclass=pool.NullPool,
        connect_args={"connect_timeout": 5, "application_name": "kcardswap-migrations"},
    )
    event.listen(engine, "begin", limit_waiting)
    event.listen(engine, "commit", lift_limits)
    with engine.connect() as connection, engine.connect() as turn:
        configure(connection)
        if changes_revision():
            take_turn(turn)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with context.begin_transaction():
                    context.run_migrations()
                return
            except OperationalError as error:
                if sqlstate(error) not in (LOCK_NOT_AVAILABLE, DEADLOCK) or attempt == ATTEMPTS:
                    raise
            connection.rollback()
            pause = min(0.2 * 2**attempt, 10)
            context.config.print_stdout("A lock is taken; attempt %d in %.1f s.", attempt + 1, pause)
            time.sleep(pause)
            configure(connection)


def configure(connection: Connection) -> None:
    """Tell Alembic where to work and what a database at head looks like."""
    context.configure(
        connection=connection,
        target_metadata=TARGET,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
        on_version_apply=report,
    )


def report(ctx: MigrationContext, step: MigrationInfo, heads: Any, run_args: Any) -> None:
    """Print one line for a migration that is through."""
    verb = "Stamped" if step.is_stamp else "Upgraded to" if step.is_upgrade else "Downgraded from"
    title = f": {step.up_revision.doc}" if isinstance(step.up_revision, Script) else ""
    context.config.print_stdout("%s %s%s", verb, step.up_revision_id, title)


def limit_waiting(connection: Connection) -> None:
    """Bound how long what begins here waits for locks and works on one statement."""
    if outside_transaction(connection):
        # What is built CONCURRENTLY blocks nobody while it waits for older transactions to end, and would
        # leave an invalid index behind if it gave up. There is no transaction a limit could be local to.
        connection.execute(text("SET lock_timeout = 0"))
        connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
    else:
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))


def lift_limits(connection: Connection) -> None:
    """Give the session its own limits back: behind a pooler it may serve somebody else next."""
    if outside_transaction(connection):
        connection.execute(text("RESET lock_timeout"))
        connection.execute(text("RESET statement_timeout"))


def outside_transaction(connection: Connection) -> bool:
    """Tell whether each statement commits by itself, as in Alembic's ``autocommit_block``."""
    return bool(connection.connection.driver_connection.autocommit)  # type: ignore[union-attr]


def changes_revision() -> bool:
    """Tell whether this run upgrades, downgrades or stamps, rather than looks."""
    return "destination_rev" in context.get_context().opts


def take_turn(connection: Connection) -> None:
    """Wait until no other upgrade runs, and keep others waiting until ``connection`` is closed.

    The lock ends with this transaction whatever happens to the process, leaves Alembic's own reads and
    writes of the table alone, and is also held while an index is built outside the migration's transaction.
    """
    deadline = time.monotonic() + TURN_SECONDS
    waiting = False
    while not takes_turn(connection):
        if time.monotonic() >= deadline:
            raise CommandError(f"Another migration still runs after {TURN_SECONDS:g} s.")
        if not waiting:
            context.config.print_stdout("Another migration runs; waiting for it.")
            waiting = True
        time.sleep(0.2)


def takes_turn(connection: Connection) -> bool:
    """Take the lock if it is free. In PostgreSQL's own queue we would hold a snapshot.

    (Tried: an index being built CONCURRENTLY by the other one waits for that snapshot, and we for it.)
    """
    # The role ends transactions that do nothing for long, which is all this one does.
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    try:
        connection.execute(text(f"LOCK TABLE {VERSION_TABLE} IN SHARE UPDATE EXCLUSIVE MODE NOWAIT"))
    except (OperationalError, ProgrammingError) as error:
        connection.rollback()
        if sqlstate(error) == UNDEFINED_TABLE:
            create_version_table(connection)
        elif sqlstate(error) != LOCK_NOT_AVAILABLE:
            raise
        return False
    return True


def create_version_table(connection: Connection) -> None:
    """Create the table Alembic keeps its place in; of two that try, one does and both go on."""
    table = context.get_context().impl.version_table_impl(
        version_table=VERSION_TABLE, version_table_schema=None, version_table_pk=True
    )
    try:
        table.create(connection, checkfirst=True)
        connection.commit()
    except (IntegrityError, ProgrammingError) as error:
        # The catalogue's unique index tells the later of two that looked at the same moment.
        if sqlstate(error) not in (UNIQUE_VIOLATION, DUPLICATE_TABLE):
            raise
        connection.rollback()


def sqlstate(error: DBAPIError) -> str | None:
    """Return the five characters PostgreSQL names an error with."""
    return getattr(error.orig, "pgcode", None)


if context.is_offline_mode():
    run_offline()
else:
    run_online()

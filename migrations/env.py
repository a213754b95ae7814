"""How Alembic reaches the database: one transaction per migration, impatient about locks."""

import os
import time

from alembic import context
from sqlalchemy import Connection, create_engine, event, pool, text
from sqlalchemy.exc import OperationalError

from kcardswap.persistence.engine import normalise_url
from kcardswap.persistence.orm.base import metadata
from kcardswap.persistence.orm.mappings import map_entities
from kcardswap.runtime import database_url
from kcardswap.settings import Settings

# A migration that waits for a lock makes every later query on that table wait behind it, so it gives
# up quickly and tries again.
LOCK_TIMEOUT = os.environ.get("MIGRATION_LOCK_TIMEOUT", "2s")
STATEMENT_TIMEOUT = os.environ.get("MIGRATION_STATEMENT_TIMEOUT", "15min")
ATTEMPTS = int(os.environ.get("MIGRATION_ATTEMPTS", "10"))
LOCK_NOT_AVAILABLE = "55P03"

map_entities()


def target_url() -> str:
    """Return the URL given with ``-x url=...`` or in the configuration, else the one of the settings."""
    given = context.get_x_argument(as_dictionary=True).get("url")
    given = given or context.config.get_main_option("sqlalchemy.url")
    return normalise_url(given or database_url(Settings.from_env()))


def run_offline() -> None:
    """Print the SQL instead of running it."""
    context.configure(
        dialect_name="postgresql",
        target_metadata=metadata,
        literal_binds=True,
        transaction_per_migration=True,
    )
    context.get_context().impl.static_output(f"SET lock_timeout = '{LOCK_TIMEOUT}';")
    context.get_context().impl.static_output(f"SET statement_timeout = '{STATEMENT_TIMEOUT}';")
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Run against the database; a lock that is not to be had is tried for again with growing pauses."""
    engine = create_engine(target_url(), poolclass=pool.NullPool)
    event.listen(engine, "begin", limit_waiting)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with engine.connect() as connection:
                migrate(connection)
            return
        except OperationalError as error:
            if getattr(error.orig, "pgcode", None) != LOCK_NOT_AVAILABLE or attempt == ATTEMPTS:
                raise
            time.sleep(min(0.2 * 2**attempt, 10))


def limit_waiting(connection: Connection) -> None:
    """Bound how long this transaction waits for locks and works on one statement."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))


def migrate(connection: Connection) -> None:
    """Bring the database behind ``connection`` to the wanted revision."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()

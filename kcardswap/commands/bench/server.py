"""A server of the benchmark's own, with a database for each world, gone afterwards."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from sqlalchemy import Engine, NullPool, create_engine, make_url, text

from kcardswap.commands.database import alembic_config
from kcardswap.persistence.embedded import EmbeddedPostgres

OPTIONS = {
    # The caches are those of a server with a gigabyte of memory.
    "shared_buffers": "256MB",
    "effective_cache_size": "768MB",
    # Nobody misses this data after a crash, and nothing is to disturb a measurement.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "autovacuum": "off",
}


@contextmanager
def empty_databases(names: Sequence[str]) -> Iterator[list[Engine]]:
    """Yield an engine for each name: databases at head on a server that ends, and is deleted, afterwards."""
    with TemporaryDirectory(prefix="kcardswap-bench-") as directory:
        server = EmbeddedPostgres(Path(directory), options=OPTIONS)
        url = server.start()
        engines: list[Engine] = []
        try:
            _migrate(url)
            engines += [_copy(url, name) for name in names]
            yield engines
        finally:
            for engine in engines:
                engine.dispose()
            server.remove()


def _migrate(url: str) -> None:
    config = alembic_config()
    config.stdout = io.StringIO()
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")


def _copy(url: str, name: str) -> Engine:
    template = make_url(url)
    administration = create_engine(
        template.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool
    )
    with administration.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template.database}"'))
    return create_engine(template.set(database=name), pool_size=1, max_overflow=0)

"""Connections to PostgreSQL: the engine and its pool, sessions for writing, connections for reading."""

import secrets
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from kcardswap.persistence.deadlines import BoundedConnection, BoundedCursor
from kcardswap.persistence.violations import translated_failures
from kcardswap.settings import InvalidSettings

CONNECT_TIMEOUT_SECONDS = 2


def normalise_url(url: str) -> str:
    """Return any PostgreSQL URL in the form ``postgresql+psycopg2://``.

    ``postgres://`` is what many hosts hand out, and a bare ``postgresql://`` means another driver
    since SQLAlchemy 2.1.

    :raises ValueError: the URL is no PostgreSQL URL.
    """
    parsed = make_url(url)
    if parsed.drivername.partition("+")[0] not in ("postgres", "postgresql"):
        raise ValueError(f"not a PostgreSQL URL: {parsed.drivername}://...")
    return parsed.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def make_engine(
    url: str, *, pool_size: int = 5, pool_timeout_seconds: float = 3, echo: bool = False
) -> Engine:
    """Return an engine whose pool never outgrows ``pool_size`` (the threads of one process).

    A request that finds no free connection waits ``pool_timeout_seconds`` and is then refused, so an
    overloaded process answers 503 instead of hanging. So does one whose database stops answering.
    """
    return create_engine(
        normalise_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout_seconds,
        pool_pre_ping=True,
        echo=echo,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": "kcardswap",
            "connection_factory": BoundedConnection,
            "cursor_factory": BoundedCursor,
        },
    )


def refuse_trusting_server(url: str) -> None:
    """Make sure that the password in ``url`` is what lets us in.

    A server that cannot be reached is not refused: it may be starting, and whoever asks it next will say so.

    :raises InvalidSettings: the server takes any password, as ``trust`` and ``peer`` in pg_hba.conf do.
    """
    # The wrong password leaves one line in the server's log at each start.
    wrong = (
        make_url(normalise_url(url)).difference_update_query(["password"]).set(password=secrets.token_hex())
    )
    engine = create_engine(
        wrong, poolclass=NullPool, connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS}
    )
    try:
        engine.connect().close()
    except OperationalError:
        return
    raise InvalidSettings(
        ["DATABASE_URL: the server lets this user in with any password; ask for scram-sha-256 in pg_hba.conf"]
    )


class Database(Protocol):
    """Where sessions and connections come from."""

    def session(self) -> Session:
        """Return a new session; its owner commits and closes it."""

    def reader(self) -> AbstractContextManager[Connection]:
        """Return a connection in a read-only transaction."""

    def replica(self) -> AbstractContextManager[Connection]:
        """Return a connection in a read-only transaction that may be a moment behind what was written."""

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Return a connection in a read-only transaction whose statements all see the same moment."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """Return a connection in a transaction that commits on success and rolls back on an exception."""


def joined_session(connection: Connection) -> Session:
    """Return a session that takes part in the transaction ``connection`` is in.

    Its commits and rollbacks reach only as far as its own savepoint; whoever began the transaction
    decides about the whole.
    """
    return Session(bind=connection, join_transaction_mode="create_savepoint", expire_on_commit=False)


class PooledDatabase:
    """The database behind an engine; ``read_engine`` may point at a replica."""

    def __init__(self, engine: Engine, read_engine: Engine | None = None) -> None:
        self.engine = engine
        self._reading = engine.execution_options(postgresql_readonly=True)
        self._replica = (read_engine or engine).execution_options(postgresql_readonly=True)

    def session(self) -> Session:
        """Return a new session on a pooled connection."""
        return Session(bind=self.engine, expire_on_commit=False)

    @contextmanager
    def reader(self) -> Iterator[Connection]:
        """Yield a connection in a read-only transaction; a lost database becomes a refusal."""
        with translated_failures(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def replica(self) -> Iterator[Connection]:
        """Yield a connection like ``reader``, to the replica where there is one."""
        with translated_failures(), self._replica.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Yield a connection in a read-only transaction whose statements all see the same moment."""
        still = self._reading.execution_options(isolation_level="REPEATABLE READ")
        with translated_failures(), still.connect() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection in a transaction of its own."""
        with translated_failures(), self.engine.begin() as connection:
            yield connection


class LazyDatabase:
    """A database that is opened when it is first needed, once per process."""

    def __init__(self, open_database: Callable[[], PooledDatabase]) -> None:
        self._open = open_database
        self._opened: PooledDatabase | None = None
        self._lock = threading.Lock()

    def opened(self) -> PooledDatabase:
        """Return the database, opening it when nobody did yet."""
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def session(self) -> Session:
        """Return a new session on a pooled connection."""
        return self.opened().session()

    def reader(self) -> AbstractContextManager[Connection]:
        """Return a connection in a read-only transaction."""
        return self.opened().reader()

    def replica(self) -> AbstractContextManager[Connection]:
        """Return a connection in a read-only transaction that may lag behind."""
        return self.opened().replica()

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Return a connection that sees one moment."""
        return self.opened().snapshot()

    def transaction(self) -> AbstractContextManager[Connection]:
        """Return a connection in a transaction of its own."""
        return self.opened().transaction()


@contextmanager
def session_scope(url: str) -> Iterator[Session]:
    """Yield a session for scripts and shells: commits at the end, rolls back on an exception."""
    engine = make_engine(url, pool_size=1)
    try:
        with Session(bind=engine, expire_on_commit=False) as session, session.begin():
            yield session
    finally:
        engine.dispose()


def init_db() -> None:
    """Create nothing: the schema comes from the migrations alone.

    Kept for scripts that still call it; they are told what to run instead.
    """
    warnings.warn(
        "init_db() is deprecated and creates nothing: run `flask db upgrade`.",
        DeprecationWarning,
        stacklevel=2,
    )

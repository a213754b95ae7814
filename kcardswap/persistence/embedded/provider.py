"""EmbeddedPostgres: start, join, stop and remove the private server of one data directory."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import quote

from sqlalchemy import Connection, Engine, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from kcardswap.persistence.embedded import keeper
from kcardswap.persistence.embedded.cluster import (
    SUPERUSER,
    Postmaster,
    log_tail,
    make_cluster,
    open_log,
    read_password,
    require_same_version,
    socket_directory,
    starter_lives,
)
from kcardswap.persistence.embedded.failures import (
    EmbeddedPostgresError,
    diagnosis,
    last_lines,
    told_plainly,
)
from kcardswap.persistence.embedded.files import exclusive
from kcardswap.persistence.embedded.place import Place, find_place, server_environment

_POLL_S = 0.02
_DEFAULT_PORT = 5432
_STOP_S = sum(patience_s for _, patience_s in keeper.STOPPING_S) + 5
# A server without starter or keeper is not stopping, however long one waits for that; then it can be joined.
_UNKEPT_AFTER_S = 2.0
# With its defaults the log keeps the text of every refused statement, and with it personal data.
_SETTINGS = {
    "listen_addresses": "",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    # The default is that of spinning disks, and makes long lists be read whole: docs/query-optimization.md.
    "random_page_cost": "1.1",
}
# On the role, so that they hold for every program that connects; a migration raises them for itself.
_ROLE_TIMEOUTS = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
}


class EmbeddedPostgres:
    """The private PostgreSQL server of one data directory; as a context manager it runs during the block."""

    def __init__(
        self,
        data_dir: Path,
        *,
        database: str = "kcardswap",
        options: Mapping[str, str] = MappingProxyType({}),
        bin_dir: Path | None = None,
        start_timeout_s: float = 30.0,
    ) -> None:
        """Remember what to start; nothing happens before ``start``.

        :param data_dir: made when missing; holds the cluster, or the note where it is, and the password file.
        :param database: made when missing.
        :param options: server settings by name for a server this object starts; a joined one keeps its own.
        :param bin_dir: directory of another server's ``initdb`` and ``postgres``; the wheel's when None.
        :param start_timeout_s: seconds the server may take to come up, recovery after a crash included.
        """
        self._data_dir = data_dir.resolve()
        self._database = database
        self._options = dict(options)
        self._bin_dir = bin_dir
        self._start_timeout_s = start_timeout_s
        self._place: Place | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._starter = 0

    def start(self) -> str:
        """Start the server or join the one that runs, and return its ``postgresql+psycopg2://`` URL.

        :raises EmbeddedPostgresError: with one line that says what to do.
        """
        with told_plainly(self._data_dir):
            # Root lets the server's account pass through a directory it makes, but not list it.
            mode = 0o711 if os.geteuid() == 0 else 0o700
            self._data_dir.mkdir(mode, parents=True, exist_ok=True)
            with self._start_lock() as lock:
                place = find_place(self._data_dir, self._bin_dir)
                require_same_version(place)
                joined = self._running(place)
                postmaster = joined or self._launch(place, lock)
                self._prepare(place, postmaster, is_ours=joined is None)
                self._place = place
                return _url(place, postmaster, self._database)

    def stop(self) -> None:
        """Stop the server if this object started it in this process; never a joined server, never in a fork.

        Open transactions are rolled back and connections closed. Calling it again does nothing.

        :raises EmbeddedPostgresError: the server did not even end when killed.
        """
        if self._keeper is None or self._starter != os.getpid():
            return
        self._keeper.terminate()
        try:
            was_killed = self._keeper.wait(_STOP_S) < 0
        except subprocess.TimeoutExpired:
            raise EmbeddedPostgresError(
                f"the server of {self._data_dir} does not end: look for a storage that hangs"
            ) from None
        self._keeper = None
        if was_killed and self._place is not None:
            _stop_unkept(self._place.cluster)

    def remove(self) -> None:
        """Stop the server and delete the cluster with all its data, wherever it is; ``data_dir`` stays.

        :raises EmbeddedPostgresError: another process runs the server.
        """
        self.stop()
        if not self._data_dir.exists():
            return
        with told_plainly(self._data_dir), self._start_lock():
            place = find_place(self._data_dir, self._bin_dir)
            if self._running(place) is not None:
                raise EmbeddedPostgresError(
                    f"another process runs the server of {place.cluster}: stop it first"
                )
            for directory in (place.workshop, place.cluster):
                if directory.exists():
                    shutil.rmtree(directory)
            if place.holder != self._data_dir:
                shutil.rmtree(place.holder)
            for file in (place.password_file, place.pointer):
                file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """What ``start`` returned.

        :raises EmbeddedPostgresError: it was not started, or the server is gone.
        """
        postmaster = Postmaster.of(self._place.cluster) if self._place is not None else None
        if self._place is None or postmaster is None:
            raise EmbeddedPostgresError(f"no server runs for {self._data_dir}: call start() first")
        return _url(self._place, postmaster, self._database)

    def _start_lock(self) -> AbstractContextManager[int]:
        return exclusive(self._data_dir / "postgres.lock", 2 * self._start_timeout_s)

    def _running(self, place: Place) -> Postmaster | None:
        """The server to join, or None. One that is still starting or already stopping is waited for."""
        begin = time.monotonic()
        while (postmaster := Postmaster.of(place.cluster)) is not None and postmaster.listens():
            waited_s = time.monotonic() - begin
            if postmaster.status == "ready" and (starter_lives(place.cluster) or waited_s > _UNKEPT_AFTER_S):
                return postmaster
            if waited_s > self._start_timeout_s:
                raise self._not_in_time(place)
            time.sleep(_POLL_S)
        return None

    def _launch(self, place: Place, lock: int) -> Postmaster:
        self.stop()  # takes leave of the keeper of a server that crashed
        settings = _SETTINGS | self._options
        if not place.cluster.exists():
            make_cluster(place, durable=settings.get("fsync") != "off", keep_open=lock)
        if place.holder != place.data_dir:
            place.pointer.write_text(f"{place.holder}\n")
        before = Postmaster.of(place.cluster)
        self._starter = os.getpid()
        self._keeper = _spawn_keeper(place, settings, self._start_timeout_s / 2)
        try:
            return self._came_up(place, self._keeper, before)
        except BaseException:
            self.stop()
            raise

    def _came_up(
        self, place: Place, its_keeper: "subprocess.Popen[bytes]", before: Postmaster | None
    ) -> Postmaster:
        deadline = time.monotonic() + self._start_timeout_s
        while time.monotonic() < deadline:
            postmaster = Postmaster.of(place.cluster)
            if postmaster is not None and postmaster != before and postmaster.status == "ready":
                return postmaster
            if its_keeper.poll() is not None:
                failed = f"PostgreSQL did not start, correct what {place.log} tells"
                raise diagnosis(failed, log_tail(place), place.cluster)
            time.sleep(_POLL_S)
        raise self._not_in_time(place)

    def _not_in_time(self, place: Place) -> EmbeddedPostgresError:
        return EmbeddedPostgresError(
            f"PostgreSQL was not ready within {self._start_timeout_s:g} seconds: raise the limit if it still"
            f" recovers from a crash, or read {place.log}; last log lines: {last_lines(log_tail(place))}"
        )

    def _prepare(self, place: Place, postmaster: Postmaster, *, is_ours: bool) -> None:
        engine = _administration(_url(place, postmaster, "postgres"))
        try:
            with engine.connect() as connection:
                if is_ours:
                    _set_role_timeouts(connection)
                _make_database(connection, self._database)
        except DBAPIError as error:
            if is_ours:
                self.stop()
            failed = f"the server refuses us, look into {place.password_file} and {place.log}"
            raise diagnosis(failed, str(error.orig), place.cluster) from error
        finally:
            engine.dispose()


def _url(place: Place, postmaster: Postmaster, database: str) -> str:
    # Nothing but the database's name needs an escape: the password is URL-safe, the socket's path plain.
    port = "" if postmaster.port == _DEFAULT_PORT else f"&port={postmaster.port}"
    credentials = f"{SUPERUSER}:{read_password(place)}"
    return f"postgresql+psycopg2://{credentials}@/{quote(database, safe='')}?host={postmaster.sockets}{port}"


def _spawn_keeper(place: Place, settings: Mapping[str, str], patience_s: float) -> "subprocess.Popen[bytes]":
    sockets, account, log = socket_directory(place), place.account, open_log(place)
    run_as_ids = [str(account.uid), str(account.gid)] if account else ["-1", "-1"]
    settings = {**settings, "unix_socket_directories": str(sockets)}
    server: list[str | Path] = [place.bin_dir / "postgres", "-D", place.cluster]
    arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [sys.executable, "-I", "-S", keeper.__file__, str(os.getpid()), *run_as_ids, str(patience_s)]
    try:
        return subprocess.Popen(
            [*command, place.cluster, sockets, *server, *arguments],
            cwd="/",
            env=server_environment(),
            # Keeps the terminal's Ctrl-C and hang-up from the server while the program still drains.
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    finally:
        os.close(log)


def _administration(url: str) -> Engine:
    # Making a database on a slow disk may take longer than the role's time-out.
    limits = {"connect_timeout": 5, "options": "-c statement_timeout=60s"}
    return create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=limits)


def _set_role_timeouts(connection: Connection) -> None:
    for name, limit in _ROLE_TIMEOUTS.items():
        connection.execute(text(f"ALTER ROLE {SUPERUSER} SET {name} = '{limit}'"))


def _make_database(connection: Connection, name: str) -> None:
    exists = connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name})
    if exists is None:
        quoted = connection.dialect.identifier_preparer.quote_identifier(name)
        connection.exec_driver_sql(f"CREATE DATABASE {quoted}")


def _stop_unkept(cluster: Path) -> None:
    postmaster = Postmaster.of(cluster)
    if postmaster is None or not postmaster.listens():
        return
    os.kill(postmaster.pid, keeper.STOPPING_S[0][0])
    deadline = time.monotonic() + _STOP_S
    while Postmaster.of(cluster) is not None and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    keeper.remove_short(postmaster.sockets)

"""A database that was stopped is given up in time, and used again when it goes on."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from kcardswap.app import create_app
from kcardswap.domain.errors import Unavailable
from kcardswap.persistence.deadlines import ANSWER_WITHIN_SECONDS, let_statements_take
from kcardswap.persistence.embedded import EmbeddedPostgres
from kcardswap.persistence.engine import PooledDatabase, make_engine
from kcardswap.settings import Settings
from tests.conftest import FAST, run_flask

PATIENCE_SECONDS = 8


class Server:
    """A server of this module's own, whose processes can be stopped."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = make_engine(url, pool_size=2)
        with self.engine.connect() as connection:
            cluster = Path(connection.scalar(text("SHOW data_directory")) or "")
        self._postmaster = int((cluster / "postmaster.pid").read_text().splitlines()[0])

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop all of its processes meanwhile, the postmaster first so that no new one appears."""
        os.kill(self._postmaster, signal.SIGSTOP)
        children = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children").read_text()
        processes = [self._postmaster, *map(int, children.split())]
        for process in processes[1:]:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A migrated database on a server of its own."""
    embedded = EmbeddedPostgres(tmp_path_factory.mktemp("stopped"), options=FAST)
    url = embedded.start()
    done = run_flask("db", "upgrade", url=url, DATA_DIR=str(tmp_path_factory.mktemp("data")))
    assert done.returncode == 0, done.stderr
    server = Server(url)
    yield server
    server.engine.dispose()
    embedded.remove()


def test_a_stopped_database_is_a_503_in_time_and_the_process_lives(
    server: Server, settings: Settings
) -> None:
    client = create_app(settings, database=PooledDatabase(server.engine)).test_client()
    assert client.get("/api/v1/idols/groups").status_code == 200
    with server.stopped():
        began = time.monotonic()
        refused = client.get("/api/v1/idols/groups")
        assert time.monotonic() - began < PATIENCE_SECONDS
        assert refused.status_code == 503
        assert refused.json is not None and refused.json["error"]["details"]["service"] == "database"
        assert refused.headers["Retry-After"]
        assert client.get("/livez").status_code == 200
    assert client.get("/api/v1/idols/groups").status_code == 200


def test_a_database_that_stops_in_the_middle_of_a_statement_is_given_up(server: Server) -> None:
    database = PooledDatabase(server.engine)
    ended: list[float] = []

    def ask() -> None:
        with pytest.raises(Unavailable), database.reader() as connection:
            connection.execute(text("SELECT pg_sleep(1)"))
        ended.append(time.monotonic())

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.5)
    with server.stopped():
        began = time.monotonic()
        asking.join(PATIENCE_SECONDS)
        assert ended and ended[0] - began < PATIENCE_SECONDS
    with database.reader() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_database_that_stops_before_the_end_of_a_transaction_is_given_up(server: Server, end: str) -> None:
    connection = server.engine.raw_connection()
    connection.cursor().execute("CREATE TEMPORARY TABLE kept (n int) ON COMMIT DROP")
    with server.stopped():
        began = time.monotonic()
        with pytest.raises(Exception, match="closed the connection"):
            getattr(connection.dbapi_connection, end)()
        assert time.monotonic() - began < PATIENCE_SECONDS
    connection.invalidate()


def test_a_database_that_stops_while_rows_are_streamed_is_given_up(server: Server) -> None:
    database = PooledDatabase(server.engine)
    many = text("SELECT repeat('x', 1000) FROM generate_series(1, 5000)").execution_options(yield_per=500)
    streaming, stopped, ended = threading.Event(), threading.Event(), list[float]()

    def hand_out(rows: Iterator[object]) -> None:
        for _ in rows:
            streaming.set()
            stopped.wait()

    def stream() -> None:
        with pytest.raises(Unavailable), database.reader() as connection:
            hand_out(connection.execute(many))
        ended.append(time.monotonic())

    reading = threading.Thread(target=stream)
    reading.start()
    streaming.wait()
    with server.stopped():
        began = time.monotonic()
        stopped.set()
        reading.join(PATIENCE_SECONDS)
        assert ended and ended[0] - began < PATIENCE_SECONDS
    reading.join()
    with database.reader() as connection:
        assert len(connection.execute(many).all()) == 5000


def test_a_database_that_stops_before_a_stream_is_closed_is_given_up(server: Server) -> None:
    connection = server.engine.raw_connection()
    streamed = connection.cursor(name="streamed")
    streamed.execute("SELECT generate_series(1, 5000)")
    assert streamed.fetchone() == (1,)
    with server.stopped():
        began = time.monotonic()
        with pytest.raises(Exception, match="closed the connection"):
            streamed.close()
        assert time.monotonic() - began < PATIENCE_SECONDS
    connection.invalidate()


def test_statements_may_take_longer_until_the_end_of_the_transaction(server: Server) -> None:
    with Session(server.engine) as session:
        let_statements_take(session, 30)
        assert session.scalar(text("SHOW statement_timeout")) == "30s"
        assert session.scalar(text("SELECT 1 FROM pg_sleep(:seconds)"), {"seconds": 7}) == 1


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_the_next_transaction_is_as_impatient_as_ever(server: Server, end: str) -> None:
    with Session(server.engine) as session:
        let_statements_take(session, 30)
        used = session.connection().connection.driver_connection
        getattr(session, end)()
        assert session.connection().connection.driver_connection is used
        assert session.scalar(text("SHOW statement_timeout")) == "5s"
        assert used is not None and used.answer_within == ANSWER_WITHIN_SECONDS


def test_slow_answers_within_the_limit_are_waited_for(server: Server) -> None:
    with server.engine.connect() as connection:
        assert connection.scalar(text("SELECT 1 FROM pg_sleep(3)")) == 1


def test_the_server_ends_a_long_statement_before_the_client_has_to(server: Server) -> None:
    with server.engine.connect() as connection, pytest.raises(OperationalError, match="statement timeout"):
        connection.execute(text("SELECT pg_sleep(30)"))


def test_many_statements_in_one_call_have_longer(server: Server) -> None:
    with server.engine.connect() as connection:
        connection.execute(text("SELECT pg_sleep(:seconds)"), [{"seconds": 2}] * 4)


def test_copy_still_works(server: Server, tmp_path: Path) -> None:
    (tmp_path / "rows").write_text("1\n2\n")
    engine: Engine = server.engine
    connection = engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute("CREATE TEMPORARY TABLE copied (n int)")
    with (tmp_path / "rows").open() as rows:
        cursor.copy_expert("COPY copied FROM STDIN", rows)
    cursor.execute("SELECT sum(n) FROM copied")
    assert cursor.fetchone() == (3,)
    connection.close()

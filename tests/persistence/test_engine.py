"""Connections: URLs, the pool and its limits, sessions, and servers that let everybody in."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.orm import Session

from kcardswap.domain.errors import Unavailable
from kcardswap.persistence.embedded import EmbeddedPostgres
from kcardswap.persistence.engine import (
    PooledDatabase,
    init_db,
    make_engine,
    normalise_url,
    refuse_trusting_server,
    session_scope,
)
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.runtime import new_id, open_database
from kcardswap.settings import Environment, InvalidSettings, Settings
from tests.conftest import FAST, PROJECT, MovableClock, scratch_database

NOBODY_LISTENS = "postgresql://collector:secret@127.0.0.1:1/kcardswap"


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:p@host:5433/cards",
        "postgresql://u:p@host:5433/cards",
        "postgresql+psycopg2://u:p@host:5433/cards",
        "postgresql+psycopg://u:p@host:5433/cards",
        "postgresql+asyncpg://u:p@host:5433/cards",
    ],
)
def test_every_spelling_of_a_postgresql_url_means_the_one_driver(url: str) -> None:
    assert normalise_url(url) == "postgresql+psycopg2://u:p@host:5433/cards"


def test_what_comes_after_the_driver_is_kept() -> None:
    rest = "u:p%40ss%2F@/cards?host=one%3A5432%2Ctwo%3A5432&target_session_attrs=read-write"
    normalised = make_url(normalise_url(f"postgres://{rest}"))
    assert normalised.password == "p@ss/"
    assert normalised.query == {"host": "one:5432,two:5432", "target_session_attrs": "read-write"}


@pytest.mark.parametrize("url", ["mysql://u:p@host/cards", "sqlite:///cards.db", "postgresqlx://host/cards"])
def test_other_databases_are_refused_without_repeating_the_password(url: str) -> None:
    with pytest.raises(ValueError, match="not a PostgreSQL URL") as refused:
        normalise_url(url)
    assert "u:p" not in str(refused.value)


@pytest.fixture
def engine(suite_url: str) -> Iterator[Engine]:
    """An engine with a pool of two connections and little patience."""
    engine = make_engine(suite_url, pool_size=2, pool_timeout_seconds=0.3)
    yield engine
    engine.dispose()


def test_the_pool_grows_to_its_size_and_no_further(engine: Engine) -> None:
    database = PooledDatabase(engine)
    with database.reader(), database.reader():
        begun = time.monotonic()
        with pytest.raises(Unavailable), database.reader():
            pass
        assert 0.25 < time.monotonic() - begun < 1
    with database.reader() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def test_a_unit_of_work_that_finds_no_connection_is_refused_too(engine: Engine, clock: MovableClock) -> None:
    database = PooledDatabase(engine)
    uow = UnitOfWork(database.session, clock=clock, new_id=new_id)
    with database.reader(), database.reader(), pytest.raises(Unavailable), uow:
        uow.session.execute(text("SELECT 1"))


def test_the_pool_is_as_large_as_a_process_has_threads_and_waits_as_long_as_it_is_told(
    suite_url: str,
) -> None:
    settings = Settings(database_url=suite_url, threads=7, database_pool_timeout_seconds=1.5)
    database = open_database(settings)
    pool = database.engine.pool
    assert (pool.size(), pool._max_overflow, pool._timeout) == (7, 0, 1.5)  # type: ignore[attr-defined]
    assert Settings().database_pool_timeout_seconds == 3
    database.engine.dispose()


def test_a_connection_the_server_closed_is_replaced_unnoticed(engine: Engine, suite_engine: Engine) -> None:
    with engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    with suite_engine.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != pid


def test_a_database_nobody_can_reach_is_unavailable_within_seconds() -> None:
    database = PooledDatabase(make_engine(NOBODY_LISTENS))
    begun = time.monotonic()
    with pytest.raises(Unavailable), database.reader():
        pass
    assert time.monotonic() - begun < 3


def test_a_reader_cannot_write(engine: Engine) -> None:
    with (
        pytest.raises(InternalError, match="read-only transaction"),
        PooledDatabase(engine).reader() as reader,
    ):
        reader.execute(text("UPDATE users SET role = role"))


def test_only_reads_that_may_lag_go_to_the_replica(suite_url: str, server_url: str) -> None:
    database = open_database(Settings(database_url=suite_url, database_read_url=server_url))
    name = text("SELECT current_database()")
    with database.replica() as replica:
        assert replica.scalar(name) == make_url(server_url).database
        replica.engine.dispose()
    with database.reader() as reader, database.transaction() as writer, database.session() as session:
        assert reader.scalar(name) == writer.scalar(name) == session.scalar(name)
        assert reader.scalar(name) == make_url(suite_url).database
    database.engine.dispose()


@pytest.fixture
def scratch_url(server_url: str) -> Iterator[str]:
    """URL of an empty database."""
    with scratch_database(server_url) as url:
        yield url


def note_and_fail(connection: Connection | Session) -> None:
    connection.execute(text("INSERT INTO notes VALUES ('lost')"))
    raise ZeroDivisionError


def test_a_transaction_commits_at_its_end_and_rolls_back_on_an_exception(scratch_url: str) -> None:
    engine = make_engine(scratch_url, pool_size=1)
    database = PooledDatabase(engine)
    with database.transaction() as connection:
        connection.execute(text("CREATE TABLE notes (word text)"))
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        note_and_fail(connection)
    with database.reader() as reader:
        assert reader.scalar(text("SELECT count(*) FROM notes")) == 0
    engine.dispose()


def test_a_session_scope_commits_rolls_back_and_always_closes(scratch_url: str) -> None:
    with session_scope(scratch_url) as session:
        session.execute(text("CREATE TABLE notes (word text)"))
        session.execute(text("INSERT INTO notes VALUES ('kept')"))
    with pytest.raises(ZeroDivisionError), session_scope(scratch_url) as session:
        note_and_fail(session)
    with session_scope(scratch_url) as session:
        assert list(session.scalars(text("SELECT word FROM notes"))) == ["kept"]
        others = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        assert session.scalar(others) == 1


def test_two_threads_never_share_a_session(engine: Engine) -> None:
    database = PooledDatabase(engine)
    pids: list[int] = []
    both = threading.Barrier(2)

    def work() -> None:
        with database.session() as session:
            pids.append(session.scalar(text("SELECT pg_backend_pid()")) or 0)
            both.wait(5)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(pids)) == 2


def test_init_db_creates_nothing_and_names_the_command_that_does() -> None:
    with pytest.warns(DeprecationWarning, match="flask db upgrade"):
        init_db()


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """URL and pg_hba.conf of a server whose rules these tests may change."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("trusting"), options=FAST)
    url = server.start()
    engine = create_engine(url)
    with engine.connect() as connection:
        hba = Path(str(connection.scalar(text("SHOW hba_file"))))
    engine.dispose()
    yield url, hba
    server.remove()


@pytest.fixture
def trusting_url(own_server: tuple[str, Path]) -> Iterator[str]:
    """URL of a server that lets everybody in."""
    url, hba = own_server
    rules = hba.read_text()
    let_in_by(url, hba, rules.replace("scram-sha-256", "trust"), everybody=True)
    yield url
    let_in_by(url, hba, rules, everybody=False)


def let_in_by(url: str, hba: Path, rules: str, *, everybody: bool) -> None:
    hba.write_text(rules)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
    wrong = create_engine(make_url(url).set(password="wrong"))
    deadline = time.monotonic() + 5
    while takes(wrong) != everybody:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def takes(engine: Engine) -> bool:
    try:
        engine.connect().close()
    except OperationalError:
        return False
    finally:
        engine.dispose()
    return True


def test_a_server_that_asks_for_the_password_is_accepted(own_server: tuple[str, Path]) -> None:
    refuse_trusting_server(own_server[0])


def test_a_server_that_lets_everybody_in_is_refused(trusting_url: str) -> None:
    with pytest.raises(InvalidSettings, match="any password") as refused:
        refuse_trusting_server(trusting_url)
    assert "\n" not in str(refused.value)


def test_a_password_in_the_query_is_put_to_the_test_as_well(trusting_url: str) -> None:
    url = make_url(trusting_url)
    spelled = url.set(password=None).update_query_dict({"password": str(url.password)})
    with pytest.raises(InvalidSettings, match="any password"):
        refuse_trusting_server(spelled.render_as_string(hide_password=False))


def test_a_server_that_does_not_answer_is_left_to_those_who_ask_it_next() -> None:
    refuse_trusting_server(NOBODY_LISTENS)


@pytest.mark.parametrize("role", ["database_url", "database_read_url"])
def test_production_opens_no_database_that_lets_everybody_in(
    trusting_url: str, suite_url: str, role: str
) -> None:
    urls = {"database_url": suite_url, "database_read_url": suite_url, role: trusting_url}
    with pytest.raises(InvalidSettings):
        open_database(Settings(environment=Environment.PRODUCTION, **urls))  # type: ignore[arg-type]


def test_development_does_not_mind(trusting_url: str) -> None:
    open_database(Settings(environment=Environment.DEVELOPMENT, database_url=trusting_url)).engine.dispose()


@pytest.mark.parametrize("command", [["-c", "import wsgi"], ["-m", "flask", "db", "upgrade"]])
def test_neither_the_server_nor_a_migration_starts_on_it_in_production(
    trusting_url: str, tmp_path: Path, command: list[str]
) -> None:
    production = {
        "ENVIRONMENT": "production",
        "DATABASE_URL": trusting_url,
        "DATA_DIR": str(tmp_path),
        "PUBLIC_BASE_URL": "https://api.kcardswap.test",
        "JWT_SECRET_KEY": "3b5e" * 16,
        "STORAGE_SIGNING_KEY": "9c1f" * 16,
        "HASH_PEPPER": "77aa" * 16,
        "SEALING_KEY": "5d2e" * 16,
    }
    done = subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        env={**os.environ, **production},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "any password" in done.stderr
    assert "Traceback" not in done.stderr

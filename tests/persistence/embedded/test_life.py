"""The private server starts, is joined, survives kills of everybody and ends with its program."""

import os
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from kcardswap.persistence.embedded import (
    EmbeddedPostgres,
    EmbeddedPostgresError,
)
from kcardswap.persistence.embedded.files import held_by_someone
from tests.persistence.embedded.servers import (
    FAST,
    another_process,
    answers,
    cluster_of,
    eventually,
    host_of,
    kill_whole_server,
    line_of,
    postmaster_of,
    ps,
    scalar,
)


def test_url_opens_the_database_as_the_servers_own_superuser(shared: EmbeddedPostgres) -> None:
    assert shared.url.startswith("postgresql+psycopg2://kcardswap:")
    assert scalar(shared.url, "SELECT current_user || '@' || current_database()") == "kcardswap@kcardswap"
    assert scalar(shared.url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is True
    assert str(scalar(shared.url, "SHOW server_version")).startswith("18.")


def test_text_is_utf8_and_trigrams_know_hangul(shared: EmbeddedPostgres) -> None:
    columns = "pg_encoding_to_char(encoding) || datcollate || datctype"
    row = f"SELECT {columns} FROM pg_database WHERE datname = current_database()"
    assert scalar(shared.url, row) == "UTF8C.UTF-8C.UTF-8"
    scalar(shared.url, "CREATE EXTENSION pg_trgm")
    similarity = scalar(shared.url, "SELECT similarity('방탄소년단', '방탄소년')")
    assert isinstance(similarity, float)
    assert 0 < similarity < 1


def test_every_way_in_asks_for_the_password(shared: EmbeddedPostgres) -> None:
    methods = "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"
    assert scalar(shared.url, methods) == "scram-sha-256"
    password = urlsplit(shared.url).password
    assert password
    for wrong in (shared.url.replace(f":{password}", ""), shared.url.replace(password, "guessed")):
        with pytest.raises(OperationalError, match="password"):
            scalar(wrong, "SELECT 1")


def test_password_is_random_and_only_the_owner_reads_it(
    server: EmbeddedPostgres, shared: EmbeddedPostgres
) -> None:
    password_file = server._data_dir / "postgres.password"
    assert password_file.read_text() == urlsplit(server.url).password
    assert password_file.read_text() != urlsplit(shared.url).password
    assert password_file.stat().st_mode & 0o777 == 0o600
    assert cluster_of(server.url).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("name", "limit"),
    [("statement_timeout", "5s"), ("lock_timeout", "2s"), ("idle_in_transaction_session_timeout", "10s")],
)
def test_role_carries_the_timeouts(shared: EmbeddedPostgres, name: str, limit: str) -> None:
    assert scalar(shared.url, f"SHOW {name}") == limit


def test_no_network_address_is_listened_on_and_options_reach_the_server(shared: EmbeddedPostgres) -> None:
    assert scalar(shared.url, "SHOW listen_addresses") == ""
    assert scalar(shared.url, "SHOW fsync") == "off"
    assert scalar(shared.url, "SHOW shared_buffers") == "16MB"


def test_log_keeps_no_values_of_refused_statements(shared: EmbeddedPostgres) -> None:
    with pytest.raises(ProgrammingError):
        scalar(shared.url, "SELECT 'mina@example.com' FROM no_such_table")
    log = (cluster_of(shared.url) / "server.log").read_text()
    assert "no_such_table" in log
    assert "mina@example.com" not in log


def test_data_survives_stop_and_start(server: EmbeddedPostgres) -> None:
    url = server.start()
    scalar(url, "CREATE TABLE kept AS SELECT 7 AS value")
    server.stop()
    assert not answers(url)
    with pytest.raises(EmbeddedPostgresError, match=r"call start\(\) first"):
        _ = server.url
    assert server.start() == url
    assert scalar(url, "SELECT value FROM kept") == 7


def test_second_process_joins_and_leaves_the_server_running(shared: EmbeddedPostgres) -> None:
    body = "print(server.start(), flush=True); server.stop(); print('stopped', flush=True)"
    with another_process(shared._data_dir, body) as process:
        assert line_of(process) == shared.url
        assert line_of(process) == "stopped"
        assert process.wait() == 0
    assert answers(shared.url)


def test_joining_makes_a_missing_database_of_any_name(shared: EmbeddedPostgres) -> None:
    name = 'wei"rd %s:x/y한'
    joined = EmbeddedPostgres(shared._data_dir, database=name)
    url = joined.start()
    joined.stop()
    assert scalar(url, "SELECT current_database()") == name


def test_of_processes_that_start_at_once_one_owns_the_server(data_dir: Path) -> None:
    body = "print(server.start(), server._keeper is not None, flush=True); sys.stdin.read()"
    with (
        another_process(data_dir, body) as first,
        another_process(data_dir, body) as second,
        another_process(data_dir, body) as third,
    ):
        answered = [line_of(process).split() for process in (first, second, third)]
    assert len({url for url, _ in answered}) == 1
    assert sorted(owns for _, owns in answered) == ["False", "False", "True"]


def test_remove_deletes_everything_but_refuses_while_another_process_serves(data_dir: Path) -> None:
    with another_process(data_dir) as process:
        url = line_of(process)
        cluster = cluster_of(url)
        with pytest.raises(EmbeddedPostgresError, match="another process runs the server"):
            EmbeddedPostgres(data_dir).remove()
        assert answers(url)
    assert eventually(lambda: not held_by_someone(cluster / "server.lock"))
    EmbeddedPostgres(data_dir).remove()
    assert not cluster.exists()
    assert [path.name for path in data_dir.iterdir()] == ["postgres.lock"]


def test_server_stops_when_its_parent_is_killed_though_a_forked_worker_lives(settled: Path) -> None:
    body = """
url = server.start()
worker = os.fork()
if worker == 0:
    server.stop()
    time.sleep(60)
print(url, worker, flush=True)
time.sleep(60)
"""
    with another_process(settled, body) as process:
        url, worker = line_of(process).split()
        time.sleep(0.3)
        assert answers(url), "a fork's stop() must not stop the server"
        cluster = cluster_of(url)
        process.kill()
        assert eventually(lambda: not held_by_someone(cluster / "server.lock"))
        os.kill(int(worker), signal.SIGKILL)
    assert not (cluster / "postmaster.pid").exists()
    assert "database system is shut down" in (cluster / "server.log").read_text()


def test_server_stops_when_its_parent_ends_without_stopping_it(settled: Path) -> None:
    with another_process(settled, "print(server.start(), flush=True)") as process:
        url = line_of(process)
        assert process.wait() == 0
    assert eventually(lambda: not answers(url))


def test_process_that_starts_right_after_a_kill_does_not_join_the_dying_server(settled: Path) -> None:
    with another_process(settled) as process:
        url = line_of(process)
        process.kill()
        process.wait()
        with EmbeddedPostgres(settled, options=FAST):
            time.sleep(0.5)
            assert answers(url)


def test_ctrl_c_reaches_the_program_but_not_the_server(settled: Path) -> None:
    body = """
signal.signal(signal.SIGINT, lambda *_: os.write(1, b"draining\\n"))
print(server.start(), flush=True)
time.sleep(60)
"""
    with another_process(settled, body) as process:
        url = line_of(process)
        os.killpg(process.pid, signal.SIGINT)
        assert line_of(process) == "draining"
        time.sleep(0.3)
        assert answers(url)


def test_killed_postmaster_is_replaced_and_data_kept(server: EmbeddedPostgres) -> None:
    scalar(server.url, "CREATE TABLE saved AS SELECT 7 AS value")
    cluster = cluster_of(server.url)
    os.kill(postmaster_of(cluster).pid, signal.SIGKILL)
    assert eventually(lambda: not answers(server.url) if (cluster / "postmaster.pid").exists() else True)
    assert scalar(server.start(), "SELECT value FROM saved") == 7


def test_server_whose_keeper_was_killed_is_stopped_all_the_same(server: EmbeddedPostgres) -> None:
    url, cluster = server.url, cluster_of(server.url)
    os.kill(ps(postmaster_of(cluster).pid, "ppid"), signal.SIGKILL)
    assert answers(url)
    server.stop()
    assert not held_by_someone(cluster / "server.lock")


def test_left_overs_whose_process_id_is_in_use_again_do_not_matter(settled: Path) -> None:
    server = EmbeddedPostgres(settled, options=FAST)
    url = server.start()
    cluster = cluster_of(url)
    kill_whole_server(cluster)
    server.stop()
    owner = cluster.stat().st_uid
    # The same user's process: only for such a one does PostgreSQL itself believe that the server lives.
    with subprocess.Popen(["sleep", "60"], user=owner if os.geteuid() == 0 else None) as other:
        for left_over in (cluster / "postmaster.pid", *cluster.glob(".s.PGSQL.*.lock")):
            lines = left_over.read_text().splitlines()
            left_over.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        assert (cluster / ".s.PGSQL.5432").exists() or "host=/tmp" in url
        assert server.start() == url or "host=/tmp" in url
        assert other.poll() is None
        server.stop()
        other.kill()


def test_initdb_interrupted_by_a_kill_is_repeated(data_dir: Path) -> None:
    with another_process(data_dir) as process:
        assert eventually(lambda: (data_dir / "postgres.password").exists())
        time.sleep(0.1)
        process.kill()
    with EmbeddedPostgres(data_dir, options=FAST) as server:
        assert answers(server.url)
        assert not list(cluster_of(server.url).parent.glob("postgres.new"))


def test_socket_moves_to_tmp_when_the_path_does_not_suit_one(open_dir: Path) -> None:
    too_long, odd = open_dir / ("long" * 25), open_dir / "데이터, with 'odd' 100% names"
    server = EmbeddedPostgres(too_long, options=FAST)
    left = Path(host_of(server.start()))
    assert left.parent == Path("/tmp")
    assert left.stat().st_mode & 0o777 == 0o700
    kill_whole_server(cluster_of(server.url))
    server.stop()
    assert left.exists()
    too_long.rename(odd)
    with EmbeddedPostgres(odd, options=FAST) as server:
        assert not left.exists(), "what the killed server left"
        assert cluster_of(server.url) == odd / "postgres"
        later = Path(host_of(server.url))
        assert later.parent == Path("/tmp")
    assert not later.exists()

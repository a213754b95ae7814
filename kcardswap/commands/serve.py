"""flask serve: everything a first look needs, in one process group."""

import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import click
import requests
from alembic import command
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from kcardswap.commands.database import PROJECT, alembic_config
from kcardswap.commands.dev import dev_play_store, purchases_to_try
from kcardswap.commands.processes import SERVER, Processes
from kcardswap.commands.seed import seed_demo
from kcardswap.commands.seed.demo import DEMO_DOMAIN
from kcardswap.commands.seed.people import PEOPLE
from kcardswap.domain.accounts import Role
from kcardswap.persistence.embedded import EmbeddedPostgresError
from kcardswap.runtime import Runtime, current_runtime, database_url
from kcardswap.services import accounts
from kcardswap.settings import Settings, kept_secret

START_TIMEOUT_SECONDS = 30
FREE_BYTES_WANTED = 300 * 1024 * 1024


@click.command("serve")
@click.option("--demo/--no-demo", default=True, help="Make demo people (default) or leave the data alone.")
@with_appcontext
def serve(demo: bool) -> None:
    """Migrate the database, make demo data, serve the API with gunicorn and say how to use it."""
    runtime = current_runtime()
    settings = runtime.settings
    _require_free_port(settings.port)
    _require_disk_space(settings)
    try:
        url = database_url(settings)
        click.echo("Database: migrating to the newest schema ...")
        config = alembic_config()
        config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
        command.upgrade(config, "head")
        password = _ensure_admin(runtime)
        if demo:
            click.get_current_context().invoke(seed_demo)
    except (EmbeddedPostgresError, SQLAlchemyError, OSError) as error:
        raise click.ClickException(str(error).splitlines()[0]) from error
    with _store_to_buy_from(settings) as environment:
        processes = Processes(
            {**os.environ, **environment, "DATABASE_URL": url, "THREADS": str(settings.threads)}
        )
        processes.start(SERVER, gunicorn_command(settings))
        # It has all that happened to the demo people to carry out; a line for each would hide the welcome.
        processes.start("The worker", worker_command(), LOG_LEVEL="WARNING")
        _announce_when_up(settings, processes, password, demo)
        sys.exit(processes.wait())


def _require_free_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError as error:
            raise click.ClickException(
                f"Port {port} cannot be used ({error.strerror}). Choose another: make run PORT=8080"
            ) from error


def _require_disk_space(settings: Settings) -> None:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(settings.data_dir).free
    except OSError as error:
        raise click.ClickException(
            f"DATA_DIR {settings.data_dir} cannot be used: {error.strerror}."
        ) from error
    if free < FREE_BYTES_WANTED:
        raise click.ClickException(
            f"The disk of {settings.data_dir} is full: {free // 2**20} MiB free, "
            f"{FREE_BYTES_WANTED // 2**20} MiB needed. Free some space or set DATA_DIR."
        )


def _ensure_admin(runtime: Runtime) -> str:
    """Make the administrator of this data directory and return the password it was made with."""
    settings = runtime.settings
    password = settings.default_admin_password or kept_secret(
        settings.data_dir, "admin_password", lambda: os.urandom(9).hex()
    )
    accounts.create_administrator(
        runtime.unit_of_work(),
        runtime.passwords,
        email=settings.default_admin_email,
        password=password,
        role=Role(settings.default_admin_role),
    )
    return password


@contextmanager
def _store_to_buy_from(settings: Settings) -> Iterator[dict[str, str]]:
    """Run a stand-in for Google Play where development has no other; yield the settings that lead there."""
    if settings.google_play_package_name or not settings.dev_play_store:
        yield {}
        return
    with dev_play_store(settings).serve() as store:
        yield store.settings()


def worker_command() -> Sequence[str]:
    """Return how events and jobs are carried out beside the API."""
    return (sys.executable, "-m", "flask", "worker")


def gunicorn_command(settings: Settings) -> Sequence[str]:
    """Return how the API is served here: one process, because rate limits are counted in its memory."""
    return (
        sys.executable,
        "-m",
        "gunicorn",
        "--chdir",
        str(PROJECT),
        "--bind",
        f"0.0.0.0:{settings.port}",
        "--worker-class",
        "gthread",
        "--workers",
        "1",
        "--threads",
        str(settings.threads),
        "--graceful-timeout",
        "10",
        "--no-control-socket",
        "--log-level",
        "warning",
        "--logger-class",
        "kcardswap.logs.GunicornLogger",
        "wsgi:app",
    )


def _announce_when_up(settings: Settings, processes: Processes, password: str, demo: bool) -> None:
    local = f"http://localhost:{settings.port}"
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if processes.any_ended():
            sys.exit(processes.wait())
        try:
            if requests.get(f"{local}/readyz", timeout=2).status_code == 200:
                break
        except requests.RequestException:
            pass
        time.sleep(0.1)
    else:
        processes.stop()
        _give_up(f"The API did not become ready within {START_TIMEOUT_SECONDS} s.")
    click.echo(_welcome(settings, password, demo))


def _give_up(message: str) -> NoReturn:
    raise click.ClickException(message)


def _welcome(settings: Settings, password: str, demo: bool) -> str:
    base = settings.public_base_url
    names = ", ".join(person.name for person in PEOPLE[:6])
    people = f"""
  Demo people    {names} and {len(PEOPLE) - 6} more, each <name>@{DEMO_DOMAIN}
  Sign in        curl '{base}/api/v1/dev/identity-token?email={PEOPLE[0].name}@{DEMO_DOMAIN}'
                 then POST its identity_token as google_token to {base}/api/v1/auth/google-login"""
    premium = f"""
  Premium        POST to {base}/api/v1/subscriptions/verify-receipt;
                 {purchases_to_try()}"""
    buys_here = settings.dev_play_store and not settings.google_play_package_name
    return f"""
kcardswap is ready.

  API            {base}/api/v1
  Documentation  {base}/api/v1/docs{people if demo else ""}{premium if buys_here else ""}
  Administrator  {settings.default_admin_email} with password {password}
                 POST email and password to {base}/api/v1/auth/admin-login

  README.md, "Your first swap", walks two people through their first swap. Stop with Ctrl-C.
"""

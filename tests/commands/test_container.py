"""The container: its entrypoint, which runs anywhere, and the files around it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml  # type: ignore[import-untyped]
from flask import Flask
from sqlalchemy import create_engine, make_url, text

from kcardswap.settings import Settings
from tests.conftest import PROJECT, scratch_database
from tests.migrations.running import REVISIONS, must, point_at

ENTRYPOINT = PROJECT / "kcardswap" / "container" / "entrypoint.sh"
NOBODY_LISTENS = "postgresql://collector:secret@127.0.0.1:1/kcardswap"
DOCKERFILE = (PROJECT / "Dockerfile").read_text()


@contextmanager
def entrypoint(*command: str, cwd: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the script with the programs of this virtual environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        ["sh", str(ENTRYPOINT), *command],
        cwd=cwd,
        env={**os.environ, "PATH": path, "ENVIRONMENT": "test", "DATA_DIR": str(cwd), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def scratch_url(server_url: str, migrated_url: str) -> Iterator[str]:
    """URL of a migrated database of the test's own."""
    with scratch_database(server_url, make_url(migrated_url).database) as url:
        yield url


def test_it_migrates_and_then_becomes_the_command(server_url: str, tmp_path: Path) -> None:
    with scratch_database(server_url) as url:
        show = "import os, sys; print('pid', os.getpid(), sys.argv[1:])"
        with entrypoint(sys.executable, "-c", show, "a b", cwd=tmp_path, DATABASE_URL=url) as process:
            printed, complaints = process.communicate(timeout=60)
        assert process.returncode == 0, complaints
        assert printed.splitlines()[-1] == f"pid {process.pid} ['a b']"
        assert f"{REVISIONS[-1]} (head)" in must("current", url=url)


def test_a_database_that_never_answers_ends_the_start_with_one_line(tmp_path: Path) -> None:
    begun = time.monotonic()
    with entrypoint(
        "echo", "serving", cwd=tmp_path, DATABASE_URL=NOBODY_LISTENS, DATABASE_WAIT_SECONDS="1"
    ) as process:
        printed, complaints = process.communicate(timeout=60)
    assert process.returncode == 1
    assert printed == ""
    assert re.fullmatch(r"Error: The database did not answer within 1 s: .*\n", complaints)
    assert "secret" not in complaints
    assert 1 < time.monotonic() - begun < 15


def test_a_database_that_comes_up_late_is_waited_for(app: Flask, server_url: str) -> None:
    late = make_url(server_url).set(database="late")
    point_at(app, late.render_as_string(hide_password=False))
    server = create_engine(server_url, isolation_level="AUTOCOMMIT")

    def come_up() -> None:
        with server.connect() as connection:
            connection.execute(text("CREATE DATABASE late"))

    coming = threading.Timer(0.7, come_up)
    coming.start()
    done = app.test_cli_runner().invoke(args=["db", "wait", "--seconds", "10"])
    coming.join()
    with server.connect() as connection:
        connection.execute(text("DROP DATABASE late WITH (FORCE)"))
    server.dispose()
    assert done.exit_code == 0, done.output


def test_a_migration_that_fails_ends_the_start(scratch_url: str, tmp_path: Path) -> None:
    must("downgrade", "0012", url=scratch_url)
    engine = create_engine(scratch_url)
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(text("LOCK TABLE cards"))
        limits = {"MIGRATION_LOCK_TIMEOUT": "100ms", "MIGRATION_ATTEMPTS": "1"}
        with entrypoint("echo", "serving", cwd=tmp_path, DATABASE_URL=scratch_url, **limits) as process:
            printed, complaints = process.communicate(timeout=60)
    engine.dispose()
    assert process.returncode == 1
    assert "serving" not in printed
    assert complaints == "Error: The database says: canceling statement due to lock timeout\n"


def test_sigterm_ends_a_start_that_still_waits(tmp_path: Path) -> None:
    with entrypoint("echo", "serving", cwd=tmp_path, DATABASE_URL=NOBODY_LISTENS) as process:
        time.sleep(0.5)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=20)
    assert process.returncode == 143
    assert printed == ""
    assert time.monotonic() - begun < 10


def test_without_a_command_it_serves_with_gunicorn_which_sigterm_reaches(
    scratch_url: str, tmp_path: Path
) -> None:
    port = free_port()
    options = {"PORT": str(port), "WEB_CONCURRENCY": "2", "THREADS": "3", "LOG_LEVEL": "ERROR"}
    with entrypoint(cwd=tmp_path, DATABASE_URL=scratch_url, **options) as process:
        wait_until_ready(port, process)
        served_by = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode().split("\0")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert Path(served_by[1]).name == "gunicorn"
    wanted = {"--worker-class": "gthread", "--workers": "2", "--threads": "3", "--bind": f"0.0.0.0:{port}"}
    assert {option: served_by[served_by.index(option) + 1] for option in wanted} == wanted
    assert "--no-control-socket" in served_by
    assert not list(tmp_path.glob("*.ctl"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        try:
            if requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    pytest.fail("it did not become ready")


def instruction(name: str) -> list[str]:
    """Return what follows each ``name`` at the start of a line of the Dockerfile."""
    return re.findall(rf"^{name} (.*)$", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)


def test_the_image_is_built_in_stages_and_runs_as_nobody_special() -> None:
    assert len(instruction("FROM")) == 2
    assert all(re.match(r"python:3\.1[1-9]-slim\b", base) for base in instruction("FROM"))
    assert instruction("USER") == ["kcardswap"]
    assert DOCKERFILE.index("\nUSER ") > DOCKERFILE.rindex("\nRUN ")
    assert instruction("EXPOSE") == ["8000"]
    assert "--require-hashes" in DOCKERFILE
    assert "curl" not in DOCKERFILE


def test_the_image_holds_what_it_starts() -> None:
    program, script = json.loads(instruction("ENTRYPOINT")[0])
    assert (program, PROJECT / Path(script).relative_to("/app")) == ("sh", ENTRYPOINT)
    copied = [source for line in instruction("COPY") if "--from" not in line for source in line.split()[:-1]]
    assert set(copied) == {"requirements.txt", "alembic.ini", "wsgi.py", "migrations", "kcardswap"}
    assert all((PROJECT / source).exists() for source in copied)


def test_the_builder_gets_no_secrets_data_or_tests() -> None:
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == {
        "requirements.txt",
        "alembic.ini",
        "wsgi.py",
        "migrations",
        "kcardswap",
    }


class Alive(BaseHTTPRequestHandler):
    """Answers /livez with 200 or 503."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/livez" else 404)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_asks_whether_the_process_answers(status: int, code: int) -> None:
    command = json.loads(instruction("HEALTHCHECK")[0].partition("CMD ")[2])
    assert command[0] == "python"
    handler = type("Handler", (Alive,), {"status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        done = subprocess.run(
            [sys.executable, *command[1:]],
            env={**os.environ, "PORT": str(server.server_port)},
            capture_output=True,
            check=False,
        )
        answering.join()
    assert done.returncode == code


@pytest.fixture
def compose() -> dict[str, dict[str, dict[str, object]]]:
    """compose.yaml as it is read."""
    loaded: dict[str, dict[str, dict[str, object]]] = yaml.safe_load((PROJECT / "compose.yaml").read_text())
    return loaded


def environment_of(service: dict[str, object]) -> dict[str, str]:
    values = service["environment"]
    assert isinstance(values, dict)
    return {str(name): str(value) for name, value in values.items()}


def test_compose_starts_the_api_after_a_healthy_database(
    compose: dict[str, dict[str, dict[str, object]]],
) -> None:
    assert set(compose["services"]) == {"database", "api", "worker"}
    assert compose["services"]["database"]["image"] == "postgres:18"
    for service in ("api", "worker"):
        assert compose["services"][service]["depends_on"] == {"database": {"condition": "service_healthy"}}
    volumes = compose["services"]["database"]["volumes"]
    assert volumes == ["database:/var/lib/postgresql"]


def test_the_worker_of_compose_has_the_settings_of_the_api_and_shows_signs_of_life(
    compose: dict[str, dict[str, dict[str, Any]]], app: Flask
) -> None:
    api, worker = compose["services"]["api"], compose["services"]["worker"]
    assert worker["environment"] == api["environment"]
    assert worker["volumes"] == api["volumes"]
    assert worker["command"] == ["flask", "worker"]
    assert "ports" not in worker
    program, *check = worker["healthcheck"]["test"][1:]
    assert program == "flask"
    assert app.test_cli_runner().invoke(args=[*check, "--help"]).exit_code == 0


def test_compose_knows_no_secret_and_starts_without_none(
    compose: dict[str, dict[str, dict[str, object]]],
) -> None:
    for service in compose["services"].values():
        for name, value in environment_of(service).items():
            if re.search(r"SECRET|KEY|PEPPER|PASSWORD|DATABASE_URL", name):
                assert re.search(r"\$\{[A-Z_]+:\?.+\}", value), name


def test_what_compose_passes_is_a_valid_production_configuration(
    compose: dict[str, dict[str, dict[str, object]]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = {
        "POSTGRES_PASSWORD": "0a1b" * 16,
        "PUBLIC_BASE_URL": "https://api.kcardswap.example",
        "JWT_SECRET_KEY": "3b5e" * 16,
        "STORAGE_SIGNING_KEY": "9c1f" * 16,
        "HASH_PEPPER": "77aa" * 16,
        "SEALING_KEY": "5d2e" * 16,
    }

    def substitute(match: re.Match[str]) -> str:
        name, default = match[1], match[3] if match[2] == ":-" else None
        return given.get(name, default if default is not None else f"missing {name}")

    for name, value in environment_of(compose["services"]["api"]).items():
        monkeypatch.setenv(name, re.sub(r"\$\{([A-Z_]+)(:[-?])([^}]*)\}", substitute, value))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    settings = Settings.from_env()
    assert settings.is_production
    assert (
        settings.database_url
        == f"postgresql://kcardswap:{given['POSTGRES_PASSWORD']}@database:5432/kcardswap"
    )
    assert settings.threads == 4

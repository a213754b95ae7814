"""The first look: demo data, a second start, and starts that cannot work."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, text

from kcardswap.persistence.embedded import EmbeddedPostgres
from tests.e2e.conftest import PROJECT, Served, serve


def refused_start(**environment: str) -> str:
    """Start where it cannot work and return the one line it says."""
    clean = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DATA_DIR")}
    done = subprocess.run(
        [sys.executable, "-m", "flask", "serve"],
        cwd=PROJECT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    lines = (done.stdout + done.stderr).strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        message = refused_start(PORT=port, DATA_DIR=str(tmp_path))
    assert f"Port {port} cannot be used" in message
    assert "make run PORT=" in message


def test_a_data_directory_that_is_a_file_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    message = refused_start(DATA_DIR=str(tmp_path / "file" / "data"))
    assert "DATA_DIR" in message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk to fill")
def test_a_full_disk_is_said_in_one_line(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this system lets nobody mount a small disk")
    try:
        assert "disk" in refused_start(DATA_DIR=str(disk / "data"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_settings_that_make_no_sense_are_listed_together(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flask", "serve"],
        cwd=PROJECT,
        env={**os.environ, "DATA_DIR": str(tmp_path), "PORT": "many", "SQL_ECHO": "perhaps"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "PORT" in done.stderr and "SQL_ECHO" in done.stderr
    assert "Traceback" not in done.stderr


def counts(data_dir: Path) -> dict[str, int]:
    """Return how many rows the demo world has, from the database itself."""
    server = EmbeddedPostgres(data_dir)
    engine = create_engine(server.start())
    tables = ("users", "cards", "friendships", "trades", "catalog_groups", "media_assets", "card_holds")
    with engine.connect() as connection:
        rows = {table: connection.scalar(text(f"SELECT count(*) FROM {table}")) for table in tables}
        states = connection.execute(text("SELECT status, count(*) FROM trades GROUP BY status")).all()
    engine.dispose()
    server.stop()
    return {**rows, **{str(state): number for state, number in states}}


def sign_in(server: Served, name: str) -> dict[str, str]:
    """Sign a demo person in the way the printed text says and return the headers to call with."""
    api = f"{server.url}/api/v1"
    query = {"email": f"{name}@demo.kcardswap.test"}
    token = requests.get(f"{api}/dev/identity-token", params=query, timeout=10).json()["data"]
    answer = requests.post(
        f"{api}/auth/google-login", json={"google_token": token["identity_token"]}, timeout=10
    )
    return {"Authorization": f"Bearer {answer.json()['data']['access_token']}"}


def test_a_first_look_and_a_second_start_that_keeps_the_data(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with serve(data_dir, output=tmp_path / "first.txt") as server:
        printed = server.output.read_text()
        assert f"{server.url}/api/v1/docs" in printed
        documentation = requests.get(f"{server.url}/api/v1/docs", timeout=10)
        assert documentation.status_code == 200
        email, password = re.search(r"Administrator  (\S+) with password (\S+)", printed).groups()  # type: ignore[union-attr]
        body = {"email": email, "password": password}
        assert requests.post(f"{server.url}/api/v1/auth/admin-login", json=body, timeout=10).ok
        before = counts(data_dir)
        headers = sign_in(server, "hana")
        binder = requests.get(f"{server.url}/api/v1/cards/me", headers=headers, timeout=10).json()
        # A machine that loses power: nothing gets the chance to clean up.
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait(timeout=10)
    assert before["users"] >= 31 and before["cards"] >= 300 and before["catalog_groups"] >= 180
    assert {"proposed", "accepted", "completed", "rejected", "canceled"} <= set(before)
    with serve(data_dir, output=tmp_path / "second.txt") as server:
        assert counts(data_dir) == before
        assert requests.get(
            binder["data"][0]["image_url"].replace(
                binder["data"][0]["image_url"].split("/api/")[0], server.url
            ),
            timeout=10,
        ).ok
        server.process.terminate()
        assert server.process.wait(timeout=20) == 0
    EmbeddedPostgres(data_dir).remove()

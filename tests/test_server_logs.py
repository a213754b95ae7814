"""What a whole server tells its log, and what it never tells, whatever people send."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import make_url

from kcardswap.domain.media import ImageType
from kcardswap.gateways.dev_play_store import Books, DevPlayStore, Fault
from kcardswap.runtime import SystemClock
from tests.conftest import PROJECT, run_flask, scratch_database
from tests.log_lines import REQUEST_LINE, Lines
from tests.people import API
from tests.pictures import SECRET, talkative
from tests.serving import Server, gunicorn
from tests.visitors import Visitor, local
from tests.worker.events import wait_until
from tests.worker.running import RunningWorker, running_worker

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def database_url(server_url: str, migrated_url: str) -> Iterator[str]:
    """URL of a migrated database of the test's own."""
    with scratch_database(server_url, make_url(migrated_url).database) as url:
        yield url


def swap_pictures(visitor: Visitor, mina: dict[str, str], jun: dict[str, str]) -> None:
    """Upload, confirm and show a picture, in every way that can be refused too."""
    picture = talkative(ImageType.JPEG)
    body = {"content_type": "image/jpeg", "file_size_bytes": len(picture), "idol": "Canary-Idol"}
    keyed = mina | {"Idempotency-Key": "canary-key"}
    made = visitor.send("POST", f"{API}/cards/upload-url", 200, json=body, headers=keyed).json()["data"]
    visitor.send("POST", f"{API}/cards/upload-url", 200, json=body, headers=keyed)
    other = body | {"idol": "Canary-Other", "note": "canary note"}
    visitor.send("POST", f"{API}/cards/upload-url", 422, json=other, headers=keyed)
    visitor.send("POST", f"{API}/cards/upload-url", 429, json=other, headers=mina)
    card, url = made["card_id"], local(made["upload_url"])
    visitor.keep_signatures(made["upload_url"], made["image_url"])
    typed = {"Content-Type": "image/jpeg"}
    visitor.send("POST", f"{API}/cards/{card}/confirm-upload", 409, headers=mina)
    visitor.send("PUT", f"{url}0", 403, data=picture, headers=typed)
    visitor.send("PUT", url, 415, data=picture, headers={"Content-Type": "canary/type"})
    visitor.send("PUT", url, 413, data=picture + b"canary", headers=typed)
    visitor.send("PUT", url, 200, data=picture, headers=typed)
    visitor.send("POST", f"{API}/cards/{card}/confirm-upload", 403, headers=jun)
    visitor.send("POST", f"{API}/cards/{card}/confirm-upload", 200, headers=mina)
    visitor.send("GET", f"{API}/cards/me?idol=canary", 200, headers=mina)
    image_url = visitor.send("GET", f"{API}/cards/me", 200, headers=mina).json()["data"][0]["image_url"]
    visitor.keep_signatures(image_url)
    visitor.send("GET", local(image_url), 200)
    visitor.send("GET", f"{API}/storage/canary/path.jpg?expires=1&signature=canary-signature", 403)


def knock(visitor: Visitor) -> None:
    """Present credentials that are none."""
    for headers in (
        {},
        {"Authorization": "Bearer canary-token"},
        {"Cookie": "access_token=canary-cookie"},
        {"Authorization": "Basic Y2FuYXJ5OmNhbmFyeQ=="},
    ):
        visitor.send("GET", f"{API}/profile/me", 401, headers=headers)
    login = {"email": "canary-nobody@kcardswap.test", "password": "canary-password"}
    visitor.send("POST", f"{API}/auth/admin-login", 401, json=login)
    visitor.send("POST", f"{API}/auth/google-login", 401, json={"google_token": "canary.google.token"})
    visitor.send("POST", f"{API}/auth/refresh", 401, json={"refresh_token": "canary-refresh"})
    visitor.send("POST", f"{API}/auth/refresh", 401, headers={"Cookie": "refresh_token=canary-refresh"})
    visitor.send("POST", f"{API}/auth/logout", 200, json={"refresh_token": "canary-refresh"})


def misuse(visitor: Visitor, mina: dict[str, str], jun_id: str) -> None:
    """Meet every other kind of refusal, and a bug."""
    visitor.send("GET", "/canary/path", 404, headers=mina)
    visitor.send("GET", f"{API}/profile/canary-id", 400, headers=mina)
    visitor.send("GET", f"{API}/profile/0199a7c0-5f3e-7c52-9d6a-2f4b1c0e8a31", 404, headers=mina)
    visitor.send("PUT", f"{API}/profile/me", 200, json={"bio": "canary bio"}, headers=mina)
    visitor.send("PUT", f"{API}/profile/me", 400, json={"bio": ["canary"]}, headers=mina)
    visitor.send("PUT", f"{API}/profile/me", 400, data="{canary", headers=mina | JSON)
    visitor.send("PUT", f"{API}/profile/me", 415, data="canary", headers=mina | {"Content-Type": "text/x-c"})
    visitor.send("PUT", f"{API}/profile/me", 413, json={"bio": "canary" * 30_000}, headers=mina)
    visitor.send("DELETE", f"{API}/profile/me", 405, headers=mina)
    request = {"target_user_id": jun_id}
    spaced = mina | {"Idempotency-Key": "canary key"}
    visitor.send("POST", f"{API}/friends/request", 400, json=request, headers=spaced)
    visitor.send("POST", f"{API}/friends/request", 201, json=request, headers=mina)
    visitor.send("GET", f"{API}/idols/groups", 200)
    visitor.send("GET", f"{API}/cards/me?cursor=canary-cursor", 400, headers=mina)
    visitor.send("GET", f"{API}/probe/crash", 500)
    visitor.send("GET", f"{API}/probe/outage", 503)
    visitor.send("GET", f"{API}/probe/admin", 403, headers=mina)


def buy(visitor: Visitor, mina: dict[str, str], play: Books) -> None:
    """Buy premium from a store that does all it can do wrong."""
    receipt = {"platform": "android", "product_id": "premium_monthly"}
    verify = f"{API}/subscriptions/verify-receipt"
    for token, status, faults in (
        ("canary-purchase", 503, [Fault.HANG_UP, Fault.LOST]),
        ("canary-purchase", 503, [Fault.ERROR]),
        ("canary-purchase", 503, [Fault.GARBAGE]),
        ("canary-purchase", 200, []),
        ("canary-unknown", 400, []),
        ("canary purchase", 400, []),
    ):
        play.fail("get", *faults)
        visitor.send("POST", verify, status, json={**receipt, "purchase_token": token}, headers=mina)
    internal = {"X-Internal-Token": "canary-internal"}
    visitor.send("POST", f"{API}/subscriptions/expire-subscriptions", 401, headers=internal)


def talk(visitor: Visitor, mina: dict[str, str], jun: dict[str, str], mina_id: str) -> None:
    """Write to each other, post, react, rate and report in words nobody else is to read."""
    for headers in (mina, jun):
        device = {"fcm_token": "canary-fcm-token-" + headers["Authorization"][-8:], "platform": "android"}
        visitor.send("PUT", f"{API}/devices/canary-device", 204, json=device, headers=headers)
    asked = {"recipient_id": mina_id, "initial_message": "canary first words"}
    request = visitor.send("POST", f"{API}/message-requests", 201, json=asked, headers=jun).json()["data"]
    visitor.send("POST", f"{API}/message-requests", 409, json=asked, headers=jun)
    accepted = visitor.send("POST", f"{API}/message-requests/{request['id']}/accept", 200, headers=mina)
    thread = accepted.json()["data"]["thread"]["id"]
    message = {"content": "canary message, call 0912345678"}
    for path in (f"threads/{thread}", f"chats/{thread}"):
        visitor.send("POST", f"{API}/{path}/messages", 201, json=message, headers=jun)
        visitor.send("POST", f"{API}/{path}/messages", 400, json={"content": ["canary"]}, headers=jun)
        visitor.send("GET", f"{API}/{path}/messages", 200, headers=mina)
    words = {"title": "canary title", "content": "canary content", "idol": "canary"}
    post = {"scope": "global", "category": "help", **words}
    post_id = visitor.send("POST", f"{API}/posts", 201, json=post, headers=mina).json()["data"]["id"]
    mailed = post | {"content": "canary 0912345678"}
    visitor.send("POST", f"{API}/posts", 400, json=mailed, headers=mina)
    visitor.send("GET", f"{API}/posts?idol=canary", 200, headers=jun)
    comment = {"content": "canary comment"}
    visitor.send("POST", f"{API}/posts/{post_id}/comments", 201, json=comment, headers=jun)
    visitor.send("POST", f"{API}/posts/{post_id}/interest", 201, headers=jun)
    rating = {"rated_user_id": mina_id, "score": 1, "comment": "canary rating"}
    visitor.send("POST", f"{API}/ratings", 403, json=rating, headers=jun)


def moderate(visitor: Visitor, jun: dict[str, str], mina_id: str, root: dict[str, str]) -> None:
    """Report somebody, and let an administrator warn them."""
    report = {"reported_user_id": mina_id, "reason": "spam", "detail": "canary detail"}
    report_id = visitor.send("POST", f"{API}/reports", 201, json=report, headers=jun).json()["data"]["id"]
    warning = {"action": "warn", "note": "canary note"}
    visitor.send("POST", f"{API}/admin/reports/{report_id}/resolve", 200, json=warning, headers=root)
    visitor.send("GET", f"{API}/admin/users?q=canary-mina@kcardswap.test", 200, headers=root)


def hear(visitor: Visitor, mina: dict[str, str], worker: RunningWorker) -> None:
    """Wait until the worker told Mina what concerns her, by notification and by push."""
    wanted = {"message_request", "chat_message", "interest", "moderation_warning"}

    def told() -> bool:
        found = visitor.send("GET", f"{API}/notifications", 200, headers=mina).json()["data"]["notifications"]
        pushed = {line["type"] for line in worker.lines("push_not_configured")}
        return wanted <= {each["type"] for each in found} and wanted <= pushed

    wait_until(told, seconds=30)


def break_http(server: Server) -> None:
    """Send what is no HTTP request, so that not the application but the server refuses it."""
    address = urlsplit(server.url)
    assert address.hostname is not None
    for broken in (
        b"GET /canary?signature=canary canary HTTP/1.1\r\n\r\n",
        b"GET /canary?signature=canary HTTP/9.9\r\n\r\n",
        b"C@NARY-canary /canary?signature=canary HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nAuthorization Bearer canary\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nCookie : access_token=canary\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: canary\r\n\r\n",
        b"GET /canary?signature=" + b"canary" * 2000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"canary" * 5000 + b"\r\n\r\n",
    ):
        with socket.create_connection((address.hostname, address.port or 80), timeout=10) as caller:
            caller.sendall(broken)
            assert re.match(rb"HTTP/1.[01] [45]\d\d ", caller.recv(100)), broken[:50]


def test_a_server_tells_its_log_nothing_that_identifies_or_lets_in(
    database_url: str, tmp_path: Path, play_server: DevPlayStore, play: Books
) -> None:
    administrator = {"email": "canary-root@kcardswap.test", "password": "canary-root-password"}
    done = run_flask(
        *("users", "create-admin", "--email", administrator["email"]),
        *("--password", administrator["password"]),
        url=database_url,
        DATA_DIR=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    options = {"LOG_LEVEL": "DEBUG", "RATE_LIMIT_MEDIA": "3/30 minutes", **play_server.settings()}
    play.now = SystemClock().now
    play.sell("canary-purchase")
    with gunicorn(
        "tests.api.dying_wsgi:app", data_dir=tmp_path, database_url=database_url, **options
    ) as server:
        visitor = Visitor(server)
        mina, jun = visitor.sign_in("mina"), visitor.sign_in("jun")
        given = visitor.send("POST", f"{API}/auth/admin-login", 200, json=administrator).json()["data"]
        visitor.secrets |= {given["access_token"], given["refresh_token"]}
        jun_id = visitor.send("GET", f"{API}/profile/me", 200, headers=jun).json()["data"]["user_id"]
        swap_pictures(visitor, mina, jun)
        knock(visitor)
        misuse(visitor, mina, jun_id)
        mina_id = visitor.send("GET", f"{API}/profile/me", 200, headers=mina).json()["data"]["user_id"]
        root = {"Authorization": f"Bearer {given['access_token']}"}
        with running_worker(database_url, tmp_path, LOG_LEVEL="DEBUG") as worker:
            talk(visitor, mina, jun, mina_id)
            moderate(visitor, jun, mina_id, root)
            hear(visitor, mina, worker)
            assert worker.stop() == 0
        buy(visitor, mina, play)
        visitor.secrets |= {*play_server.issued, json.loads(play_server.key_path.read_text())["private_key"]}
        break_http(server)
    output = server.output.read_text()
    lines = [json.loads(line) for line in output.splitlines()]
    assert_complete([line for line in lines if line["event"] == "request"], visitor.statuses)
    assert_silent(output, visitor.secrets)
    assert_silent(worker.output.read_text(), visitor.secrets)
    assert all(line["request_id"] for line in worker.lines("push_not_configured"))
    probes = [line for line in lines if line.get("route") == "/livez"]
    assert probes and {line["level"] for line in probes} == {"debug"}
    malformed = [line["event"] for line in lines if line["event"].startswith("Invalid request: ")]
    assert len(malformed) >= 6 and "Invalid request: NoneType" not in malformed
    [crash] = [line for line in lines if line["event"] == "request_crashed"]
    assert crash["exception"][0]["frames"][-1]["name"] == "crash" and crash["request_id"]


def assert_complete(lines: Lines, statuses: set[int]) -> None:
    """Assert that every kind of answer left its line, and that each line has all it should."""
    wanted = {200, 201, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503}
    assert wanted <= statuses and {line["status"] for line in lines} == statuses
    for line in lines:
        assert set(line) - {"user_id"} == REQUEST_LINE, line
    assert len({line["request_id"] for line in lines}) == len(lines)
    assert any("user_id" in line for line in lines) and any("user_id" not in line for line in lines)
    assert f"{API}/storage/<path:key>" in {line["route"] for line in lines}


def assert_silent(output: str, secrets: set[str]) -> None:
    """Assert that nothing people sent and no secret they were given is in ``output``."""
    assert len(secrets) >= 14
    hits = [secret for secret in secrets if secret in output or secret.rpartition(".")[2] in output]
    assert hits == []
    lowered = output.lower()
    for word in ("canary", "signature=", "@", "bearer", "kcardswap.test", SECRET.decode().lower()):
        assert word not in lowered, lowered[max(0, lowered.find(word) - 300) :][:400]


def test_a_server_that_cannot_start_says_why_without_secrets_and_gives_up(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--no-control-socket"]
    command += ["--logger-class", "kcardswap.logs.GunicornLogger", "--log-level", "warning", "wsgi:app"]
    environment = {"PATH": "/usr/bin:/bin", "DATA_DIR": str(tmp_path), "JWT_SECRET_KEY": "canary"}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 4
    assert "JWT_SECRET_KEY: at least 32 bytes" in done.stderr and "canary" not in done.stderr + done.stdout

"""A message that is written over HTTP reaches the other person's phone, whatever becomes of a worker."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine, make_url, text

from tests.conftest import scratch_database
from tests.gateways.fcm_server import Fault, FcmServer
from tests.people import API
from tests.serving import gunicorn
from tests.worker.events import wait_until
from tests.worker.running import running_worker, starting_worker


@pytest.fixture
def database_url(server_url: str, migrated_url: str) -> Iterator[str]:
    """URL of a migrated database of the test's own."""
    with scratch_database(server_url, make_url(migrated_url).database) as url:
        yield url


class Collector:
    """Somebody with the app."""

    def __init__(self, url: str, name: str) -> None:
        self.api = f"{url}{API}"
        query = {"email": f"{name}@kcardswap.test", "name": name}
        given = requests.get(f"{self.api}/dev/identity-token", params=query, timeout=20).json()["data"]
        signed_in = requests.post(
            f"{self.api}/auth/google-login", json={"google_token": given["identity_token"]}, timeout=20
        ).json()["data"]
        self.headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
        self.id = self.call("GET", "/profile/me")["user_id"]

    def call(self, method: str, path: str, **body: Any) -> Any:
        answer = requests.request(
            method, f"{self.api}{path}", json=body or None, headers=self.headers, timeout=20
        )
        assert answer.ok, answer.text
        return answer.json()["data"] if answer.content else None


def chat_messages(fcm: FcmServer) -> list[str]:
    return [push.data["message_id"] for push in fcm.accepted if push.data["type"] == "chat_message"]


def test_a_message_is_pushed_once_also_when_a_worker_is_killed_in_the_middle(
    database_url: str, fcm: FcmServer, tmp_path: Path
) -> None:
    engine = create_engine(database_url)

    def is_quiet() -> bool:
        with engine.connect() as connection:
            left = connection.execute(text("SELECT 1 FROM outbox WHERE processed_at IS NULL LIMIT 1"))
            return left.first() is None

    firebase = {"FCM_CREDENTIALS_PATH": str(fcm.key_path), "FCM_BASE_URL": fcm.base_url}
    with (
        starting_worker(database_url, tmp_path, "--no-schedule", name="first", **firebase) as first,
        gunicorn("wsgi:app", data_dir=tmp_path, database_url=database_url, WEB_CONCURRENCY="2") as server,
    ):
        mina, jun = Collector(server.url, "mina"), Collector(server.url, "jun")
        friendship = mina.call("POST", "/friends/request", target_user_id=jun.id)["id"]
        jun.call("POST", f"/friends/{friendship}/accept")
        jun.call("PUT", "/devices/phone", fcm_token="phone-of-jun", platform="android")
        room = mina.call("GET", "/chats")["rooms"][0]["id"]
        first.wait_until_ready()
        wait_until(is_quiet)

        begun = time.monotonic()
        written = [mina.call("POST", f"/chats/{room}/messages", content="Swap?")["id"]]
        wait_until(lambda: chat_messages(fcm) == written)
        assert time.monotonic() - begun < 10
        wait_until(is_quiet)

        # The worker dies while Firebase keeps it waiting, after it took the event and before the push.
        fcm.faults = [Fault.HANG]
        sends = fcm.calls.count("send")
        written.append(mina.call("POST", f"/chats/{room}/messages", content="Still there?")["id"])
        wait_until(lambda: fcm.calls.count("send") > sends)
        first.kill()
        assert not is_quiet() and chat_messages(fcm) == written[:1]
        with running_worker(database_url, tmp_path, "--no-schedule", name="second", **firebase):
            wait_until(lambda: chat_messages(fcm) == written)
            wait_until(is_quiet)
    assert chat_messages(fcm) == written
    engine.dispose()

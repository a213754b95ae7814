"""Rate limits: who is counted, what is said about it, and what happens beyond."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits.errors import StorageError

from kcardswap.api.limits import PATIENCE_SECONDS, RateLimits, add_rate_headers, caller_address
from kcardswap.runtime import Runtime
from kcardswap.settings import Settings
from tests.api.conftest import prepared
from tests.conftest import MovableClock
from tests.people import API, make_person, refused
from tests.serving import free_port

ECHO = f"{API}/probe/echo"


@pytest.fixture
def limited(settings: Settings, runtime: Runtime) -> Callable[..., Flask]:
    """The probed application with low limits: ``limited(rate_limit_user="3/5 minutes")``."""

    def make(**changes: Any) -> Flask:
        low = {"rate_limit_user": "3/5 minutes", "rate_limit_anonymous": "2/5 minutes"}
        app = prepared(settings, runtime)
        app.extensions["rate_limits"] = RateLimits(replace(settings, **{**low, **changes}))
        return app

    return make


def rates(answer: Any) -> tuple[int, int, int]:
    """Return limit, remaining and reset as the headers say them."""
    return tuple(int(answer.headers[f"RateLimit-{name}"]) for name in ("Limit", "Remaining", "Reset"))  # type: ignore[return-value]


def test_every_answer_tells_what_is_left(limited: Callable[..., Flask]) -> None:
    client = limited().test_client(use_cookies=False)
    limit, remaining, reset = rates(client.get(ECHO))
    assert (limit, remaining) == (2, 1) and 0 < reset <= 300
    assert rates(client.get(ECHO))[:2] == (2, 0)


@pytest.fixture(autouse=True)
def today(clock: MovableClock) -> None:
    """Windows are counted by the machine's clock."""
    clock.moment = datetime.now(UTC)


def test_beyond_the_limit_everything_is_refused_until_the_window_ends(limited: Callable[..., Flask]) -> None:
    client = limited().test_client(use_cookies=False)
    for _ in range(2):
        assert client.get(ECHO).status_code == 200
    answer = client.get(ECHO)
    details = refused(answer, 429, "429_RATE_LIMIT_EXCEEDED")
    assert set(details) == {"limit_key", "limit_value", "current_value", "reset_at"}
    assert details["limit_key"] == "requests_per_ip"
    assert details["limit_value"] == details["current_value"] == 2
    assert details["reset_at"].endswith("Z")
    assert "2/2" in answer.get_json()["error"]["message"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 301
    assert rates(answer)[:2] == (2, 0)


def test_a_signed_in_person_is_counted_by_account_not_by_address(
    limited: Callable[..., Flask], runtime: Runtime
) -> None:
    client = limited().test_client(use_cookies=False)
    mina, sana = make_person(runtime, client, "mina"), make_person(runtime, client, "sana")
    for number in range(3):
        answer = mina.get("/probe/mine", environ_overrides={"REMOTE_ADDR": f"192.0.2.{number}"})
        assert rates(answer)[:2] == (3, 2 - number)
    assert (
        refused(mina.get("/probe/mine"), 429, "429_RATE_LIMIT_EXCEEDED")["limit_key"] == "requests_per_user"
    )
    # Another session of the same person shares the limit; another person has their own.
    refused(make_person(runtime, client, "mina").get("/probe/mine"), 429, "429_RATE_LIMIT_EXCEEDED")
    assert sana.get("/probe/mine").status_code == 200
    assert client.get(ECHO).status_code == 200


def test_a_bad_credential_counts_for_its_address(limited: Callable[..., Flask]) -> None:
    client = limited().test_client(use_cookies=False)
    headers = {"Authorization": "Bearer nonsense"}
    for remaining in (1, 0):
        answer = client.get(f"{API}/probe/mine", headers=headers)
        refused(answer, 401, "401_UNAUTHORIZED", "invalid_token")
        assert rates(answer)[:2] == (2, remaining)
    refused(client.get(f"{API}/probe/mine", headers=headers), 429, "429_RATE_LIMIT_EXCEEDED")
    refused(client.get(f"{API}/probe/mine"), 429, "429_RATE_LIMIT_EXCEEDED")


@pytest.mark.parametrize("path", ["/nowhere", f"{API}/nowhere", f"{API}/docs", f"{API}/openapi.json"])
def test_asking_for_anything_else_counts_for_the_address(limited: Callable[..., Flask], path: str) -> None:
    client = limited().test_client(use_cookies=False)
    for remaining in (1, 0):
        assert rates(client.get(path))[:2] == (2, remaining)
    refused(client.get(path), 429, "429_RATE_LIMIT_EXCEEDED")


def test_a_wrong_method_counts_for_the_address(limited: Callable[..., Flask]) -> None:
    client = limited().test_client(use_cookies=False)
    for _ in range(2):
        assert client.delete(ECHO).status_code == 405
    refused(client.delete(ECHO), 429, "429_RATE_LIMIT_EXCEEDED")


@pytest.mark.parametrize(
    "path", ["/", "/livez", "/readyz", "/health", f"{API}/health", f"{API}/storage/nothing"]
)
def test_health_and_storage_are_never_limited(limited: Callable[..., Flask], path: str) -> None:
    client = limited(rate_limit_anonymous="1/5 minutes").test_client(use_cookies=False)
    for _ in range(3):
        answer = client.get(path)
        assert answer.status_code != 429
        assert not [name for name, _ in answer.headers if name.startswith("RateLimit")]


def test_preflights_are_never_limited(limited: Callable[..., Flask]) -> None:
    client = limited(rate_limit_anonymous="1/5 minutes").test_client(use_cookies=False)
    headers = {"Origin": "https://app.kcardswap.example", "Access-Control-Request-Method": "POST"}
    for _ in range(3):
        assert client.options(ECHO, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        # One IPv4 address seen through an IPv6 socket; as IPv6 they would all be one household.
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_an_address_is_counted_as_its_household(app: Flask, address: str, counted_as: str) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert caller_address() == counted_as


def test_two_addresses_of_one_ipv6_network_share_a_limit(limited: Callable[..., Flask]) -> None:
    client = limited().test_client(use_cookies=False)

    def status(address: str) -> int:
        return client.get(ECHO, environ_overrides={"REMOTE_ADDR": address}).status_code

    assert [status(f"2001:db8:0:1::{number}") for number in range(3)] == [200, 200, 429]
    assert status("2001:db8:0:2::1") == 200
    assert [status(f"::ffff:192.0.2.{number}") for number in range(3)] == [200, 200, 200]


def test_a_forwarded_address_counts_only_behind_trusted_proxies(limited: Callable[..., Flask]) -> None:
    client = limited().test_client(use_cookies=False)
    answers = [client.get(ECHO, headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code for n in range(3)]
    assert answers == [200, 200, 429]


def test_the_tightest_of_several_limits_is_told(app: Flask) -> None:
    limits: RateLimits = app.extensions["rate_limits"]
    with app.test_request_context():
        limits.count("requests_per_user", "mina")
        limits.count("media_uploads", "mina")
        answer = add_rate_headers(app.response_class())
    assert rates(answer)[:2] == (60, 59)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("1500/5 minutes", (1500, timedelta(minutes=5))),
        ("1500/5min", (1500, timedelta(minutes=5))),
        ("30/1h", (30, timedelta(hours=1))),
        ("10 per 15 minutes", (10, timedelta(minutes=15))),
        ("5/second", (5, timedelta(seconds=1))),
    ],
)
def test_limits_are_written_as_in_the_configuration(
    settings: Settings, text: str, window: tuple[int, timedelta]
) -> None:
    item = RateLimits(replace(settings, rate_limit_user=text)).items["requests_per_user"]
    assert (item.amount, timedelta(seconds=item.get_expiry())) == window


def test_when_the_counting_server_is_away_each_process_counts_for_itself(
    limited: Callable[..., Flask], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = limited()
    limits: RateLimits = app.extensions["rate_limits"]

    def away(*args: Any, **kwargs: Any) -> Any:
        raise StorageError(ConnectionError("redis://user:canary@example.test is away"))

    monkeypatch.setattr(limits.shared, "hit", away)
    client = app.test_client(use_cookies=False)
    assert [client.get(ECHO).status_code for _ in range(4)] == [200, 200, 429, 429]
    said = capfd.readouterr().err
    assert said.count("rate_limit_storage_away") == 1, said
    assert "canary" not in said


@contextmanager
def listening(backlog: int) -> Iterator[str]:
    """Yield the URL of a Redis server that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(backlog)
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def closed() -> AbstractContextManager[str]:
    """Yield the URL of a port nobody listens on."""
    return nullcontext(f"redis://127.0.0.1:{free_port()}/0")


@pytest.mark.parametrize("away", [closed, partial(listening, 16)], ids=["closed", "hanging"])
def test_a_redis_that_is_away_or_hangs_holds_up_one_request_in_a_while(
    limited: Callable[..., Flask],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    away: Callable[[], AbstractContextManager[str]],
) -> None:
    def served(client: FlaskClient) -> float:
        started = time.monotonic()
        assert client.get(ECHO).status_code == 200
        return time.monotonic() - started

    with away() as url:
        app = limited(rate_limit_storage_url=url, rate_limit_anonymous="100/hour")
        client = app.test_client(use_cookies=False)
        assert served(client) < 3
        assert max(served(client) for _ in range(10)) < PATIENCE_SECONDS
        # Later it is asked again, by one request.
        monkeypatch.setattr(app.extensions["rate_limits"], "_ask_again_at", time.monotonic())
        assert sum(served(client) for _ in range(10)) < 3
    assert capfd.readouterr().err.count("rate_limit_storage_away") == 1


def test_uploads_share_one_limit(limited: Callable[..., Flask], runtime: Runtime) -> None:
    client = limited(rate_limit_user="100/minute", rate_limit_media="2/30 minutes").test_client(
        use_cookies=False
    )
    mina = make_person(runtime, client, "mina")
    body = {"content_type": "image/jpeg", "file_size_bytes": 1000}
    for path in ("/media/upload-url", "/cards/upload-url"):
        assert mina.post(path, body).status_code != 429, path
    details = refused(mina.post("/media/upload-url", body), 429, "429_RATE_LIMIT_EXCEEDED")
    assert details["limit_key"] == "media_uploads"
    # Another call of the same person is not concerned.
    assert mina.get("/probe/mine").status_code == 200
    assert make_person(runtime, client, "sana").post("/cards/upload-url", body).status_code != 429

"""Events over Redis: by workers without a relay, and while Redis is killed with all it knew."""

import time
from pathlib import Path

from sqlalchemy import select

from kcardswap.persistence.orm.notifications import notifications
from kcardswap.runtime import Runtime
from tests.redis.conftest import RedisServer
from tests.worker.events import wait_until
from tests.worker.running import running_worker, starting_worker
from tests.worker.test_process import ask_to_be_friends, consumptions, open_events, url

__all__ = ["url"]


def test_workers_without_a_relay_get_their_events_from_redis(
    redis_server: RedisServer, committed_runtime: Runtime, url: str, tmp_path: Path
) -> None:
    runtime, broker = committed_runtime, {"CELERY_BROKER_URL": redis_server.url}
    with (
        starting_worker(url, tmp_path, "--no-schedule", name="first", **broker) as relaying,
        starting_worker(url, tmp_path, "--no-schedule", "--no-relay", name="second", **broker) as working,
    ):
        relaying.wait_until_ready()
        working.wait_until_ready()
        ask_to_be_friends(runtime, 100)
        wait_until(lambda: open_events(runtime) == 0)
        assert relaying.stop() == 0 and working.stop() == 0
    shares = [
        [line for line in worker.lines("event_handled") if line["outcome"] == "done"]
        for worker in (relaying, working)
    ]
    assert all(shares)
    assert sum(map(len, shares)) == 200


def test_a_redis_that_is_killed_and_comes_back_empty_loses_nothing(
    redis_server: RedisServer, committed_runtime: Runtime, url: str, tmp_path: Path
) -> None:
    runtime = committed_runtime
    broker = {"CELERY_BROKER_URL": redis_server.url}
    with running_worker(url, tmp_path, "--no-schedule", "--concurrency", "2", **broker) as worker:
        events = ask_to_be_friends(runtime, 150)
        wait_until(lambda: consumptions(runtime) > 10)
        redis_server.kill()
        wait_until(lambda: bool(worker.lines("relay_waits")))
        assert open_events(runtime) > 0
        redis_server.start()
        wait_until(lambda: open_events(runtime) == 0)
        assert len(worker.lines("relay_waits")) == 1
        assert worker.stop() == 0
    with runtime.database.reader() as connection:
        assert sorted(connection.scalars(select(notifications.c.event_id))) == sorted(events)


def test_a_worker_that_begins_before_redis_waits_for_it_and_can_be_stopped(
    redis_server: RedisServer, committed_runtime: Runtime, url: str, tmp_path: Path
) -> None:
    redis_server.kill()
    broker = {"CELERY_BROKER_URL": redis_server.url}
    with running_worker(url, tmp_path, "--no-schedule", name="first", **broker) as worker:
        begun = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - begun < 15, worker.output.read_text()
    with running_worker(url, tmp_path, "--no-schedule", name="second", **broker):
        ask_to_be_friends(committed_runtime, 1)
        redis_server.start()
        wait_until(lambda: open_events(committed_runtime) == 0)

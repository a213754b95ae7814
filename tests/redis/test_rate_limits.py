"""Rate limits counted in Redis: exact over several processes, and served without it."""

import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from sqlalchemy import make_url

from kcardswap.api import limits
from kcardswap.api.limits import RateLimits
from kcardswap.domain.errors import RateLimited
from kcardswap.settings import Settings
from tests.conftest import built_app, scratch_database
from tests.people import API
from tests.redis.conftest import RedisServer
from tests.serving import gunicorn

LIMIT = 60
Count = Callable[[], bool]


@pytest.fixture
def counting(settings: Settings) -> Callable[[str], Count]:
    """Make what a process counts with: ``counting(url)()`` says whether one more request was allowed."""
    limited = replace(settings, rate_limit_anonymous=f"{LIMIT}/1 hour", rate_limit_storage_url="memory://")
    app = built_app(limited)

    def process(url: str) -> Count:
        kept = RateLimits(replace(limited, rate_limit_storage_url=url))

        def count() -> bool:
            with app.test_request_context():
                try:
                    kept.count("requests_per_ip", "192.0.2.1/32")
                except RateLimited:
                    return False
                return True

        return count

    return process


def test_two_counters_in_many_threads_never_allow_one_too_many(
    redis_server: RedisServer, counting: Callable[[str], Count]
) -> None:
    counters = [counting(redis_server.url) for _ in range(2)]
    with ThreadPoolExecutor(16) as pool:
        allowed = list(pool.map(lambda n: counters[n % 2](), range(3 * LIMIT)))
    assert Counter(allowed) == {True: LIMIT, False: 2 * LIMIT}


def test_two_servers_share_one_limit_and_serve_on_when_redis_is_killed(
    redis_server: RedisServer, server_url: str, migrated_url: str, tmp_path: Path
) -> None:
    options = {"RATE_LIMIT_STORAGE_URL": redis_server.url, "RATE_LIMIT_ANONYMOUS": f"{LIMIT}/1hour"}
    with ExitStack() as stack:
        url = stack.enter_context(scratch_database(server_url, make_url(migrated_url).database))
        places = [tmp_path / name for name in ("one", "two")]
        for place in places:
            place.mkdir()
        servers = [
            stack.enter_context(gunicorn("wsgi:app", data_dir=place, database_url=url, **options))
            for place in places
        ]

        def ask(n: int) -> int:
            return requests.get(f"{servers[n % 2].url}{API}/locations/cities", timeout=10).status_code

        with ThreadPoolExecutor(8) as pool:
            assert Counter(pool.map(ask, range(2 * LIMIT))) == {200: LIMIT, 429: LIMIT}
            redis_server.kill()
            started = time.monotonic()
            # Each counts for itself from now on, and begins anew.
            assert Counter(pool.map(ask, range(LIMIT))) == {200: LIMIT}
            assert time.monotonic() - started < 10
        redis_server.start()
        time.sleep(limits.AWAY_SECONDS)
        # Back, and empty: they count together again.
        with ThreadPoolExecutor(8) as pool:
            assert Counter(pool.map(ask, range(2 * LIMIT)))[200] >= LIMIT
        assert [ask(n) for n in range(2)] == [429, 429]
        for server in servers:
            lines = [json.loads(line) for line in server.output.read_text().splitlines()]
            away = [line for line in lines if line["event"] == "rate_limit_storage_away"]
            assert len(away) == 1 and away[0]["level"] == "error"


def test_after_a_restart_a_counter_goes_on_by_itself(
    redis_server: RedisServer, counting: Callable[[str], Count]
) -> None:
    count = counting(redis_server.url)
    assert count()
    redis_server.kill()
    redis_server.start()
    # Its connection is gone; nobody needs to know.
    assert sum(count() for _ in range(2 * LIMIT)) == LIMIT

"""The jobs of subscriptions and the stand-in for Google Play, from the command line."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import requests
from click.testing import Result
from flask import Flask

from kcardswap.domain.errors import Refusal
from kcardswap.domain.subscriptions import PaymentState, Platform
from kcardswap.gateways.dev_play_store import Books, Fault
from kcardswap.gateways.play import GooglePlayStore
from kcardswap.runtime import EXTENSION, Runtime
from kcardswap.services import subscriptions
from tests.conftest import PROJECT, MovableClock
from tests.people import make_user


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


def run(app: Flask, job: str) -> Result:
    return app.test_cli_runner().invoke(args=["jobs", "run", job])


def verify(runtime: Runtime, user_id: UUID, token: str) -> None:
    with suppress(Refusal):
        subscriptions.verify_receipt(
            runtime.unit_of_work(),
            runtime.play_store,
            user_id=user_id,
            purchase_token=token,
            product_id="premium_monthly",
            platform=Platform.ANDROID,
        )


def test_subscriptions_whose_time_is_over_are_ended(
    app: Flask, runtime: Runtime, play: Books, clock: MovableClock, mina: UUID
) -> None:
    play.sell("token", lasts=timedelta(days=1))
    verify(runtime, mina, "token")
    assert "Ended 0 subscriptions." in run(app, "expire-subscriptions").output
    clock.advance(days=1)
    assert "Ended 1 subscriptions." in run(app, "expire-subscriptions").output


def test_purchases_are_verified_when_they_are_due(
    app: Flask, runtime: Runtime, play: Books, clock: MovableClock, mina: UUID
) -> None:
    play.sell("paid")
    play.fail("acknowledge", Fault.ERROR)
    verify(runtime, mina, "paid")
    play.fail("get", Fault.ERROR)
    verify(runtime, mina, "never-sold")
    assert "Verified 0 purchases; 0 unknown, 0 failed, 0 late." in run(app, "verify-purchases").output
    clock.advance(minutes=10)
    done = run(app, "verify-purchases")
    assert "Verified 1 purchases; 1 unknown, 0 failed, 0 late." in done.output and done.exit_code == 0
    assert play.sold["paid"].acknowledged


def test_a_store_that_seems_down_is_left_alone_until_the_next_run(
    app: Flask, runtime: Runtime, play: Books, clock: MovableClock, mina: UUID
) -> None:
    for number in range(6):
        play.sell(f"token-{number}", "PENDING")
        verify(runtime, mina, f"token-{number}")
    clock.advance(hours=1)
    play.fail("get", *[Fault.ERROR] * 3)
    done = run(app, "verify-purchases")
    assert "Verified 0 purchases; 0 unknown, 3 failed, 0 late." in done.output and done.exit_code == 1
    clock.advance(minutes=2)
    assert "Verified 6 purchases; 0 unknown, 0 failed, 0 late." in run(app, "verify-purchases").output


def test_one_purchase_that_fails_does_not_keep_the_others_waiting(
    app: Flask, runtime: Runtime, play: Books, clock: MovableClock, mina: UUID
) -> None:
    for number in range(3):
        play.sell(f"token-{number}", "PENDING")
        verify(runtime, mina, f"token-{number}")
    clock.advance(hours=1)
    play.fail("get", Fault.ERROR)
    done = run(app, "verify-purchases")
    assert "Verified 2 purchases; 0 unknown, 1 failed, 0 late." in done.output and done.exit_code == 1


def test_purchases_unacknowledged_for_two_days_raise_an_alarm(
    app: Flask,
    runtime: Runtime,
    play: Books,
    clock: MovableClock,
    mina: UUID,
    capfd: pytest.CaptureFixture[str],
) -> None:
    play.sell("paid")
    play.fail("acknowledge", *[Fault.ERROR] * 9)
    verify(runtime, mina, "paid")
    clock.advance(hours=48)
    assert run(app, "verify-purchases").exit_code == 0
    clock.advance(hours=1)
    done = run(app, "verify-purchases")
    assert "1 late." in done.output and done.exit_code == 1
    play.faults.clear()
    clock.advance(hours=1)
    assert run(app, "verify-purchases").exit_code == 0


def test_without_google_play_there_is_nothing_to_verify(app: Flask, runtime: Runtime) -> None:
    settings = replace(runtime.settings, google_play_package_name=None)
    app.extensions[EXTENSION] = replace(runtime, settings=settings)
    done = run(app, "verify-purchases")
    assert "not configured" in done.output and done.exit_code == 0


def start_stand_in(data_dir: Path, output: Path, **environment: str) -> subprocess.Popen[bytes]:
    with output.open("wb") as target:
        return subprocess.Popen(
            [sys.executable, "-m", "flask", "dev", "play-store", "--port", "0"],
            cwd=PROJECT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "DATA_DIR": str(data_dir), **environment},
            stdout=target,
            stderr=subprocess.STDOUT,
        )


def test_the_stand_in_prints_the_settings_that_work(tmp_path: Path) -> None:
    process = start_stand_in(tmp_path / "data", tmp_path / "output.txt")
    try:
        deadline = time.monotonic() + 30
        while "purchase tokens" not in (tmp_path / "output.txt").read_text():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        printed = dict(re.findall(r"^export (\w+)=(.*)$", (tmp_path / "output.txt").read_text(), re.M))
        store = GooglePlayStore(
            package_name=printed["GOOGLE_PLAY_PACKAGE_NAME"],
            product_ids=("premium_monthly",),
            key_path=Path(printed["GOOGLE_PLAY_SERVICE_ACCOUNT_KEY_PATH"]),
            base_url=printed["GOOGLE_PLAY_BASE_URL"],
        )
        assert store.subscription("dev-monthly.1").state is PaymentState.ACTIVE
        assert requests.get(f"{printed['GOOGLE_PLAY_BASE_URL']}/", timeout=5).status_code == 401
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert not Path(printed["GOOGLE_PLAY_SERVICE_ACCOUNT_KEY_PATH"]).exists()


def test_the_stand_in_does_not_run_where_it_is_off(tmp_path: Path) -> None:
    process = start_stand_in(tmp_path / "data", tmp_path / "output.txt", DEV_PLAY_STORE="false")
    assert process.wait(timeout=30) == 1
    assert "DEV_PLAY_STORE is off" in (tmp_path / "output.txt").read_text()

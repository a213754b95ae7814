"""flask jobs: periodic work from the command line."""

import pytest
from flask import Flask
from sqlalchemy import Connection, func, select

from kcardswap.domain.media import StorageUnavailable
from kcardswap.persistence.orm.media import media_assets
from kcardswap.runtime import Runtime
from tests.binders import PICTURE
from tests.conftest import MovableClock
from tests.people import make_user
from tests.pictures import put_card
from tests.swaps import Two, propose, statuses, stored


def run(app: Flask, *arguments: str) -> str:
    done = app.test_cli_runner().invoke(args=["jobs", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_overdue_swaps_are_canceled_for_good_and_their_cards_freed(
    app: Flask, runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    two = Two(runtime)
    overdue = propose(runtime, two.mina, two.jun, two.minas[:1], two.juns[:1])
    clock.advance(days=6)
    in_time = propose(runtime, two.mina, two.jun, two.minas[1:2], two.juns[1:2])
    clock.advance(days=1, seconds=1)
    assert "Canceled 1 overdue trades." in run(app, "run", "cancel-overdue-trades")
    assert stored(connection, overdue).cancel_reason == "timeout"
    assert stored(connection, in_time).status == "proposed"
    assert statuses(connection, two.minas[:2]) == ["available", "trading"]
    assert "Canceled 0 overdue trades." in run(app, "run", "cancel-overdue-trades")


def test_help_says_what_each_job_does(app: Flask) -> None:
    assert "Cancel swaps past their deadline" in run(app, "run", "--help")


def test_what_uploads_leave_behind_is_counted_and_then_removed(
    app: Flask, runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    mina = make_user(runtime, "mina")
    put_card(runtime, mina, confirmed=False, data=PICTURE)
    clock.advance(hours=2)
    nothing = "0 uploads that never came, 0 pictures never attached"
    counted = run(app, "run", "purge-uploads", "--dry-run")
    assert counted.startswith(f"Would remove 1 cards without their picture, {nothing}, 0 objects of")
    assert connection.scalar(select(func.count()).select_from(media_assets)) == 1
    removed = run(app, "run", "purge-uploads")
    assert removed == (
        f"Removed 1 cards without their picture, {nothing}, 1 objects of deleted pictures,"
        " 1 rows of deleted pictures, 0 objects of no picture.\n"
    )
    assert connection.scalar(select(func.count()).select_from(media_assets)) == 0


def test_a_purge_whose_storage_fails_says_so_and_ends_with_an_error(
    app: Flask, runtime: Runtime, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(key: str) -> None:
        raise StorageUnavailable()

    put_card(runtime, make_user(runtime, "mina"), confirmed=False, data=PICTURE)
    clock.advance(hours=2)
    monkeypatch.setattr(runtime.storage, "discard_upload", broken)
    done = app.test_cli_runner().invoke(args=["jobs", "run", "purge-uploads"])
    assert done.exit_code == 1
    assert "object storage" in done.output.lower()

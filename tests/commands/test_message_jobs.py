"""flask jobs run purge-messages."""

from dataclasses import replace

from flask import Flask
from sqlalchemy import Connection, func, select

from kcardswap.persistence.orm.conversations import messages
from kcardswap.runtime import EXTENSION, Runtime
from kcardswap.settings import Settings
from tests.conftest import MovableClock
from tests.people import make_user
from tests.talks import broken_promises, open_thread, say


def purge(app: Flask) -> str:
    done = app.test_cli_runner().invoke(args=["jobs", "run", "purge-messages"])
    assert done.exit_code == 0, done.output
    return done.output.strip()


def talk(runtime: Runtime, clock: MovableClock) -> None:
    """Let two people write a message now and one 31 days later."""
    mina, jun = make_user(runtime, "mina"), make_user(runtime, "jun")
    thread_id = open_thread(runtime, mina, jun)
    say(runtime, thread_id, mina)
    clock.advance(days=31)
    say(runtime, thread_id, jun)


def test_old_messages_go_and_counts_stay_right(
    app: Flask, runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    talk(runtime, clock)
    assert purge(app) == "Removed 1 messages."
    assert purge(app) == "Removed 0 messages."
    assert connection.scalar(select(func.count()).select_from(messages)) == 1
    assert broken_promises(connection) == []


def test_without_a_limit_messages_are_kept_for_ever(
    app: Flask, runtime: Runtime, connection: Connection, clock: MovableClock, settings: Settings
) -> None:
    talk(runtime, clock)
    forever = replace(settings, message_retention=settings.message_retention * 0)
    app.extensions[EXTENSION] = replace(runtime, settings=forever)
    assert purge(app) == "Messages are kept for ever."
    assert connection.scalar(select(func.count()).select_from(messages)) == 2

"""flask dev: what development has in place of services of others."""

import signal
import threading

import click
from flask.cli import with_appcontext

from kcardswap.gateways.dev_play_store import SAMPLES, Books, DevPlayStore
from kcardswap.runtime import current_runtime
from kcardswap.settings import Settings


@click.group("dev")
def dev_commands() -> None:
    """Stand-ins for services of others, for development only."""


@dev_commands.command("play-store")
@click.option("--port", type=click.IntRange(0, 65535), default=8099, help="0 takes any free port.")
@with_appcontext
def play_store(port: int) -> None:
    """Run a stand-in for Google Play on loopback and print how to use it."""
    settings = current_runtime().settings
    if not settings.dev_play_store:
        raise click.ClickException("DEV_PLAY_STORE is off; it is on in development only.")
    try:
        with dev_play_store(settings).serve(port) as store:
            for name, value in store.settings().items():
                click.echo(f"export {name}={value}")
            click.echo(f"# {purchases_to_try()}")
            _wait_for_the_end()
    except OSError as error:
        raise click.ClickException(f"Port {port} cannot be used: {error.strerror}.") from error


def dev_play_store(settings: Settings) -> DevPlayStore:
    """Return the stand-in that sells to everybody."""
    return DevPlayStore(data_dir=settings.data_dir, books=Books(samples=True))


def purchases_to_try() -> str:
    """Return how purchase tokens of the stand-in look."""
    return f"purchase tokens: {', '.join(SAMPLES)}, each followed by a dot and anything"


def _wait_for_the_end() -> None:
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()

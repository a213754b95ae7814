"""Several processes that stand and fall together."""

import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from types import FrameType

import click

from kcardswap.commands.database import PROJECT

SERVER = "gunicorn"
LOOK_EVERY_SECONDS = 0.2


class Processes:
    """The processes of one server: signals reach all, and when one ends the others are stopped."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._told_to_stop = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._pass_on)

    def start(self, name: str, command: Sequence[str], **defaults: str) -> None:
        """Start a process; ``name`` is what people are told when it ends by itself.

        :param defaults: what its environment has where the environment of all says nothing.
        """
        environment = {**defaults, **self._environment}
        self._running[name] = subprocess.Popen(command, cwd=PROJECT, env=environment)

    def any_ended(self) -> bool:
        """Tell whether a process is over."""
        return any(process.poll() is not None for process in self._running.values())

    def wait(self) -> int:
        """Return the exit status of the first process that ends, once all have."""
        while not self.any_ended():
            time.sleep(LOOK_EVERY_SECONDS)
        name, first = next((name, each) for name, each in self._running.items() if each.poll() is not None)
        if not self._told_to_stop:
            click.echo(f"{name} stopped with status {first.returncode}; so does everything else.", err=True)
            self.stop()
        statuses = {process.wait() for process in self._running.values()}
        if not self._told_to_stop:
            return abs(first.returncode) or 1
        # Told before it could listen, a process just ends.
        return max(map(abs, statuses - {-signal.SIGTERM}), default=0)

    def stop(self) -> None:
        """Let every process end what it does."""
        for process in self._running.values():
            process.terminate()

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            # Only gunicorn has anything to load anew.
            self._running[SERVER].send_signal(number)
        else:
            self._told_to_stop = True
            self.stop()

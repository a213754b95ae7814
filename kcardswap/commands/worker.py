"""flask worker: carries out what events and the schedule ask for."""

import sys
from dataclasses import replace

import click
from flask.cli import with_appcontext

from kcardswap.persistence.engine import LazyDatabase
from kcardswap.runtime import Runtime, current_runtime, open_database
from kcardswap.worker.pulse import is_alive


@click.command("worker")
@click.option("--relay/--no-relay", default=True, help="Hand events of the outbox on to the queue (default).")
@click.option("--schedule/--no-schedule", default=True, help="Run the periodic jobs (default).")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    help="How many events are carried out at once (WORKER_CONCURRENCY).",
)
@click.option("--check", is_flag=True, help="Only tell, by the exit status, whether a worker runs here.")
@with_appcontext
def worker(relay: bool, schedule: bool, concurrency: int | None, check: bool) -> None:
    """Carry out events and periodic jobs until SIGTERM. Any number of workers may run on one database.

    The queue between relay and threads is in the memory of the process, or with CELERY_BROKER_URL on Redis
    or RabbitMQ.
    """
    runtime = current_runtime()
    if check:
        if not is_alive(runtime.settings.data_dir):
            raise click.ClickException("No worker shows signs of life here.")
        return
    if not relay and runtime.settings.celery_broker_url is None:
        raise click.UsageError("Without CELERY_BROKER_URL only its own relay reaches a worker.")
    # Celery is of no use to anything else this application does, and costs a while to load.
    from kcardswap.worker.process import EXTRA_CONNECTIONS, Parts, Worker

    threads = concurrency or runtime.settings.worker_concurrency
    parts = Parts(relay=relay, schedule=schedule, concurrency=threads)
    sys.exit(Worker(_with_connections(runtime, threads + EXTRA_CONNECTIONS), parts).run())


def _with_connections(runtime: Runtime, number: int) -> Runtime:
    settings = replace(runtime.settings, threads=number)
    return replace(runtime, database=LazyDatabase(lambda: open_database(settings)))

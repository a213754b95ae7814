"""Celery: the queue between the relay and the threads that carry events out."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from celery import Celery  # type: ignore[import-untyped]

from kcardswap.services.outbox import HandedOut
from kcardswap.settings import Settings

IN_MEMORY = "memory://localhost"
QUEUE = "kcardswap.events"
TASK = "kcardswap.carry_out"
LOOK_EVERY_SECONDS = 0.02
"""How often a worker looks into the queue that is in its memory."""
BROKER_TIMEOUT_SECONDS = 5
log = structlog.get_logger(__name__)


def make_celery(settings: Settings, carry_out: Callable[[HandedOut], object]) -> Celery:
    """Return a Celery application with one task: carrying out an event.

    A task is acknowledged when it ended, and a worker takes no more of them than it has threads. Results are
    not kept, and nothing but JSON is read.
    """
    broker = settings.celery_broker_url or IN_MEMORY
    app = Celery("kcardswap", broker=broker, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_default_queue=QUEUE,
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=BROKER_TIMEOUT_SECONDS,
        broker_transport_options=_transport_options(broker),
    )

    @app.task(name=TASK)  # type: ignore[untyped-decorator]
    def carry_out_event(event_id: str, attempts: int) -> None:
        try:
            carry_out(HandedOut(UUID(event_id), attempts))
        except Exception:
            # Nothing was noted; the event is due again when its lease runs out.
            log.error("event_left", event_id=event_id, exc_info=True)

    return app


def _transport_options(broker: str) -> dict[str, object]:
    if broker == IN_MEMORY:
        return {"polling_interval": LOOK_EVERY_SECONDS}
    if broker.startswith("redis"):
        return {
            "socket_timeout": BROKER_TIMEOUT_SECONDS,
            "socket_connect_timeout": BROKER_TIMEOUT_SECONDS,
        }
    return {}


class EventQueue:
    """The sending end of the queue; belongs to one thread."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._connection: Any = None

    def waiting(self) -> int:
        """Return how many tasks no worker took yet.

        :raises kombu.exceptions.OperationalError: the broker does not answer.
        """
        queue = self._app.amqp.queues[QUEUE].bind(self._connected().default_channel)
        return int(queue.queue_declare().message_count)

    def send(self, event: HandedOut) -> None:
        """Let a worker carry ``event`` out.

        :raises kombu.exceptions.OperationalError: the broker does not answer.
        """
        self._app.send_task(TASK, args=[str(event.id), event.attempts], connection=self._connected())

    def close(self) -> None:
        """Let go of the connection; the next use makes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()

    def _connected(self) -> Any:
        if self._connection is None:
            self._connection = self._app.connection_for_write()
            self._connection.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT_SECONDS)
        return self._connection

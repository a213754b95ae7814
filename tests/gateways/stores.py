"""The two kinds of storage as tests reach them: over HTTP, with a clock that can be moved."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from werkzeug.serving import make_server

from kcardswap.app import create_app
from kcardswap.gateways.ports import ObjectStorage
from kcardswap.gateways.s3_storage import S3Storage
from kcardswap.gateways.storage import LocalStorage
from kcardswap.runtime import EXTENSION, Runtime, SystemClock
from kcardswap.settings import Settings
from tests.gateways.s3_server import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, S3Server, s3_server

WINDOW = timedelta(minutes=10)


@dataclass
class Store:
    """A storage, and how to make its server's clock run ahead."""

    storage: ObjectStorage
    run_ahead: Callable[[timedelta], None]
    bounds_length: bool
    """Whether its upload URLs refuse what is too long."""


class AheadClock:
    """The machine's clock, running ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        """Return the moment on this clock."""
        return datetime.now(UTC) + self.ahead


def s3_storage(server: S3Server, *, endpoint_url: str | None = None) -> S3Storage:
    """Return the storage on this server."""
    return S3Storage(
        endpoint_url=endpoint_url or server.url,
        bucket=BUCKET,
        region=REGION,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        read_window=WINDOW,
        clock=SystemClock(),
    )


@contextmanager
def s3_store() -> Iterator[Store]:
    """Serve an S3 until the block ends."""
    with s3_server() as server:

        def run_ahead(span: timedelta) -> None:
            server.ahead = span

        yield Store(s3_storage(server), run_ahead, bounds_length=False)


@contextmanager
def local_store(settings: Settings, root: Path) -> Iterator[Store]:
    """Serve the application's own storage operations until the block ends."""
    clock = AheadClock()
    app = create_app(settings)
    with_server = make_server("127.0.0.1", 0, app, threaded=True)
    storage = LocalStorage(
        root,
        signing_key=settings.storage_signing_key,
        base_url=f"http://127.0.0.1:{with_server.port}",
        read_window=WINDOW,
    )
    runtime = app.extensions[EXTENSION]
    app.extensions[EXTENSION] = Runtime(
        **{
            **vars(runtime),
            "settings": replace(settings, storage_root=root),
            "storage": storage,
            "clock": clock,
        }
    )
    thread = threading.Thread(target=with_server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()

    def run_ahead(span: timedelta) -> None:
        clock.ahead = span

    try:
        yield Store(storage, run_ahead, bounds_length=True)
    finally:
        with_server.shutdown()
        with_server.server_close()
        thread.join()

"""Everything a running process shares: settings, database, clock and gateways."""

import atexit
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TypeVar, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import Connection, Engine
from uuid_utils.compat import uuid7

from kcardswap.domain.base import Clock, NewId
from kcardswap.domain.errors import WriteConflict
from kcardswap.domain.posts import PostTerms
from kcardswap.domain.quotas import QuotaCalendar
from kcardswap.gateways.identity import IdentityProviders
from kcardswap.gateways.passwords import Passwords
from kcardswap.gateways.ports import ImageCleaner, ObjectStorage, PlayStore, PushSender
from kcardswap.gateways.sealing import Sealer
from kcardswap.gateways.tokens import TokenSigner
from kcardswap.persistence.embedded import EmbeddedPostgres
from kcardswap.persistence.engine import (
    Database,
    PooledDatabase,
    joined_session,
    make_engine,
    refuse_trusting_server,
)
from kcardswap.persistence.readiness import Readiness
from kcardswap.persistence.statements import count_statements as count_statements
from kcardswap.persistence.statements import statement_count as statement_count
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.services.accounts import SignInPolicy
from kcardswap.settings import Settings

Answer = TypeVar("Answer")


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the current moment, aware, in UTC."""
        return datetime.now(UTC)


def new_id() -> UUID:
    """Return a fresh UUID of version 7."""
    return uuid7()


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What the API, the commands and the jobs are given; built once by the composition root."""

    settings: Settings
    database: Database
    tokens: TokenSigner
    passwords: Passwords
    identity_providers: IdentityProviders
    sealer: Sealer
    storage: ObjectStorage
    images: ImageCleaner
    play_store: PlayStore
    push_sender: PushSender
    readiness: Readiness
    clock: Clock = field(default_factory=SystemClock)
    new_id: NewId = new_id

    def unit_of_work(
        self,
        connection: Connection | None = None,
        *,
        request_id: str | None = None,
        afterwards: list[Callable[[], None]] | None = None,
    ) -> UnitOfWork:
        """Return a unit of work on a session of its own, or inside the transaction of ``connection``.

        :param afterwards: takes what has to wait for the end of that transaction; its owner runs it.
        """
        new_session = self.database.session if connection is None else lambda: joined_session(connection)
        return UnitOfWork(
            new_session,
            clock=self.clock,
            new_id=self.new_id,
            request_id=request_id,
            afterwards=afterwards,
        )

    @property
    def quota_calendar(self) -> QuotaCalendar:
        """Return the days and months in which limits are counted."""
        return QuotaCalendar(ZoneInfo(self.settings.quota_timezone))

    @property
    def post_terms(self) -> PostTerms:
        """Return how long posts stay open."""
        return PostTerms(
            default=self.settings.post_default_lifetime, longest=self.settings.post_longest_lifetime
        )

    @property
    def sign_in_policy(self) -> SignInPolicy:
        """Return how sessions are made."""
        return SignInPolicy(
            tokens=self.tokens,
            session_lifetime=self.settings.session_lifetime,
            refresh_grace=self.settings.refresh_grace,
            hash_pepper=self.settings.hash_pepper,
        )


EXTENSION = "kcardswap"
ATTEMPTS = 5
BACKOFF_SECONDS = 0.02


def retrying(work: Callable[[], Answer]) -> Answer:
    """Run ``work``, again when the database asks for it, after growing, random pauses.

    :raises WriteConflict: it asked again after 5 attempts.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return work()
        except WriteConflict:
            time.sleep(random.uniform(0, BACKOFF_SECONDS * 2**attempt))
    return work()


def current_runtime() -> Runtime:
    """Return the runtime of the application at hand."""
    return cast(Runtime, current_app.extensions[EXTENSION])


def database_url(settings: Settings) -> str:
    """Return the configured database, or start the embedded one (or join it, when it runs already)."""
    return settings.database_url or _embedded_url(settings.data_dir.resolve())


def open_database(settings: Settings) -> PooledDatabase:
    """Return the pooled database of ``settings``; reads go to the replica when one is configured.

    :raises InvalidSettings: production is pointed at a server that lets everybody in.
    """

    def engine(url: str) -> Engine:
        if settings.is_production:
            refuse_trusting_server(url)
        return make_engine(
            url,
            pool_size=settings.threads,
            pool_timeout_seconds=settings.database_pool_timeout_seconds,
            echo=settings.sql_echo,
        )

    replica = engine(settings.database_read_url) if settings.database_read_url else None
    return PooledDatabase(engine(database_url(settings)), replica)


@cache
def _embedded_url(data_dir: Path) -> str:
    server = EmbeddedPostgres(data_dir)
    url = server.start()
    atexit.register(server.stop)
    return url

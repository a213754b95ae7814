"""Keeping the answers of keyed requests, so that a repetition gets the same answer and no second effect."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from kcardswap.domain.errors import Conflict, InvalidState
from kcardswap.persistence.orm.outbox import idempotency_keys as keys

TWIN_WAIT = "2s"
LOCK_NOT_AVAILABLE = "55P03"


class IdempotencyMismatch(InvalidState):
    """The key was used for another request."""

    message = "This Idempotency-Key was used for a different request."
    reason = "idempotency_mismatch"


class InProgress(Conflict):
    """The same request is still being worked on."""

    message = "The same request is still in progress. Try again shortly."
    reason = "in_progress"


class KeptAnswer(NamedTuple):
    """The answer of the first request with a key."""

    status: int
    body: str


def fingerprint(method: str, path: str, body: Mapping[str, Any] | None) -> str:
    """Return what makes two requests the same: method, path and canonical JSON body, as SHA-256 in hex.

    The bytes of a file in a form stand as their own SHA-256.
    """
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), default=_digest)
    return sha256(f"{method} {path} {canonical}".encode()).hexdigest()


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def claim(
    connection: Connection,
    *,
    id: UUID,
    user_id: UUID,
    key: str,
    fingerprint: str,
    now: datetime,
    lifetime: timedelta,
) -> KeptAnswer | None:
    """Claim ``key`` for the transaction of ``connection``; return the kept answer when it was used before.

    A concurrent twin has its uncommitted row in the way; we wait for it up to 2 seconds.

    :raises InProgress: the twin is still running.
    :raises IdempotencyMismatch: the key belongs to another request.
    """
    connection.execute(text(f"SET LOCAL lock_timeout = '{TWIN_WAIT}'"))
    expired = delete(keys).where(keys.c.user_id == user_id, keys.c.key == key, keys.c.expires_at <= now)
    claimed = (
        insert(keys)
        .values(
            id=id,
            user_id=user_id,
            key=key,
            fingerprint=fingerprint,
            created_at=now,
            expires_at=now + lifetime,
        )
        .on_conflict_do_nothing(index_elements=["user_id", "key"])
        .returning(keys.c.id)
    )
    try:
        connection.execute(expired)
        if connection.execute(claimed).one_or_none() is not None:
            return None
    except OperationalError as error:
        if getattr(error.orig, "pgcode", None) == LOCK_NOT_AVAILABLE:
            raise InProgress() from error
        raise
    kept = connection.execute(_KEPT, {"user_id": user_id, "key": key}).one_or_none()
    if kept is None:
        raise InProgress()
    if kept.fingerprint != fingerprint:
        raise IdempotencyMismatch()
    return KeptAnswer(kept.status_code, kept.answer_body)


_KEPT = select(keys.c.fingerprint, keys.c.status_code, keys.c.answer_body).where(
    keys.c.user_id == bindparam("user_id"), keys.c.key == bindparam("key")
)


def keep(connection: Connection, *, id: UUID, answer: KeptAnswer) -> None:
    """Keep the answer beside the claim; both become visible with the effect they belong to."""
    connection.execute(
        update(keys).where(keys.c.id == id).values(status_code=answer.status, answer_body=answer.body)
    )


def release(connection: Connection, *, id: UUID) -> None:
    """Give the key back: a refusal keeps nothing."""
    connection.execute(delete(keys).where(keys.c.id == id))

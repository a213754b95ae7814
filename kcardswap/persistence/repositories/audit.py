"""Writing the audit log, in the transaction of what it tells about."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from kcardswap.domain.base import Clock, NewId
from kcardswap.persistence.orm.moderation import audit_log
from kcardswap.persistence.outbox import plain


class AuditLog:
    """What administrators, operators and the system did; rows are added and never changed."""

    def __init__(self, session: Session, *, clock: Clock, new_id: NewId, request_id: str | None) -> None:
        self.session = session
        self.clock = clock
        self.new_id = new_id
        self._request_id = request_id

    def write(
        self,
        *,
        actor_id: UUID | None,
        action: str,
        target_type: str,
        target_id: UUID,
        note: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Note that ``actor_id`` (None: the system) did ``action``; it is kept if the transaction is."""
        self.session.execute(
            insert(audit_log).values(
                id=self.new_id(),
                actor_id=actor_id,
                action=action,
                target_type=target_type,
                target_id=target_id,
                note=note,
                details={name: plain(value) for name, value in (details or {}).items()},
                request_id=self._request_id,
                created_at=self.clock.now(),
            )
        )

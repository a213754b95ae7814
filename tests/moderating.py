"""What tests about moderation do to people."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from kcardswap.domain.accounts import Role, UserStatus
from kcardswap.domain.reports import ReportReason, ReportTarget, Resolution, Subject
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.moderation import audit_log, sanctions
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.runtime import Runtime
from kcardswap.services import moderation
from kcardswap.services.moderation import Decision, Filed
from tests.people import make_user

NOTE = "Sold the same card twice."


def make_moderator(runtime: Runtime, name: str = "root", role: Role = Role.ADMIN) -> UUID:
    """Store an administrator's account."""
    user_id = make_user(runtime, name)
    uow = runtime.unit_of_work()
    with uow:
        uow.users.get(user_id).role = role
        uow.commit()
    return user_id


def file_report(
    runtime: Runtime,
    by: UUID,
    about: UUID,
    *,
    reason: ReportReason = ReportReason.FRAUD,
    target: tuple[ReportTarget, UUID] | None = None,
) -> Filed:
    """Report somebody, or something of theirs."""
    return moderation.file(
        runtime.unit_of_work(),
        by=by,
        reported_user_id=about,
        reason=reason,
        subject=None if target is None else Subject(*target),
    )


def settle(
    runtime: Runtime,
    report_id: UUID,
    by: UUID,
    action: Resolution = Resolution.DISMISS,
    *,
    until: datetime | None = None,
) -> None:
    """Resolve a report."""
    decision = Decision(action=action, note=NOTE, by=by, until=until)
    moderation.resolve(runtime.unit_of_work(), runtime.storage, report_id=report_id, decision=decision)


def shut_out(
    runtime: Runtime, user_id: UUID, *, by: UUID | None = None, until: datetime | None = None
) -> None:
    """Suspend somebody with all that follows from it."""
    moderation.suspend(runtime.unit_of_work(), user_id=user_id, by=by, note=NOTE, until=until)


def status_of(connection: Connection, user_id: UUID) -> UserStatus:
    """Return where an account stands."""
    status: UserStatus = connection.execute(select(users.c.status).where(users.c.id == user_id)).scalar_one()
    return status


def sanction_ids(connection: Connection, user_id: UUID) -> list[UUID]:
    """Return what was imposed on somebody, oldest first."""
    mine = select(sanctions.c.id).where(sanctions.c.user_id == user_id)
    return list(connection.scalars(mine.order_by(sanctions.c.created_at, sanctions.c.id)))


def audited(connection: Connection) -> list[tuple[UUID | None, str, UUID]]:
    """Return actor, action and target of every entry of the audit log, oldest first."""
    entries = select(audit_log.c.actor_id, audit_log.c.action, audit_log.c.target_id)
    return [tuple(row) for row in connection.execute(entries.order_by(audit_log.c.id))]


def told(connection: Connection, event_type: str) -> list[dict[str, Any]]:
    """Return the payloads of all events of one type, oldest first."""
    payloads = select(outbox.c.payload).where(outbox.c.event_type == event_type).order_by(outbox.c.id)
    return list(connection.scalars(payloads))

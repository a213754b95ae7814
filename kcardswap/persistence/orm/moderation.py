"""reports, sanctions and audit_log."""

from sqlalchemy import CheckConstraint, Column, Index, String, Table, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB

from kcardswap.domain.reports import Report, ReportReason, ReportStatus, ReportTarget, Resolution
from kcardswap.domain.sanctions import AppealOutcome, Sanction, SanctionKind
from kcardswap.persistence.orm.base import (
    choice,
    id_column,
    mapper_registry,
    metadata,
    moment,
    one_of,
    reference,
    times,
)

reports = Table(
    "reports",
    metadata,
    id_column(),
    reference("reporter_id", "users.id", ondelete="RESTRICT"),
    reference("reported_user_id", "users.id", ondelete="RESTRICT"),
    choice("reason", ReportReason, length=40),
    Column("detail", String(1000)),
    choice("target_type", ReportTarget, nullable=True),
    Column("target_id", Uuid),
    choice("status", ReportStatus),
    reference("reviewed_by", "users.id", ondelete="SET NULL", nullable=True),
    moment("reviewed_at", nullable=True),
    choice("resolution", Resolution, nullable=True),
    Column("note", String(1000)),
    reference("resolved_by", "users.id", ondelete="SET NULL", nullable=True),
    moment("resolved_at", nullable=True),
    *times(),
    one_of("reason", ReportReason),
    one_of("target_type", ReportTarget),
    one_of("status", ReportStatus),
    one_of("resolution", Resolution),
    CheckConstraint("reporter_id <> reported_user_id", name="two_people"),
    CheckConstraint("(target_type IS NULL) = (target_id IS NULL)", name="target"),
    CheckConstraint("(status = 'resolved') = (resolution IS NOT NULL)", name="resolved_with_action"),
    CheckConstraint("(status = 'resolved') = (resolved_at IS NOT NULL)", name="resolved_at"),
    CheckConstraint("status <> 'reviewed' OR reviewed_at IS NOT NULL", name="reviewed_at"),
)
OPEN_REPORT = text("status <> 'resolved'")
Index(
    "uq_reports_open",
    reports.c.reporter_id,
    reports.c.reported_user_id,
    reports.c.reason,
    func.coalesce(reports.c.target_id, reports.c.reported_user_id),
    unique=True,
    postgresql_where=OPEN_REPORT,
)
Index("ix_reports_status_created_at_id", reports.c.status, reports.c.created_at, reports.c.id)
Index("ix_reports_created_at_id", reports.c.created_at, reports.c.id)
Index(
    "ix_reports_reported_user_id_created_at_id",
    reports.c.reported_user_id,
    reports.c.created_at,
    reports.c.id,
)
Index(
    "ix_reports_reporter_id_created_at_id",
    reports.c.reporter_id,
    reports.c.created_at.desc(),
    reports.c.id,
)
Index("ix_reports_target_id", reports.c.target_id, postgresql_where=OPEN_REPORT)
Index("ix_reports_reviewed_by", reports.c.reviewed_by)
Index("ix_reports_resolved_by", reports.c.resolved_by)

sanctions = Table(
    "sanctions",
    metadata,
    id_column(),
    reference("user_id", "users.id", ondelete="CASCADE"),
    choice("kind", SanctionKind),
    choice("target_type", ReportTarget, nullable=True),
    Column("target_id", Uuid),
    reference("report_id", "reports.id", ondelete="SET NULL", nullable=True),
    reference("imposed_by", "users.id", ondelete="SET NULL", nullable=True),
    Column("note", String(1000), nullable=False),
    moment("starts_at"),
    moment("ends_at", nullable=True),
    moment("lifted_at", nullable=True),
    Column("appeal_note", String(2000)),
    moment("appealed_at", nullable=True),
    choice("appeal_outcome", AppealOutcome, nullable=True),
    reference("appeal_decided_by", "users.id", ondelete="SET NULL", nullable=True),
    moment("appeal_decided_at", nullable=True),
    *times(),
    one_of("kind", SanctionKind),
    one_of("target_type", ReportTarget),
    one_of("appeal_outcome", AppealOutcome),
    CheckConstraint("(target_type IS NULL) = (target_id IS NULL)", name="target"),
    CheckConstraint("ends_at IS NULL OR (kind = 'suspend' AND ends_at > starts_at)", name="ends_at"),
    CheckConstraint("lifted_at IS NULL OR kind IN ('warn', 'suspend')", name="lifted_at"),
    CheckConstraint("(appeal_note IS NULL) = (appealed_at IS NULL)", name="appealed_with_note"),
    CheckConstraint("(appeal_outcome IS NULL) = (appeal_decided_at IS NULL)", name="decided_with_outcome"),
    CheckConstraint("appeal_decided_at IS NULL OR appealed_at IS NOT NULL", name="decided_after_appeal"),
    CheckConstraint("appeal_decided_by IS NULL OR appeal_decided_at IS NOT NULL", name="decided_by"),
)
Index(
    "uq_sanctions_running_suspension",
    sanctions.c.user_id,
    unique=True,
    postgresql_where=text("kind = 'suspend' AND lifted_at IS NULL"),
)
Index(
    "ix_sanctions_user_id_created_at_id",
    sanctions.c.user_id,
    sanctions.c.created_at.desc(),
    sanctions.c.id,
)
Index(
    "ix_sanctions_appealed_at_id_open",
    sanctions.c.appealed_at,
    sanctions.c.id,
    postgresql_where=text("appealed_at IS NOT NULL AND appeal_decided_at IS NULL"),
)
Index(
    "ix_sanctions_appealed_at_id_decided",
    sanctions.c.appealed_at,
    sanctions.c.id,
    postgresql_where=text("appeal_decided_at IS NOT NULL"),
)
Index("ix_sanctions_report_id", sanctions.c.report_id)
Index("ix_sanctions_imposed_by", sanctions.c.imposed_by)
Index("ix_sanctions_appeal_decided_by", sanctions.c.appeal_decided_by)

audit_log = Table(
    "audit_log",
    metadata,
    id_column(),
    # No foreign keys: what was done stays on record when the people and things are gone.
    Column("actor_id", Uuid),
    Column("action", String(60), nullable=False),
    Column("target_type", String(40), nullable=False),
    Column("target_id", Uuid, nullable=False),
    Column("note", String(1000)),
    Column("details", JSONB, nullable=False),
    Column("request_id", String(128)),
    moment("created_at"),
)
Index("ix_audit_log_created_at_id", audit_log.c.created_at.desc(), audit_log.c.id)
Index(
    "ix_audit_log_actor_id_created_at_id", audit_log.c.actor_id, audit_log.c.created_at.desc(), audit_log.c.id
)
Index(
    "ix_audit_log_target_type_created_at_id",
    audit_log.c.target_type,
    audit_log.c.created_at.desc(),
    audit_log.c.id,
)
Index(
    "ix_audit_log_target_id_created_at_id",
    audit_log.c.target_id,
    audit_log.c.created_at.desc(),
    audit_log.c.id,
)
Index("ix_audit_log_action_created_at_id", audit_log.c.action, audit_log.c.created_at.desc(), audit_log.c.id)


def map_moderation() -> None:
    """Map reports and sanctions onto their tables; the audit log is written and read as plain rows."""
    mapper_registry.map_imperatively(Report, reports)
    mapper_registry.map_imperatively(Sanction, sanctions)

"""Moderation: what people report, what moderators impose, and the log of what they did."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    create_reports()
    create_sanctions()
    create_audit_log()


def create_reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("reporter_id", sa.Uuid, nullable=False),
        sa.Column("reported_user_id", sa.Uuid, nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("detail", sa.String(1000)),
        sa.Column("target_type", sa.String(20)),
        sa.Column("target_id", sa.Uuid),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("reviewed_by", sa.Uuid),
        sa.Column("reviewed_at", MOMENT),
        sa.Column("resolution", sa.String(20)),
        sa.Column("note", sa.String(1000)),
        sa.Column("resolved_by", sa.Uuid),
        sa.Column("resolved_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
        sa.ForeignKeyConstraint(
            ["reporter_id"], ["users.id"], name="fk_reports_reporter_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["reported_user_id"], ["users.id"], name="fk_reports_reported_user_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["reviewed_by"], ["users.id"], name="fk_reports_reviewed_by", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["resolved_by"], ["users.id"], name="fk_reports_resolved_by", ondelete="SET NULL"
        ),
        sa.CheckConstraint(
            "reason IN ('fraud', 'fake_card', 'harassment', 'inappropriate_content', 'spam', 'other')",
            name=op.f("ck_reports_reason"),
        ),
        sa.CheckConstraint(
            "target_type IN ('user', 'post', 'comment', 'message', 'card')",
            name=op.f("ck_reports_target_type"),
        ),
        sa.CheckConstraint("status IN ('pending', 'reviewed', 'resolved')", name=op.f("ck_reports_status")),
        sa.CheckConstraint(
            "resolution IN ('dismiss', 'warn', 'remove_post', 'remove_comment', 'remove_card', 'suspend')",
            name=op.f("ck_reports_resolution"),
        ),
        sa.CheckConstraint("reporter_id <> reported_user_id", name=op.f("ck_reports_two_people")),
        sa.CheckConstraint("(target_type IS NULL) = (target_id IS NULL)", name=op.f("ck_reports_target")),
        sa.CheckConstraint(
            "(status = 'resolved') = (resolution IS NOT NULL)", name=op.f("ck_reports_resolved_with_action")
        ),
        sa.CheckConstraint(
            "(status = 'resolved') = (resolved_at IS NOT NULL)", name=op.f("ck_reports_resolved_at")
        ),
        sa.CheckConstraint(
            "status <> 'reviewed' OR reviewed_at IS NOT NULL", name=op.f("ck_reports_reviewed_at")
        ),
    )
    # Saying the same again while it is open changes nothing.
    op.create_index(
        "uq_reports_open",
        "reports",
        ["reporter_id", "reported_user_id", "reason", sa.text("coalesce(target_id, reported_user_id)")],
        unique=True,
        postgresql_where=sa.text("status <> 'resolved'"),
    )
    # The moderators' queue, oldest first: of one status, of all, about one person.
    op.create_index("ix_reports_status_created_at_id", "reports", ["status", "created_at", "id"])
    op.create_index("ix_reports_created_at_id", "reports", ["created_at", "id"])
    # Also the foreign key, and who reported somebody for what.
    op.create_index(
        "ix_reports_reported_user_id_created_at_id", "reports", ["reported_user_id", "created_at", "id"]
    )
    # A person's own reports, newest first; also the foreign key.
    op.create_index(
        "ix_reports_reporter_id_created_at_id", "reports", ["reporter_id", sa.text("created_at DESC"), "id"]
    )
    # The open reports about one thing are resolved together.
    op.create_index(
        "ix_reports_target_id", "reports", ["target_id"], postgresql_where=sa.text("status <> 'resolved'")
    )
    # Foreign keys.
    op.create_index("ix_reports_reviewed_by", "reports", ["reviewed_by"])
    op.create_index("ix_reports_resolved_by", "reports", ["resolved_by"])


def create_sanctions() -> None:
    op.create_table(
        "sanctions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("target_type", sa.String(20)),
        sa.Column("target_id", sa.Uuid),
        sa.Column("report_id", sa.Uuid),
        sa.Column("imposed_by", sa.Uuid),
        sa.Column("note", sa.String(1000), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT),
        sa.Column("lifted_at", MOMENT),
        sa.Column("appeal_note", sa.String(2000)),
        sa.Column("appealed_at", MOMENT),
        sa.Column("appeal_outcome", sa.String(20)),
        sa.Column("appeal_decided_by", sa.Uuid),
        sa.Column("appeal_decided_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sanctions"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sanctions_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name="fk_sanctions_report_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["imposed_by"], ["users.id"], name="fk_sanctions_imposed_by", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["appeal_decided_by"], ["users.id"], name="fk_sanctions_appeal_decided_by", ondelete="SET NULL"
        ),
        sa.CheckConstraint(
            "kind IN ('warn', 'remove_post', 'remove_comment', 'remove_card', 'suspend')",
            name=op.f("ck_sanctions_kind"),
        ),
        sa.CheckConstraint(
            "target_type IN ('user', 'post', 'comment', 'message', 'card')",
            name=op.f("ck_sanctions_target_type"),
        ),
        sa.CheckConstraint(
            "appeal_outcome IN ('upheld', 'overturned')", name=op.f("ck_sanctions_appeal_outcome")
        ),
        sa.CheckConstraint("(target_type IS NULL) = (target_id IS NULL)", name=op.f("ck_sanctions_target")),
        sa.CheckConstraint(
            "ends_at IS NULL OR (kind = 'suspend' AND ends_at > starts_at)", name=op.f("ck_sanctions_ends_at")
        ),
        sa.CheckConstraint(
            "lifted_at IS NULL OR kind IN ('warn', 'suspend')", name=op.f("ck_sanctions_lifted_at")
        ),
        sa.CheckConstraint(
            "(appeal_note IS NULL) = (appealed_at IS NULL)", name=op.f("ck_sanctions_appealed_with_note")
        ),
        sa.CheckConstraint(
            "(appeal_outcome IS NULL) = (appeal_decided_at IS NULL)",
            name=op.f("ck_sanctions_decided_with_outcome"),
        ),
        sa.CheckConstraint(
            "appeal_decided_at IS NULL OR appealed_at IS NOT NULL",
            name=op.f("ck_sanctions_decided_after_appeal"),
        ),
        sa.CheckConstraint(
            "appeal_decided_by IS NULL OR appeal_decided_at IS NOT NULL",
            name=op.f("ck_sanctions_decided_by"),
        ),
    )
    # Nobody is suspended twice at a time.
    op.create_index(
        "uq_sanctions_running_suspension",
        "sanctions",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'suspend' AND lifted_at IS NULL"),
    )
    # A person's sanctions, newest first, and how many warnings they have; also the foreign key.
    op.create_index(
        "ix_sanctions_user_id_created_at_id", "sanctions", ["user_id", sa.text("created_at DESC"), "id"]
    )
    # Appeals that wait for a decision, and those that had one, oldest first.
    op.create_index(
        "ix_sanctions_appealed_at_id_open",
        "sanctions",
        ["appealed_at", "id"],
        postgresql_where=sa.text("appealed_at IS NOT NULL AND appeal_decided_at IS NULL"),
    )
    op.create_index(
        "ix_sanctions_appealed_at_id_decided",
        "sanctions",
        ["appealed_at", "id"],
        postgresql_where=sa.text("appeal_decided_at IS NOT NULL"),
    )
    # Foreign keys.
    op.create_index("ix_sanctions_report_id", "sanctions", ["report_id"])
    op.create_index("ix_sanctions_imposed_by", "sanctions", ["imposed_by"])
    op.create_index("ix_sanctions_appeal_decided_by", "sanctions", ["appeal_decided_by"])


def create_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("target_type", sa.String(40), nullable=False),
        sa.Column("target_id", sa.Uuid, nullable=False),
        sa.Column("note", sa.String(1000)),
        sa.Column("details", postgresql.JSONB, nullable=False),
        sa.Column("request_id", sa.String(128)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    # Everything, newest first, and by each filter.
    op.create_index("ix_audit_log_created_at_id", "audit_log", [sa.text("created_at DESC"), "id"])
    op.create_index(
        "ix_audit_log_actor_id_created_at_id", "audit_log", ["actor_id", sa.text("created_at DESC"), "id"]
    )
    op.create_index(
        "ix_audit_log_target_type_created_at_id",
        "audit_log",
        ["target_type", sa.text("created_at DESC"), "id"],
    )
    op.create_index(
        "ix_audit_log_target_id_created_at_id", "audit_log", ["target_id", sa.text("created_at DESC"), "id"]
    )
    op.create_index(
        "ix_audit_log_action_created_at_id", "audit_log", ["action", sa.text("created_at DESC"), "id"]
    )


def downgrade() -> None:
    for table in ("audit_log", "sanctions", "reports"):
        op.drop_table(table)

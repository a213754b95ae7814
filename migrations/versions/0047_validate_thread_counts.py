"""The counts of every conversation hold for every row."""

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

CHECKS = {
    "ck_threads_a_counts": "0 <= a_seen AND a_seen <= b_sent",
    "ck_threads_b_counts": "0 <= b_seen AND b_seen <= a_sent",
    "ck_threads_sent": "0 <= a_sent AND 0 <= b_sent AND a_sent + b_sent = next_seq - 1",
}


def upgrade() -> None:
    for name in CHECKS:
        op.execute(f"ALTER TABLE threads VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    # PostgreSQL cannot unvalidate in place: the constraints are made anew, as the migration before left them.
    for name, rule in CHECKS.items():
        op.drop_constraint(op.f(name), "threads", type_="check")
        op.create_check_constraint(op.f(name), "threads", rule, postgresql_not_valid=True)

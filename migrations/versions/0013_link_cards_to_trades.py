"""A received card names the trade it came from: the foreign key, not yet checked against old rows."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # NOT VALID takes its lock for a moment only; the next migration checks the rows without blocking writers.
    op.create_foreign_key(
        "fk_cards_acquired_trade_id",
        "cards",
        "trades",
        ["acquired_trade_id"],
        ["id"],
        ondelete="RESTRICT",
        postgresql_not_valid=True,
    )


def downgrade() -> None:
    op.drop_constraint("fk_cards_acquired_trade_id", "cards", type_="foreignkey")

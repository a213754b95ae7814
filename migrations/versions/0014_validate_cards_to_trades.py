"""The link from received cards to their trades holds for every row."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE cards VALIDATE CONSTRAINT fk_cards_acquired_trade_id")


def downgrade() -> None:
    # PostgreSQL cannot unvalidate in place: the constraint is made anew, as the migration before left it.
    op.drop_constraint("fk_cards_acquired_trade_id", "cards", type_="foreignkey")
    op.create_foreign_key(
        "fk_cards_acquired_trade_id",
        "cards",
        "trades",
        ["acquired_trade_id"],
        ["id"],
        ondelete="RESTRICT",
        postgresql_not_valid=True,
    )

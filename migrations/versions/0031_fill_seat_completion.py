"""Data: when the swaps of the seats so far were completed."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

BATCH = 5000
FILL = """
    UPDATE trade_participants SET completed_at = trades.completed_at
    FROM trades WHERE trades.id = trade_participants.trade_id AND trade_participants.id IN (
        SELECT seat.id FROM trade_participants AS seat JOIN trades ON trades.id = seat.trade_id
        WHERE trades.status = 'completed' AND seat.completed_at IS NULL
        ORDER BY seat.id LIMIT {limit} FOR UPDATE OF seat
    )
"""


def upgrade() -> None:
    if op.get_context().as_sql:
        # Printed SQL cannot loop.
        op.execute(FILL.format(limit="ALL"))
        return
    with op.get_context().autocommit_block():
        while op.get_bind().execute(sa.text(FILL.format(limit=BATCH))).rowcount:
            pass


def downgrade() -> None:
    op.execute("UPDATE trade_participants SET completed_at = NULL WHERE completed_at IS NOT NULL")

"""Data: the texts of the photocards so far; merged ones stand for others and are not searched."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

BATCH = 5000
FILL = """
    INSERT INTO photocard_texts (photocard_id, group_id, member_id, release_id, place, text)
    SELECT id, group_id, member_id, release_id,
           CASE status WHEN 'verified' THEN 0 ELSE 1000000 END + octet_length(search_text), search_text
    FROM photocards
    WHERE status <> 'merged'
    AND NOT EXISTS (SELECT FROM photocard_texts WHERE photocard_texts.photocard_id = photocards.id)
    ORDER BY id LIMIT {limit} FOR KEY SHARE
    ON CONFLICT DO NOTHING
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
    op.execute("DELETE FROM photocard_texts")

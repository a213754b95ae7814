"""The administrators among all people, indexed without blocking writers."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The list of people with one of these roles, newest first, and whether there is another moderator.
    # CONCURRENTLY runs outside a transaction; a failed build leaves an invalid index, so a second try
    # starts by removing it.
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_users_administrators_role_created_at_id",
            "users",
            if_exists=True,
            postgresql_concurrently=True,
        )
        op.create_index(
            "ix_users_administrators_role_created_at_id",
            "users",
            ["role", sa.text("created_at DESC"), "id"],
            postgresql_where=sa.text("role <> 'user'"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_users_administrators_role_created_at_id", "users", postgresql_concurrently=True)

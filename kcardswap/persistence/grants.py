"""What the role under which the application works may do with the tables, which belong to another one."""

from sqlalchemy import Connection, text

ADDED_ONLY = ("audit_log",)
"""Tables whose rows are written once and never changed, not even by the application."""
READ_ONLY = ("alembic_version",)
"""Tables only migrations write."""


def grant_use(connection: Connection, role: str) -> None:
    """Let ``role`` read and write every table there is now, but change no row that is meant to stay."""
    quoted = connection.dialect.identifier_preparer.quote(role)
    statements = [
        f"GRANT USAGE ON SCHEMA public TO {quoted}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted}",
        *(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {quoted}" for table in ADDED_ONLY),
        *(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {table} FROM {quoted}" for table in READ_ONLY),
    ]
    for statement in statements:
        connection.execute(text(statement))


def changeable(connection: Connection, role: str) -> list[str]:
    """Return the tables meant to stay that ``role`` can change all the same.

    Superusers may do everything, and members of another role, such as the owner, what that one may.
    """
    may_change = text("SELECT has_table_privilege(:role, :table, 'UPDATE, DELETE, TRUNCATE')")
    return [table for table in ADDED_ONLY if connection.scalar(may_change, {"role": role, "table": table})]

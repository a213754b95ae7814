"""Everything stored about one person, table by table."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, select

from kcardswap.persistence.erasure import PERSONAL, Exported, Personal

ROWS_AT_ONCE = 500


def _statement(personal: Personal, export: Exported) -> Select[Any]:
    shown = [column for column in personal.table.columns if column not in export.without]
    return (
        select(*shown)
        .where(export.rows)
        .order_by(*personal.table.primary_key.columns)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )


STATEMENTS: Mapping[str, Select[Any]] = {
    personal.table.name: _statement(personal, personal.export)
    for personal in sorted(PERSONAL, key=lambda personal: personal.table.name)
    if isinstance(personal.export, Exported)
}
"""What is asked of each table."""
EXPORTED_TABLES: tuple[str, ...] = tuple(STATEMENTS)
"""The tables of an export, in its order."""


def rows_of(connection: Connection, *, table: str, user_id: UUID) -> Iterator[Mapping[str, Any]]:
    """Yield what one table holds about a person, by column, a few hundred rows at a time."""
    with connection.execute(STATEMENTS[table], {"person": user_id}) as rows:
        for row in rows.mappings():
            yield dict(row)

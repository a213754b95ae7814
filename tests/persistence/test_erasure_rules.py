"""Where people leave traces: no table that knows people is forgotten by erasure or export."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Column, Connection, Executable, Table, event, text

from kcardswap.persistence.erasure import PERSONAL, Exported, NotExported
from kcardswap.persistence.orm.base import metadata
from kcardswap.persistence.orm.mappings import map_entities
from kcardswap.queries.account_exports import EXPORTED_TABLES, STATEMENTS

PERSON = re.compile(
    r".*user.*_id|owner_id|.*_by|actor_id|(rater|reporter|sender|recipient|receiver|giver|blocke[rd]"
    r"|friend|heir|initiator|responder|participant|person)_id"
)
NO_PERSON: set[str] = set()
SECRET = re.compile(r".*(hash|sealed|fcm_token|password|secret).*")


def knows_a_person(column: Column[Any]) -> bool:
    refers = any(key.column.table.name == "users" for key in column.foreign_keys)
    return refers or (PERSON.fullmatch(column.name) is not None and str(column) not in NO_PERSON)


@pytest.fixture(scope="module")
def personal_columns() -> set[str]:
    """Every column that says who somebody is."""
    map_entities()
    return {
        str(column)
        for table in metadata.tables.values()
        for column in table.columns
        if knows_a_person(column)
    }


def test_every_reference_to_a_person_has_a_rule(personal_columns: set[str]) -> None:
    ruled = {str(column) for personal in PERSONAL for rule in personal.erase for column in rule.columns}
    assert personal_columns - ruled == set(), "say in persistence/erasure/tables.py what happens to these"


def test_every_table_that_knows_people_is_listed_once_and_exported_or_left_out_for_a_reason(
    personal_columns: set[str],
) -> None:
    listed = [personal.table.name for personal in PERSONAL]
    assert len(listed) == len(set(listed))
    assert {column.partition(".")[0] for column in personal_columns} <= set(listed)
    for personal in PERSONAL:
        if isinstance(personal.export, NotExported):
            assert personal.export.why and personal.table.name not in EXPORTED_TABLES
        else:
            assert personal.table.name in EXPORTED_TABLES


def test_a_rule_speaks_of_its_own_table() -> None:
    for personal in PERSONAL:
        for rule in personal.erase:
            assert {column.table for column in rule.columns} == {personal.table}


def test_no_secret_is_exported() -> None:
    for personal in PERSONAL:
        if isinstance(personal.export, Exported):
            shown = set(personal.table.columns) - set(personal.export.without)
            assert not [str(column) for column in shown if SECRET.fullmatch(column.name)]


def test_a_table_without_a_rule_would_be_noticed() -> None:
    table = Table("gifts", metadata.__class__(), Column("giver_id"), Column("wrapped_by"), Column("size"))
    assert [column.name for column in table.columns if knows_a_person(column)] == ["giver_id", "wrapped_by"]


def statements() -> dict[str, Executable]:
    """Return all that erasing and exporting send, by what it is about."""
    erasing = {
        f"{personal.table.name}: {type(rule).__name__} {number}": statement
        for personal in PERSONAL
        for number, rule in enumerate(personal.erase)
        if (statement := rule.batch()) is not None
    }
    return erasing | {f"{table}: export": statement for table, statement in STATEMENTS.items()}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def plan_of(connection: Connection, statement: Executable) -> Iterator[dict[str, Any]]:
    """Yield the steps the database takes for a statement about one person."""
    sent: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        sent.append((statement, values))

    event.listen(connection, "before_cursor_execute", note)
    values = {"person": uuid4(), "heir": uuid4(), "erased_at": datetime.now(UTC)}
    connection.execute(statement, values).close()
    event.remove(connection, "before_cursor_execute", note)
    ((asked, parameters),) = sent
    (answer,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {asked}", parameters).scalar_one()
    yield from nodes(answer["Plan"])


def test_nothing_is_looked_for_in_the_whole_of_a_table(connection: Connection) -> None:
    """An erasure and an export are about one person, and the tables hold everybody."""
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    first_columns = connection.execute(
        text(
            "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid, 1, true) AS first_column"
            " FROM pg_index WHERE indrelid::regclass::text = ANY(:tables)"
        ),
        {"tables": [personal.table.name for personal in PERSONAL]},
    )
    first_column = {row.name: row.first_column for row in first_columns}
    for what, statement in statements().items():
        for step in plan_of(connection, statement):
            assert step["Node Type"] != "Seq Scan", what
            index = step.get("Index Name")
            if index is not None:
                assert first_column[index] in step.get("Index Cond", ""), (what, index)

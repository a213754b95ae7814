"""The rules every table keeps, asserted by walking all of them."""

from collections.abc import Iterator
from enum import StrEnum

import pytest
from sqlalchemy import (
    CHAR,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Enum,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from kcardswap.persistence.orm.base import metadata
from kcardswap.persistence.orm.mappings import map_entities

map_entities()

TABLES = sorted(metadata.tables.values(), key=lambda table: table.name)
PREFIXES = {
    PrimaryKeyConstraint: "pk",
    UniqueConstraint: "uq",
    CheckConstraint: "ck",
    ForeignKeyConstraint: "fk",
}
# Where another key is the guard of a rule, it is the primary key itself.
OWN_PRIMARY_KEYS = {
    "card_holds",
    "login_throttles",
    "photocard_texts",
    "processed_events",
    "quota_usage",
    "rating_totals",
    "same_pictures",
    "scheduled_jobs",
    "trade_pairs",
}
IDENTIFIER_MAX_BYTES = 63

each_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


def columns(*kinds: type) -> Iterator[Column[object]]:
    return (
        column for table in TABLES for column in table.columns if not kinds or isinstance(column.type, kinds)
    )


def checks_of(table: Table) -> str:
    constraints = (rule for rule in table.constraints if isinstance(rule, CheckConstraint))
    return "\n".join(str(rule.sqltext) for rule in constraints)


def test_there_are_tables_to_walk() -> None:
    assert {"users", "profiles", "outbox", "photocards", "cards", "trades"} <= set(metadata.tables)


@each_table
def test_every_constraint_has_a_name_by_the_convention(table: Table) -> None:
    for constraint in table.constraints:
        prefix = next(prefix for kind, prefix in PREFIXES.items() if isinstance(constraint, kind))
        assert str(constraint.name).startswith(f"{prefix}_{table.name}"), constraint
        assert len(str(constraint.name)) <= IDENTIFIER_MAX_BYTES


@each_table
def test_every_index_has_a_name_by_the_convention(table: Table) -> None:
    for index in table.indexes:
        prefix = "uq" if index.unique else "ix"
        assert str(index.name).startswith(f"{prefix}_{table.name}_"), index
        assert len(str(index.name)) <= IDENTIFIER_MAX_BYTES


@each_table
def test_no_two_indexes_have_the_same_columns(table: Table) -> None:
    shapes = [
        (
            str([str(part) for part in index.expressions]),
            str(index.dialect_options["postgresql"]["where"]),
            # A btree finds equal values, trigrams find similar ones.
            index.dialect_options["postgresql"]["using"],
        )
        for index in table.indexes
    ]
    assert len(set(shapes)) == len(shapes)


@each_table
def test_the_primary_key_is_an_id_made_in_python_or_the_guard_itself(table: Table) -> None:
    key = list(table.primary_key.columns)
    if table.name not in OWN_PRIMARY_KEYS:
        assert [column.name for column in key] == ["id"]
        assert isinstance(key[0].type, Uuid)
    for column in key:
        assert column.server_default is None
        assert column.autoincrement in (False, "auto")
        assert not isinstance(column.type, Integer)


def test_no_server_side_sequences_identities_or_computed_columns() -> None:
    for column in columns():
        assert not isinstance(column.default, Sequence)
        assert column.identity is None
        assert column.computed is None
        assert "nextval" not in str(getattr(column.server_default, "arg", ""))
        assert "uuid" not in str(getattr(column.server_default, "arg", ""))


def test_no_enumeration_types_in_the_database() -> None:
    for column in columns(Enum):
        assert isinstance(column.type, Enum)
        assert column.type.native_enum is False
        assert column.type.length is not None


def test_every_enumeration_is_checked_against_exactly_its_values() -> None:
    for column in columns(Enum):
        assert isinstance(column.type, Enum)
        kind = column.type.enum_class
        assert kind is not None
        assert issubclass(kind, StrEnum)
        values = ", ".join(f"'{member.value}'" for member in kind)
        assert f"{column.name} IN ({values})" in checks_of(column.table), column
        assert column.type.length is not None
        assert all(len(member.value) <= column.type.length for member in kind), column


def test_every_moment_knows_its_time_zone() -> None:
    for column in columns(DateTime):
        assert isinstance(column.type, DateTime)
        assert column.type.timezone, column


def test_moments_are_named_for_what_happened() -> None:
    exceptions = {"until", "suspended_until"}
    for column in columns(DateTime):
        assert column.name.endswith("_at") or column.name in exceptions, column


def test_tables_with_an_updated_at_have_a_created_at() -> None:
    # Rows that are only a counter have no birthday worth keeping.
    exceptions = {"quota_usage", "trade_pairs"}
    for table in TABLES:
        if "updated_at" in table.c and table.name not in exceptions:
            assert "created_at" in table.c, table
            assert not table.c.created_at.nullable
            assert not table.c.updated_at.nullable


def test_every_text_has_a_greatest_length() -> None:
    for column in columns(String):
        assert isinstance(column.type, String)
        if isinstance(column.type, Text):
            rules = checks_of(column.table)
            assert f"length({column.name})" in rules, column
        else:
            assert column.type.length, column


def test_hashes_are_sha_256_in_hex() -> None:
    for column in columns(CHAR):
        assert isinstance(column.type, CHAR)
        assert column.type.length == 64, column


def test_counters_and_sizes_are_big_and_never_negative() -> None:
    for column in columns(BigInteger):
        if column.name in ("phash", "phash_mirror", "area_cell"):
            continue  # bit patterns, not amounts
        rules = checks_of(column.table)
        assert column.name in rules, column


def test_small_numbers_are_bounded() -> None:
    for column in columns(SmallInteger):
        rules = checks_of(column.table)
        assert column.name in rules or column.name == "status_code", column


def test_json_is_binary() -> None:
    assert all(type(column.type).__name__ != "JSON" for column in columns())
    assert any(isinstance(column.type, JSONB) for column in columns())


@each_table
def test_every_foreign_key_says_what_deleting_does(table: Table) -> None:
    for key in table.foreign_key_constraints:
        assert key.ondelete in ("CASCADE", "RESTRICT", "SET NULL"), key
        if key.ondelete == "SET NULL":
            assert all(column.nullable for column in key.columns), key
        assert not key.deferrable


def leading_columns(table: Table) -> Iterator[list[str]]:
    """Yield the column names of everything in ``table`` that PostgreSQL can look a row up by."""
    yield [column.name for column in table.primary_key.columns]
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield [column.name for column in constraint.columns]
    for index in table.indexes:
        # A partial index serves a foreign key only where every row with a value is in it.
        where = index.dialect_options["postgresql"]["where"]
        names = [str(getattr(part, "name", part)) for part in index.expressions]
        if where is None or str(where) == f"{table.name}.{names[0]} IS NOT NULL":
            yield names


@each_table
def test_every_foreign_key_is_indexed(table: Table) -> None:
    indexed = list(leading_columns(table))
    for key in table.foreign_key_constraints:
        names = {column.name for column in key.columns}
        assert any(set(leading[: len(names)]) == names for leading in indexed), key


def test_a_column_that_names_a_row_is_a_foreign_key() -> None:
    # A target of several kinds, ids that outlive their row, the names of a device, a signing key and a
    # product.
    exceptions = {
        "audit_log.actor_id",
        "audit_log.request_id",
        "audit_log.target_id",
        "device_tokens.device_id",
        "media_assets.target_id",
        "notifications.event_id",
        "outbox.aggregate_id",
        "outbox.request_id",
        # Copies of columns that do refer to something.
        "photocard_texts.group_id",
        "photocard_texts.member_id",
        "photocard_texts.release_id",
        "processed_events.event_id",
        "refresh_tokens.key_id",
        "reports.target_id",
        "sanctions.target_id",
        "subscription_purchase_tokens.product_id",
    }
    for column in columns():
        if column.name.endswith("_id") and str(column) not in exceptions:
            assert column.foreign_keys, column


def test_nothing_is_compared_in_the_database_by_a_private_collation() -> None:
    assert all(getattr(column.type, "collation", None) is None for column in columns())

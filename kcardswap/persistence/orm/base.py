"""The metadata, its naming convention and the column shapes every table shares."""

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Column, DateTime, Enum, ForeignKey, MetaData, Uuid
from sqlalchemy.orm import registry

NAMING_CONVENTION = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}

metadata = MetaData(naming_convention=NAMING_CONVENTION)
mapper_registry = registry(metadata=metadata)


def id_column() -> Column[Any]:
    """Return the primary key column every table with rows of its own has: a UUID made in Python."""
    return Column("id", Uuid, primary_key=True)


def reference(name: str, target: str, *, ondelete: str, nullable: bool = False) -> Column[Any]:
    """Return a foreign key column to ``target`` (``table.column``) with its chosen ON DELETE."""
    return Column(name, Uuid, ForeignKey(target, ondelete=ondelete), nullable=nullable)


def moment(name: str, *, nullable: bool = False) -> Column[Any]:
    """Return a column for one aware moment in UTC."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def times() -> tuple[Column[Any], Column[Any]]:
    """Return ``created_at`` and ``updated_at``; the unit of work keeps the second current."""
    return moment("created_at"), moment("updated_at")


def choice(name: str, kind: type[StrEnum], *, nullable: bool = False, length: int = 20) -> Column[Any]:
    """Return a varchar column that holds one value of ``kind``; its CHECK is ``one_of``."""
    values = Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=length,
        values_callable=lambda members: [member.value for member in members],
    )
    return Column(name, values, nullable=nullable)


def one_of(name: str, kind: type[StrEnum]) -> CheckConstraint:
    """Return the CHECK that keeps column ``name`` to the values of ``kind``."""
    values = ", ".join(f"'{member.value}'" for member in kind)
    return CheckConstraint(f"{name} IN ({values})", name=name)

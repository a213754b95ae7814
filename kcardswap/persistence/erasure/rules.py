"""What can happen to the traces of a person in a table, in batches that may be repeated at any time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    Executable,
    Table,
    Update,
    Uuid,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    true,
    tuple_,
    update,
)

BATCH = 500
USER: ColumnElement[Any] = bindparam("person", type_=Uuid())
"""The person it is about."""
HEIR: ColumnElement[Any] = bindparam("heir", type_=Uuid())
"""The empty account that takes their place where others need the row."""
NOW: ColumnElement[Any] = bindparam("erased_at", type_=DateTime(timezone=True))
GONE = "[deleted]"
"""What is left of a text that cannot be empty."""


class Rule(Protocol):
    """What happens to one kind of trace; ``columns`` are the references to people it answers for."""

    @property
    def columns(self) -> tuple[Column[Any], ...]:
        """Return the columns this rule answers for."""

    def batch(self) -> Executable | None:
        """Return a statement that does part of the work and touches no row when all is done."""


class Counter(NamedTuple):
    """A number kept in another table that the rows of a person are part of."""

    column: Column[Any]
    counts: ColumnElement[bool] = true()
    """Which rows it counts."""


@dataclass(frozen=True)
class Forget:
    """The rows go."""

    column: Column[Any]
    where: ColumnElement[bool] = field(default_factory=true)
    at_once: bool = False
    """As soon as the account is deleted, not only when its erasure is due."""
    limit: int = BATCH

    @property
    def columns(self) -> tuple[Column[Any], ...]:
        """Return the columns this rule answers for."""
        return (self.column,)

    def batch(self) -> Executable:
        """Delete some of the rows."""
        table = _table(self.column)
        return delete(table).where(_some(table, self.column == USER, self.where, limit=self.limit))


@dataclass(frozen=True)
class ForgetCounted:
    """The rows go, and a counter of what they belong to with them."""

    column: Column[Any]
    of: Column[Any]
    """Which row of the counter's table a row belongs to."""
    counter: Counter

    @property
    def columns(self) -> tuple[Column[Any], ...]:
        """Return the columns this rule answers for."""
        return (self.column,)

    def batch(self) -> Executable:
        """Delete some of the rows and count them off."""
        table, holder = _table(self.column), _table(self.counter.column)
        gone = (
            delete(table)
            .where(_some(table, self.column == USER, limit=BATCH))
            .returning(self.of.label("holder"), self.counter.counts.label("counts"))
            .cte("gone")
        )
        sums = (
            select(gone.c.holder, func.count().filter(gone.c.counts).label("rows"))
            .group_by(gone.c.holder)
            .cte("sums")
        )
        return (
            update(holder)
            .where(holder.c.id == sums.c.holder)
            .values({self.counter.column: self.counter.column - sums.c.rows})
        )


@dataclass(frozen=True)
class HandOver:
    """Others need the rows: the heir takes the person's place, and what they wrote goes."""

    column: Column[Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    where: ColumnElement[bool] = field(default_factory=true)

    @property
    def columns(self) -> tuple[Column[Any], ...]:
        """Return the columns this rule answers for."""
        return (self.column,)

    def batch(self) -> Executable:
        """Hand some of the rows over."""
        table = _table(self.column)
        mine = _some(table, self.column == USER, self.where, limit=BATCH)
        return update(table).where(mine).values({self.column.name: HEIR, **self.values})


@dataclass(frozen=True)
class Blank:
    """The rows stay as they are but for what the person wrote there."""

    columns: tuple[Column[Any], ...]
    values: Mapping[str, Any]
    unless: ColumnElement[bool]
    """Which rows are done already."""
    where: ColumnElement[bool] = field(default_factory=true)

    def batch(self) -> Executable:
        """Blank some of the rows."""
        table = _table(self.columns[0])
        mine = or_(*(column == USER for column in self.columns))
        some = _some(table, mine, self.where, ~self.unless, limit=BATCH)
        return update(table).where(some).values(self.values)


@dataclass(frozen=True)
class Clear:
    """The rows stay and no longer say who it was."""

    column: Column[Any]

    @property
    def columns(self) -> tuple[Column[Any], ...]:
        """Return the columns this rule answers for."""
        return (self.column,)

    def batch(self) -> Executable:
        """Clear some of the rows."""
        table = _table(self.column)
        return update(table).where(_some(table, self.column == USER, limit=BATCH)).values({self.column: None})


@dataclass(frozen=True)
class ChangeSides:
    """A pair in order of ids: the heir takes the person's place; the sides change when order asks for it."""

    a: Column[Any]
    b: Column[Any]

    @property
    def columns(self) -> tuple[Column[Any], ...]:
        """Return the columns this rule answers for."""
        return self.a, self.b

    def batch(self) -> Executable:
        """Change some of the pairs."""
        table = _table(self.a)
        was_a = self.a == USER
        other = case((was_a, self.b), else_=self.a)
        heir_first = other > HEIR
        swapped = was_a != heir_first
        values: dict[str, Any] = {
            self.a.name: case((heir_first, HEIR), else_=other),
            self.b.name: case((heir_first, other), else_=HEIR),
        }
        for one, two in _twins(table):
            values[one.name] = case((swapped, two), else_=one)
            values[two.name] = case((swapped, one), else_=two)
        return _updated(table, or_(was_a, self.b == USER), values)


@dataclass(frozen=True)
class Leave:
    """Nothing has to be done, for the reason given."""

    column: Column[Any]
    why: str

    @property
    def columns(self) -> tuple[Column[Any], ...]:
        """Return the columns this rule answers for."""
        return (self.column,)

    def batch(self) -> None:
        """Return nothing to do."""


def _updated(table: Table, mine: ColumnElement[bool], values: Mapping[str, Any]) -> Update:
    return update(table).where(_some(table, mine, limit=BATCH)).values(values)


def _twins(table: Table) -> list[tuple[Column[Any], Column[Any]]]:
    """Return what each side of a pair has of its own: columns ``a_...`` with their ``b_...``."""
    return [
        (column, table.c[f"b_{column.name[2:]}"]) for column in table.columns if column.name.startswith("a_")
    ]


def _table(column: Column[Any]) -> Table:
    assert isinstance(column.table, Table)
    return column.table


def _some(table: Table, *where: ColumnElement[bool], limit: int) -> ColumnElement[bool]:
    """Return the condition that a row is among the first few that meet all of ``where``."""
    key = list(table.primary_key.columns)
    return tuple_(*key).in_(select(*key).where(and_(*where)).limit(limit))

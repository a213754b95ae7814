"""Pages of a list: by offset with the true total, or after a key without counting."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    func,
    literal_column,
    or_,
    select,
    true,
)

from kcardswap.domain.errors import ValidationFailed

ROWS_AT_ONCE = 500
"""How many rows of a list that is read as a whole are fetched together."""

Row = TypeVar("Row")
Value = TypeVar("Value")


class UnknownCursor(ValidationFailed):
    """A cursor of another list, of other filters or of another order."""

    def __init__(self) -> None:
        super().__init__("cursor", "Not a cursor of this list.")


class PageRequest(NamedTuple):
    """Which rows are wanted: ``limit`` rows, skipping ``offset`` or following the row with key ``after``."""

    limit: int
    offset: int = 0
    after: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The rows of one page; ``total`` is None when it was asked for by key, ``next_key`` None at the end."""

    rows: list[Row]
    total: int | None
    next_key: tuple[Any, ...] | None


class SortKey(NamedTuple):
    """One column a list is ordered by."""

    column: ColumnElement[Any]
    descending: bool = False

    @property
    def ordered(self) -> ColumnElement[Any]:
        """Return the ORDER BY term."""
        return self.column.desc() if self.descending else self.column.asc()

    def follows(self, value: Any) -> ColumnElement[bool]:
        """Return the condition of coming strictly after ``value``."""
        following: ColumnElement[bool] = self.column < value if self.descending else self.column > value
        return following


class Details(NamedTuple):
    """What is read about the rows of a page only, once they are found."""

    columns: Sequence[ColumnElement[Any]]
    joined_to: Callable[[FromClause, FromClause], FromClause]
    """Takes what is selected from so far and the page in it, whose columns are those of the statement."""


def fetch_page(
    connection: Connection,
    statement: Select[Any],
    *,
    sort: Sequence[SortKey],
    page: PageRequest,
    make_row: Callable[..., Row],
    details: Details | None = None,
    total: ColumnElement[int] | None = None,
) -> Page[Row]:
    """Run one statement for one page of ``statement`` and build each row with ``make_row(*columns)``.

    ``sort`` ends in a unique column, so pages stay stable while rows are added. One row more than
    asked for is read to know whether there is a next page. By offset the same statement counts.
    With ``details`` their columns make the row, and those of ``statement`` only say which rows there are.
    ``total`` counts where a statement that gives no more than the page's rows cannot.

    :raises UnknownCursor: the key has another number of parts than the order.
    """
    keyed = statement.add_columns(*(key.column.label(f"_key_{n}") for n, key in enumerate(sort)))
    if page.after is None:
        if total is None:
            counted = select(func.count().label("total")).select_from(keyed.subquery("matching"))
        else:
            counted = select(total.label("total"))
        return _fetch_by_offset(connection, keyed, counted, sort, page, make_row, details)
    # A cursor may have been handed out by a release in which the list had another order.
    if len(page.after) != len(sort):
        raise UnknownCursor
    after = _after(sort, page.after)
    following = keyed.where(after).order_by(*(key.ordered for key in sort)).limit(_literal(page.limit + 1))
    if details is not None:
        found = following.cte("page")
        following = _detailed(select(), found, found, details, sort).order_by(*_key_order(found, sort))
    rows = connection.execute(following).all()
    return _page(rows, len(sort), page.limit, None, make_row)


def _fetch_by_offset(
    connection: Connection,
    keyed: Select[Any],
    counting: Select[Any],
    sort: Sequence[SortKey],
    page: PageRequest,
    make_row: Callable[..., Row],
    details: Details | None,
) -> Page[Row]:
    # Counting and the page in one statement: a count of one row joined to the page's rows, so that an
    # empty page still says how many there are.
    count = counting.cte("counted")
    rows_of_page = (
        keyed.add_columns(true().label("_present"))
        .order_by(*(key.ordered for key in sort))
        .limit(_literal(page.limit + 1))
        .offset(_literal(page.offset))
        .cte("page")
    )
    both = count.outerjoin(rows_of_page, true())
    counted = select(count.c.total)
    if details is None:
        joined = counted.add_columns(rows_of_page).select_from(both)
    else:
        joined = _detailed(counted, both, rows_of_page, details, sort).add_columns(rows_of_page.c._present)
    joined = joined.order_by(*_key_order(rows_of_page, sort))
    found = connection.execute(joined).all()
    rows = [row[1:-1] for row in found if row[-1]]
    return _page(rows, len(sort), page.limit, found[0][0], make_row)


def _detailed(
    statement: Select[Any], source: FromClause, page: CTE, details: Details, sort: Sequence[SortKey]
) -> Select[Any]:
    keys = (page.c[f"_key_{n}"] for n in range(len(sort)))
    return statement.add_columns(*details.columns, *keys).select_from(details.joined_to(source, page))


def _key_order(page: CTE, sort: Sequence[SortKey]) -> list[ColumnElement[Any]]:
    columns = [page.c[f"_key_{n}"] for n in range(len(sort))]
    return [
        column.desc() if key.descending else column.asc() for key, column in zip(sort, columns, strict=True)
    ]


def _page(
    rows: Sequence[Sequence[Any]], key_width: int, limit: int, total: int | None, make_row: Callable[..., Row]
) -> Page[Row]:
    visible = rows[:limit]
    next_key = tuple(visible[-1][-key_width:]) if len(rows) > limit else None
    return Page([make_row(*row[:-key_width]) for row in visible], total, next_key)


def _after(sort: Sequence[SortKey], values: Sequence[Any]) -> ColumnElement[bool]:
    """Return the condition of coming after the row with these key values, in a form an index can follow."""
    first = sort[0].column
    bound = first <= values[0] if sort[0].descending else first >= values[0]
    steps = []
    for n, key in enumerate(sort):
        equal = [earlier.column == value for earlier, value in zip(sort[:n], values[:n], strict=True)]
        steps.append(and_(*equal, key.follows(values[n])))
    return and_(bound, or_(*steps))


def _literal(number: int) -> ColumnElement[int]:
    # As a bound parameter the planner would have to guess how few rows are wanted.
    return literal_column(str(int(number)))

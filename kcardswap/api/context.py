"""What a view asks for: the runtime, the caller, a unit of work, a read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from uuid import UUID

from flask import g, request

from kcardswap.domain.accounts import Role
from kcardswap.runtime import Runtime, current_runtime
from kcardswap.services import UnitOfWork

P = ParamSpec("P")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is calling, as the database knows them at this moment."""

    user_id: UUID
    session_id: UUID | None
    """None for a suspended person, whose restricted token belongs to no session."""
    role: Role


def runtime() -> Runtime:
    """Return what this process shares."""
    return current_runtime()


def caller() -> Caller:
    """Return the signed-in caller of an operation that needs one."""
    return cast(Caller, g.caller)


def request_id() -> str | None:
    """Return the id every log line and answer of this request carries."""
    return cast(str | None, g.get("request_id"))


def unit_of_work() -> UnitOfWork:
    """Return a unit of work; in a keyed request it takes part in the request's own transaction."""
    return runtime().unit_of_work(
        g.get("transaction"), request_id=request_id(), afterwards=g.get("afterwards")
    )


def read(query: Callable[Concatenate[Any, P], Result], *args: P.args, **kwargs: P.kwargs) -> Result:
    """Run one query function on a reading connection and return its rows.

    In a keyed request it reads inside the request's transaction, so that the answer kept for
    repetitions shows exactly what was written.
    """
    transaction = g.get("transaction")
    # Whoever just wrote reads their own write; only plain reads may be a moment behind.
    if transaction is not None or request.method != "GET":
        return read_primary(query, *args, **kwargs)
    with runtime().database.replica() as connection:
        return query(connection, *args, **kwargs)


def read_primary(query: Callable[Concatenate[Any, P], Result], *args: P.args, **kwargs: P.kwargs) -> Result:
    """Run one query function like ``read``, but never on a replica: for reads that lead to a write."""
    transaction = g.get("transaction")
    if transaction is not None:
        return query(transaction, *args, **kwargs)
    with runtime().database.reader() as connection:
        return query(connection, *args, **kwargs)

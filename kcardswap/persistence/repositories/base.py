"""What every repository does: add, find and lock whole aggregates."""

from collections.abc import Iterable
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, Table, select
from sqlalchemy.orm import Session

from kcardswap.domain.accounts import UserStatus
from kcardswap.domain.base import Aggregate
from kcardswap.domain.errors import Refusal
from kcardswap.persistence.orm.accounts import users

Entity = TypeVar("Entity")


class Repository(Generic[Entity]):
    """A collection of one kind of entity inside a unit of work."""

    entity: ClassVar[type[Any]]
    table: ClassVar[Table]
    missing: ClassVar[type[Refusal] | None] = None
    """The refusal of ``get`` for an id that is not there; it takes no arguments."""

    def __init__(self, session: Session, seen: list[Aggregate]) -> None:
        self.session = session
        # The unit of work drains events from here: the session alone would let a clean aggregate
        # with pending events be garbage-collected.
        self._seen = seen

    def add(self, entity: Entity) -> None:
        """Store a new entity with the next flush."""
        self.session.add(entity)
        self._remember(entity)

    def remove(self, entity: Entity) -> None:
        """Delete an entity with the next flush."""
        self.session.delete(entity)

    def find(self, id: UUID, *, lock: bool = False) -> Entity | None:
        """Return the entity with this id or None; ``lock`` keeps other writers out until the commit."""
        return self._one(self.table.c.id == id, lock=lock)

    def get(self, id: UUID, *, lock: bool = False) -> Entity:
        """Return the entity with this id.

        :raises Refusal: the repository's ``missing`` refusal when there is none.
        """
        return self._there(self.find(id, lock=lock))

    def _get_of_somebody(
        self, id: UUID, owner_id: Column[UUID], *where: ColumnElement[bool], lock: bool
    ) -> Entity:
        """Return the entity with this id that meets ``where``, unless its owner's account was deleted.

        :raises Refusal: the repository's ``missing`` refusal otherwise.
        """
        owner_left = select(users.c.id).where(users.c.id == owner_id, users.c.status == UserStatus.DELETED)
        return self._there(self._one(self.table.c.id == id, ~owner_left.exists(), *where, lock=lock))

    def _there(self, found: Entity | None) -> Entity:
        if found is None:
            assert self.missing is not None, f"{type(self).__name__} does not say what a missing row means"
            raise self.missing()
        return found

    def find_many(self, ids: Iterable[UUID], *, lock: bool = False) -> dict[UUID, Entity]:
        """Return the entities among ``ids`` by id, locked in id order so that lockers never cross."""
        wanted = sorted(set(ids))
        statement = select(self.entity).where(self.table.c.id.in_(wanted)).order_by(self.table.c.id)
        found = self._all(statement, lock=lock)
        return {entity.id: entity for entity in found}  # type: ignore[attr-defined]

    def _one(self, *where: ColumnElement[bool], lock: bool = False) -> Entity | None:
        found = self._all(select(self.entity).where(*where).limit(1), lock=lock)
        return found[0] if found else None

    def _all(self, statement: Select[Any], *, lock: bool = False) -> list[Entity]:
        if lock:
            # Without populate_existing a locked row keeps the attributes it was first loaded with.
            statement = statement.with_for_update(key_share=True, of=self.table).execution_options(
                populate_existing=True
            )
        found = list(self.session.scalars(statement))
        for entity in found:
            self._remember(entity)
        return found

    def _remember(self, entity: Entity) -> None:
        if isinstance(entity, Aggregate) and not any(entity is known for known in self._seen):
            self._seen.append(entity)

"""Who is hidden from whom: EXISTS fragments for the WHERE clauses of every read.

Each takes columns or values, so one fragment serves a list (columns of its rows) and a single read.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, FromClause, and_, literal, or_, select

from kcardswap.domain.accounts import UserStatus
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.friendships import blocks

Person = ColumnElement[UUID] | BindParameter[UUID] | UUID
"""A user id: a column of the surrounding select, a bind parameter or a value."""


def has_blocked(blocker: Person, blocked: Person) -> ColumnElement[bool]:
    """Return the condition that ``blocker`` shut ``blocked`` out."""
    block = blocks.alias()
    return _exists(block, block.c.blocker_id == blocker, block.c.blocked_id == blocked)


def blocked_either_way(a: Person, b: Person) -> ColumnElement[bool]:
    """Return the condition that one of the two shut the other out."""
    # Two probes of the unique index; one EXISTS with OR inside would read all blocks of both.
    return or_(has_blocked(a, b), has_blocked(b, a))


def visible_to(viewer_id: Person) -> ColumnElement[bool]:
    """Return the condition that the person of ``users`` is there for the viewer.

    Deleted people are there for nobody; other people are not there for those they blocked.
    """
    return and_(users.c.status != UserStatus.DELETED, ~has_blocked(users.c.id, viewer_id))


def person_is_gone(user_id: Person) -> ColumnElement[bool]:
    """Return the condition that this person's account was deleted."""
    person = users.alias()
    return _exists(person, person.c.id == user_id, person.c.status == UserStatus.DELETED)


def person_is_suspended(user_id: Person, now: ColumnElement[datetime] | datetime) -> ColumnElement[bool]:
    """Return the condition that a suspension of this person is running at ``now``."""
    person = users.alias()
    return _exists(
        person,
        person.c.id == user_id,
        person.c.status == UserStatus.SUSPENDED,
        or_(person.c.suspended_until.is_(None), person.c.suspended_until > now),
    )


def listed_for(
    viewer_id: Person, person: Person, now: ColumnElement[datetime] | datetime
) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which lists show this person to the viewer.

    Left out are people who are deleted or suspended, and those with a block between them and the viewer.
    """
    # Apart from each other, so that PostgreSQL can turn each into one join when it counts.
    return (
        ~person_is_gone(person),
        ~person_is_suspended(person, now),
        ~has_blocked(person, viewer_id),
        ~has_blocked(viewer_id, person),
    )


def _exists(source: FromClause, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    # Everything but the own table belongs to the surrounding select, whatever that selects from.
    return select(literal(1)).select_from(source).where(*where).correlate_except(source).exists()

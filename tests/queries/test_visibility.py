"""Who is hidden from whom, with columns and with values."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, select, update

from kcardswap.persistence.orm.accounts import users
from kcardswap.queries.visibility import blocked_either_way, has_blocked, person_is_gone, person_is_suspended
from kcardswap.runtime import Runtime
from kcardswap.services import friendships
from tests.conftest import MovableClock
from tests.people import delete, make_user, suspend


@pytest.fixture
def people(runtime: Runtime) -> tuple[UUID, UUID, UUID]:
    """Mina, who blocked Jun; and Sora, with whom nobody has trouble."""
    mina, jun, sora = (make_user(runtime, name) for name in ("mina", "jun", "sora"))
    friendships.block(runtime.unit_of_work(), by=mina, target_id=jun)
    return mina, jun, sora


def test_a_block_has_a_direction(connection: Connection, people: tuple[UUID, UUID, UUID]) -> None:
    mina, jun, sora = people
    answers = select(has_blocked(mina, jun), has_blocked(jun, mina), has_blocked(mina, sora))
    assert connection.execute(answers).one() == (True, False, False)


def test_either_way_holds_for_both_sides(connection: Connection, people: tuple[UUID, UUID, UUID]) -> None:
    mina, jun, sora = people
    answers = select(
        blocked_either_way(mina, jun), blocked_either_way(jun, mina), blocked_either_way(sora, jun)
    )
    assert connection.execute(answers).one() == (True, True, False)


def test_fragments_filter_lists_by_their_columns(
    runtime: Runtime, connection: Connection, people: tuple[UUID, UUID, UUID]
) -> None:
    mina, jun, sora = people
    visible = select(users.c.id).where(~blocked_either_way(users.c.id, jun), ~person_is_gone(users.c.id))
    assert set(connection.scalars(visible)) == {jun, sora}
    delete(runtime, sora)
    assert set(connection.scalars(visible)) == {jun}
    assert connection.scalar(select(person_is_gone(mina))) is False


def test_a_suspension_hides_until_its_end(
    runtime: Runtime, connection: Connection, clock: MovableClock, people: tuple[UUID, UUID, UUID]
) -> None:
    mina, _, sora = people
    suspend(runtime, sora)
    hidden = select(users.c.id).where(person_is_suspended(users.c.id, clock.now()))
    assert list(connection.scalars(hidden)) == [sora]
    until = clock.now() + timedelta(hours=1)
    connection.execute(update(users).where(users.c.id == sora).values(suspended_until=until))
    assert connection.scalar(select(person_is_suspended(sora, until - timedelta(microseconds=1)))) is True
    assert connection.scalar(select(person_is_suspended(sora, until))) is False
    assert connection.scalar(select(person_is_suspended(mina, clock.now()))) is False

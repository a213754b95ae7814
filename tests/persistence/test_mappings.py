"""What imperative mapping gets wrong silently, and the promises of the unit of work."""

import gc
import warnings
from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any, get_origin, get_type_hints
from uuid import UUID

import pytest
from sqlalchemy import Connection, create_engine, func, insert, inspect, make_url, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapper

from kcardswap.domain.accounts import User, UserStatus
from kcardswap.domain.base import Aggregate
from kcardswap.domain.catalog import CatalogGroup, GroupEntry
from kcardswap.domain.errors import WriteConflict
from kcardswap.domain.profiles import Profile, ProfileUpdated
from kcardswap.domain.trades import Trade
from kcardswap.persistence.engine import init_db, session_scope
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.base import mapper_registry, metadata
from kcardswap.persistence.orm.catalog import catalog_groups
from kcardswap.persistence.orm.mappings import map_entities
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.persistence.orm.trades import trades
from kcardswap.persistence.violations import FIRST_COMERS, REFUSALS
from kcardswap.runtime import Runtime
from tests.conftest import MovableClock, scratch_database
from tests.people import make_user

map_entities()
MAPPERS = sorted(mapper_registry.mappers, key=lambda mapper: mapper.class_.__name__)

each_entity = pytest.mark.parametrize("mapper", MAPPERS, ids=lambda mapper: mapper.class_.__name__)


@each_entity
def test_every_field_is_stored_and_every_column_has_a_field(mapper: Mapper[Any]) -> None:
    names = {field.name for field in fields(mapper.class_)}
    assert names == {attribute.key for attribute in mapper.attrs}
    assert {column.key for column in mapper.local_table.columns} <= names


@each_entity
def test_no_property_hides_a_column(mapper: Mapper[Any]) -> None:
    for column in mapper.local_table.columns:
        assert not isinstance(vars(mapper.class_).get(column.key), property)


@each_entity
def test_two_entities_are_never_equal_and_always_hashable(mapper: Mapper[Any]) -> None:
    # Compared by value, list.remove would take out another row that looks the same.
    methods = vars(mapper.class_)
    assert "__eq__" not in methods
    assert "__hash__" not in methods


@each_entity
def test_relationships_stay_inside_an_aggregate_and_are_loaded_with_it(mapper: Mapper[Any]) -> None:
    for relationship in mapper.relationships:
        owner, member = mapper.class_.__module__, relationship.mapper.class_.__module__
        assert owner.split(".")[:3] == member.split(".")[:3]
        assert relationship.lazy in ("selectin", "joined")


@each_entity
def test_json_is_an_immutable_value_that_is_reassigned(mapper: Mapper[Any]) -> None:
    hints = get_type_hints(mapper.class_)
    for column in mapper.local_table.columns:
        if isinstance(column.type, JSONB):
            assert get_origin(hints[column.key]) in (Mapping, tuple), column


def test_mapping_again_does_nothing() -> None:
    map_entities()
    assert len(list(mapper_registry.mappers)) == len(MAPPERS)


def test_trades_are_checked_by_version() -> None:
    assert inspect(Trade).version_id_col is trades.c.version


def test_every_translated_violation_is_of_a_constraint_there_is() -> None:
    known = {str(rule.name) for table in metadata.tables.values() for rule in table.constraints}
    known |= {str(index.name) for table in metadata.tables.values() for index in table.indexes}
    assert REFUSALS.keys() | FIRST_COMERS <= known


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime)


def event_types(connection: Connection, user_id: UUID) -> list[str]:
    statement = select(outbox.c.event_type).where(outbox.c.aggregate_id == user_id).order_by(outbox.c.id)
    return list(connection.scalars(statement))


def test_locking_a_loaded_row_brings_its_present_attributes(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    uow = runtime.unit_of_work()
    with uow:
        user = uow.users.get(mina)
        connection.execute(update(users).where(users.c.id == mina).values(status=UserStatus.UNDER_REVIEW))
        assert uow.users.get(mina).status is UserStatus.ACTIVE
        assert uow.users.get(mina, lock=True) is user
        assert user.status is UserStatus.UNDER_REVIEW


def test_locking_many_brings_their_present_attributes_too(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    uow = runtime.unit_of_work()
    with uow:
        uow.users.get(mina)
        connection.execute(update(users).where(users.c.id == mina).values(status=UserStatus.UNDER_REVIEW))
        assert uow.users.find_many([mina], lock=True)[mina].status is UserStatus.UNDER_REVIEW


def test_a_changed_entity_is_dated_by_the_clock(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    clock.advance(hours=1)
    uow = runtime.unit_of_work()
    with uow:
        uow.users.get(mina).status = UserStatus.UNDER_REVIEW
        uow.commit()
    user = connection.execute(select(users).where(users.c.id == mina)).one()
    assert user.updated_at == clock.now()
    assert user.created_at == clock.now() - timedelta(hours=1)


def test_an_entity_set_to_what_it_was_is_not_dated(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    before = connection.scalar(select(users.c.updated_at).where(users.c.id == mina))
    clock.advance(hours=1)
    uow = runtime.unit_of_work()
    with uow:
        user = uow.users.get(mina)
        user.status = user.status
        uow.commit()
    assert connection.scalar(select(users.c.updated_at).where(users.c.id == mina)) == before


def test_a_loaded_aggregate_records_events_and_the_commit_writes_them(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    uow = runtime.unit_of_work(request_id="request-1")
    with uow:
        profile = uow.profiles.find_by_user(mina)
        assert profile is not None
        profile.edit({"bio": "hello"})
        assert "ProfileUpdated" not in event_types(connection, mina)
        uow.commit()
    event = connection.execute(select(outbox).where(outbox.c.event_type == "ProfileUpdated")).one()
    assert (event.aggregate_type, event.aggregate_id) == ("user", mina)
    assert event.payload == {"user_id": str(mina)}
    assert (event.request_id, event.attempts, event.processed_at) == ("request-1", 0, None)
    assert event.created_at == event.available_at == runtime.clock.now()


def test_events_and_changes_vanish_together_without_a_commit(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    before = event_types(connection, mina)
    uow = runtime.unit_of_work()
    with uow:
        profile = uow.profiles.find_by_user(mina)
        assert profile is not None
        profile.edit({"bio": "lost"})
        uow.flush()
    assert event_types(connection, mina) == before
    assert connection.scalar(select(profiles.c.bio).where(profiles.c.user_id == mina)) is None


def edit_and_register_twice(runtime: Runtime, user_id: UUID) -> None:
    uow = runtime.unit_of_work()
    with uow:
        profile = uow.profiles.find_by_user(user_id)
        assert profile is not None
        profile.edit({"bio": "lost"})
        uow.users.add(User.register(id=uow.new_id(), email="mina@kcardswap.test", now=uow.clock.now()))
        uow.commit()


def test_events_and_changes_vanish_together_when_something_fails(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    before = event_types(connection, mina)
    with pytest.raises(WriteConflict):
        edit_and_register_twice(runtime, mina)
    assert event_types(connection, mina) == before
    assert connection.scalar(select(profiles.c.bio).where(profiles.c.user_id == mina)) is None


def test_events_of_an_unchanged_aggregate_survive_garbage_collection(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    uow = runtime.unit_of_work()
    with uow:
        profile = uow.profiles.find_by_user(mina)
        assert isinstance(profile, Aggregate)
        profile.record(ProfileUpdated(user_id=mina))
        del profile
        gc.collect()
        uow.commit()
    assert event_types(connection, mina)[-1] == "ProfileUpdated"


def test_events_are_written_once(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    uow = runtime.unit_of_work()
    with uow:
        profile = uow.profiles.find_by_user(mina)
        assert profile is not None
        profile.edit({"bio": "hello"})
        uow.commit()
        uow.commit()
    assert event_types(connection, mina).count("ProfileUpdated") == 1


def test_a_unit_of_work_can_be_entered_again(runtime: Runtime, mina: UUID) -> None:
    uow = runtime.unit_of_work()
    with uow:
        first = uow.users.get(mina)
    with uow:
        assert uow.users.get(mina) is not first


def test_entities_keep_their_attributes_after_the_commit(runtime: Runtime, mina: UUID) -> None:
    uow = runtime.unit_of_work()
    with uow:
        user = uow.users.get(mina)
        uow.commit()
    assert user.email == "mina@kcardswap.test"


def test_parts_of_an_aggregate_are_inserted_after_their_root(runtime: Runtime) -> None:
    # Without a relationship rows go in by class name: aliases before the group they refer to.
    uow = runtime.unit_of_work()
    with uow:
        entry = GroupEntry(slug="zzz", name="Zzz")
        group = CatalogGroup.start(entry, id=uow.new_id(), now=uow.clock.now())
        group.describe(entry, new_id=uow.new_id, now=uow.clock.now())
        uow.catalog_groups.add(group)
        uow.commit()
    with uow:
        assert [alias.text for alias in uow.catalog_groups.get(group.id).aliases] == ["Zzz"]


def test_a_profile_without_account_is_a_bug_not_a_refusal(runtime: Runtime) -> None:
    uow = runtime.unit_of_work()
    with uow:
        uow.profiles.add(Profile.blank(id=uow.new_id(), user_id=uow.new_id(), now=uow.clock.now()))
        with pytest.raises(Exception, match="fk_profiles_user_id"):
            uow.commit()


NEW_GROUP = {"name": "Scope", "search_text": "scope"}


def group_rows(url: str) -> int:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.scalar(
            select(func.count()).select_from(catalog_groups).where(catalog_groups.c.slug == "scope")
        )
    engine.dispose()
    return found or 0


def add_group(runtime: Runtime, url: str, *, fail: bool) -> None:
    now = runtime.clock.now()
    with session_scope(url) as session:
        session.execute(
            insert(catalog_groups).values(
                id=runtime.new_id(), slug="scope", created_at=now, updated_at=now, **NEW_GROUP
            )
        )
        if fail:
            raise RuntimeError("changed my mind")


def test_a_session_scope_commits_at_its_end_and_rolls_back_on_an_exception(
    runtime: Runtime, server_url: str, migrated_url: str
) -> None:
    with scratch_database(server_url, make_url(migrated_url).database) as url:
        with pytest.raises(RuntimeError, match="changed my mind"):
            add_group(runtime, url, fail=True)
        assert group_rows(url) == 0
        add_group(runtime, url, fail=False)
        assert group_rows(url) == 1


def test_a_session_scope_gives_its_connection_back(
    runtime: Runtime, server_url: str, migrated_url: str
) -> None:
    with scratch_database(server_url, make_url(migrated_url).database) as url:
        add_group(runtime, url, fail=False)
        engine = create_engine(url)
        with engine.connect() as connection:
            others = connection.scalar(
                text(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    " AND backend_type = 'client backend'"
                )
            )
        engine.dispose()
        assert others == 0


def test_init_db_warns_and_creates_nothing(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with scratch_database(server_url) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            init_db()
        assert [(each.category, "flask db upgrade" in str(each.message)) for each in caught] == [
            (DeprecationWarning, True)
        ]
        engine = create_engine(url)
        assert inspect(engine).get_table_names() == []
        engine.dispose()

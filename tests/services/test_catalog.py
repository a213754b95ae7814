"""Importing catalogue files."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, Table, func, select, update

from kcardswap.domain.catalog import CatalogGroup, GroupEntry, MemberEntry
from kcardswap.persistence.orm.catalog import catalog_aliases, catalog_groups, catalog_members
from kcardswap.runtime import Runtime
from kcardswap.services.catalog import ImportReport, import_catalog, shipped_groups
from tests.conftest import MovableClock

TABLES = (catalog_groups, catalog_members, catalog_aliases)


def rows(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def everything(connection: Connection) -> list[Any]:
    return [connection.execute(select(table).order_by(table.c.id)).all() for table in TABLES]


def nothing_new(**counts: Any) -> ImportReport:
    """Return the report of an import that found nothing new but what is said."""
    none = dict.fromkeys(
        ["groups_added", "groups_updated", "members_added", "members_updated", "aliases_added"], 0
    )
    return ImportReport(**{**none, **counts})


def run(runtime: Runtime, *groups: GroupEntry) -> ImportReport:
    return import_catalog(runtime.unit_of_work(), groups=groups)


def aliases_of(connection: Connection, slug: str) -> list[str]:
    statement = (
        select(catalog_aliases.c.text)
        .join(catalog_groups, catalog_groups.c.id == catalog_aliases.c.group_id)
        .where(catalog_groups.c.slug == slug)
        .order_by(catalog_aliases.c.id)
    )
    return list(connection.scalars(statement))


def test_the_shipped_file_has_187_groups_with_1024_members() -> None:
    groups = shipped_groups()
    assert len(groups) == 187
    assert sum(len(group.members) for group in groups) == 1024
    assert len({group.slug for group in groups}) == 187


def test_importing_the_shipped_file_fills_the_catalogue_around_the_featured_groups(
    runtime: Runtime, connection: Connection
) -> None:
    report = run(runtime, *shipped_groups())
    assert (report.groups_added, report.groups_updated) == (175, 0)
    assert (report.members_added, report.members_updated) == (1024, 0)
    assert (rows(connection, catalog_groups), rows(connection, catalog_members)) == (187, 1024)
    typed = select(func.count()).select_from(catalog_aliases).where(~catalog_aliases.c.generated)
    assert connection.scalar(typed) == 65 + report.aliases_added
    featured = connection.scalars(
        select(catalog_groups.c.slug).where(catalog_groups.c.featured).order_by(catalog_groups.c.sort_order)
    )
    assert list(featured)[:3] == ["newjeans", "ive", "aespa"]


def test_importing_again_changes_no_row(
    runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    run(runtime, *shipped_groups())
    before = everything(connection)
    clock.advance(days=1)
    report = run(runtime, *shipped_groups())
    assert report == nothing_new(unchanged=187 + 1024)
    assert everything(connection) == before


def test_every_name_is_an_alias_and_searchable(runtime: Runtime, connection: Connection) -> None:
    run(runtime, *shipped_groups())
    for table, owner in ((catalog_groups, "group_id"), (catalog_members, "member_id")):
        without = select(table.c.name).where(
            ~select(catalog_aliases.c.id)
            .where(catalog_aliases.c[owner] == table.c.id, catalog_aliases.c.text == table.c.name)
            .exists()
        )
        assert list(connection.scalars(without)) == []
    search = connection.scalar(select(catalog_groups.c.search_text).where(catalog_groups.c.slug == "fx"))
    assert "fx" in (search or "").split()


def test_a_group_and_its_members_are_stored_whole(runtime: Runtime, connection: Connection) -> None:
    haerin = MemberEntry(name="Haerin", name_ko="해린", aliases=["Kang Haerin"])
    report = run(runtime, GroupEntry(slug="new", name="New", name_ko="새", aliases=["N"], members=[haerin]))
    assert report == nothing_new(groups_added=1, members_added=1, aliases_added=6)
    group = connection.execute(select(catalog_groups).where(catalog_groups.c.slug == "new")).one()
    assert (group.name, group.name_ko, group.name_zh, group.featured) == ("New", "새", None, False)
    assert group.search_text == " n new sae 새 "
    member = connection.execute(select(catalog_members)).one()
    assert (member.group_id, member.name, member.name_ko) == (group.id, "Haerin", "해린")
    norms = select(catalog_aliases.c.norm).where(catalog_aliases.c.member_id == member.id)
    assert set(connection.scalars(norms.where(~catalog_aliases.c.generated))) == {
        "haerin",
        "해린",
        "kanghaerin",
    }


def test_what_operators_added_survives_an_import(runtime: Runtime, connection: Connection) -> None:
    run(runtime, GroupEntry(slug="bts", name="BTS", aliases=["Beyond"], members=[MemberEntry(name="RM")]))
    connection.execute(
        update(catalog_groups).where(catalog_groups.c.slug == "bts").values(sort_order=50, emoji="🫶")
    )
    report = run(runtime, GroupEntry(slug="bts", name="BTS"))
    assert (report.groups_updated, report.members_added, report.aliases_added) == (0, 0, 0)
    group = connection.execute(select(catalog_groups).where(catalog_groups.c.slug == "bts")).one()
    assert (group.name_zh, group.featured, group.sort_order, group.emoji) == ("防彈少年團", True, 50, "🫶")
    assert "Beyond" in aliases_of(connection, "bts")
    assert rows(connection, catalog_members) == 1


def test_new_spellings_and_names_are_reported_as_updates(runtime: Runtime, connection: Connection) -> None:
    run(runtime, GroupEntry(slug="new", name="New", members=[MemberEntry(name="A"), MemberEntry(name="B")]))
    changed = [MemberEntry(name="A", name_zh="甲"), MemberEntry(name="B")]
    report = run(runtime, GroupEntry(slug="new", name="New", aliases=["Newer"], members=changed))
    assert report == nothing_new(groups_updated=1, members_updated=1, aliases_added=2, unchanged=1)
    assert aliases_of(connection, "new") == ["New", "Newer"]


def test_members_of_the_same_name_in_two_groups_are_two(runtime: Runtime, connection: Connection) -> None:
    minji = [MemberEntry(name="Minji")]
    run(
        runtime,
        GroupEntry(slug="one", name="One", members=minji),
        GroupEntry(slug="two", name="Two", members=minji),
    )
    assert rows(connection, catalog_members) == 2


def test_progress_is_told_after_each_group(runtime: Runtime) -> None:
    told: list[tuple[int, int]] = []
    entries = [GroupEntry(slug=slug, name=slug) for slug in ("one", "two")]
    import_catalog(
        runtime.unit_of_work(), groups=entries, on_progress=lambda done, total: told.append((done, total))
    )
    assert told == [(1, 2), (2, 2)]


def test_an_import_that_fails_leaves_nothing(runtime: Runtime, connection: Connection) -> None:
    before = everything(connection)

    def fail(done: int, total: int) -> None:
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError):
        import_catalog(runtime.unit_of_work(), groups=[GroupEntry(slug="one", name="One")], on_progress=fail)
    assert everything(connection) == before


def test_a_group_is_loaded_with_its_members_and_all_aliases(runtime: Runtime) -> None:
    run(runtime, *shipped_groups())
    uow = runtime.unit_of_work()
    with uow:
        group: CatalogGroup = uow.catalog_groups.by_slug(["newjeans"])["newjeans"]
        assert [member.name for member in group.members] == ["Danielle", "Haerin", "Hanni", "Hyein", "Minji"]
        typed = [alias for alias in group.members[1].aliases if not alias.generated]
        assert {alias.norm for alias in typed} == {"haerin", "해린"}
        assert "njz" in {alias.norm for alias in group.aliases}


def test_two_imports_at_once_do_not_collide(committed_runtime: Runtime) -> None:
    runtime, barrier = committed_runtime, Barrier(3)

    def run_one(_: int) -> ImportReport:
        barrier.wait()
        return run(runtime, *shipped_groups())

    with ThreadPoolExecutor(3) as threads:
        reports = list(threads.map(run_one, range(3)))
    assert sorted(report.groups_added for report in reports) == [0, 0, 175]
    with runtime.database.reader() as connection:
        assert rows(connection, catalog_groups) == 187

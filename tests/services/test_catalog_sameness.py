"""What an import takes for the same, and whom it keeps waiting."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import Connection, select

from kcardswap.domain.cards import Rarity
from kcardswap.domain.catalog import GroupEntry, MemberEntry, PhotocardEntry, ReleaseEntry, ReleaseKind
from kcardswap.persistence.orm.catalog import catalog_groups, catalog_members, catalog_releases
from kcardswap.runtime import Runtime
from kcardswap.services.catalog import ImportReport, import_catalog
from tests.people import sign_in
from tests.photocards import row, submit
from tests.wishes import wish

WONYOUNG = MemberEntry(name="Wonyoung", name_ko="장원영", aliases=["Jang Wonyoung"])


def run(runtime: Runtime, *groups: GroupEntry) -> ImportReport:
    return import_catalog(runtime.unit_of_work(), groups=groups)


def ive(
    members: Sequence[MemberEntry] = (),
    releases: Sequence[ReleaseEntry] = (),
    photocards: Sequence[PhotocardEntry] = (),
) -> GroupEntry:
    return GroupEntry(slug="ive", name="IVE", members=members, releases=releases, photocards=photocards)


@pytest.mark.parametrize("name", ["WONYOUNG", "Jang Wonyoung", "장원영"], ids=["case", "alias", "korean"])
def test_a_known_member_in_another_spelling_is_not_added_again(
    runtime: Runtime, connection: Connection, name: str
) -> None:
    mina = sign_in(runtime, "mina").user_id
    run(runtime, ive([WONYOUNG]))
    typed = submit(runtime, mina, idol_group="IVE", idol="Wonyoung", version="A").photocard_id
    report = run(runtime, ive([MemberEntry(name=name)]))
    assert (report.members_added, report.members_updated, report.unchanged) == (0, 0, 2)
    assert list(connection.scalars(select(catalog_members.c.name))) == ["Wonyoung"]
    assert submit(runtime, mina, idol_group="IVE", idol="Wonyoung", version="A").photocard_id == typed


@pytest.mark.parametrize(
    ("title", "again"), [("I\u2019ve IVE", "I've IVE"), ("ELEVEN", "Eleven")], ids=["apostrophe", "case"]
)
def test_releases_of_one_kind_whose_titles_compare_equal_are_one(
    runtime: Runtime, connection: Connection, title: str, again: str
) -> None:
    run(runtime, ive(releases=[ReleaseEntry(title=title)]))
    report = run(
        runtime,
        ive(releases=[ReleaseEntry(title=again), ReleaseEntry(title=again, kind=ReleaseKind.SINGLE)]),
    )
    assert (report.releases_added, report.releases_updated) == (1, 0)
    assert set(connection.scalars(select(catalog_releases.c.title))) == {title, again}


def named(name: str, member: str, aliases: Sequence[str] = ()) -> GroupEntry:
    members = [MemberEntry(name=member)]
    return GroupEntry(slug=None, name=name, aliases=aliases, members=members, position=name)


@pytest.mark.parametrize("at_once", [True, False], ids=["one-file", "two-files"])
def test_groups_whose_different_names_give_one_slug_are_not_mixed(
    runtime: Runtime, connection: Connection, at_once: bool
) -> None:
    one, other = named("星星", "Alpha"), named("惺惺", "Beta")
    report = run(runtime, one, other) if at_once else (run(runtime, one), run(runtime, other))[1]
    assert [(skipped.position, skipped.reason) for skipped in report.skipped] == [
        ("惺惺", "gives the slug xingxing, which another group has: 星星")
    ]
    assert list(connection.scalars(select(catalog_members.c.name))) == ["Alpha"]


def test_a_group_of_one_slug_that_shares_a_name_is_the_same(runtime: Runtime, connection: Connection) -> None:
    run(runtime, named("Café", "Alpha"))
    report = run(runtime, named("Cafe", "Beta", aliases=["CAFÉ"]))
    assert (report.groups_added, report.members_added, report.skipped) == (0, 1, ())
    stored = select(catalog_groups.c.name).where(catalog_groups.c.slug == "cafe")
    assert list(connection.scalars(stored)) == ["Café"]


def test_a_running_import_keeps_nobody_from_the_photocards_it_leaves_alone(
    committed_runtime: Runtime,
) -> None:
    runtime = committed_runtime
    mina = sign_in(runtime, "mina").user_id
    known = ive(photocards=[PhotocardEntry(version="A")])
    run(runtime, known)
    photocard = submit(runtime, mina, idol_group="IVE", version="A").photocard_id
    assert photocard is not None
    # The second hundred of groups is begun when the photocards of the first are done.
    more = [GroupEntry(slug=f"g{n}", name=f"Group {n}") for n in range(105)]
    reached, wished = Event(), Event()

    def wait(done: int, total: int) -> None:
        if done == 101:
            reached.set()
            assert wished.wait(10), "the import kept somebody waiting"

    def wish_it() -> None:
        assert reached.wait(30)
        wish(runtime, mina, photocard_id=photocard)
        wished.set()

    with ThreadPoolExecutor(2) as threads:
        importing = threads.submit(
            import_catalog, runtime.unit_of_work(), groups=[known, *more], on_progress=wait
        )
        threads.submit(wish_it).result()
        assert importing.result().photocards_updated == 0


def test_a_photocard_the_file_says_more_about_is_changed(runtime: Runtime, connection: Connection) -> None:
    mina = sign_in(runtime, "mina").user_id
    photocard = submit(runtime, mina, idol_group="IVE", version="A").photocard_id
    assert photocard is not None
    entry = ive(photocards=[PhotocardEntry(version="A", rarity=Rarity.RARE)])
    assert run(runtime, entry).photocards_updated == 1
    assert run(runtime, entry).photocards_updated == 0
    stored = row(connection, photocard)
    assert (stored["status"], stored["rarity"]) == ("verified", "rare")

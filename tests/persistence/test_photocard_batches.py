"""Finding and making the photocards of many descriptions is the same as doing it one by one."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from kcardswap.domain.accounts import Role
from kcardswap.domain.cards import TEXT_FIELDS
from kcardswap.domain.spreadsheets import MatchedPhotocard, PhotocardMatch
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.runtime import Runtime
from tests.people import make_user
from tests.photocards import Shelf, merge, number_of_photocards, row

Description = dict[str, Any]
# Names of the shelf below, in several spellings, and one nobody knows.
GROUPS = [None, "Stars", "STARS!", "Stones", "Nobody", "Twins"]
IDOLS = [None, "Mina", "mi-na", "Solo", "Nobody", "!!"]
ALBUMS = [None, "Sky", "SKY", "Earth", "Nowhere"]
descriptions = st.fixed_dictionaries(
    {
        "idol_group": st.sampled_from(GROUPS),
        "idol": st.sampled_from(IDOLS),
        "album": st.sampled_from(ALBUMS),
        "version": st.sampled_from([None, "A", "a ", "B"]),
    }
)


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def shelf(runtime: Runtime, connection: Connection) -> Shelf:
    """Two groups with a member of the same name each, one of them alone with another, and some releases."""
    shelf = Shelf(runtime, connection)
    stars, stones = shelf.group("stars"), shelf.group("stones")
    for group_id in (stars, stones):
        shelf.member(group_id, "Mina")
    shelf.member(stars, "Solo")
    shelf.release(stars, "Sky")
    shelf.release(stones, "Sky")
    shelf.release(stones, "Earth")
    for group_id in (stars, stones):
        shelf.alias("Twins", group_id=group_id)
    shelf.alias("Nobody", generated=True, group_id=stars)
    return shelf


def batch(
    runtime: Runtime, by: UUID, *wanted: Description, keep: bool = True
) -> list[MatchedPhotocard | None]:
    uow = runtime.unit_of_work()
    with uow:
        found = uow.photocard_batches.matching(wanted, submitted_by=by)
        if keep:
            uow.commit()
        return found


def single(runtime: Runtime, by: UUID, wanted: Description) -> UUID | None:
    uow = runtime.unit_of_work()
    with uow:
        found: UUID | None = uow.photocards.matching(wanted, submitted_by=by)
        uow.commit()
        return found


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(wanted=st.lists(descriptions, max_size=12), first=st.booleans())
def test_many_at_once_mean_the_same_photocards_as_one_by_one(
    runtime: Runtime,
    connection: Connection,
    shelf: Shelf,
    mina: UUID,
    wanted: list[Description],
    first: bool,
) -> None:
    with connection.begin_nested() as savepoint:
        if first:
            found = batch(runtime, mina, *wanted)
            alone = [single(runtime, mina, each) for each in wanted]
            assert {each.match for each in found if each} <= {PhotocardMatch.NEW, PhotocardMatch.NONE}
        else:
            alone = [single(runtime, mina, each) for each in wanted]
            found = batch(runtime, mina, *wanted)
            assert {each.match for each in found if each} <= {PhotocardMatch.MATCHED, PhotocardMatch.NONE}
        assert [each and each.id for each in found] == alone
        savepoint.rollback()


def test_new_photocards_are_made_as_single_ones_are(
    runtime: Runtime, connection: Connection, shelf: Shelf, mina: UUID
) -> None:
    wanted = {"idol_group": "STARS!", "idol": "mi-na", "album": "sky", "version": " B"}
    [made] = batch(runtime, mina, wanted)
    assert made is not None and made.id is not None and made.match is PhotocardMatch.NEW
    stored = dict(row(connection, made.id))
    with connection.begin_nested() as savepoint:
        connection.exec_driver_sql("DELETE FROM photocards")
        alone = single(runtime, mina, wanted)
        assert alone is not None
        expected = dict(row(connection, alone))
        savepoint.rollback()
    assert stored == {**expected, "id": made.id}
    events = connection.execute(select(outbox).where(outbox.c.event_type == "PhotocardSubmitted")).all()
    assert [event.aggregate_id for event in events][:1] == [made.id]


def test_of_two_spellings_the_first_is_kept(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    first, second = batch(runtime, mina, {"idol": "Hae-Rin"}, {"idol": "HAERIN"})
    assert first == second and first is not None and first.id is not None
    assert row(connection, first.id)["member_text"] == "Hae-Rin"
    assert number_of_photocards(connection) == 1


def test_ids_count_before_texts_and_unknown_ones_are_none(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    known = single(runtime, mina, {"idol": "Haerin"})
    found = batch(runtime, mina, {"photocard_id": known, "idol": "Minji"}, {"photocard_id": uuid4()}, {})
    assert found == [
        MatchedPhotocard(known, PhotocardMatch.MATCHED),
        None,
        MatchedPhotocard(None, PhotocardMatch.NONE),
    ]
    assert number_of_photocards(connection) == 1


def test_merged_photocards_lead_to_their_target(runtime: Runtime, mina: UUID) -> None:
    root = make_user(runtime, "root")
    uow = runtime.unit_of_work()
    with uow:
        uow.users.get(root).role = Role.ADMIN
        uow.commit()
    old, target = (single(runtime, mina, {"idol": idol}) for idol in ("Haerin", "Kang Haerin"))
    assert old is not None and target is not None
    merge(runtime, old, target, root)
    found = batch(runtime, mina, {"photocard_id": old}, {"idol": "haerin"})
    assert found == [MatchedPhotocard(target, PhotocardMatch.MATCHED)] * 2


def test_any_number_of_descriptions_takes_the_same_few_statements(
    runtime: Runtime, shelf: Shelf, mina: UUID, count_sql: Callable[[], Any]
) -> None:
    uow = runtime.unit_of_work()
    for idols in (["Mina"], [f"Idol {n}" for n in range(700)]):
        texts = [dict.fromkeys(TEXT_FIELDS) | {"idol_group": "Stars", "idol": idol} for idol in idols]
        with uow, count_sql() as sent:
            uow.photocard_batches.matching(texts, submitted_by=mina)
            assert sent() <= 6


def test_what_is_not_committed_is_not_there(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    batch(runtime, mina, {"idol": "Haerin"}, keep=False)
    assert number_of_photocards(connection) == 0

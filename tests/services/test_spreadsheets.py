"""Importing cards and wishes: what lines become, and what they never do."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, func, select

from kcardswap.domain.cards import CardStatus
from kcardswap.domain.errors import LimitExceeded
from kcardswap.domain.spreadsheets import ImportReport, Outcome, SheetLine, SkipReason, SpreadsheetRefused
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.runtime import Runtime
from kcardswap.services import spreadsheets
from tests.binders import announce, delete, refused_limit, row
from tests.people import make_user
from tests.photocards import number_of_photocards
from tests.premium import make_premium


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


def sheet_lines(*values: dict[str, Any]) -> list[SheetLine]:
    start = {"status": CardStatus.AVAILABLE, "quantity": 1}
    return [SheetLine(number, {**start, **each}) for number, each in enumerate(values, start=2)]


def import_cards(
    runtime: Runtime, owner_id: UUID, *values: dict[str, Any], dry_run: bool = False
) -> ImportReport:
    return spreadsheets.import_cards(
        runtime.unit_of_work(), owner_id=owner_id, lines=sheet_lines(*values), dry_run=dry_run
    )


def import_wishes(
    runtime: Runtime, user_id: UUID, *values: dict[str, Any], dry_run: bool = False
) -> ImportReport:
    return spreadsheets.import_wishes(
        runtime.unit_of_work(), user_id=user_id, lines=sheet_lines(*values), dry_run=dry_run
    )


def count(connection: Connection, table: Any) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def test_an_imported_card_waits_for_its_picture_as_long_as_it_takes(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    report = import_cards(runtime, mina, {"idol": "Hae-Rin", "note": "x"})
    card = connection.execute(select(cards)).mappings().one()
    assert (card["owner_id"], card["idol"], card["idol_norm"], card["note"]) == (
        mina,
        "Hae-Rin",
        "haerin",
        "x",
    )
    assert (card["upload_status"], card["upload_expires_at"], card["media_asset_id"]) == (
        "pending",
        None,
        None,
    )
    assert card["photocard_id"] == report.items[0].photocard_id is not None
    assert card["created_at"] == runtime.clock.now()
    events = connection.scalars(select(outbox.c.event_type)).all()
    assert "PhotocardSubmitted" in events and not [each for each in events if each.startswith("Card")]


def test_cards_of_other_statuses_are_skipped_or_start_held(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    report = import_cards(
        runtime, mina, *({"idol": status.value, "status": status, "quantity": 2} for status in CardStatus)
    )
    assert (report.imported_count, report.skipped_count) == (6, 1)
    assert report.items[3] == (5, Outcome.SKIPPED, SkipReason.TRADED, 0, "none", None)
    stored = connection.execute(select(cards.c.idol, cards.c.status).distinct()).all()
    assert {tuple(each) for each in stored} == {
        ("held", "held"),
        ("available", "available"),
        ("trading", "held"),
    }


def test_a_defect_keeps_everything_out(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    for import_lines in (import_cards, import_wishes):
        with pytest.raises(SpreadsheetRefused) as refused:
            import_lines(runtime, mina, {"idol": "Haerin"}, {"photocard_id": uuid4()})
        assert refused.value.details["errors_total"] == 1
    assert (count(connection, cards), count(connection, wishlist_items)) == (0, 0)
    assert number_of_photocards(connection) == 0


def test_a_dry_run_meets_the_limits_and_the_defects_too(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    with pytest.raises(LimitExceeded):
        import_cards(runtime, mina, {"quantity": 1001}, dry_run=True)
    with pytest.raises(SpreadsheetRefused):
        import_wishes(runtime, mina, {"photocard_id": uuid4()}, dry_run=True)
    report = import_cards(runtime, mina, {"idol": "Haerin"}, {"idol": "haerin"}, dry_run=True)
    assert (report.imported_count, report.new_photocards, report.matched_photocards) == (2, 1, 0)
    assert {item.photocard_id for item in report.items} == {None}
    assert (count(connection, cards), number_of_photocards(connection)) == (0, 0)


def test_cards_without_a_picture_count_until_they_have_one_or_are_deleted(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    import_cards(runtime, mina, {"quantity": 1000})
    # Cards announced with their pictures are of the day's limit, not of this one.
    announce(runtime, mina)
    with pytest.raises(LimitExceeded) as refused:
        import_cards(runtime, mina, {})
    assert refused_limit(refused) == ("cards_without_picture_max", 1000, 1000)
    first, second = connection.scalars(select(cards.c.id).where(cards.c.upload_expires_at.is_(None)).limit(2))
    delete(runtime, first, mina)
    connection.execute(
        cards.update()
        .where(cards.c.id == second)
        .values(upload_status="confirmed", upload_confirmed_at=runtime.clock.now())
    )
    assert import_cards(runtime, mina, {"quantity": 2}).imported_count == 2
    with pytest.raises(LimitExceeded):
        import_cards(runtime, mina, {})
    import_cards(runtime, make_user(runtime, "yuna"), {})


def test_premium_has_room_for_ten_thousand(runtime: Runtime, mina: UUID) -> None:
    make_premium(runtime, mina)
    with pytest.raises(LimitExceeded) as refused:
        import_cards(runtime, mina, {"quantity": 10_001})
    assert refused_limit(refused) == ("cards_without_picture_max", 10_000, 0)
    assert import_cards(runtime, mina, {"quantity": 1500}).imported_count == 1500


def test_imported_cards_can_be_described_and_deleted_like_others(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    import_cards(runtime, mina, {"idol": "Haerin"})
    card_id = connection.execute(select(cards.c.id)).scalar_one()
    delete(runtime, card_id, mina)
    assert row(connection, card_id)["deleted_at"] == runtime.clock.now()


def test_the_first_of_equal_wishes_is_kept_and_wishes_that_exist_stay(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    import_wishes(runtime, mina, {"idol": "Haerin", "priority": 3, "note": "mine"})
    report = import_wishes(
        runtime,
        mina,
        {"idol": "HAERIN", "priority": 1},
        {"idol": "Minji", "priority": 1},
        {"idol": "minji", "priority": 2},
    )
    assert [item.reason for item in report.items] == [SkipReason.WISH_EXISTS, None, SkipReason.WISH_EXISTS]
    assert report.items[1].photocard_id == report.items[2].photocard_id
    wishes = connection.execute(select(wishlist_items.c.priority, wishlist_items.c.note)).all()
    assert {tuple(wish) for wish in wishes} == {(3, "mine"), (1, None)}


def test_other_peoples_wishes_make_no_difference(runtime: Runtime, mina: UUID) -> None:
    for person in (mina, make_user(runtime, "yuna")):
        assert import_wishes(runtime, person, {"idol": "Haerin"}).imported_count == 1

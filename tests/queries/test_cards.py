"""Binders as their owners and others see them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, insert, update

from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.cards import CardNotFound, CardStatus, OwnersChoice, Rarity, UploadStatus
from kcardswap.domain.quotas import MIB
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.friendships import blocks
from kcardswap.persistence.orm.media import media_assets
from kcardswap.queries import cards as card_queries
from kcardswap.queries.cards import CardRow, CardSort
from kcardswap.queries.keyset import Page, PageRequest
from kcardswap.runtime import Runtime
from tests.conftest import MovableClock
from tests.people import delete, make_user, suspend
from tests.pictures import completed_trade, give, put_card
from tests.premium import make_premium


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def yuna(runtime: Runtime) -> UUID:
    return make_user(runtime, "yuna")


def binder(
    connection: Connection,
    owner_id: UUID,
    *,
    sort: CardSort = CardSort.NEWEST,
    page: PageRequest = PageRequest(100),  # noqa: B008
    **filters: Any,
) -> Page[CardRow]:
    return card_queries.binder(connection, owner_id=owner_id, filters=filters, sort=sort, page=page)


def offered(
    connection: Connection,
    owner_id: UUID,
    viewer_id: UUID,
    *,
    page: PageRequest = PageRequest(100),  # noqa: B008
    **filters: Any,
) -> Page[CardRow]:
    return card_queries.cards_of(
        connection, owner_id=owner_id, viewer_id=viewer_id, filters=filters, page=page
    )


def ids(page: Page[CardRow]) -> list[UUID]:
    return [row.id for row in page.rows]


def change(connection: Connection, card_id: UUID, **values: Any) -> None:
    connection.execute(update(cards).where(cards.c.id == card_id).values(**values))


def block(connection: Connection, runtime: Runtime, blocker: UUID, blocked: UUID) -> None:
    connection.execute(
        insert(blocks).values(
            id=uuid4(), blocker_id=blocker, blocked_id=blocked, created_at=runtime.clock.now()
        )
    )


def hidden_cards(runtime: Runtime, connection: Connection, owner_id: UUID) -> dict[str, UUID]:
    """Put one card of every kind others must not see into a binder."""
    now = runtime.clock.now()
    made = {name: put_card(runtime, owner_id) for name in ("trading", "traded", "deleted")}
    change(connection, made["trading"], status="trading")
    change(connection, made["traded"], status="traded")
    change(connection, made["deleted"], deleted_at=now)
    made["held"] = put_card(runtime, owner_id, status=OwnersChoice.HELD)
    made["pending"] = put_card(runtime, owner_id, confirmed=False)
    return made


def test_a_row_tells_everything_about_a_card(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    card_id = put_card(
        runtime, mina, idol="Haerin", idol_group="NewJeans", rarity=Rarity.EPIC, note="x", size_bytes=77
    )
    row = card_queries.own_card(connection, card_id=card_id, owner_id=mina)
    assert (row.id, row.owner_id, row.idol, row.idol_group, row.note) == (
        card_id,
        mina,
        "Haerin",
        "NewJeans",
        "x",
    )
    assert (row.rarity, row.status, row.upload_status) == (
        Rarity.EPIC,
        CardStatus.AVAILABLE,
        UploadStatus.CONFIRMED,
    )
    assert (row.size_bytes, row.object_key) == (77, f"cards/{mina}/{card_id}.jpg")
    assert row.created_at == row.updated_at == runtime.clock.now()


def test_a_card_shows_no_picture_before_it_is_confirmed(
    runtime: Runtime, connection: Connection, mina: UUID
) -> None:
    card_id = put_card(runtime, mina, confirmed=False)
    assert card_queries.own_card(connection, card_id=card_id, owner_id=mina).object_key is None


def test_foreign_deleted_and_unknown_cards_are_not_ones_own(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    foreign, deleted = put_card(runtime, yuna), put_card(runtime, mina)
    change(connection, deleted, deleted_at=runtime.clock.now())
    for card_id in (foreign, deleted, uuid4()):
        with pytest.raises(CardNotFound):
            card_queries.own_card(connection, card_id=card_id, owner_id=mina)


def test_the_own_binder_holds_every_card_but_deleted_and_foreign_ones(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    put_card(runtime, yuna)
    available = put_card(runtime, mina)
    others = hidden_cards(runtime, connection, mina)
    found = binder(connection, mina)
    assert set(ids(found)) == {available, *(others[n] for n in ("trading", "traded", "held", "pending"))}
    assert found.total == 5


def test_a_binder_is_read_newest_oldest_or_last_changed_first(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID
) -> None:
    now = clock.now()
    old, middle, new = (put_card(runtime, mina, made_at=now - timedelta(days=age)) for age in (3, 2, 1))
    change(connection, old, updated_at=now)
    assert ids(binder(connection, mina)) == [new, middle, old]
    assert ids(binder(connection, mina, sort=CardSort.OLDEST)) == [old, middle, new]
    assert ids(binder(connection, mina, sort=CardSort.UPDATED)) == [old, new, middle]


@pytest.mark.parametrize("sort", list(CardSort))
def test_pages_by_offset_and_by_key_show_every_card_once(
    runtime: Runtime, connection: Connection, mina: UUID, sort: CardSort
) -> None:
    # All made at the same moment: only the id tells them apart.
    for _ in range(5):
        put_card(runtime, mina)
    whole = ids(binder(connection, mina, sort=sort))
    by_offset = [
        card_id
        for offset in (0, 2, 4)
        for card_id in ids(binder(connection, mina, sort=sort, page=PageRequest(2, offset)))
    ]
    by_key: list[UUID] = []
    page = binder(connection, mina, sort=sort, page=PageRequest(2))
    by_key += ids(page)
    while page.next_key is not None:
        page = binder(connection, mina, sort=sort, page=PageRequest(2, after=page.next_key))
        assert page.total is None
        by_key += ids(page)
    assert whole == by_offset == by_key
    assert len(set(whole)) == 5


def test_filters_narrow_a_binder(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    haerin = put_card(
        runtime, mina, idol="Hae-Rin", idol_group="NewJeans", album="Get Up", rarity=Rarity.RARE
    )
    minji = put_card(runtime, mina, idol="Minji", idol_group="New Jeans", status=OwnersChoice.HELD)
    signs = put_card(runtime, mina, idol="!!!")
    assert ids(binder(connection, mina, idol="haerin")) == [haerin]
    assert set(ids(binder(connection, mina, idol_group="NEWJEANS"))) == {haerin, minji}
    assert ids(binder(connection, mina, album="get up!")) == [haerin]
    assert ids(binder(connection, mina, rarity=Rarity.RARE)) == [haerin]
    assert ids(binder(connection, mina, status=CardStatus.HELD)) == [minji]
    assert ids(binder(connection, mina, idol_group="NewJeans", status=CardStatus.HELD)) == [minji]
    assert ids(binder(connection, mina, photocard_id=uuid4())) == []
    # Text without a letter or digit compares like no text, and no text is never found.
    assert ids(binder(connection, mina, idol="???")) == []
    assert signs in ids(binder(connection, mina, idol=None))


def test_others_see_only_what_can_be_swapped(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    available = put_card(runtime, mina)
    hidden_cards(runtime, connection, mina)
    put_card(runtime, yuna)
    found = offered(connection, mina, yuna)
    assert (ids(found), found.total) == ([available], 1)
    assert ids(offered(connection, mina, mina)) == [available]


def test_offered_cards_are_filtered_and_paged(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    now = runtime.clock.now()
    made = [
        put_card(runtime, mina, idol="Haerin", idol_group="NewJeans", made_at=now - timedelta(days=age))
        for age in range(3)
    ]
    put_card(runtime, mina, idol="Minji")
    first = offered(connection, mina, yuna, idol="haerin", idol_group="newjeans", page=PageRequest(2))
    assert (ids(first), first.total) == (made[:2], 3)
    rest = offered(connection, mina, yuna, idol="haerin", page=PageRequest(2, after=first.next_key))
    assert (ids(rest), rest.next_key) == (made[2:], None)
    beyond = offered(connection, mina, yuna, idol="haerin", page=PageRequest(2, offset=9))
    assert (ids(beyond), beyond.total) == ([], 3)


def test_a_person_without_cards_is_an_empty_list_and_an_unknown_one_is_not_found(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    assert offered(connection, mina, yuna).total == 0
    with pytest.raises(UserNotFound):
        offered(connection, uuid4(), yuna)


def test_a_deleted_persons_cards_are_not_found(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    put_card(runtime, mina)
    delete(runtime, mina)
    with pytest.raises(UserNotFound):
        offered(connection, mina, yuna)


def test_a_suspended_persons_cards_can_still_be_read(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    card_id = put_card(runtime, mina)
    suspend(runtime, mina)
    assert ids(offered(connection, mina, yuna)) == [card_id]


def test_who_was_blocked_finds_nobody_and_who_blocked_still_looks(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    card_id, own = put_card(runtime, mina), put_card(runtime, yuna)
    block(connection, runtime, blocker=mina, blocked=yuna)
    with pytest.raises(UserNotFound):
        offered(connection, mina, yuna)
    with pytest.raises(UserNotFound):
        offered(connection, mina, yuna, page=PageRequest(5, after=(runtime.clock.now(), card_id)))
    assert ids(offered(connection, yuna, mina)) == [own]


def test_a_list_is_one_statement(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID, count_sql: Callable[[], Any]
) -> None:
    for _ in range(3):
        put_card(runtime, mina)
    reads: list[Callable[[], object]] = [
        lambda: binder(connection, mina),
        lambda: binder(connection, mina, page=PageRequest(2, after=(runtime.clock.now(), mina))),
        lambda: offered(connection, mina, yuna),
        lambda: status(runtime, connection, mina),
    ]
    for read in reads:
        with count_sql() as sent:
            read()
            assert sent() == 1


def status(runtime: Runtime, connection: Connection, owner_id: UUID) -> Any:
    now = runtime.clock.now()
    day = runtime.quota_calendar.day(now)
    return card_queries.quota_status(connection, owner_id=owner_id, day=day, now=now)


def test_the_quota_status_counts_as_uploading_does(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, yuna: UUID
) -> None:
    clock.moment = runtime.quota_calendar.day(clock.now()).begins_at + timedelta(hours=1)
    put_card(runtime, mina, size_bytes=3 * MIB, made_at=clock.now() - timedelta(days=1))
    put_card(runtime, mina, confirmed=False, made_at=clock.now() - timedelta(minutes=15))
    put_card(runtime, mina, confirmed=False)
    deleted = put_card(runtime, mina, size_bytes=9 * MIB)
    change(connection, deleted, deleted_at=clock.now())
    foreign = put_card(runtime, yuna, size_bytes=5 * MIB)
    give(runtime, foreign, mina, completed_trade(runtime, connection, yuna, mina, foreign))
    found = status(runtime, connection, mina)
    assert (found.uploads_today, found.daily_limit, found.remaining_uploads) == (2, 3, 1)
    assert (found.storage_used_bytes, found.storage_used_mb) == (3 * MIB, 3.0)
    assert (found.storage_limit_bytes, found.storage_limit_mb) == (100 * MIB, 100.0)
    assert (found.remaining_storage_bytes, found.remaining_storage_mb) == (97 * MIB, 97.0)
    assert not found.unlimited


def test_premium_has_no_daily_limit(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    make_premium(runtime, mina)
    found = status(runtime, connection, mina)
    assert (found.daily_limit, found.remaining_uploads, found.unlimited) == (None, None, True)
    assert found.storage_limit_mb == 1024.0


def test_what_is_left_is_never_negative(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    for _ in range(4):
        put_card(runtime, mina, size_bytes=30 * MIB)
    found = status(runtime, connection, mina)
    assert (found.remaining_uploads, found.remaining_storage_bytes) == (0, 0)


def test_a_deleted_picture_is_not_shown(runtime: Runtime, connection: Connection, mina: UUID) -> None:
    card_id = put_card(runtime, mina)
    connection.execute(
        update(media_assets).values(
            status="deleted", target_type=None, target_id=None, position=None, deleted_at=runtime.clock.now()
        )
    )
    assert card_queries.own_card(connection, card_id=card_id, owner_id=mina).object_key is None

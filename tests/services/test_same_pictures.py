"""Cards that show the picture of another owner's card: found when they are confirmed."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from PIL import Image, ImageEnhance
from sqlalchemy import Connection, event, insert, select, text, update
from sqlalchemy import delete as delete_rows

from kcardswap.domain.media import ImageType
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.media import MOST_SAME_PICTURES, media_assets, same_pictures
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.queries.media import same_picture_card_ids
from kcardswap.runtime import Runtime
from tests.binders import announce, confirm, delete, picture_of
from tests.people import make_user
from tests.pictures import completed_trade, encoded, give, put_card, send
from tests.services.test_attaching import at_once
from tests.swaps import accept, befriend, complete, propose


def photograph(seed: int, size: tuple[int, int] = (300, 420)) -> Image.Image:
    """Return a picture with shapes and shades as photographs have them, another one for every seed."""
    noise = Image.new("L", (6, 8))
    noise.putdata([(seed * 7919 + place * place * 104729 + place * 31 * seed) % 256 for place in range(48)])
    shades = noise.resize(size, Image.Resampling.BICUBIC)
    return Image.merge("RGB", (shades, shades.rotate(3), shades.point(lambda value: 255 - value)))


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def yuna(runtime: Runtime) -> UUID:
    return make_user(runtime, "yuna")


def card_with(runtime: Runtime, owner_id: UUID, picture: Image.Image, **options: Any) -> UUID:
    """Put a confirmed card with this picture into somebody's binder."""
    card_id = put_card(
        runtime,
        owner_id,
        confirmed=False,
        data=encoded(ImageType.JPEG, picture, **{"quality": 90, **options}),
    )
    confirm(runtime, card_id, owner_id)
    return card_id


def found_at(connection: Connection, card_id: UUID) -> datetime | None:
    moment: datetime | None = picture_of(connection, card_id)["same_picture_at"]
    return moment


def findings(connection: Connection) -> list[dict[str, Any]]:
    statement = select(outbox.c.payload).where(outbox.c.event_type == "SamePictureFound")
    return list(connection.scalars(statement.order_by(outbox.c.id)))


def pairs(connection: Connection) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in connection.execute(select(same_pictures))}


def compare(runtime: Runtime, card_id: UUID) -> list[UUID]:
    """Return the cards a card is found to show the picture of when its picture is compared now."""
    uow = runtime.unit_of_work()
    with uow:
        return uow.media.cards_with_same_picture(uow.media.attached_to_cards([card_id])[card_id])


def test_the_hash_and_its_mirror_are_stored_and_go_on_with_the_card(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    card_id = card_with(runtime, mina, photograph(1))
    mine = picture_of(connection, card_id)
    assert None not in (mine["phash"], mine["phash_mirror"]) and mine["phash"] != mine["phash_mirror"]
    received = give(runtime, card_id, yuna, completed_trade(runtime, connection, mina, yuna, card_id))
    hers = picture_of(connection, received)
    assert (hers["phash"], hers["phash_mirror"]) == (mine["phash"], mine["phash_mirror"])


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "the same": lambda picture: picture,
    "half as large": lambda picture: picture.resize((150, 210)),
    "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.06),
    "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_copied_picture_is_found(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID, change: str
) -> None:
    original = card_with(runtime, mina, photograph(2))
    assert findings(connection) == []
    copied = card_with(runtime, yuna, CHANGES[change](photograph(2)), quality=70)
    assert found_at(connection, copied) == runtime.clock.now()
    assert found_at(connection, original) is None
    assert findings(connection) == [
        {"card_id": str(copied), "owner_id": str(yuna), "same_card_ids": [str(original)]}
    ]
    assert pairs(connection) == {(copied, original, runtime.clock.now())}
    assert same_picture_card_ids(connection, card_id=copied) == [original]
    assert same_picture_card_ids(connection, card_id=original) == [copied]


def test_other_pictures_blank_ones_and_ones_own_are_no_finding(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    blank, gradient = (
        Image.new("RGB", (300, 400), "white"),
        Image.linear_gradient("L").rotate(90).convert("RGB"),
    )
    for picture in (photograph(3), blank, gradient):
        card_with(runtime, mina, picture)
    for picture in (photograph(3), photograph(3)):
        card_with(runtime, mina, picture)
    for picture in (photograph(4), photograph(5), blank, gradient):
        card_id = card_with(runtime, yuna, picture)
        assert same_picture_card_ids(connection, card_id=card_id) == []
    assert findings(connection) == []
    assert pairs(connection) == set()


def test_a_received_copy_is_no_finding_but_selling_its_picture_again_is(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    card_id = card_with(runtime, mina, photograph(6))
    received = give(runtime, card_id, yuna, completed_trade(runtime, connection, mina, yuna, card_id))
    assert same_picture_card_ids(connection, card_id=received) == []
    assert findings(connection) == []
    again = card_with(runtime, mina, photograph(6))
    assert [finding["same_card_ids"] for finding in findings(connection)] == [[str(received)]]
    assert found_at(connection, again) is not None


def test_what_is_known_of_a_card_goes_on_with_it(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    hana = make_user(runtime, "hana")
    original = card_with(runtime, mina, photograph(5))
    copy = card_with(runtime, yuna, photograph(5))
    befriend(runtime, yuna, hana)
    trade_id = propose(runtime, hana, yuna, [card_with(runtime, hana, photograph(6))], [copy])
    accept(runtime, trade_id, yuna)
    complete(runtime, trade_id, yuna)
    complete(runtime, trade_id, hana)
    of_trade = cards.c.acquired_trade_id == trade_id, cards.c.owner_id == hana
    received = connection.scalars(select(cards.c.id).where(*of_trade)).one()
    assert same_picture_card_ids(connection, card_id=received) == [original]
    assert set(same_picture_card_ids(connection, card_id=original)) == {copy, received}


def test_deleted_cards_are_no_longer_compared(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    delete(runtime, card_with(runtime, mina, photograph(7)), mina)
    card_id = card_with(runtime, yuna, photograph(7))
    assert found_at(connection, card_id) is None
    assert same_picture_card_ids(connection, card_id=card_id) == []


def test_deleted_cards_are_no_longer_told_and_removed_ones_take_their_pairs_along(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    original = card_with(runtime, mina, photograph(13))
    first, second = (card_with(runtime, yuna, photograph(13)) for _ in range(2))
    assert same_picture_card_ids(connection, card_id=original) == [first, second]
    delete(runtime, first, yuna)
    assert same_picture_card_ids(connection, card_id=original) == [second]
    assert len(pairs(connection)) == 2
    connection.execute(delete_rows(cards).where(cards.c.id == original))
    assert pairs(connection) == set()


def test_a_finding_names_no_more_than_the_oldest_others(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    originals = [card_with(runtime, mina, photograph(14)) for _ in range(2)]
    connection.execute(text(SAME_PICTURES), {"like": originals[0], "number": MOST_SAME_PICTURES})
    copied = card_with(runtime, yuna, photograph(14))
    told = same_picture_card_ids(connection, card_id=copied)
    assert (len(told), told[:2]) == (MOST_SAME_PICTURES, originals)
    assert len(pairs(connection)) == len(findings(connection)[0]["same_card_ids"]) == MOST_SAME_PICTURES
    later = connection.scalars(select(cards.c.id).where(cards.c.id.not_in([*told, copied])))
    connection.execute(
        insert(same_pictures),
        [{"card_id": card_id, "other_card_id": copied, "found_at": runtime.clock.now()} for card_id in later],
    )
    assert same_picture_card_ids(connection, card_id=copied) == told


def test_pictures_stored_without_a_mirror_are_found_too(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    original = card_with(runtime, mina, photograph(8))
    connection.execute(update(media_assets).values(phash_mirror=None))
    mirrored = photograph(8).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for picture in (photograph(8), mirrored):
        assert same_picture_card_ids(connection, card_id=card_with(runtime, yuna, picture))[0] == original


def test_a_hash_is_found_up_to_three_bits_away_and_no_further(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    original = card_with(runtime, mina, photograph(9))
    other = card_with(runtime, yuna, photograph(10))
    hash = picture_of(connection, original)["phash"]
    # One changed bit in each of three quarters, then one in all four, then four in a single one.
    for change, is_found in (
        (1 | 1 << 16 | 1 << 32, True),
        (1 | 1 << 16 | 1 << 32 | 1 << 48, False),
        (15, False),
    ):
        connection.execute(
            update(media_assets)
            .where(media_assets.c.target_id == other)
            .values(phash=hash ^ change, phash_mirror=picture_of(connection, other)["phash_mirror"])
        )
        assert (compare(runtime, other) == [original]) == is_found, bin(change)


SAME_PICTURES = """
    WITH made AS (
        INSERT INTO media_assets (id, owner_id, object_key, content_type, declared_bytes, actual_bytes, phash,
            status, target_type, target_id, position, upload_expires_at, confirmed_at, created_at, updated_at)
        SELECT gen_random_uuid(), owner_id, object_key || n, content_type, 1, 1, phash,
            status, target_type, gen_random_uuid(), 0, now(), now(),
            created_at + make_interval(secs => n), now()
        FROM media_assets, generate_series(1, :number) n
        WHERE target_id = :like RETURNING id, owner_id, target_id, created_at
    )
    INSERT INTO cards (id, owner_id, status, media_asset_id, upload_status, upload_confirmed_at, created_at,
        updated_at)
    SELECT target_id, owner_id, 'available', id, 'confirmed', now(), created_at, now() FROM made
"""
MANY_PICTURES = """
    WITH made AS (
        INSERT INTO media_assets (id, owner_id, object_key, content_type, declared_bytes, actual_bytes, phash,
            status, target_type, target_id, position, upload_expires_at, confirmed_at, created_at, updated_at)
        SELECT gen_random_uuid(), :owner_id, 'cards/' || n, 'image/jpeg', 1, 1, hashint8extended(n, 0),
            'attached', 'card', gen_random_uuid(), 0, now(), now(), now(), now()
        FROM generate_series(1, 5000) n RETURNING id, owner_id, target_id
    )
    INSERT INTO cards (id, owner_id, status, media_asset_id, upload_status, upload_confirmed_at, created_at,
        updated_at)
    SELECT target_id, owner_id, 'available', id, 'confirmed', now(), now(), now() FROM made
"""


def test_pictures_are_compared_over_the_index(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID
) -> None:
    connection.execute(text(MANY_PICTURES), {"owner_id": yuna})
    connection.execute(text("ANALYZE media_assets, cards"))
    original = card_with(runtime, yuna, photograph(11))
    sent: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        if "bit_count" in statement:
            sent.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    card_id = card_with(runtime, mina, photograph(11))
    assert same_picture_card_ids(connection, card_id=card_id) == [original]
    event.remove(connection, "before_cursor_execute", note)
    [(statement, parameters)] = sent
    plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) {statement}", parameters).scalars())
    assert "Bitmap Index Scan on ix_media_assets_phash_bands" in plan, plan


def test_of_two_owners_who_confirm_one_picture_at_once_one_is_found(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    mina, yuna = make_user(runtime, "mina"), make_user(runtime, "yuna")
    for seed in range(20, 28):
        data = encoded(ImageType.JPEG, photograph(seed), quality=90)
        ids = {owner: put_card(runtime, owner, confirmed=False, data=data) for owner in (mina, yuna)}
        works = [partial(confirm, runtime, card_id, owner) for owner, card_id in ids.items()]
        assert at_once(works) == []
        with runtime.database.reader() as connection:
            assert sum(found_at(connection, card_id) is not None for card_id in ids.values()) == 1, seed


def test_comparing_a_picture_costs_two_statements_and_a_finding_two_more(
    runtime: Runtime, connection: Connection, mina: UUID, yuna: UUID, count_sql: Any
) -> None:
    counts = []
    white = Image.new("RGB", (300, 400), "white")
    for owner, picture in ((mina, white), (mina, photograph(12)), (yuna, photograph(12))):
        announced = announce(runtime, owner)
        send(runtime, announced.object_key, encoded(ImageType.JPEG, picture))
        with count_sql() as sent:
            confirm(runtime, announced.card_id, owner)
            counts.append(sent())
    # Of the two for a finding one stores the pairs, and one its moment.
    assert (counts[1] - counts[0], counts[2] - counts[1]) == (2, 2)

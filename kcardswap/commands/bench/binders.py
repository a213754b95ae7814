"""What the people of the benchmark's world own and want: cards, galleries, their pictures, wishes."""

from datetime import timedelta

from kcardswap.commands.bench.catalogue import korean, name, parts, photocard_of_card
from kcardswap.commands.bench.filling import Row, fills
from kcardswap.commands.bench.world import PROBES, Kind, World, row_id
from kcardswap.domain.cards import Condition, Rarity
from kcardswap.domain.text import normalise
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.persistence.orm.media import media_assets, same_pictures
from kcardswap.persistence.orm.wishlist import wishlist_items

SAME_PICTURES_EACH = 5
_RARITIES, _CONDITIONS = tuple(Rarity), (*Condition, None)
_BYTES = 100_000
_ALTERNATING_BITS = 0x5555555555555555
_UPLOAD = timedelta(minutes=15)
_MEDIA = (
    "id owner_id object_key content_type declared_bytes actual_bytes width height phash phash_mirror"
    " same_picture_at status target_type target_id position upload_expires_at confirmed_at created_at"
    " updated_at"
)


def _size(world: World) -> int:
    return world.size


def _is_found(person: int, rank: int) -> bool:
    return person < PROBES and rank < SAME_PICTURES_EACH


def _is_deleted(rank: int) -> bool:
    return rank % 33 == 32


def _is_pending(rank: int) -> bool:
    return rank % 25 == 24


@fills(
    cards,
    "id owner_id photocard_id idol idol_group album version idol_norm idol_group_norm album_norm rarity"
    " condition status media_asset_id size_bytes upload_status upload_expires_at upload_confirmed_at"
    " deleted_at created_at updated_at",
    rows=_size,
)
def card_rows(world: World, n: int) -> Row:
    """A few wait for their picture, a few were deleted, one of ten was given away, one of ten is kept."""
    slot = world.slot(n)
    person, rank, made = world.owner(slot), world.rank(slot), world.moment(n, world.size)
    photocard = photocard_of_card(world, person, rank, n)
    group, member, release, version = parts(photocard)
    names = name(Kind.MEMBER, member), name(Kind.GROUP, group), name(Kind.RELEASE, release)
    pending, deleted = _is_pending(rank), _is_deleted(rank)
    status = "available" if pending else {3: "held", 7: "traded"}.get(rank % 10, "available")
    picture = None if pending or deleted else row_id(Kind.CARD_PICTURE, n)
    upload = ("pending", made + _UPLOAD, None) if pending else ("confirmed", made + _UPLOAD, made)
    return (
        row_id(Kind.CARD, n),
        row_id(Kind.USER, person),
        row_id(Kind.PHOTOCARD, photocard),
        *names,
        version,
        *map(normalise, names),
        _RARITIES[rank % len(_RARITIES)],
        _CONDITIONS[rank % len(_CONDITIONS)],
        status,
        picture,
        _BYTES,
        *upload,
        made if deleted else None,
        made,
        made,
    )


def _picture(world: World, n: int, key: str, target: tuple[str, str], phash: int, found: bool) -> Row:
    made, owner = world.moment(n, world.size), row_id(Kind.USER, world.owner(world.slot(n)))
    same_picture_at = made if found else None
    facts = (
        f"{target[0]}s/{key}.jpg",
        "image/jpeg",
        _BYTES,
        _BYTES,
        800,
        1200,
        phash,
        phash ^ _ALTERNATING_BITS,
        same_picture_at,
    )
    return key, owner, *facts, "attached", *target, 0, made + _UPLOAD, made, made, made


@fills(media_assets, _MEDIA, rows=_size)
def card_picture_rows(world: World, n: int) -> Row | None:
    """Each two probes have the same first pictures."""
    slot = world.slot(n)
    person, rank = world.owner(slot), world.rank(slot)
    if _is_pending(rank) or _is_deleted(rank):
        return None
    found = _is_found(person, rank)
    phash = _phash(rank * PROBES + person // 2 if found else 1000 + n)
    target = "card", row_id(Kind.CARD, n)
    return _picture(world, n, row_id(Kind.CARD_PICTURE, n), target, phash, found)


def _phash(number: int) -> int:
    # Neighbours differ in about half of their bits, as hashes of different pictures do.
    return (number * 0x9E3779B97F4A7C15 + 0x5851F42D4C957F2D) % 2**64 - 2**63


@fills(same_pictures, "card_id other_card_id found_at", rows=_size)
def same_picture_rows(world: World, n: int) -> Row | None:
    """What was found of the pictures that two probes have."""
    slot = world.slot(n)
    person, rank = world.owner(slot), world.rank(slot)
    if not _is_found(person, rank):
        return None
    other = world.row_of(person ^ 1, rank)
    return row_id(Kind.CARD, n), row_id(Kind.CARD, other), world.moment(n, world.size)


def _has_gallery_picture(rank: int) -> bool:
    return rank % 2 == 0


@fills(media_assets, _MEDIA, rows=_size)
def gallery_picture_rows(world: World, n: int) -> Row | None:
    """Every second gallery card has a picture."""
    if not _has_gallery_picture(world.rank(world.slot(n))):
        return None
    target = "gallery_card", row_id(Kind.GALLERY_CARD, n)
    return _picture(world, n, row_id(Kind.GALLERY_PICTURE, n), target, _phash(-1 - n), False)


@fills(
    gallery_cards,
    "id user_id title idol_name era media_asset_id display_order created_at updated_at",
    rows=_size,
)
def gallery_card_rows(world: World, n: int) -> Row:
    """As many as cards, in the order they were made."""
    slot, made = world.slot(n), world.moment(n, world.size)
    rank = world.rank(slot)
    picture = row_id(Kind.GALLERY_PICTURE, n) if _has_gallery_picture(rank) else None
    texts = f"Page {n}", korean(Kind.MEMBER, n % 1000), "Debut"
    owner = row_id(Kind.USER, world.owner(slot))
    return row_id(Kind.GALLERY_CARD, n), owner, *texts, picture, rank, made, made


@fills(
    wishlist_items,
    "id user_id photocard_id priority min_condition note created_at updated_at",
    rows=_size,
)
def wish_rows(world: World, n: int) -> Row:
    """As many as cards; the first of the others are for the measured photocards, ten for each."""
    slot, made = world.slot(n), world.moment(n, world.size)
    person, rank = world.owner(slot), world.rank(slot)
    photocard = PROBES + (person * 7919 + rank * 31) % (world.photocards - PROBES)
    if rank == 0 and PROBES <= person < PROBES * 11:
        photocard = person % PROBES
    return (
        row_id(Kind.WISH, n),
        row_id(Kind.USER, person),
        row_id(Kind.PHOTOCARD, photocard),
        1 + rank % 3,
        _CONDITIONS[rank % len(_CONDITIONS)],
        None,
        made,
        made,
    )


BINDERS = (
    card_picture_rows,
    gallery_picture_rows,
    card_rows,
    same_picture_rows,
    gallery_card_rows,
    wish_rows,
)

"""The catalogue of the benchmark's world: 188 groups beside the 12 that come with the schema."""

from functools import cache

from kcardswap.commands.bench.filling import Row, fills
from kcardswap.commands.bench.world import PROBES, Kind, World, digest, row_id
from kcardswap.domain.catalog import search_text
from kcardswap.domain.text import initial_consonants, normalise
from kcardswap.persistence.orm.catalog import (
    PENDING_PLACE,
    catalog_aliases,
    catalog_groups,
    catalog_members,
    catalog_releases,
    photocard_texts,
    photocards,
)

GROUPS, MEMBERS_EACH, RELEASES_EACH = 188, 8, 20
_NAMED = (Kind.GROUP, Kind.MEMBER, Kind.RELEASE)
MEMBERS, RELEASES = GROUPS * MEMBERS_EACH, GROUPS * RELEASES_EACH
POPULAR_SHARE = 10
_SYLLABLES = [
    "ka",
    "ri",
    "no",
    "mi",
    "ha",
    "yu",
    "se",
    "on",
    "ji",
    "wo",
    "ra",
    "ve",
    "lu",
    "na",
    "el",
    "da",
    "te",
    "so",
    "mo",
    "xi",
]
_FIRST_HANGUL, _HANGUL_STEP, _LAST_HANGUL = 0xAC00, 28 * 37, 11171


@cache
def name(kind: Kind, n: int) -> str:
    """Return the name of a group, member or release in Latin letters."""
    number, word = n * 7 + kind * 331, ""
    for _ in range(3):
        number, syllable = divmod(number, len(_SYLLABLES))
        word += _SYLLABLES[syllable]
    return f"{word.capitalize()} {n}" if kind is Kind.RELEASE else word.capitalize()


@cache
def korean(kind: Kind, n: int) -> str:
    """Return the name in Hangul: three syllables that do not say the same, but look as real ones do."""
    first = n * _HANGUL_STEP + kind * 577
    return "".join(chr(_FIRST_HANGUL + (first + place * 4451) % _LAST_HANGUL) for place in range(3))


def initials(kind: Kind, n: int) -> str:
    """Return the initial consonants of the name in Hangul."""
    consonants = initial_consonants(korean(kind, n))
    assert consonants is not None
    return consonants


@cache
def _texts(kind: Kind, n: int) -> tuple[str | None, ...]:
    return tuple(normalise(spelling(kind, n)) for spelling in _SPELLINGS)


_SPELLINGS = (name, korean, initials)


@fills(
    catalog_groups,
    "id slug name name_ko sort_order search_text created_at updated_at",
    rows=lambda world: GROUPS,
)
def group_rows(world: World, n: int) -> Row:
    """Known in Latin letters and in Hangul."""
    made, texts = world.moment(0, 1), search_text(_texts(Kind.GROUP, n))
    names = name(Kind.GROUP, n), korean(Kind.GROUP, n)
    return row_id(Kind.GROUP, n), f"bench-{n}", *names, 100 + n, texts, made, made


@fills(
    catalog_members,
    "id group_id name name_ko sort_order created_at updated_at",
    rows=lambda world: MEMBERS,
)
def member_rows(world: World, n: int) -> Row:
    """Eight in each group."""
    made, (rank, group) = world.moment(0, 1), divmod(n, GROUPS)
    names = f"{name(Kind.MEMBER, n)} {rank}", korean(Kind.MEMBER, n)
    return row_id(Kind.MEMBER, n), row_id(Kind.GROUP, group), *names, rank, made, made


@fills(
    catalog_releases,
    "id group_id title title_ko kind released_on search_text created_at updated_at",
    rows=lambda world: RELEASES,
)
def release_rows(world: World, n: int) -> Row:
    """Twenty of each group."""
    made, group = world.moment(n, RELEASES), n % GROUPS
    texts = search_text([*_texts(Kind.RELEASE, n), *_texts(Kind.GROUP, group)])
    titles = name(Kind.RELEASE, n), korean(Kind.RELEASE, n)
    return (
        row_id(Kind.RELEASE, n),
        row_id(Kind.GROUP, group),
        *titles,
        "album",
        made.date(),
        texts,
        made,
        made,
    )


@fills(
    catalog_aliases,
    "id group_id member_id release_id locale text norm generated created_at updated_at",
    rows=lambda world: (GROUPS + MEMBERS + RELEASES) * len(_SPELLINGS),
)
def alias_rows(world: World, n: int) -> Row:
    """Every spelling of everything that has a name."""
    number, spelling = divmod(n, len(_SPELLINGS))
    if number < GROUPS:
        kind = Kind.GROUP
    elif number < GROUPS + MEMBERS:
        kind, number = Kind.MEMBER, number - GROUPS
    else:
        kind, number = Kind.RELEASE, number - GROUPS - MEMBERS
    text, made = _SPELLINGS[spelling](kind, number), world.moment(0, 1)
    owners = (row_id(kind, number) if kind is each else None for each in _NAMED)
    locale, generated = ("en", "ko", "ko")[spelling], _SPELLINGS[spelling] is initials
    return row_id(Kind.ALIAS, n), *owners, locale, text, normalise(text), generated, made, made


def parts(photocard: int) -> tuple[int, int, int, str]:
    """Return the group, member, release and version of a photocard."""
    group = photocard % GROUPS
    member = photocard // GROUPS % MEMBERS_EACH * GROUPS + group
    release = photocard // MEMBERS % RELEASES_EACH * GROUPS + group
    return group, member, release, f"Version {chr(ord('A') + photocard // (MEMBERS * RELEASES_EACH))}"


def photocard_of_card(world: World, person: int, rank: int, n: int) -> int:
    """Return which photocard a card is: every second one is among the most popular tenth.

    The first of the others' cards are of the measured photocards, ten of each in every world.
    """
    if rank == 0 and PROBES <= person < PROBES * 11:
        return person % PROBES
    usual = world.photocards - PROBES
    return PROBES + n * 7919 % (usual // POPULAR_SHARE if n % 2 else usual)


@fills(
    photocards,
    "id group_id member_id release_id version source status match_key search_text created_at updated_at",
    rows=lambda world: world.photocards,
)
def photocard_rows(world: World, n: int) -> Row:
    """One of ten is not verified yet."""
    made, (group, member, release, version) = world.moment(n, world.photocards), parts(n)
    return (
        row_id(Kind.PHOTOCARD, n),
        row_id(Kind.GROUP, group),
        row_id(Kind.MEMBER, member),
        row_id(Kind.RELEASE, release),
        version,
        "album",
        "pending" if _is_pending(n) else "verified",
        digest("photocard", n),
        _searched(n),
        made,
        made,
    )


@fills(
    photocard_texts,
    "photocard_id group_id member_id release_id place text",
    rows=lambda world: world.photocards,
)
def text_rows(world: World, n: int) -> Row:
    """What searches read of every photocard."""
    (group, member, release, _), text = parts(n), _searched(n)
    ids = row_id(Kind.GROUP, group), row_id(Kind.MEMBER, member), row_id(Kind.RELEASE, release)
    place = len(text.encode()) + (PENDING_PLACE if _is_pending(n) else 0)
    return row_id(Kind.PHOTOCARD, n), *ids, place, text


def _is_pending(photocard: int) -> bool:
    return photocard % 10 == 9


def _searched(photocard: int) -> str:
    group, member, release, version = parts(photocard)
    names = (*_texts(Kind.GROUP, group), *_texts(Kind.MEMBER, member), *_texts(Kind.RELEASE, release))
    return search_text([*names, version])


CATALOGUE = (group_rows, member_rows, release_rows, alias_rows, photocard_rows, text_rows)

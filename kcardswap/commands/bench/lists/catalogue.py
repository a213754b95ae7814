"""Lists of the catalogue."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from kcardswap.commands.bench.catalogue import initials, korean, name
from kcardswap.commands.bench.lists.arguments import NO_FILTER, Arguments, of, photocard_id
from kcardswap.commands.bench.measuring import Listing, Paging
from kcardswap.commands.bench.world import NOW, Kind, World, row_id
from kcardswap.domain.catalog import PhotocardStatus
from kcardswap.queries import catalog, photocards


def group_id(probe: int) -> UUID:
    return UUID(row_id(Kind.GROUP, probe))


def searching(q: Callable[[int], str], **constant: Any) -> Arguments:
    return lambda world, probe: {"q": q(probe), **constant}


def _photocards_by(world: World, probe: int, *, key: str, value: Callable[[int], Any]) -> dict[str, Any]:
    return {"filters": {key: value(probe)}, "q": None}


SEARCHES: tuple[tuple[str, Callable[[int], str]], ...] = (
    ("in Latin letters", partial(name, Kind.GROUP)),
    ("in Hangul", partial(korean, Kind.GROUP)),
    ("by initial consonants", partial(initials, Kind.GROUP)),
)
GROUPS = (
    Listing("GET /idols/groups", "", catalog.featured_groups, lambda world, probe: {}),
    Listing("GET /catalog/groups", "", catalog.groups_found, of(q=None)(), Paging.KEY),
    *(Listing("GET /catalog/groups", how, catalog.groups_found, searching(q)) for how, q in SEARCHES),
    Listing(
        "GET /catalog/groups/{group_id}",
        "",
        catalog.group_with_members,
        lambda world, probe: {"group_id": group_id(probe)},
    ),
    Listing("GET /catalog/releases", "", catalog.releases_found, of(group_id=None, q=None)(), Paging.KEY),
    Listing(
        "GET /catalog/releases",
        "of a group",
        catalog.releases_found,
        lambda world, probe: {"group_id": group_id(probe), "q": None},
    ),
    Listing(
        "GET /catalog/releases",
        "by title",
        catalog.releases_found,
        searching(partial(name, Kind.RELEASE), group_id=None),
    ),
)
PHOTOCARDS = (
    Listing(
        "GET /catalog/photocards",
        "",
        photocards.photocards_found,
        of(filters=NO_FILTER, q=None)(),
        Paging.KEY,
    ),
    *(
        Listing(
            "GET /catalog/photocards",
            what,
            photocards.photocards_found,
            partial(_photocards_by, key=key, value=value),
            paging,
        )
        for what, key, value, paging in (
            ("of a group", "group_id", group_id, Paging.KEY),
            ("of a member", "member_id", lambda probe: UUID(row_id(Kind.MEMBER, probe)), Paging.NONE),
            ("of a release", "release_id", lambda probe: UUID(row_id(Kind.RELEASE, probe)), Paging.NONE),
            ("not verified yet", "status", lambda probe: PhotocardStatus.PENDING, Paging.KEY),
        )
    ),
    *(
        Listing(
            "GET /catalog/photocards",
            how,
            photocards.photocards_found,
            searching(q, filters=NO_FILTER),
            Paging.KEY,
        )
        for how, q in SEARCHES
    ),
    Listing(
        "GET /catalog/photocards",
        "by two words",
        photocards.photocards_found,
        searching(lambda probe: f"{korean(Kind.GROUP, probe)} {name(Kind.MEMBER, probe)}", filters=NO_FILTER),
    ),
    Listing(
        "GET /catalog/photocards/{photocard_id}",
        "",
        photocards.photocard,
        lambda world, probe: {"photocard_id": photocard_id(probe), "now": NOW},
    ),
)

"""Every list and look-up of the product that is measured. A new list gets its line here."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from kcardswap.commands.bench.binders import card_rows
from kcardswap.commands.bench.catalogue import initials, korean, name, parts
from kcardswap.commands.bench.measuring import Listing, Paging
from kcardswap.commands.bench.world import NOW, PROBES, Kind, World, row_id
from kcardswap.domain.catalog import PhotocardStatus
from kcardswap.domain.quotas import QuotaCalendar
from kcardswap.domain.trades import TradeStatus
from kcardswap.queries import (
    accounts,
    cards,
    catalog,
    friendships,
    gallery,
    media,
    photocards,
    profiles,
    subscriptions,
    trades,
    wishlist,
)
from kcardswap.queries.cards import CardSort
from kcardswap.queries.friendships import FriendListStatus

Arguments = Callable[[World, int], dict[str, Any]]
_CALENDAR = QuotaCalendar(ZoneInfo("Asia/Taipei"))
_NO_FILTER: dict[str, Any] = {}


def _person(probe: int) -> UUID:
    return UUID(row_id(Kind.USER, probe))


def _neighbour(probe: int) -> UUID:
    return _person((probe + 1) % PROBES)


def _of(**constant: Any) -> Callable[..., Arguments]:
    """Return a function that names the parameters people are given in."""

    def naming(**people: Callable[[int], UUID]) -> Arguments:
        return lambda world, probe: constant | {key: who(probe) for key, who in people.items()}

    return naming


def _photocard(world: World, probe: int, rank: int) -> int:
    """Return the number of the photocard that one of the probe's cards is."""
    row = card_rows.make_row(world, world.row_of(probe, rank))
    assert row is not None
    return UUID(row[card_rows.columns.index("photocard_id")]).int & 0xFFFFFFFFFFFF


def _binder(world: World, probe: int, *, sort: CardSort, **by: Callable[[int], Any]) -> dict[str, Any]:
    """Return the arguments of a binder filtered by what its own card of rank 1 says."""
    number = _photocard(world, probe, 1)
    filters = {key: value(number) for key, value in by.items()}
    return {"owner_id": _person(probe), "filters": filters, "sort": sort}


def _group_name(photocard: int) -> str:
    return name(Kind.GROUP, parts(photocard)[0])


def _photocard_id(photocard: int) -> UUID:
    return UUID(row_id(Kind.PHOTOCARD, photocard))


def _group_id(probe: int) -> UUID:
    return UUID(row_id(Kind.GROUP, probe))


def _searching(q: Callable[[int], str], **constant: Any) -> Arguments:
    return lambda world, probe: {"q": q(probe), **constant}


def _photocards_by(world: World, probe: int, *, key: str, value: Callable[[int], Any]) -> dict[str, Any]:
    return {"filters": {key: value(probe)}, "q": None}


def _card(world: World, probe: int) -> UUID:
    return UUID(row_id(Kind.CARD, world.row_of(probe, 0)))


def _pictures(world: World, probe: int) -> dict[str, Any]:
    """Return the pictures of a page of somebody else's cards."""
    ids = [
        UUID(row_id(Kind.CARD_PICTURE, world.row_of((probe + 1) % PROBES, rank)))
        for rank in range(min(50, world.probe_rows))
    ]
    return {"ids": ids, "viewer_id": _person(probe)}


_ACCOUNTS = (
    Listing(
        "every request",
        "who is calling",
        accounts.caller,
        lambda world, probe: {
            "session_id": UUID(row_id(Kind.SESSION, probe)),
            "user_id": _person(probe),
        },
    ),
    Listing(
        "GET /auth/sessions",
        "",
        accounts.live_sessions,
        lambda world, probe: {
            "user_id": _person(probe),
            "current": UUID(row_id(Kind.SESSION, probe)),
            "now": NOW,
        },
    ),
    Listing(
        "GET /profile/{user_id}",
        "",
        profiles.public,
        _of(now=NOW)(user_id=_neighbour, viewer_id=_person),
    ),
)
_CARDS = (
    *(
        Listing("GET /cards/me", sort.value, cards.binder, partial(_binder, sort=sort), Paging.KEY)
        for sort in CardSort
    ),
    Listing(
        "GET /cards/me",
        "up to 500 cards",
        cards.binder,
        partial(_binder, sort=CardSort.NEWEST),
        page_rows=500,
    ),
    Listing(
        "GET /cards/me",
        "available ones",
        cards.binder,
        partial(_binder, sort=CardSort.NEWEST, status=lambda _: "available"),
        Paging.KEY,
    ),
    Listing(
        "GET /cards/me",
        "of a group",
        cards.binder,
        partial(_binder, sort=CardSort.NEWEST, idol_group=_group_name),
    ),
    Listing(
        "GET /cards/me",
        "of a photocard",
        cards.binder,
        partial(_binder, sort=CardSort.NEWEST, photocard_id=_photocard_id),
    ),
    Listing(
        "GET /users/{user_id}/cards",
        "",
        cards.cards_of,
        _of(filters=_NO_FILTER)(owner_id=_neighbour, viewer_id=_person),
        Paging.KEY,
    ),
    Listing(
        "GET /users/{user_id}/cards",
        "of a photocard",
        cards.cards_of,
        lambda world, probe: {
            "owner_id": _neighbour(probe),
            "viewer_id": _person(probe),
            "filters": {"photocard_id": _photocard_id(_photocard(world, (probe + 1) % PROBES, 1))},
        },
    ),
    Listing(
        "GET /cards/quota/status",
        "",
        cards.quota_status,
        _of(day=_CALENDAR.day(NOW), now=NOW)(owner_id=_person),
    ),
    Listing("POST /media/read-urls", "50 of somebody's cards", media.readable, _pictures),
)
_GALLERY = (
    Listing("GET /gallery/cards/me", "", gallery.own_album, _of()(user_id=_person)),
    Listing(
        "GET /users/{user_id}/gallery/cards",
        "",
        gallery.album_of,
        _of()(user_id=_neighbour, viewer_id=_person),
    ),
)
_WISHLIST = (
    Listing("GET /wishlist", "", wishlist.own_wishlist, _of(priority=None)(user_id=_person), Paging.OFFSET),
    Listing(
        "GET /wishlist",
        "of one priority",
        wishlist.own_wishlist,
        _of(priority=2)(user_id=_person),
        Paging.OFFSET,
    ),
    Listing(
        "GET /users/{user_id}/wishlist",
        "",
        wishlist.wishlist_of,
        _of()(user_id=_neighbour, viewer_id=_person),
        Paging.OFFSET,
    ),
)
_PLANS = (
    Listing("GET /subscriptions/status", "", subscriptions.subscription_of, _of(now=NOW)(user_id=_person)),
    Listing("GET /quotas/me", "", subscriptions.quotas_of, _of(calendar=_CALENDAR, now=NOW)(user_id=_person)),
)
_MODERATION = (
    Listing("GET /admin/cards/same-picture", "", media.same_pictures, _of(card_id=None)(), Paging.KEY),
    Listing(
        "GET /admin/cards/same-picture",
        "of a card",
        media.same_pictures,
        lambda world, probe: {"card_id": _card(world, probe)},
    ),
    Listing(
        "reports",
        "cards with the same picture",
        media.same_picture_card_ids,
        lambda world, probe: {"card_id": _card(world, probe)},
    ),
)
_SEARCHES: tuple[tuple[str, Callable[[int], str]], ...] = (
    ("in Latin letters", partial(name, Kind.GROUP)),
    ("in Hangul", partial(korean, Kind.GROUP)),
    ("by initial consonants", partial(initials, Kind.GROUP)),
)
_GROUPS = (
    Listing("GET /idols/groups", "", catalog.featured_groups, lambda world, probe: {}),
    Listing("GET /catalog/groups", "", catalog.groups_found, _of(q=None)(), Paging.KEY),
    *(Listing("GET /catalog/groups", how, catalog.groups_found, _searching(q)) for how, q in _SEARCHES),
    Listing(
        "GET /catalog/groups/{group_id}",
        "",
        catalog.group_with_members,
        lambda world, probe: {"group_id": _group_id(probe)},
    ),
    Listing("GET /catalog/releases", "", catalog.releases_found, _of(group_id=None, q=None)(), Paging.KEY),
    Listing(
        "GET /catalog/releases",
        "of a group",
        catalog.releases_found,
        lambda world, probe: {"group_id": _group_id(probe), "q": None},
    ),
    Listing(
        "GET /catalog/releases",
        "by title",
        catalog.releases_found,
        _searching(partial(name, Kind.RELEASE), group_id=None),
    ),
)
_PHOTOCARDS = (
    Listing(
        "GET /catalog/photocards",
        "",
        photocards.photocards_found,
        _of(filters=_NO_FILTER, q=None)(),
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
            ("of a group", "group_id", _group_id, Paging.KEY),
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
            _searching(q, filters=_NO_FILTER),
            Paging.KEY,
        )
        for how, q in _SEARCHES
    ),
    Listing(
        "GET /catalog/photocards",
        "by two words",
        photocards.photocards_found,
        _searching(
            lambda probe: f"{korean(Kind.GROUP, probe)} {name(Kind.MEMBER, probe)}", filters=_NO_FILTER
        ),
    ),
    Listing(
        "GET /catalog/photocards/{photocard_id}",
        "",
        photocards.photocard,
        lambda world, probe: {"photocard_id": _photocard_id(probe), "now": NOW},
    ),
)
_FRIENDS = tuple(
    Listing(
        "GET /friends",
        status.value,
        friendships.people,
        _of(status=status, now=NOW)(viewer_id=_person),
        paging,
    )
    for status, paging in (
        (FriendListStatus.ACCEPTED, Paging.OFFSET),
        (FriendListStatus.PENDING, Paging.NONE),
        (FriendListStatus.BLOCKED, Paging.OFFSET),
    )
)
_TRADES = (
    Listing(
        "GET /trades/history", "", trades.history, _of(status=None, now=NOW)(viewer_id=_person), Paging.KEY
    ),
    Listing(
        "GET /trades/history",
        "completed ones",
        trades.history,
        _of(status=TradeStatus.COMPLETED, now=NOW)(viewer_id=_person),
        Paging.KEY,
    ),
)

LISTS: tuple[Listing, ...] = (
    *_ACCOUNTS,
    *_CARDS,
    *_GALLERY,
    *_WISHLIST,
    *_PLANS,
    *_GROUPS,
    *_PHOTOCARDS,
    *_FRIENDS,
    *_TRADES,
    *_MODERATION,
)

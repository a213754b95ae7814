"""Lists of what people have and want: cards, galleries, wishes, swaps, and pictures of cards."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from kcardswap.commands.bench.binders import card_rows
from kcardswap.commands.bench.catalogue import name, parts
from kcardswap.commands.bench.lists.arguments import CALENDAR, NO_FILTER, neighbour, of, person, photocard_id
from kcardswap.commands.bench.measuring import Listing, Paging
from kcardswap.commands.bench.world import NOW, PROBES, Kind, World, row_id
from kcardswap.domain.trades import TradeStatus
from kcardswap.queries import cards, gallery, media, trades, wishlist
from kcardswap.queries.cards import CardSort


def _photocard(world: World, probe: int, rank: int) -> int:
    """Return the number of the photocard that one of the probe's cards is."""
    row = card_rows.make_row(world, world.row_of(probe, rank))
    assert row is not None
    return UUID(row[card_rows.columns.index("photocard_id")]).int & 0xFFFFFFFFFFFF


def _binder(world: World, probe: int, *, sort: CardSort, **by: Callable[[int], Any]) -> dict[str, Any]:
    """Return the arguments of a binder filtered by what its own card of rank 1 says."""
    number = _photocard(world, probe, 1)
    filters = {key: value(number) for key, value in by.items()}
    return {"owner_id": person(probe), "filters": filters, "sort": sort}


def _group_name(photocard: int) -> str:
    return name(Kind.GROUP, parts(photocard)[0])


def _card(world: World, probe: int) -> UUID:
    return UUID(row_id(Kind.CARD, world.row_of(probe, 0)))


def _pictures(world: World, probe: int) -> dict[str, Any]:
    """Return the pictures of a page of somebody else's cards."""
    ids = [
        UUID(row_id(Kind.CARD_PICTURE, world.row_of((probe + 1) % PROBES, rank)))
        for rank in range(min(50, world.probe_rows))
    ]
    return {"ids": ids, "viewer_id": person(probe)}


CARDS = (
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
        partial(_binder, sort=CardSort.NEWEST, photocard_id=photocard_id),
    ),
    Listing(
        "GET /users/{user_id}/cards",
        "",
        cards.cards_of,
        of(filters=NO_FILTER)(owner_id=neighbour, viewer_id=person),
        Paging.KEY,
    ),
    Listing(
        "GET /users/{user_id}/cards",
        "of a photocard",
        cards.cards_of,
        lambda world, probe: {
            "owner_id": neighbour(probe),
            "viewer_id": person(probe),
            "filters": {"photocard_id": photocard_id(_photocard(world, (probe + 1) % PROBES, 1))},
        },
    ),
    Listing(
        "GET /cards/quota/status",
        "",
        cards.quota_status,
        of(day=CALENDAR.day(NOW), now=NOW)(owner_id=person),
    ),
    Listing("POST /media/read-urls", "50 of somebody's cards", media.readable, _pictures),
)
GALLERY = (
    Listing("GET /gallery/cards/me", "", gallery.own_album, of()(user_id=person)),
    Listing(
        "GET /users/{user_id}/gallery/cards",
        "",
        gallery.album_of,
        of()(user_id=neighbour, viewer_id=person),
    ),
)
WISHLIST = (
    Listing("GET /wishlist", "", wishlist.own_wishlist, of(priority=None)(user_id=person), Paging.OFFSET),
    Listing(
        "GET /wishlist",
        "of one priority",
        wishlist.own_wishlist,
        of(priority=2)(user_id=person),
        Paging.OFFSET,
    ),
    Listing(
        "GET /users/{user_id}/wishlist",
        "",
        wishlist.wishlist_of,
        of()(user_id=neighbour, viewer_id=person),
        Paging.OFFSET,
    ),
)
TRADES = (
    Listing(
        "GET /trades/history", "", trades.history, of(status=None, now=NOW)(viewer_id=person), Paging.KEY
    ),
    Listing(
        "GET /trades/history",
        "completed ones",
        trades.history,
        of(status=TradeStatus.COMPLETED, now=NOW)(viewer_id=person),
        Paging.KEY,
    ),
)
SAME_PICTURES = (
    Listing("GET /admin/cards/same-picture", "", media.same_pictures, of(card_id=None)(), Paging.KEY),
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

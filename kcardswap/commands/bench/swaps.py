"""The swaps of the benchmark's world: sixty of each probe, four that each of the others proposed."""

from datetime import timedelta

from kcardswap.commands.bench.filling import Row, fills
from kcardswap.commands.bench.world import NOW, PROBES, Kind, World, row_id
from kcardswap.persistence.orm.trades import trade_items, trade_participants, trades

PROBE_SWAPS, SWAPS_EACH = 60, 4
_STATES = (*("completed",) * 6, *("canceled",) * 3, "proposed")


def _swaps(world: World) -> int:
    return PROBES * PROBE_SWAPS // 2 + world.others * SWAPS_EACH


def _state(n: int) -> str:
    return _STATES[n // PROBES % len(_STATES)]


def _people(world: World, n: int) -> tuple[int, int]:
    """Probes swap among themselves, so that the rest has the same in worlds of any size."""
    probes = PROBES * PROBE_SWAPS // 2
    if n < probes:
        rank, probe = divmod(n, PROBES)
        return probe, (probe + 1 + rank % (PROBES - 1)) % PROBES
    rank, other = divmod(n - probes, world.others)
    return world.other(other), world.other(other + 13 + rank * 11)


@fills(
    trades,
    "id status meeting participant_count accepted_at completed_at canceled_at cancel_reason deadline_at"
    " version created_at updated_at",
    rows=_swaps,
)
def trade_rows(world: World, n: int) -> Row:
    """Six of ten were completed, three canceled."""
    made, status = world.moment(n, _swaps(world)), _state(n)
    moments = {
        "completed": (made, made, None, None, None),
        "canceled": (None, None, made, "timeout", None),
        "proposed": (None, None, None, None, NOW + timedelta(days=3)),
    }
    return row_id(Kind.TRADE, n), status, "mail", 2, *moments[status], 1, made, made


@fills(
    trade_participants,
    "id trade_id user_id position role accepted_at confirmed_at proposed_at completed_at",
    rows=lambda world: 2 * _swaps(world),
)
def seat_rows(world: World, n: int) -> Row:
    """Two at each swap."""
    trade, position = divmod(n, 2)
    made, person = world.moment(trade, _swaps(world)), _people(world, trade)[position]
    role = ("initiator", "responder")[position]
    return (
        row_id(Kind.SEAT, n),
        row_id(Kind.TRADE, trade),
        row_id(Kind.USER, person),
        position,
        role,
        made,
        made,
        made,
        made if _state(trade) == "completed" else None,
    )


@fills(
    trade_items,
    "id trade_id card_id giver_id receiver_id created_at",
    rows=lambda world: 2 * _swaps(world),
)
def item_rows(world: World, n: int) -> Row:
    """A card from each side."""
    trade, position = divmod(n, 2)
    people = _people(world, trade)
    giver, receiver = people[position], people[1 - position]
    card = world.row_of(giver, trade // PROBES % world.binder_rows)
    return (
        row_id(Kind.TRADE_ITEM, n),
        row_id(Kind.TRADE, trade),
        row_id(Kind.CARD, card),
        row_id(Kind.USER, giver),
        row_id(Kind.USER, receiver),
        world.moment(trade, _swaps(world)),
    )


SWAPS = (trade_rows, seat_rows, item_rows)

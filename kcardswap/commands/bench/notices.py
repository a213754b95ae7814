"""What people of the benchmark's world are told."""

from kcardswap.commands.bench.filling import Row, fills
from kcardswap.commands.bench.world import PROBES, Kind, World, row_id
from kcardswap.persistence.orm.notifications import notifications

PROBE_NOTICES, NOTICES_EACH = 200, 5


def _notices(world: World) -> int:
    return PROBES * PROBE_NOTICES + world.others * NOTICES_EACH


@fills(notifications, "id user_id type payload actor_id event_id created_at read_at", rows=_notices)
def notice_rows(world: World, n: int) -> Row:
    """Two hundred to each probe, five to each of the others; two of three are read."""
    probes = PROBES * PROBE_NOTICES
    rank, person = divmod(n, PROBES) if n < probes else divmod(n - probes, world.others)
    told = person if n < probes else world.other(person)
    made, key = world.moment(n, _notices(world)), row_id(Kind.NOTIFICATION, n)
    actor = None if rank % 5 == 0 else row_id(Kind.USER, world.other(person + rank + 1))
    read_at = None if rank % 3 == 0 else made
    return key, row_id(Kind.USER, told), "friend_request", "{}", actor, key, made, read_at


NOTICES = (notice_rows,)

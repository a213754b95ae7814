"""What operators look at."""

from kcardswap.commands.bench.lists.arguments import of
from kcardswap.commands.bench.measuring import Listing
from kcardswap.commands.bench.world import NOW
from kcardswap.queries import outbox
from kcardswap.queries.outbox import OutboxState

OUTBOX = tuple(
    Listing("flask outbox list", state.value, outbox.waiting_events, of(state=state, now=NOW, limit=50)())
    for state in OutboxState
)

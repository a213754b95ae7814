"""The outbox of the benchmark's world: a backlog, what was given up, and everything that went through."""

from datetime import timedelta

from kcardswap.commands.bench.filling import Row, fills
from kcardswap.commands.bench.world import NOW, Kind, World, row_id
from kcardswap.persistence.orm.outbox import outbox

BACKLOG, EACH = 120, 5


@fills(
    outbox,
    "id event_type aggregate_type aggregate_id payload created_at available_at attempts"
    " processed_at dead_at last_error",
    rows=lambda world: BACKLOG + world.people * EACH,
)
def event_rows(world: World, n: int) -> Row:
    """Five events of each person are through; before them a third is due, a third waits, a third is dead."""
    made = NOW - timedelta(minutes=n)
    outcomes: tuple[Row, ...] = (
        (made, None, None, None),
        (NOW + timedelta(minutes=n), None, None, None),
        (made, None, made, "Nobody understood it."),
    )
    outcome = outcomes[n % 3] if n < BACKLOG else (made, made, None, None)
    person = row_id(Kind.USER, n % world.people)
    available_at, *ends = outcome
    return row_id(Kind.EVENT, n), "UserLeft", "user", person, "{}", made, available_at, 1, *ends


EVENTS = (event_rows,)

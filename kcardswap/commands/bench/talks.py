"""What people of the benchmark's world say to each other: conversations, messages, message requests."""

from datetime import datetime

from kcardswap.commands.bench.filling import Row, fills
from kcardswap.commands.bench.world import PROBES, Kind, World, row_id
from kcardswap.persistence.orm.conversations import message_requests, messages, threads

PROBE_THREADS, THREADS_EACH = 60, 3
LONG_THREAD, SHORT_THREAD = 60, 4
PROBE_REQUESTS, REQUESTS_EACH = 60, 2
_ANSWERS = ("pending", "accepted", "declined")


def _rows(world: World, of_probe: int, of_other: int) -> int:
    return PROBES * of_probe + world.others * of_other


def _pair(world: World, n: int, of_probe: int) -> tuple[int, int]:
    """Return two people, the one of the smaller id first unless numbers went round."""
    if n < PROBES * of_probe:
        rank, probe = divmod(n, PROBES)
        return probe, world.other(probe + rank * (world.others // of_probe))
    rank, other = divmod(n - PROBES * of_probe, world.others)
    return world.other(other), world.other(other + 1 + rank)


def _threads(world: World) -> int:
    return _rows(world, PROBE_THREADS, THREADS_EACH)


def _messages(world: World) -> int:
    return PROBES * LONG_THREAD + (_threads(world) - PROBES) * SHORT_THREAD


def _place(world: World, n: int) -> tuple[int, int]:
    """Return the thread of a message and its place in it: the first thread of each probe is a long one."""
    if n < PROBES * LONG_THREAD:
        rank, thread = divmod(n, PROBES)
    else:
        rank, thread = divmod(n - PROBES * LONG_THREAD, _threads(world) - PROBES)
        thread += PROBES
    return thread, rank + 1


def _said_at(world: World, thread: int, seq: int) -> datetime:
    if thread < PROBES:
        n = (seq - 1) * PROBES + thread
    else:
        n = PROBES * LONG_THREAD + (seq - 1) * (_threads(world) - PROBES) + thread - PROBES
    return world.moment(n, _messages(world))


@fills(
    threads,
    "id user_a_id user_b_id next_seq last_message_at active_at a_sent b_sent origin created_at updated_at",
    rows=_threads,
)
def thread_rows(world: World, n: int) -> Row:
    """Both write in turns, and nobody has read anything."""
    said = LONG_THREAD if n < PROBES else SHORT_THREAD
    made, last = world.moment(n, _threads(world)), _said_at(world, n, said)
    a, b = sorted(_pair(world, n, PROBE_THREADS))
    people = row_id(Kind.USER, a), row_id(Kind.USER, b)
    sent = said - said // 2, said // 2
    return row_id(Kind.THREAD, n), *people, said + 1, last, last, *sent, "friend", made, made


@fills(messages, "id thread_id seq sender_id sender_seq content created_at", rows=_messages)
def message_rows(world: World, n: int) -> Row:
    """The first of the two begins."""
    thread, seq = _place(world, n)
    sender = sorted(_pair(world, thread, PROBE_THREADS))[(seq - 1) % 2]
    return (
        row_id(Kind.MESSAGE, n),
        row_id(Kind.THREAD, thread),
        seq,
        row_id(Kind.USER, sender),
        (seq + 1) // 2,
        f"Is number {n} still there?",
        _said_at(world, thread, seq),
    )


def _requests(world: World) -> int:
    return _rows(world, PROBE_REQUESTS, REQUESTS_EACH)


@fills(
    message_requests,
    "id sender_id recipient_id initial_message status responded_at created_at updated_at",
    rows=_requests,
)
def request_rows(world: World, n: int) -> Row:
    """Each of the probes asked as often as they were asked; a third of it waits."""
    made, rank = world.moment(n, _requests(world)), n // PROBES
    pair = _pair(world, n, PROBE_REQUESTS)
    sender, recipient = (row_id(Kind.USER, person) for person in (pair if rank % 2 else pair[::-1]))
    # Out of step with the blocks, which would otherwise hide all of one kind from some.
    status = _ANSWERS[(rank + rank // 7) % len(_ANSWERS)]
    responded_at = None if status == "pending" else made
    text = f"Hello! Is number {n} still there?"
    return row_id(Kind.MESSAGE_REQUEST, n), sender, recipient, text, status, responded_at, made, made


TALKS = (thread_rows, message_rows, request_rows)

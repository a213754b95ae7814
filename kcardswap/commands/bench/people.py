"""People of the benchmark's world: accounts, sessions, friends, blocks and what they pay for."""

from datetime import timedelta

from kcardswap.commands.bench.filling import Row, fills
from kcardswap.commands.bench.world import NOW, PROBES, Kind, World, row_id
from kcardswap.persistence.orm.accounts import sessions, users
from kcardswap.persistence.orm.friendships import blocks, friendships
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.persistence.orm.quotas import quota_usage
from kcardswap.persistence.orm.ratings import rating_totals, ratings
from kcardswap.persistence.orm.subscriptions import subscriptions

SESSIONS_EACH = 5
PROBE_FRIENDS, FRIENDS_EACH = 60, 9
PROBE_BLOCKS = 25
PROBE_RATINGS, RATINGS_EACH = 60, 4
ADMINISTRATOR, SUSPENDED = PROBES, PROBES + 1


def _people(world: World) -> int:
    return world.people


@fills(users, "id role status deleted_at last_seen_at created_at updated_at", rows=_people)
def user_rows(world: World, n: int) -> Row:
    """Every hundredth account but the probes' was deleted; one is an administrator's, one is suspended."""
    made = world.moment(n, world.people)
    gone = n >= PROBES and n % 100 == 99
    status, deleted_at = ("deleted", NOW) if gone else ("active", None)
    if n == SUSPENDED:
        status = "suspended"
    role = "admin" if n == ADMINISTRATOR else "user"
    return row_id(Kind.USER, n), role, status, deleted_at, NOW - timedelta(minutes=n % 9000), made, made


@fills(profiles, "id user_id nickname nickname_norm region created_at updated_at", rows=_people)
def profile_rows(world: World, n: int) -> Row:
    """One each."""
    made, key = world.moment(n, world.people), row_id(Kind.USER, n)
    return key, key, f"Collector {n}", f"collector{n}", "Taipei", made, made


@fills(
    sessions,
    "id user_id client user_agent created_at last_used_at expires_at ended_at end_reason",
    rows=lambda world: world.people * SESSIONS_EACH,
)
def session_rows(world: World, n: int) -> Row:
    """Two of five are over."""
    rank, person = divmod(n, world.people)
    made = NOW - timedelta(days=1 + rank, seconds=person % 3600)
    over = (made + timedelta(hours=5), "logout") if rank > 2 else (None, None)
    last_used, expires = made + timedelta(hours=4), made + timedelta(days=7)
    key, owner = row_id(Kind.SESSION, n), row_id(Kind.USER, person)
    return key, owner, "bearer", "Mozilla/5.0", made, last_used, expires, *over


def _friendships(world: World) -> int:
    return PROBES * PROBE_FRIENDS + world.others * FRIENDS_EACH


def _pair(world: World, n: int) -> tuple[int, int]:
    probes = PROBES * PROBE_FRIENDS
    if n < probes:
        rank, probe = divmod(n, PROBES)
        friend = world.other(probe + rank * (world.others // PROBE_FRIENDS))
        return (probe, friend) if rank % 2 else (friend, probe)
    rank, other = divmod(n - probes, world.others)
    return world.other(other), world.other(other + rank + 1)


@fills(friendships, "id user_id friend_id status accepted_at created_at updated_at", rows=_friendships)
def friendship_rows(world: World, n: int) -> Row:
    """Each of the probes asked or was asked sixty times; a third of that is unanswered."""
    made = world.moment(n, _friendships(world))
    asker, asked = (row_id(Kind.USER, person) for person in _pair(world, n))
    answer = ("pending", None) if n // PROBES % 3 == 0 else ("accepted", made)
    return row_id(Kind.FRIENDSHIP, n), asker, asked, *answer, made, made


@fills(
    blocks,
    "id blocker_id blocked_id created_at",
    rows=lambda world: PROBES * PROBE_BLOCKS + world.others,
)
def block_rows(world: World, n: int) -> Row:
    """Probes block 25 people each, the others one."""
    probes = PROBES * PROBE_BLOCKS
    if n < probes:
        rank, blocker = divmod(n, PROBES)
        blocked = world.other(rank * (world.others // PROBE_BLOCKS))
    else:
        blocker, blocked = world.other(n - probes), world.other(n - probes + 7)
    made = world.moment(n, probes + world.others)
    return row_id(Kind.BLOCK, n), row_id(Kind.USER, blocker), row_id(Kind.USER, blocked), made


@fills(quota_usage, "user_id limit_key period_start used updated_at", rows=_people)
def usage_rows(world: World, n: int) -> Row:
    """Everybody uploaded something this month."""
    return row_id(Kind.USER, n), "media_bytes_per_month", NOW.date().replace(day=1), 1_000_000, NOW


@fills(
    subscriptions,
    "id user_id plan status started_at expires_at source version created_at updated_at",
    rows=lambda world: world.people // 10,
)
def subscription_rows(world: World, n: int) -> Row:
    """One of ten pays, among them a probe."""
    made, owner = world.moment(n, world.people // 10), row_id(Kind.USER, n * 10)
    until = NOW + timedelta(days=30)
    return (
        row_id(Kind.SUBSCRIPTION, n),
        owner,
        "premium",
        "active",
        made,
        until,
        "google_play",
        1,
        made,
        made,
    )


@fills(
    ratings,
    "id rater_id rated_user_id score created_at",
    rows=lambda world: PROBES * PROBE_RATINGS + world.others * RATINGS_EACH,
)
def rating_rows(world: World, n: int) -> Row:
    """Sixty about each probe, four about each of the others, all from people who are no probes."""
    probes = PROBES * PROBE_RATINGS
    if n < probes:
        rank, rated = divmod(n, PROBES)
    else:
        rank, other = divmod(n - probes, world.others)
        rated = world.other(other)
    rater = world.other(rated + rank + 1 - PROBES)
    made = world.moment(n, probes + world.others * RATINGS_EACH)
    return row_id(Kind.RATING, n), row_id(Kind.USER, rater), row_id(Kind.USER, rated), 4, made


@fills(rating_totals, "user_id ratings score_sum", rows=_people)
def rating_total_rows(world: World, n: int) -> Row:
    """What these come to."""
    count = PROBE_RATINGS if n < PROBES else RATINGS_EACH
    return row_id(Kind.USER, n), count, 4 * count


PEOPLE = (
    user_rows,
    profile_rows,
    session_rows,
    friendship_rows,
    block_rows,
    usage_rows,
    subscription_rows,
    rating_rows,
    rating_total_rows,
)

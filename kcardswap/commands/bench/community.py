"""Posts of the benchmark's world, and what people make of them."""

from datetime import timedelta

from kcardswap.commands.bench.filling import Row, fills
from kcardswap.commands.bench.world import NOW, PROBES, Kind, World, row_id
from kcardswap.persistence.orm.posts import post_comments, post_interests, post_likes, posts

POSTS_EACH = 5
WRITERS, OPEN_EACH = 60, 4
REACTIONS = 60
CITIES = ("TPE", "NTP", "TAO")
CATEGORIES = ("trade", "giveaway", "group", "showcase", "help")


def newest_post(world: World, probe: int) -> int:
    """Return the number of the newest post of one of the probes."""
    return (POSTS_EACH - 1) * world.people + probe


def _posts(world: World) -> int:
    return world.people * POSTS_EACH


@fills(
    posts,
    "id owner_id scope city_code category title content idol_group idol_group_norm idol idol_norm"
    " status like_count comment_count expires_at created_at updated_at",
    rows=_posts,
)
def post_rows(world: World, n: int) -> Row:
    """Five each; four each of sixty people are open, for posts expire while the community grows."""
    rank, person = divmod(n, world.people)
    made = world.moment(n, _posts(world))
    place = ("city", CITIES[n % 3]) if n % 2 else ("global", None)
    is_open = person < WRITERS and rank >= POSTS_EACH - OPEN_EACH
    status, until = ("open", NOW) if is_open else ("expired", made)
    of_probe = person < PROBES and rank == POSTS_EACH - 1
    counts = (REACTIONS, REACTIONS) if of_probe else (0, 0)
    about = ("Group", "group", f"Idol {n % 5}", f"idol{n % 5}")
    return (
        row_id(Kind.POST, n),
        row_id(Kind.USER, person),
        *place,
        CATEGORIES[n % 5],
        f"Post {n}",
        "words " * 40,
        *about,
        status,
        *counts,
        until + timedelta(days=14),
        made,
        made,
    )


def _reactions(world: World) -> int:
    return PROBES * REACTIONS


def _reaction(world: World, n: int) -> tuple[str, str]:
    """Return on which post, and whose, reaction ``n`` is: sixty on the newest post of each probe."""
    rank, probe = divmod(n, PROBES)
    return row_id(Kind.POST, newest_post(world, probe)), row_id(Kind.USER, world.other(rank))


@fills(post_likes, "id post_id user_id created_at", rows=_reactions)
def like_rows(world: World, n: int) -> Row:
    """Sixty for each probe."""
    return row_id(Kind.POST_LIKE, n), *_reaction(world, n), NOW


@fills(post_comments, "id post_id user_id content created_at updated_at", rows=_reactions)
def comment_rows(world: World, n: int) -> Row:
    """Sixty for each probe."""
    made = NOW - timedelta(minutes=n)
    return row_id(Kind.POST_COMMENT, n), *_reaction(world, n), "words", made, made


@fills(post_interests, "id post_id user_id status created_at updated_at", rows=_reactions)
def interest_rows(world: World, n: int) -> Row:
    """Sixty for each probe."""
    made = NOW - timedelta(minutes=n)
    return row_id(Kind.POST_INTEREST, n), *_reaction(world, n), "pending", made, made


COMMUNITY = (post_rows, like_rows, comment_rows, interest_rows)

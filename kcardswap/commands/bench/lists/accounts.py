"""Lists and look-ups about people: who is calling, profiles, plans, friends."""

from uuid import UUID

from kcardswap.commands.bench.lists.arguments import CALENDAR, neighbour, of, person
from kcardswap.commands.bench.measuring import Listing, Paging
from kcardswap.commands.bench.world import NOW, Kind, row_id
from kcardswap.queries import accounts, friendships, profiles, subscriptions
from kcardswap.queries.friendships import FriendListStatus

ACCOUNTS = (
    Listing(
        "every request",
        "who is calling",
        accounts.caller,
        lambda world, probe: {
            "session_id": UUID(row_id(Kind.SESSION, probe)),
            "user_id": person(probe),
        },
    ),
    Listing(
        "GET /auth/sessions",
        "",
        accounts.live_sessions,
        lambda world, probe: {
            "user_id": person(probe),
            "current": UUID(row_id(Kind.SESSION, probe)),
            "now": NOW,
        },
    ),
    Listing(
        "GET /profile/{user_id}",
        "",
        profiles.public,
        of(now=NOW)(user_id=neighbour, viewer_id=person),
    ),
)
PLANS = (
    Listing("GET /subscriptions/status", "", subscriptions.subscription_of, of(now=NOW)(user_id=person)),
    Listing("GET /quotas/me", "", subscriptions.quotas_of, of(calendar=CALENDAR, now=NOW)(user_id=person)),
)
FRIENDS = tuple(
    Listing(
        "GET /friends",
        status.value,
        friendships.people,
        of(status=status, now=NOW)(viewer_id=person),
        paging,
    )
    for status, paging in (
        (FriendListStatus.ACCEPTED, Paging.OFFSET),
        (FriendListStatus.PENDING, Paging.NONE),
        (FriendListStatus.BLOCKED, Paging.OFFSET),
    )
)

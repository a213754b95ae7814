"""Lists of what people say: posts, conversations, ratings, and what they are told."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from kcardswap.commands.bench.community import CITIES, newest_post
from kcardswap.commands.bench.lists.arguments import NO_FILTER, Arguments, neighbour, of, person
from kcardswap.commands.bench.measuring import Listing, Paging
from kcardswap.commands.bench.world import NOW, PROBES, Kind, row_id
from kcardswap.domain.message_requests import MessageRequestStatus
from kcardswap.domain.posts import PostCategory
from kcardswap.queries import conversations, message_requests, notifications, post_reactions, posts, ratings
from kcardswap.queries.message_requests import Box


def _thread(probe: int) -> UUID:
    return UUID(row_id(Kind.THREAD, probe))


def _message(probe: int) -> UUID:
    """Return the first message of that thread."""
    return UUID(row_id(Kind.MESSAGE, probe))


def _on_post(of: Callable[[int], int], **more: Any) -> Arguments:
    """Return how a reader calls for something about the newest post of a probe."""
    return lambda world, probe: {
        "post_id": UUID(row_id(Kind.POST, newest_post(world, of(probe)))),
        "viewer_id": person(probe),
        "now": NOW,
        **more,
    }


def _next(probe: int) -> int:
    return (probe + 1) % PROBES


POSTS = (
    *(
        Listing("GET /posts", what, posts.feed, of(filters=filters, now=NOW)(viewer_id=person), Paging.KEY)
        for what, filters in (
            ("", NO_FILTER),
            ("of a city", {"city_code": CITIES[0]}),
            ("of a category", {"category": PostCategory.HELP}),
            ("of a group", {"idol_group": "Group"}),
            ("of an idol", {"idol": "Idol 1"}),
        )
    ),
    Listing(
        "GET /posts",
        "of a person",
        posts.feed,
        lambda world, probe: {
            "viewer_id": person(probe),
            "filters": {"owner_id": neighbour(probe)},
            "now": NOW,
        },
    ),
    Listing("GET /posts/{post_id}", "", posts.post, _on_post(_next, sees_all=False)),
    Listing(
        "GET /posts/{post_id}/comments",
        "",
        post_reactions.comments_of,
        _on_post(_next, sees_all=False),
        Paging.KEY,
    ),
    Listing(
        "GET /posts/{post_id}/interests",
        "",
        post_reactions.interests_in,
        _on_post(lambda probe: probe, status=None),
        Paging.OFFSET,
    ),
)
CONVERSATIONS = (
    *(
        Listing(operation, "", conversations.conversations, of()(viewer_id=person), Paging.OFFSET)
        for operation in ("GET /threads", "GET /chats")
    ),
    Listing(
        "GET /threads/{thread_id}",
        "",
        conversations.conversation,
        of()(thread_id=_thread, viewer_id=person),
    ),
    *(
        Listing(
            operation,
            "the newest",
            conversations.messages_of,
            of()(thread_id=_thread, viewer_id=person),
            Paging.KEY,
        )
        for operation in ("GET /threads/{thread_id}/messages", "GET /chats/{room_id}/messages")
    ),
    Listing(
        "GET /chats/{room_id}/messages",
        "after one",
        conversations.messages_of,
        of()(thread_id=_thread, viewer_id=person, after_message_id=_message),
        Paging.KEY,
    ),
    *(
        Listing(
            f"GET /message-requests/{box.value}",
            "pending" if status else "all",
            message_requests.requests_in,
            of(box=box, status=status)(viewer_id=person),
            Paging.NONE if status else Paging.OFFSET,
            # Some of the sixty come from people who are blocked, in worlds of some sizes as many as a third.
            page_rows=10,
        )
        for box in Box
        for status in (MessageRequestStatus.PENDING, None)
    ),
)
RATINGS = (
    Listing(
        "GET /ratings/user/{user_id}",
        "",
        ratings.ratings_of,
        of()(user_id=neighbour, viewer_id=person),
        Paging.OFFSET,
    ),
    Listing(
        "GET /ratings/user/{user_id}/average",
        "",
        ratings.average,
        of()(user_id=neighbour, viewer_id=person),
    ),
)
NOTIFICATIONS = tuple(
    Listing("GET /notifications", what, notifications.inbox, of(unread=unread)(user_id=person), Paging.KEY)
    for what, unread in (("", None), ("unread", True))
)

"""Ratings: saying what one thinks of people, reading what others do."""

from typing import Any
from uuid import UUID

from kcardswap.api.blueprint import SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import collection_of, page_answer, page_request
from kcardswap.api.schemas.base import PageQuery
from kcardswap.api.schemas.ratings import AverageScoreSchema, RatingBody, RatingSchema
from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.errors import Blocked, SelfTarget
from kcardswap.domain.friendships import NotFriends
from kcardswap.domain.ratings import AlreadyRated, NotParticipant, TradeNotCompleted
from kcardswap.domain.trades import TradeNotFound
from kcardswap.queries import ratings as rating_queries
from kcardswap.services import ratings

blp = Blueprint("ratings", __name__, description="What people say about those they swapped with.")


@blp.operation(
    "POST",
    "/ratings",
    caller=SIGNED_IN,
    body=RatingBody,
    answer=RatingSchema,
    status=201,
    refuses=(
        SelfTarget,
        UserNotFound,
        Blocked,
        TradeNotFound,
        NotParticipant,
        TradeNotCompleted,
        NotFriends,
        AlreadyRated,
    ),
)
def rate_user(body: dict[str, Any]) -> object:
    """Rate somebody for a completed swap, or as a friend."""
    rating_id = ratings.rate(unit_of_work(), by=caller().user_id, **body)
    return read(rating_queries.rating, rating_id=rating_id)


@blp.operation(
    "GET",
    "/ratings/user/<id:user_id>",
    caller=SIGNED_IN,
    query=PageQuery,
    answer=collection_of("ratings", RatingSchema, paged=False),
    refuses=(UserNotFound,),
)
def list_ratings(query: dict[str, Any], user_id: UUID) -> Answer:
    """List what others said about somebody, newest first."""
    page = read(
        rating_queries.ratings_of, user_id=user_id, viewer_id=caller().user_id, page=page_request(query)
    )
    return page_answer("ratings", page, query)


@blp.operation(
    "GET",
    "/ratings/user/<id:user_id>/average",
    caller=SIGNED_IN,
    answer=AverageScoreSchema,
    refuses=(UserNotFound,),
)
def show_average_score(user_id: UUID) -> object:
    """Show what the ratings of somebody come to."""
    return read(rating_queries.average, user_id=user_id, viewer_id=caller().user_id)

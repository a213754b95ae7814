"""What demo people tell the community, say to each other and think of each other."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from kcardswap.domain.posts import PostCategory
from kcardswap.queries import demo as demo_queries
from kcardswap.runtime import Runtime
from kcardswap.services import conversations, posts, ratings

LIKES, COMMENTS = 4, 2
INTERESTED = 5
"""How far down the list somebody interested is: friends are closer."""
RATED = 8
SWAPPED = (4, 5)
"""The two who completed a swap."""


class DemoPost(NamedTuple):
    """One post; ``city`` None is for everybody."""

    category: PostCategory
    title: str
    content: str
    group: str | None
    city: str | None


POSTS = (
    DemoPost(PostCategory.TRADE, "求換 IVE 小卡", "有 Rei，想換 Liz，台北可面交。", "IVE", "TPE"),
    DemoPost(PostCategory.GIVEAWAY, "送出重複的小卡", "三張重複的，喜歡的人帶走。", "NewJeans", None),
    DemoPost(PostCategory.GROUP, "揪團預購專輯", "湊滿十張免運，週五截止。", "aespa", "TXG"),
    DemoPost(PostCategory.SHOWCASE, "終於收齊了", "一年半，一個成員不缺！", "TWICE", None),
    DemoPost(PostCategory.HELP, "請問這是哪個版本？", "背面沒有印字，求高手。", "SEVENTEEN", None),
    DemoPost(PostCategory.TRADE, "求換 lucky draw", "可以兩張換一張，郵寄附追蹤。", "ITZY", "KHH"),
)
TALK = ("這張還在嗎？", "還在！你想換哪一張？", "我有兩張可以選，晚點傳照片給你。")
COMMENTED = ("好漂亮！", "還在嗎？")
PRAISE = ("包裝很用心，回覆很快。", "卡況如照片，推薦！", "很好約的換友。")


class DemoCommunity:
    """The chapters about posts, conversations and ratings. Each step does only what is missing."""

    def __init__(
        self, runtime: Runtime, person: Callable[[int], UUID], at: Callable[[timedelta], None]
    ) -> None:
        """Tell about the people ``person`` knows by number; ``at`` sets how long ago it happens."""
        self._runtime = runtime
        self._person = person
        self._at = at

    def posts(self) -> Iterator[Callable[[], None]]:
        """Yield the steps that make posts and what people make of them."""
        for n in range(len(POSTS)):
            yield partial(self._write, n)
            for rank in range(LIKES):
                yield partial(self._react, n, rank)
            yield partial(self._want, n)
        yield self._accept_first
        yield from (partial(self._say, place) for place in range(len(TALK)))

    def ratings(self) -> Iterator[Callable[[], None]]:
        """Yield the steps in which people rate each other."""
        for rater, rated in (SWAPPED, SWAPPED[::-1]):
            yield partial(self._rate, rater, rated, for_swap=True)
        for n in range(RATED):
            yield partial(self._rate, n, n + 1, for_swap=False)

    def _post(self, n: int) -> UUID | None:
        with self._runtime.database.reader() as connection:
            return demo_queries.post_with_title(
                connection, owner_id=self._person(2 * n), title=POSTS[n].title
            )

    def _write(self, n: int) -> None:
        if self._post(n) is not None:
            return
        self._at(timedelta(days=5, hours=-20 * n))
        told = POSTS[n]
        posts.create(
            self._runtime.unit_of_work(),
            self._runtime.quota_calendar,
            owner_id=self._person(2 * n),
            may_announce=False,
            described={
                "category": told.category,
                "title": told.title,
                "content": told.content,
                "idol_group": told.group,
                "city_code": told.city,
            },
            terms=self._runtime.post_terms,
        )

    def _reactions(self, n: int, person: int) -> tuple[UUID, UUID, demo_queries.Reactions] | None:
        """Return the post, somebody and what they made of it; None when it is no longer open."""
        post_id, user_id = self._post(n), self._person(person)
        assert post_id is not None, "posts are made before anybody reacts to them"
        with self._runtime.database.reader() as connection:
            found = demo_queries.reactions(connection, post_id=post_id, user_id=user_id)
        return (post_id, user_id, found) if found.is_open else None

    def _react(self, n: int, rank: int) -> None:
        about = self._reactions(n, 2 * n + rank + 1)
        if about is None:
            return
        post_id, user_id, done = about
        self._at(timedelta(hours=15, minutes=-n - rank))
        if not done.liked:
            posts.toggle_like(self._runtime.unit_of_work(), post_id=post_id, by=user_id)
        if rank < COMMENTS and not done.commented:
            posts.comment(self._runtime.unit_of_work(), post_id=post_id, by=user_id, content=COMMENTED[rank])

    def _want(self, n: int) -> None:
        about = self._reactions(n, 2 * n + INTERESTED)
        if about is not None and not about[2].interested:
            self._at(timedelta(hours=14, minutes=-n))
            posts.express_interest(self._runtime.unit_of_work(), post_id=about[0], by=about[1])

    def _accept_first(self) -> None:
        """Let the owner of the first post take up the interest in it; the two can talk then."""
        post_id = self._post(0)
        assert post_id is not None
        with self._runtime.database.reader() as connection:
            interest_id = demo_queries.pending_interest(connection, post_id=post_id)
        if interest_id is not None and self._talk().thread_id is None:
            self._at(timedelta(hours=13))
            posts.accept_interest(
                self._runtime.unit_of_work(),
                post_id=post_id,
                interest_id=interest_id,
                by=self._person(0),
            )

    def _talk(self) -> demo_queries.Talk:
        with self._runtime.database.reader() as connection:
            return demo_queries.talk(connection, a=self._person(0), b=self._person(INTERESTED))

    def _say(self, place: int) -> None:
        talk = self._talk()
        if talk.thread_id is None or talk.messages > place:
            return
        self._at(timedelta(hours=12, minutes=-place))
        speaker = self._person(INTERESTED if place % 2 == 0 else 0)
        conversations.write(
            self._runtime.unit_of_work(), thread_id=talk.thread_id, by=speaker, content=TALK[place]
        )

    def _rate(self, rater: int, rated: int, *, for_swap: bool) -> None:
        a, b = self._person(rater), self._person(rated)
        with self._runtime.database.reader() as connection:
            trade_id = demo_queries.completed_trade(connection, a=a, b=b) if for_swap else None
            rated_before = demo_queries.has_rated(connection, rater_id=a, rated_user_id=b, trade_id=trade_id)
        if rated_before or (for_swap and trade_id is None):
            return
        self._at(timedelta(days=1, minutes=-rater))
        ratings.rate(
            self._runtime.unit_of_work(),
            by=a,
            rated_user_id=b,
            score=5 - rater % 2,
            comment=PRAISE[rater % len(PRAISE)],
            trade_id=trade_id,
        )

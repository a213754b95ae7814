"""Two people who have to do with each other in every way there is, and a third who looks on."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from kcardswap.domain.media import MediaTarget
from kcardswap.persistence.orm.cards import cards
from kcardswap.runtime import Runtime
from tests import albums
from tests.api.swappers import Swappers, data
from tests.people import MakePerson, Person
from tests.posts import comment, make_picture, make_post
from tests.talks import open_thread, say
from tests.wishes import photocard, wish


class Neighbours(Swappers):
    """Mina and Jun are friends, talk, swapped once and swap again; both have posts the other comments on."""

    def __init__(self, runtime: Runtime, person: MakePerson) -> None:
        super().__init__(runtime, person)
        self.sana = person("sana")
        self.finished = self.completed()["id"]
        self.unfinished = self.propose(initiator_card_ids=self.minas[1:2], responder_card_ids=self.juns[1:2])[
            "id"
        ]
        self.thread_id = open_thread(runtime, self.mina.user_id, self.jun.user_id)
        say(runtime, self.thread_id, self.jun.user_id, "hello")
        self.post_of = {who.user_id: make_post(runtime, who.user_id) for who in (self.mina, self.jun)}
        self.third_post = make_post(runtime, self.sana.user_id)
        comment(runtime, self.post_of[self.mina.user_id], self.jun.user_id)
        comment(runtime, self.post_of[self.jun.user_id], self.mina.user_id)
        for who in (self.mina, self.jun, self.sana):
            comment(runtime, self.third_post, who.user_id, who.user_id.hex)
        self.wanted = photocard(runtime, self.sana.user_id)
        for who in (self.mina, self.jun):
            wish(runtime, who.user_id)
            albums.create(runtime, who.user_id)
        self.picture_of = {who.user_id: self._pictures(who.user_id) for who in (self.mina, self.jun)}

    def _pictures(self, user_id: UUID) -> list[str]:
        """Return pictures of somebody's that others may see: of a card, a gallery card and a post."""
        gallery_card = albums.create(self.runtime, user_id, title="With a picture")
        on_post = make_picture(self.runtime, user_id)
        uow = self.runtime.unit_of_work()
        with uow:
            uow.media.get(on_post).attach(MediaTarget.POST, self.post_of[user_id], position=0)
            uow.commit()
        # The third card of each takes part in no trade.
        own = self.minas if user_id == self.mina.user_id else self.juns
        with self.runtime.database.reader() as connection:
            on_card = connection.scalar(select(cards.c.media_asset_id).where(cards.c.id == UUID(own[2])))
        return [str(each) for each in (on_card, albums.picture_for(self.runtime, gallery_card), on_post)]

    def feed(self, reader: Person) -> set[UUID]:
        """Return whose posts somebody sees in the feed."""
        return {UUID(post["owner_id"]) for post in data(reader.get("/posts"))["posts"]}

    def commenters(self, reader: Person, post_id: UUID) -> set[UUID]:
        """Return whose comments on a post somebody sees."""
        return {UUID(each["user_id"]) for each in data(reader.get(f"/posts/{post_id}/comments"))["comments"]}

    def readable(self, reader: Person, pictures: list[str]) -> list[str]:
        """Return the pictures among these that somebody gets URLs for, in the same order."""
        urls = data(reader.post("/media/read-urls", {"media_asset_ids": pictures}))["urls"]
        return [picture for picture in pictures if picture in urls]


def pages_of(person: Person) -> list[str]:
    """Return the paths of what others read about somebody by their id."""
    user_id = person.user_id
    return [
        f"/profile/{user_id}",
        f"/users/{user_id}/cards",
        f"/users/{user_id}/gallery/cards",
        f"/users/{user_id}/wishlist",
        f"/ratings/user/{user_id}",
        f"/ratings/user/{user_id}/average",
    ]


def advances(two: Neighbours, of: Person, to: Person) -> dict[str, Any]:
    """Return the answers to everything ``of`` can start with ``to``, by what it is."""
    post = two.post_of[to.user_id]
    theirs, own = (two.juns[2:3], two.minas[2:3]) if to is two.jun else (two.minas[2:3], two.juns[2:3])
    trade = {"responder_id": str(to.user_id), "initiator_card_ids": own, "responder_card_ids": theirs}
    message = {"recipient_id": str(to.user_id), "initial_message": "hi"}
    return {
        "friend request": of.post("/friends/request", {"target_user_id": str(to.user_id)}),
        "message request": of.post("/message-requests", message),
        "trade": of.post("/trades", trade),
        "rating": of.post("/ratings", {"rated_user_id": str(to.user_id), "score": 1}),
        "comment": of.post(f"/posts/{post}/comments", {"content": "hi"}),
        "like": of.post(f"/posts/{post}/like"),
        "interest": of.post(f"/posts/{post}/interest"),
    }

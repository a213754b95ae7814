"""The demo world, made through the same services the API calls, at moments of the last weeks."""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import TypeVar
from uuid import UUID

from kcardswap.commands.seed.community import DemoCommunity
from kcardswap.commands.seed.people import (
    ALBUMS,
    CONDITIONS,
    MIN_CONDITIONS,
    PEOPLE,
    RARITIES,
    VERSIONS,
    DemoPerson,
)
from kcardswap.commands.seed.pictures import draw_card
from kcardswap.domain.accounts import SessionClient
from kcardswap.domain.cards import CardStatus
from kcardswap.domain.locations import CITIES
from kcardswap.domain.media import ImageType
from kcardswap.domain.trades import Meeting, TradeTimeouts
from kcardswap.gateways.identity import DevIdentityProvider
from kcardswap.gateways.storage import LocalStorage
from kcardswap.queries import demo as demo_queries
from kcardswap.runtime import Runtime
from kcardswap.services import (
    accounts,
    cards,
    catalog,
    friendships,
    gallery,
    media,
    profiles,
    trades,
    wishlist,
)

DEMO_DOMAIN = "demo.kcardswap.test"
CARDS_PER_PERSON = 10
CARDS_PER_DAY = 3
GALLERY_CARDS = 2
WISHES = 3
BEGAN = timedelta(days=40)
SEED = 20260214

Step = Callable[[], None]
Story = Callable[[UUID, UUID], object]
Found = TypeVar("Found")


class DemoClock:
    """A clock that is set to whatever moment of the past is being told."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """Return the moment being told."""
        return self.moment


class DemoWorld:
    """Everything ``flask seed demo`` makes. Each step looks first and does only what is missing."""

    def __init__(self, runtime: Runtime) -> None:
        self._today = runtime.clock.now()
        self._clock = DemoClock(self._today)
        self._runtime = replace(runtime, clock=self._clock)
        self._groups = {group.slug: group for group in catalog.shipped_groups()}
        self._ids: dict[str, UUID] = {}

    def chapters(self) -> Iterator[tuple[str, Iterable[Step]]]:
        """Yield each part of the world with its steps, to be run in order."""
        yield "People", (partial(self._make_person, person) for person in PEOPLE)
        yield (
            "Cards",
            (partial(self._make_card, person, n) for n in range(CARDS_PER_PERSON) for person in PEOPLE),
        )
        yield (
            "Galleries",
            (partial(self._make_gallery_card, person, n) for n in range(GALLERY_CARDS) for person in PEOPLE),
        )
        yield "Friends", (partial(self._befriend, n) for n in range(len(PEOPLE)))
        yield "Wishes", (partial(self._wish, n, wish) for wish in range(WISHES) for n in range(len(PEOPLE)))
        yield "Swaps", (partial(self._swap, n, story) for n, story in enumerate(self._stories()))
        community = DemoCommunity(self._runtime, self._person, self._at)
        yield "Posts", community.posts()
        yield "Ratings", community.ratings()

    def summary(self) -> str:
        """Return what there is now, in words."""
        counts = self._read(demo_queries.counts)
        return (
            f"{counts.cards} cards, {counts.gallery_cards} gallery cards, {counts.wishes} wishes, "
            f"{counts.friendships} friendships, {counts.trades} swaps, "
            f"{counts.posts} posts, {counts.ratings} ratings"
        )

    def _at(self, ago: timedelta) -> None:
        self._clock.moment = self._today - ago

    def _read(self, query: Callable[..., Found], **arguments: object) -> Found:
        with self._runtime.database.reader() as connection:
            return query(connection, **arguments)

    def _make_person(self, person: DemoPerson) -> None:
        email = f"{person.name}@{DEMO_DOMAIN}"
        known = self._read(demo_queries.user_with_email, email=email)
        self._ids[person.name] = known or self._register(person, email)

    def _register(self, person: DemoPerson, email: str) -> UUID:
        self._at(BEGAN + timedelta(days=1))
        user_id = accounts.sign_in_with_google(
            self._runtime.unit_of_work(),
            self._runtime.sign_in_policy,
            self._runtime.identity_providers,
            id_token=self._id_token(email, person.name.title()),
            device=accounts.Device(client=SessionClient.BEARER, user_agent="demo", ip_prefix=None),
        ).user_id
        city = next(city for city in CITIES if city.code == person.city)
        profiles.edit(
            self._runtime.unit_of_work(),
            user_id=user_id,
            changes={
                "bio": person.bio,
                "region": city.name,
                "preferences": {"favorite_idol_groups": [person.group], "onboarding_completed": True},
            },
        )
        return user_id

    def _id_token(self, email: str, name: str) -> str:
        provider = self._runtime.identity_providers.dev
        assert isinstance(provider, DevIdentityProvider), "demo people need the development identity provider"
        return provider.identity_token(email=email, name=name, email_verified=True, now=self._clock.now())

    def _make_card(self, person: DemoPerson, number: int) -> None:
        owner_id = self._ids[person.name]
        if self._read(demo_queries.uploaded_cards, owner_id=owner_id) > number:
            return
        # Three a day, like any collector on the free plan.
        self._at(BEGAN - timedelta(days=number // CARDS_PER_DAY, minutes=number))
        random = Random(f"{SEED}-{person.name}-{number}")
        group = self._groups[person.group]
        member, album = random.choice(group.members).name, random.choice(ALBUMS[person.group])
        picture = draw_card(title=member, group=group.name, album=album, random=random)
        announced = cards.announce(
            self._runtime.unit_of_work(),
            self._runtime.storage,
            self._runtime.quota_calendar,
            owner_id=owner_id,
            content_type=ImageType.JPEG,
            file_size_bytes=len(picture),
            description={
                "idol": member,
                "idol_group": group.name,
                "album": album,
                "version": random.choice(VERSIONS),
                "rarity": random.choice(RARITIES),
                "condition": random.choice(CONDITIONS),
                "status": CardStatus.HELD if number % 5 == 4 else CardStatus.AVAILABLE,
            },
            lifetime=self._runtime.settings.upload_url_lifetime,
        )
        self._send(announced.object_key, picture)
        cards.confirm_upload(
            self._runtime.unit_of_work(),
            self._runtime.storage,
            self._runtime.images,
            self._runtime.quota_calendar,
            card_id=announced.card_id,
            by=owner_id,
        )

    def _send(self, key: str, picture: bytes) -> None:
        assert isinstance(self._runtime.storage, LocalStorage), "demo pictures go to local storage"
        self._runtime.storage.receive(key, io.BytesIO(picture), max_bytes=len(picture))

    def _make_gallery_card(self, person: DemoPerson, number: int) -> None:
        """Put a card at the end of the gallery, or give the one that is there the picture it lacks."""
        owner_id = self._ids[person.name]
        self._at(timedelta(days=15, minutes=-number))
        random = Random(f"{SEED}-{person.name}-gallery-{number}")
        group = self._groups[person.group]
        member, era = random.choice(group.members).name, random.choice(ALBUMS[person.group])
        card = self._read(demo_queries.gallery_card, user_id=owner_id, place=number)
        card_id = card.id if card else self._new_gallery_card(owner_id, member, era)
        if card is None or card.media_asset_id is None:
            picture = draw_card(title=member, group=group.name, album=era, random=random)
            media.attach_to_gallery_card(
                self._runtime.unit_of_work(),
                self._runtime.storage,
                media_id=self._upload(owner_id, picture),
                card_id=card_id,
                by=owner_id,
            )

    def _new_gallery_card(self, owner_id: UUID, member: str, era: str) -> UUID:
        description = {"title": f"{member}, {era}", "idol_name": member, "era": era}
        return gallery.create(self._runtime.unit_of_work(), user_id=owner_id, description=description)

    def _upload(self, owner_id: UUID, picture: bytes) -> UUID:
        announced = media.announce(
            self._runtime.unit_of_work(),
            self._runtime.storage,
            owner_id=owner_id,
            content_type=ImageType.JPEG,
            file_size_bytes=len(picture),
            lifetime=self._runtime.settings.upload_url_lifetime,
        )
        self._send(f"media/{owner_id}/{announced.media_id}.{ImageType.JPEG.extension}", picture)
        media.confirm(
            self._runtime.unit_of_work(),
            self._runtime.storage,
            self._runtime.images,
            self._runtime.quota_calendar,
            media_id=announced.media_id,
            by=owner_id,
        )
        return announced.media_id

    def _wish(self, number: int, wish: int) -> None:
        """Let somebody wish for a card they lack and one of the next people offers."""
        seeker, owner = self._person(number), self._person(number + wish + 1)
        if self._read(demo_queries.wishes_of, user_id=seeker) > wish:
            return
        self._at(timedelta(days=10, minutes=-wish))
        photocard_id = self._read(demo_queries.photocard_to_wish_for, seeker_id=seeker, owner_id=owner)
        if photocard_id is not None:
            terms = {"priority": wish % 3 + 1, "min_condition": MIN_CONDITIONS[wish % len(MIN_CONDITIONS)]}
            wanted = {"photocard_id": photocard_id, **terms}
            wishlist.add(self._runtime.unit_of_work(), user_id=seeker, wanted=wanted)

    def _befriend(self, number: int) -> None:
        """Make friends with the next two people; ask a third, who has not answered yet."""
        self._at(timedelta(days=20, minutes=-number))
        for distance in (1, 2, 7):
            mine, theirs = self._person(number), self._person(number + distance)
            if self._read(demo_queries.have_met, a=mine, b=theirs):
                continue
            friendship_id = friendships.request(self._runtime.unit_of_work(), by=mine, target_id=theirs)
            if distance != 7:
                friendships.accept(self._runtime.unit_of_work(), friendship_id=friendship_id, by=theirs)

    def _person(self, number: int) -> UUID:
        return self._ids[PEOPLE[number % len(PEOPLE)].name]

    def _stories(self) -> tuple[Story, ...]:
        return (
            self._proposed,
            self._accepted,
            self._completed,
            self._rejected,
            self._canceled,
            self._timed_out,
            self._countered,
        )

    def _swap(self, number: int, story: Story) -> None:
        """Tell one story between two neighbours who have not swapped before."""
        a, b = self._person(2 * number), self._person(2 * number + 1)
        if not self._read(demo_queries.have_traded, a=a, b=b):
            story(a, b)

    def _propose(self, a: UUID, b: UUID, *, ago: timedelta) -> UUID:
        self._at(ago)
        offered, wanted = (self._read(demo_queries.swappable_card, owner_id=owner) for owner in (a, b))
        return trades.propose(
            self._runtime.unit_of_work(),
            by=a,
            responder_id=b,
            initiator_card_ids=[offered],
            responder_card_ids=[wanted],
            meeting=Meeting.IN_PERSON,
            match_id=None,
            timeouts=self._timeouts,
        )

    @property
    def _timeouts(self) -> TradeTimeouts:
        settings = self._runtime.settings
        return TradeTimeouts(
            proposal=settings.trade_proposal_timeout,
            confirmation=settings.trade_confirmation_timeout,
            mail=settings.trade_mail_timeout,
        )

    def _proposed(self, a: UUID, b: UUID) -> UUID:
        return self._propose(a, b, ago=timedelta(hours=20))

    def _accepted(self, a: UUID, b: UUID) -> None:
        trade_id = self._propose(a, b, ago=timedelta(hours=30))
        self._accept(trade_id, b, ago=timedelta(hours=5))

    def _accept(self, trade_id: UUID, by: UUID, *, ago: timedelta) -> None:
        self._at(ago)
        trades.accept(self._runtime.unit_of_work(), trade_id=trade_id, by=by, timeouts=self._timeouts)

    def _completed(self, a: UUID, b: UUID) -> None:
        trade_id = self._propose(a, b, ago=timedelta(days=6))
        self._accept(trade_id, b, ago=timedelta(days=5))
        for n, person in enumerate((a, b)):
            self._at(timedelta(days=4, minutes=-n))
            trades.complete(self._runtime.unit_of_work(), trade_id=trade_id, by=person)

    def _rejected(self, a: UUID, b: UUID) -> None:
        trade_id = self._propose(a, b, ago=timedelta(days=3))
        self._at(timedelta(days=2))
        trades.reject(self._runtime.unit_of_work(), trade_id=trade_id, by=b)

    def _canceled(self, a: UUID, b: UUID) -> None:
        trade_id = self._propose(a, b, ago=timedelta(days=3))
        self._at(timedelta(days=2))
        trades.cancel(self._runtime.unit_of_work(), trade_id=trade_id, by=a)

    def _timed_out(self, a: UUID, b: UUID) -> None:
        self._propose(a, b, ago=self._timeouts.proposal + timedelta(hours=1))
        self._at(timedelta())
        trades.cancel_overdue(self._runtime.unit_of_work(), limit=100)

    def _countered(self, a: UUID, b: UUID) -> None:
        trade_id = self._propose(a, b, ago=timedelta(hours=9))
        self._at(timedelta(hours=8))
        wanted, offered = (self._read(demo_queries.swappable_card, owner_id=owner) for owner in (a, b))
        trades.counter(
            self._runtime.unit_of_work(),
            trade_id=trade_id,
            by=b,
            initiator_card_ids=[offered],
            responder_card_ids=[wanted],
            meeting=Meeting.MAIL,
            timeouts=self._timeouts,
        )

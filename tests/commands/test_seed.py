"""flask seed: the catalogue and the demo world."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, distinct, func, select

from kcardswap.commands.seed.people import PEOPLE
from kcardswap.commands.seed.pictures import draw_card
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.catalog import catalog_groups, catalog_members, photocards
from kcardswap.persistence.orm.conversations import messages
from kcardswap.persistence.orm.friendships import friendships
from kcardswap.persistence.orm.gallery import gallery_cards
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.posts import post_comments, post_interests, post_likes, posts
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.persistence.orm.ratings import ratings
from kcardswap.persistence.orm.trades import trades
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.runtime import Runtime
from kcardswap.settings import Environment
from tests.pictures import stored


def seed(app: Flask, name: str) -> str:
    done = app.test_cli_runner().invoke(args=["seed", name])
    assert done.exit_code == 0, done.output
    return done.output


def number_of(connection: Connection, table: Any) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def test_the_shipped_catalogue_is_imported_once(app: Flask, connection: Connection) -> None:
    assert "175 groups and 1024 members added" in seed(app, "catalog")
    assert number_of(connection, catalog_groups) == 187
    assert number_of(connection, catalog_members) == 1024
    assert "0 groups and 0 members added" in seed(app, "catalog")


@pytest.fixture
def small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer people with fewer cards, so that the whole world is told in a moment."""
    monkeypatch.setattr("kcardswap.commands.seed.demo.PEOPLE", PEOPLE[:14])
    monkeypatch.setattr("kcardswap.commands.seed.demo.CARDS_PER_PERSON", 2)


@pytest.mark.usefixtures("small_world")
def test_the_demo_world_has_people_in_six_cities_and_a_swap_in_every_state(
    app: Flask, connection: Connection
) -> None:
    # Two each, and the two that a completed swap put into new binders.
    assert " 30 cards, " in seed(app, "demo")
    cities = select(func.count(distinct(profiles.c.region)))
    assert connection.scalar(cities) == 6
    states = set(connection.scalars(select(trades.c.status).distinct()))
    assert {str(state) for state in states} == {
        "proposed",
        "accepted",
        "completed",
        "rejected",
        "canceled",
    }
    tables = (profiles, cards, friendships, trades, gallery_cards, media_assets, wishlist_items, photocards)
    before = [number_of(connection, table) for table in tables]
    seed(app, "demo")
    assert [number_of(connection, table) for table in tables] == before


@pytest.mark.usefixtures("small_world")
def test_demo_people_have_galleries_with_pictures_and_wish_for_what_others_offer(
    app: Flask, connection: Connection, runtime: Runtime
) -> None:
    assert f" {2 * 14} gallery cards, {3 * 14} wishes, " in seed(app, "demo")
    shown = gallery_cards.join(media_assets, media_assets.c.id == gallery_cards.c.media_asset_id)
    keys = list(connection.scalars(select(media_assets.c.object_key).select_from(shown)))
    assert len(keys) == 2 * 14
    assert all(stored(runtime, key) for key in keys)
    own = cards.c.owner_id == wishlist_items.c.user_id
    same = cards.c.photocard_id == wishlist_items.c.photocard_id
    met = select(wishlist_items.c.id).where(select(cards.c.id).where(same, ~own).exists())
    assert len(list(connection.scalars(met))) == 3 * 14
    # Nobody wished for what they had; some got it in a swap since.
    has = select(cards.c.id).where(same, own, cards.c.acquired_trade_id.is_(None))
    assert list(connection.scalars(select(wishlist_items.c.id).where(has.exists()))) == []
    assert set(connection.scalars(select(wishlist_items.c.priority))) == {1, 2, 3}
    # No drawing is taken for the photo of somebody else's card.
    assert set(connection.scalars(select(media_assets.c.same_picture_at))) == {None}


@pytest.mark.usefixtures("small_world")
def test_a_gallery_card_left_without_its_picture_gets_it_from_the_next_seed(
    app: Flask, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unplugged(*arguments: Any, **names: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("kcardswap.services.media.attach_to_gallery_card", unplugged)
        assert app.test_cli_runner().invoke(args=["seed", "demo"]).exit_code != 0
    assert list(connection.scalars(select(gallery_cards.c.media_asset_id))) == [None]
    seed(app, "demo")
    pictures = list(connection.scalars(select(gallery_cards.c.media_asset_id)))
    assert len(pictures) == 2 * 14 and None not in pictures


@pytest.mark.usefixtures("small_world")
def test_an_interrupted_demo_seed_is_finished_by_the_next_one(
    app: Flask, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unplugged(**names: Any) -> bytes:
        if number_of(connection, cards) >= 20:
            raise KeyboardInterrupt
        return draw_card(**names)

    with monkeypatch.context() as patch:
        patch.setattr("kcardswap.commands.seed.demo.draw_card", unplugged)
        assert app.test_cli_runner().invoke(args=["seed", "demo"]).exit_code != 0
    assert number_of(connection, cards) == 20
    seed(app, "demo")
    uploaded = select(func.count()).select_from(cards).where(cards.c.acquired_trade_id.is_(None))
    assert connection.scalar(uploaded) == 28


@pytest.mark.usefixtures("small_world")
def test_the_demo_world_has_a_living_feed_a_conversation_and_ratings(
    app: Flask, connection: Connection
) -> None:
    assert " 6 posts, 10 ratings." in seed(app, "demo")
    assert set(connection.scalars(select(posts.c.status))) == {"open"}
    assert {city for city in connection.scalars(select(posts.c.city_code)) if city} == {"TPE", "TXG", "KHH"}
    assert set(connection.scalars(select(posts.c.like_count))) == {4}
    assert set(connection.scalars(select(posts.c.comment_count))) == {2}
    assert sorted(connection.scalars(select(post_interests.c.status))) == ["accepted"] + ["pending"] * 5
    assert number_of(connection, messages) == 3
    tables = (posts, post_likes, post_comments, post_interests, messages, ratings, friendships)
    before = [number_of(connection, table) for table in tables]
    seed(app, "demo")
    assert [number_of(connection, table) for table in tables] == before


def test_production_gets_no_demo_people(app: Flask, runtime: Runtime) -> None:
    production = replace(runtime.settings, environment=Environment.PRODUCTION)
    app.extensions["kcardswap"] = replace(runtime, settings=production)
    done = app.test_cli_runner().invoke(args=["seed", "demo"])
    assert done.exit_code == 1
    assert done.output == "Error: Demo people have no place in production.\n"

"""The HTTP interface: blueprints, schemas and everything a request passes on its way."""

from kcardswap.api.account import blp as account
from kcardswap.api.accounts import blp as accounts
from kcardswap.api.blueprint import Blueprint
from kcardswap.api.cards import blp as cards
from kcardswap.api.catalog import blp as catalog
from kcardswap.api.conversations import blp as conversations
from kcardswap.api.friendships import blp as friendships
from kcardswap.api.gallery import blp as gallery
from kcardswap.api.locations import blp as locations
from kcardswap.api.media import blp as media
from kcardswap.api.message_requests import blp as message_requests
from kcardswap.api.moderation import blp as moderation
from kcardswap.api.notifications import blp as notifications
from kcardswap.api.post_reactions import blp as post_reactions
from kcardswap.api.posts import blp as posts
from kcardswap.api.profiles import blp as profiles
from kcardswap.api.ratings import blp as ratings
from kcardswap.api.reports import blp as reports
from kcardswap.api.spreadsheets import blp as spreadsheets
from kcardswap.api.storage import blp as storage
from kcardswap.api.subscriptions import blp as subscriptions
from kcardswap.api.system import blp as system
from kcardswap.api.system import root
from kcardswap.api.trades import blp as trades
from kcardswap.api.wishlist import blp as wishlist

BLUEPRINTS: tuple[Blueprint, ...] = (
    system,
    accounts,
    account,
    profiles,
    catalog,
    locations,
    cards,
    gallery,
    wishlist,
    spreadsheets,
    posts,
    post_reactions,
    friendships,
    message_requests,
    conversations,
    trades,
    ratings,
    notifications,
    subscriptions,
    media,
    reports,
    moderation,
    storage,
)
"""Every blueprint below /api/v1, in the order of the documentation."""

ROOT_BLUEPRINTS: tuple[Blueprint, ...] = (root,)
"""Blueprints whose paths carry no prefix."""

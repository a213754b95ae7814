"""The HTTP interface: blueprints, schemas and everything a request passes on its way."""

from kcardswap.api.accounts import blp as accounts
from kcardswap.api.blueprint import Blueprint
from kcardswap.api.cards import blp as cards
from kcardswap.api.catalog import blp as catalog
from kcardswap.api.friendships import blp as friendships
from kcardswap.api.gallery import blp as gallery
from kcardswap.api.locations import blp as locations
from kcardswap.api.media import blp as media
from kcardswap.api.profiles import blp as profiles
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
    profiles,
    catalog,
    locations,
    cards,
    gallery,
    wishlist,
    spreadsheets,
    friendships,
    trades,
    subscriptions,
    media,
    storage,
)
"""Every blueprint below /api/v1, in the order of the documentation."""

ROOT_BLUEPRINTS: tuple[Blueprint, ...] = (root,)
"""Blueprints whose paths carry no prefix."""

"""The HTTP interface: blueprints, schemas and everything a request passes on its way."""

from kcardswap.api.accounts import blp as accounts
from kcardswap.api.blueprint import Blueprint
from kcardswap.api.catalog import blp as catalog
from kcardswap.api.locations import blp as locations
from kcardswap.api.profiles import blp as profiles
from kcardswap.api.system import blp as system
from kcardswap.api.system import root

BLUEPRINTS: tuple[Blueprint, ...] = (system, accounts, profiles, catalog, locations)
"""Every blueprint below /api/v1, in the order of the documentation."""

ROOT_BLUEPRINTS: tuple[Blueprint, ...] = (root,)
"""Blueprints whose paths carry no prefix."""

"""Maps every entity, once per process."""

from functools import cache

from kcardswap.persistence.orm import jobs, outbox  # noqa: F401  (their tables belong to the metadata)
from kcardswap.persistence.orm.accounts import map_accounts
from kcardswap.persistence.orm.cards import map_cards
from kcardswap.persistence.orm.catalog import map_catalog
from kcardswap.persistence.orm.conversations import map_conversations
from kcardswap.persistence.orm.friendships import map_friendships
from kcardswap.persistence.orm.gallery import map_gallery
from kcardswap.persistence.orm.media import map_media
from kcardswap.persistence.orm.moderation import map_moderation
from kcardswap.persistence.orm.notifications import map_notifications
from kcardswap.persistence.orm.posts import map_posts
from kcardswap.persistence.orm.profiles import map_profiles
from kcardswap.persistence.orm.ratings import map_ratings
from kcardswap.persistence.orm.subscriptions import map_subscriptions
from kcardswap.persistence.orm.trades import map_trades
from kcardswap.persistence.orm.wishlist import map_wishlist


@cache
def map_entities() -> None:
    """Attach all entities to their tables; calling it again does nothing."""
    map_accounts()
    map_profiles()
    map_catalog()
    map_media()
    map_cards()
    map_gallery()
    map_wishlist()
    map_friendships()
    map_posts()
    map_conversations()
    map_trades()
    map_ratings()
    map_subscriptions()
    map_moderation()
    map_notifications()

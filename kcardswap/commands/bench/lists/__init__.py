"""Every list and look-up of the product that is measured. A new list gets its line in its file here."""

from kcardswap.commands.bench.lists.accounts import ACCOUNTS, FRIENDS, PLANS
from kcardswap.commands.bench.lists.cards import CARDS, GALLERY, SAME_PICTURES, TRADES, WISHLIST
from kcardswap.commands.bench.lists.catalogue import GROUPS, PHOTOCARDS
from kcardswap.commands.bench.lists.community import CONVERSATIONS, NOTIFICATIONS, POSTS, RATINGS
from kcardswap.commands.bench.lists.moderation import MODERATION
from kcardswap.commands.bench.lists.operations import OUTBOX
from kcardswap.commands.bench.measuring import Listing

LISTS: tuple[Listing, ...] = (
    *ACCOUNTS,
    *CARDS,
    *GALLERY,
    *WISHLIST,
    *PLANS,
    *GROUPS,
    *PHOTOCARDS,
    *FRIENDS,
    *POSTS,
    *TRADES,
    *CONVERSATIONS,
    *RATINGS,
    *NOTIFICATIONS,
    *SAME_PICTURES,
    *MODERATION,
    *OUTBOX,
)

__all__ = ["LISTS"]

"""Who lives in the demo world and what they collect."""

from typing import NamedTuple

from kcardswap.domain.cards import Condition, Rarity


class DemoPerson(NamedTuple):
    """One demo collector; ``group`` is the slug of the group they collect."""

    name: str
    city: str
    group: str
    bio: str


CITIES = ("TPE", "NTP", "TAO", "TXG", "TNN", "KHH")
GROUPS = ("ive", "newjeans", "aespa", "le-sserafim", "twice", "seventeen", "stray-kids", "itzy")
BIOS = (
    "Completing one member at a time.",
    "Sleeved, top-loaded, never bent.",
    "Mostly pre-order benefits. Ask me for more photos.",
    "Happy to meet at any station on the red line.",
    "Mail swaps welcome, tracked only.",
    "New here, be kind!",
)
NAMES = (
    "hana",
    "jun",
    "mei",
    "yuki",
    "sora",
    "lin",
    "ava",
    "bo",
    "chen",
    "dahyeon",
    "eun",
    "fang",
    "gia",
    "hao",
    "iris",
    "jia",
    "kai",
    "lena",
    "ming",
    "nari",
    "olive",
    "ping",
    "qi",
    "rin",
    "sena",
    "tao",
    "uma",
    "vivi",
    "wen",
    "xin",
    "yun",
    "zoe",
)
PEOPLE = tuple(
    DemoPerson(name, CITIES[n % len(CITIES)], GROUPS[n % len(GROUPS)], BIOS[n % len(BIOS)])
    for n, name in enumerate(NAMES)
)

ALBUMS = {
    "ive": ("I've IVE", "I've Mine", "After Like"),
    "newjeans": ("New Jeans", "OMG", "Get Up"),
    "aespa": ("Savage", "Girls", "My World"),
    "le-sserafim": ("Fearless", "Antifragile", "Unforgiven"),
    "twice": ("Formula of Love", "Between 1&2", "Ready to Be"),
    "seventeen": ("Face the Sun", "FML", "Seventeenth Heaven"),
    "stray-kids": ("Oddinary", "Maxident", "5-Star"),
    "itzy": ("Checkmate", "Cheshire", "Kill My Doubt"),
}
VERSIONS = ("Version A", "Version B", "Digipack", "Lucky draw")
RARITIES = tuple(Rarity)
CONDITIONS = tuple(Condition)
MIN_CONDITIONS = (None, Condition.GOOD, Condition.POOR)

"""Kinds of things in the catalogue, what of it is not there, and how its names are searched."""

import unicodedata
from collections.abc import Iterable
from enum import StrEnum

from kcardswap.domain.errors import NotFound
from kcardswap.domain.text import normalise

SEARCH_TEXT_MAX_LENGTH = 4000
ALIAS_MAX_LENGTH = 200


class GroupNotFound(NotFound):
    """The catalog has no such group."""

    def __init__(self) -> None:
        super().__init__("group")


class MemberNotFound(NotFound):
    """The catalog has no such member."""

    def __init__(self) -> None:
        super().__init__("member")


class ReleaseNotFound(NotFound):
    """The catalog has no such release."""

    def __init__(self) -> None:
        super().__init__("release")


class ReleaseKind(StrEnum):
    """What a release is sold as."""

    ALBUM = "album"
    MINI = "mini"
    SINGLE = "single"
    OST = "ost"
    SEASON = "season"
    FANCLUB = "fanclub"
    OTHER = "other"


class PhotocardSource(StrEnum):
    """How a photocard came into the world; ``pob`` is a pre-order benefit."""

    ALBUM = "album"
    POB = "pob"
    LUCKY_DRAW = "lucky_draw"
    EVENT = "event"
    SEASON = "season"
    FANCLUB = "fanclub"
    OTHER = "other"


class PhotocardStatus(StrEnum):
    """Whether operators vouch for a photocard; a merged one stands for another."""

    PENDING = "pending"
    VERIFIED = "verified"
    MERGED = "merged"


class ListedStatus(StrEnum):
    """Which photocards a list may be asked for; merged ones are in none."""

    PENDING = PhotocardStatus.PENDING.value
    VERIFIED = PhotocardStatus.VERIFIED.value


class Verification(StrEnum):
    """The one status operators give a photocard by hand."""

    VERIFIED = PhotocardStatus.VERIFIED.value


class AliasLocale(StrEnum):
    """The writing an alias is in."""

    EN = "en"
    KO = "ko"
    ZH = "zh"
    OTHER = "other"

    @classmethod
    def of(cls, text: str) -> "AliasLocale":
        """Return the writing of ``text``: Hangul, Chinese characters alone, Latin letters, or anything else.

        Japanese names mix kana with Chinese characters, so kana makes a text ``other``.
        """
        scripts = {unicodedata.name(c, "").partition(" ")[0] for c in text if c.isalpha()}
        if "HANGUL" in scripts:
            return cls.KO
        if scripts & {"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}:
            return cls.OTHER
        if "CJK" in scripts:
            return cls.ZH
        return cls.EN if scripts <= {"LATIN"} else cls.OTHER


def search_text(names: Iterable[str | None]) -> str:
    """Return the text ``q`` searches: ``names`` normalised, each once, in code point order, spaces around.

    Every word stands between spaces, so that one pattern finds those that begin or end with something.
    """
    norms = {normalise(name) for name in names} - {None}
    return f" {' '.join(sorted(filter(None, norms)))[: SEARCH_TEXT_MAX_LENGTH - 2]} "

"""What the product knows about K-pop: groups, members, the names they go by, and kinds of photocards."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kcardswap.domain.base import Aggregate, NewId
from kcardswap.domain.text import normalise

SEARCH_TEXT_MAX_LENGTH = 4000


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
    """Return the text ``q`` searches: ``names`` normalised, each once, in code point order, space between."""
    norms = {normalise(name) for name in names} - {None}
    return " ".join(sorted(filter(None, norms)))[:SEARCH_TEXT_MAX_LENGTH]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEntry:
    """What a catalogue file says about one member; None means the file does not say."""

    name: str
    name_ko: str | None = None
    name_zh: str | None = None
    aliases: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEntry:
    """What a catalogue file says about one group; ``slug`` identifies it across files and databases."""

    slug: str
    name: str
    name_ko: str | None = None
    name_zh: str | None = None
    emoji: str | None = None
    aliases: Sequence[str] = ()
    members: Sequence[MemberEntry] = ()


@dataclass(eq=False, kw_only=True)
class CatalogAlias:
    """One spelling of the name of a group, member or release; the names themselves are spellings too."""

    id: UUID
    group_id: UUID | None
    member_id: UUID | None
    release_id: UUID | None
    locale: AliasLocale
    text: str
    norm: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def spelled(
        cls,
        text: str,
        norm: str,
        *,
        id: UUID,
        now: datetime,
        group_id: UUID | None = None,
        member_id: UUID | None = None,
    ) -> "CatalogAlias":
        """Return the alias ``text`` of one group or one member."""
        return cls(
            id=id,
            group_id=group_id,
            member_id=member_id,
            release_id=None,
            locale=AliasLocale.of(text),
            text=text,
            norm=norm,
            created_at=now,
            updated_at=now,
        )


def _unknown_spellings(known: Iterable[CatalogAlias], texts: Iterable[str | None]) -> list[tuple[str, str]]:
    """Return (text, norm) of the ``texts`` that compare like no alias yet; of equal ones the first wins."""
    taken = {alias.norm for alias in known}
    spellings: dict[str, str] = {}
    for text in texts:
        norm = normalise(text)
        if text is not None and norm is not None and norm not in taken:
            spellings.setdefault(norm, text)
    return [(text, norm) for norm, text in spellings.items()]


@dataclass(eq=False, kw_only=True)
class CatalogMember:
    """One member of one group, under the stage name used there."""

    id: UUID
    group_id: UUID
    name: str
    name_ko: str | None
    name_zh: str | None
    sort_order: int
    created_at: datetime
    updated_at: datetime
    aliases: list[CatalogAlias] = field(default_factory=list)

    def describe(self, entry: MemberEntry, *, new_id: NewId, now: datetime) -> bool:
        """Take over what ``entry`` says and tell whether that changed anything; nothing is taken away."""
        before = (self.name_ko, self.name_zh)
        self.name_ko = entry.name_ko or self.name_ko
        self.name_zh = entry.name_zh or self.name_zh
        texts = [self.name, self.name_ko, self.name_zh, *entry.aliases]
        added = _unknown_spellings(self.aliases, texts)
        for text, norm in added:
            self.aliases.append(CatalogAlias.spelled(text, norm, id=new_id(), now=now, member_id=self.id))
        return bool(added) or before != (self.name_ko, self.name_zh)


@dataclass(eq=False, kw_only=True)
class CatalogGroup(Aggregate):
    """One K-pop group with its members and all the names people type for it."""

    id: UUID
    slug: str
    name: str
    name_ko: str | None
    name_zh: str | None
    emoji: str | None
    featured: bool
    sort_order: int
    search_text: str
    created_at: datetime
    updated_at: datetime
    members: list[CatalogMember] = field(default_factory=list)
    aliases: list[CatalogAlias] = field(default_factory=list)

    @classmethod
    def start(cls, entry: GroupEntry, *, id: UUID, now: datetime) -> "CatalogGroup":
        """Return a group that has nothing but its slug and name yet; featuring one is up to a migration."""
        return cls(
            id=id,
            slug=entry.slug,
            name=entry.name,
            name_ko=None,
            name_zh=None,
            emoji=None,
            featured=False,
            sort_order=0,
            search_text="",
            created_at=now,
            updated_at=now,
        )

    def describe(self, entry: GroupEntry, *, new_id: NewId, now: datetime) -> bool:
        """Take over what ``entry`` says about the group itself and tell whether that changed anything.

        Names the entry leaves out and aliases it does not list stay: operators may have added them.
        """
        before = self._described()
        self.name = entry.name
        self.name_ko = entry.name_ko or self.name_ko
        self.name_zh = entry.name_zh or self.name_zh
        self.emoji = entry.emoji or self.emoji
        texts = [self.name, self.name_ko, self.name_zh, *entry.aliases]
        for text, norm in _unknown_spellings(self.aliases, texts):
            self.aliases.append(CatalogAlias.spelled(text, norm, id=new_id(), now=now, group_id=self.id))
        self.search_text = search_text(alias.text for alias in self.aliases)
        return before != self._described()

    def _described(self) -> tuple[object, ...]:
        return (self.name, self.name_ko, self.name_zh, self.emoji, self.search_text, len(self.aliases))

    def member_named(self, name: str, *, new_id: NewId, now: datetime) -> tuple[CatalogMember, bool]:
        """Return the member with exactly this stage name and whether they had to be added."""
        for member in self.members:
            if member.name == name:
                return member, False
        member = CatalogMember(
            id=new_id(),
            group_id=self.id,
            name=name,
            name_ko=None,
            name_zh=None,
            sort_order=0,
            created_at=now,
            updated_at=now,
        )
        self.members.append(member)
        return member, True

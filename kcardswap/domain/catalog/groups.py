"""Groups with their members and releases."""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from kcardswap.domain.base import Aggregate, NewId
from kcardswap.domain.catalog.entries import GroupEntry, MemberEntry, ReleaseEntry
from kcardswap.domain.catalog.kinds import ReleaseKind, search_text
from kcardswap.domain.catalog.names import CatalogAlias, Romanise, Spellings
from kcardswap.domain.text import normalise


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
        """Take over what ``entry`` says and tell whether that changed anything; nothing is taken away.

        The stage name stays: another one in ``entry`` is one more alias.
        """
        before = (self.name_ko, self.name_zh)
        self.name_ko = entry.name_ko or self.name_ko
        self.name_zh = entry.name_zh or self.name_zh
        texts = [self.name, entry.name, self.name_ko, self.name_zh, *entry.aliases]
        added = self.spellings(new_id, now).add(texts)
        return added or before != (self.name_ko, self.name_zh)

    def spellings(self, new_id: NewId, now: datetime) -> Spellings:
        """Return the aliases, to be added to."""
        return Spellings(self.aliases, new_id, now, {"member_id": self.id})


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
        assert entry.slug is not None, "a group without a slug is looked up by its name first"
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
        added = Spellings(self.aliases, new_id, now, {"group_id": self.id}).add(texts)
        self.search_text = search_text(alias.text for alias in self.aliases)
        return added or before != self._described()

    def generate_spellings(self, romanise: Romanise, *, new_id: NewId, now: datetime) -> bool:
        """Add the spellings only searches need and tell whether there were new ones."""
        added = Spellings(self.aliases, new_id, now, {"group_id": self.id}).generate(romanise)
        self.search_text = search_text(alias.text for alias in self.aliases)
        return added

    def _described(self) -> tuple[object, ...]:
        return (self.name, self.name_ko, self.name_zh, self.emoji, self.search_text, len(self.aliases))

    def member_named(self, name: str, *, new_id: NewId, now: datetime) -> tuple[CatalogMember, bool]:
        """Return the member of this name and whether they had to be added.

        The one with exactly this stage name, else the only one who goes by it in any spelling.
        """
        exactly = [member for member in self.members if member.name == name]
        norm = normalise(name)
        called = exactly or [
            member
            for member in self.members
            if any(alias.norm == norm and not alias.generated for alias in member.aliases)
        ]
        if len(called) == 1:
            return called[0], False
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


@dataclass(eq=False, kw_only=True)
class CatalogRelease:
    """One album, single or other release of one group."""

    id: UUID
    group_id: UUID
    title: str
    title_ko: str | None
    title_zh: str | None
    kind: ReleaseKind
    released_on: date | None
    search_text: str
    created_at: datetime
    updated_at: datetime
    aliases: list[CatalogAlias] = field(default_factory=list)

    @classmethod
    def start(cls, entry: ReleaseEntry, *, id: UUID, group_id: UUID, now: datetime) -> "CatalogRelease":
        """Return a release that has nothing but its title and kind yet."""
        return cls(
            id=id,
            group_id=group_id,
            title=entry.title,
            title_ko=None,
            title_zh=None,
            kind=entry.kind,
            released_on=None,
            search_text="",
            created_at=now,
            updated_at=now,
        )

    def describe(self, entry: ReleaseEntry, romanise: Romanise, *, new_id: NewId, now: datetime) -> bool:
        """Take over what ``entry`` says and tell whether that changed anything; nothing is taken away."""
        before = (self.title_ko, self.title_zh, self.released_on, self.search_text)
        self.title_ko = entry.title_ko or self.title_ko
        self.title_zh = entry.title_zh or self.title_zh
        self.released_on = entry.released_on or self.released_on
        spellings = Spellings(self.aliases, new_id, now, {"release_id": self.id})
        added = spellings.add([self.title, self.title_ko, self.title_zh, *entry.aliases])
        added = spellings.generate(romanise) or added
        self.search_text = search_text(alias.text for alias in self.aliases)
        return added or before != (self.title_ko, self.title_zh, self.released_on, self.search_text)

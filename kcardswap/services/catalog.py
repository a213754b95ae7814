"""What operators do with the catalogue: import it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar
from uuid import UUID

from kcardswap.domain.catalog import (
    CatalogGroup,
    CatalogMember,
    CatalogRelease,
    GroupEntry,
    MemberEntry,
    PhotocardEntry,
    ReleaseEntry,
)
from kcardswap.domain.photocards import Part, Parts, Photocard
from kcardswap.domain.text import normalise
from kcardswap.gateways.catalog_files import Skipped, shipped_catalog, slug_of
from kcardswap.gateways.romanisation import romanised
from kcardswap.persistence.unit_of_work import UnitOfWork

BATCH = 100
Progress = Callable[[int, int], None]
"""Told the number of groups done and the number of all groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """How many entries an import added, changed and found as they are, and those it could not use."""

    groups_added: int
    groups_updated: int
    members_added: int
    members_updated: int
    aliases_added: int
    releases_added: int = 0
    releases_updated: int = 0
    photocards_added: int = 0
    photocards_updated: int = 0
    unchanged: int = 0
    skipped: tuple[Skipped, ...] = ()


def shipped_groups() -> list[GroupEntry]:
    """Return the groups of the data file the product comes with."""
    return shipped_catalog().groups


def import_catalog(
    uow: UnitOfWork,
    *,
    groups: Sequence[GroupEntry],
    file: str = "",
    dry_run: bool = False,
    on_progress: Progress | None = None,
) -> ImportReport:
    """Add what is missing of the groups, correct the names of known ones, and report.

    Groups are the same by slug, or without one by any of their names; members by any of their names,
    releases by title and kind, photocards by what they show. Nothing is removed, nothing is replaced by
    nothing, and importing the same groups again changes nothing. The whole import is one
    transaction; ``dry_run`` rolls it back. ``file`` is what the report calls the source.
    """
    with uow:
        run = _Import(uow, file, groups, on_progress)
        uow.catalog_groups.lock_all()
        for start in range(0, len(groups), BATCH):
            run.take(groups[start : start + BATCH])
        if not dry_run:
            uow.commit()
    counts = {name: run.counts[name] for name in ImportReport.__slots__ if name != "skipped"}
    return ImportReport(**counts, skipped=tuple(run.skipped))


class _Batch:
    """Some groups as the database has them, with everything that belongs to them."""

    def __init__(self, uow: UnitOfWork, slugs: Sequence[str]) -> None:
        self.groups = uow.catalog_groups.by_slug(slugs)
        self.older = {group.id for group in self.groups.values()}
        """The groups that were there before, and may have photocards."""
        self.releases: dict[UUID, list[CatalogRelease]] = {id: [] for id in self.older}
        for release in uow.catalog_groups.releases_of(self.older):
            self.releases[release.group_id].append(release)

    def names(self) -> dict[UUID, tuple[str, ...]]:
        """Return the normalised names of every group, member and release by its id."""
        return {entry.id: _names(entry) for entry in self._entries()}

    def count_aliases(self) -> int:
        """Return how many names people use there are."""
        return sum(not alias.generated for entry in self._entries() for alias in entry.aliases)

    def _entries(self) -> Iterator["Named"]:
        for group in self.groups.values():
            yield group
            yield from group.members
            yield from self.releases[group.id]

    def parts(self, group: CatalogGroup, entry: PhotocardEntry) -> Parts:
        """Return what a photocard of a file shows.

        :raises LookupError: the group has no such member or release, or several.
        """
        member = None if entry.member is None else _only(group.members, entry.member, "member")
        release = None if entry.release is None else _only(self.releases[group.id], entry.release, "release")
        return Parts(
            group=Part(group.id, None, _names(group)),
            member=Part() if member is None else Part(member.id, None, _names(member)),
            release=Part() if release is None else Part(release.id, None, _names(release)),
            version=entry.version,
        )


Named = CatalogGroup | CatalogMember | CatalogRelease
NamedKind = TypeVar("NamedKind", CatalogMember, CatalogRelease)


def _names(entry: Named) -> tuple[str, ...]:
    return tuple(sorted(alias.norm for alias in entry.aliases))


def _only(entries: Sequence[NamedKind], name: str, what: str) -> NamedKind:
    norm = normalise(name)
    found = [
        entry
        for entry in entries
        if any(alias.norm == norm and not alias.generated for alias in entry.aliases)
    ]
    if len(found) != 1:
        raise LookupError(f"{'several' if found else 'no'} {what} called {name}")
    return found[0]


def _same_release(known: Sequence[CatalogRelease], entry: ReleaseEntry) -> CatalogRelease | None:
    """Return the release of the entry's kind with exactly its title, else the only one with a like title."""
    of_kind = [release for release in known if release.kind == entry.kind]
    found = [release for release in of_kind if release.title == entry.title]
    norm = normalise(entry.title)
    found = found or [release for release in of_kind if normalise(release.title) == norm]
    return found[0] if len(found) == 1 else None


@dataclass
class _Import:
    """One import as it goes on."""

    uow: UnitOfWork
    file: str
    groups: Sequence[GroupEntry]
    on_progress: Progress | None
    done: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)

    def take(self, entries: Sequence[GroupEntry]) -> None:
        """Import some groups with everything that belongs to them."""
        told_by_name = {entry.position for entry in entries if entry.slug is None}
        known = self._with_slugs(entries)
        batch = _Batch(self.uow, [entry.slug or "" for entry in known])
        aliases = batch.count_aliases()
        changed: set[UUID] = set()
        photocards: list[tuple[CatalogGroup, PhotocardEntry]] = []
        for entry in known:
            before = self._changes()
            named = entry
            if entry.position in told_by_name:
                if self._is_of_another(batch, entry):
                    self._tell()
                    continue
                named = self._keeping_names(batch, entry)
            group = self._group(batch, named)
            if self._changes() > before:
                changed.add(group.id)
            photocards.extend((group, photocard) for photocard in entry.photocards)
            self._tell()
        self._photocards(batch, photocards)
        self._search_texts(batch, changed)
        self.counts["aliases_added"] += batch.count_aliases() - aliases
        self.uow.catalog_groups.forget()

    def _tell(self) -> None:
        self.done += 1
        if self.on_progress is not None:
            self.on_progress(self.done, len(self.groups))

    def _changes(self) -> int:
        return self.counts.total() - self.counts["unchanged"]

    def _with_slugs(self, entries: Sequence[GroupEntry]) -> list[GroupEntry]:
        """Return the entries with the slug of the group each of them means; ambiguous ones are skipped."""
        names = {norm for entry in entries if entry.slug is None for norm in _norms(entry)}
        slugs_named = self.uow.catalog_groups.slugs_named(names) if names else {}
        known = []
        for entry in entries:
            if entry.slug is not None:
                known.append(entry)
                continue
            slugs = {slug for norm in _norms(entry) for slug in slugs_named.get(norm, ())}
            slug = next(iter(slugs)) if slugs else slug_of(entry.name)
            if len(slugs) > 1:
                self._skip(entry.position, entry.name, f"names of several groups: {', '.join(sorted(slugs))}")
            elif slug is None:
                self._skip(entry.position, entry.name, "a name without letters or digits")
            else:
                known.append(replace(entry, slug=slug))
        self.done += len(entries) - len(known)
        return known

    def _is_of_another(self, batch: _Batch, entry: GroupEntry) -> bool:
        """Skip an entry whose name gives the slug of a group it shares no name with, and tell whether."""
        group = batch.groups.get(entry.slug or "")
        if group is None:
            return False
        names = {alias.norm for alias in group.aliases if not alias.generated}
        if not names.isdisjoint(map(normalise, _all_names(entry))):
            return False
        reason = f"gives the slug {group.slug}, which another group has: {group.name}"
        self._skip(entry.position, entry.name, reason)
        return True

    def _keeping_names(self, batch: _Batch, entry: GroupEntry) -> GroupEntry:
        """Return an entry that was told by its name such that it does not rename the group it means."""
        group = batch.groups.get(entry.slug or "")
        if group is None or group.name == entry.name:
            return entry
        return replace(
            entry, name=group.name, name_ko=group.name_ko or entry.name_ko, aliases=_all_names(entry)
        )

    def _skip(self, position: str, name: str, reason: str) -> None:
        self.skipped.append(Skipped(self.file, position, name, reason))

    def _count(self, kind: str, *, added: bool, updated: bool) -> None:
        self.counts[
            "unchanged" if not (added or updated) else f"{kind}_{'added' if added else 'updated'}"
        ] += 1

    def _group(self, batch: _Batch, entry: GroupEntry) -> CatalogGroup:
        uow, now = self.uow, self.uow.clock.now()
        assert entry.slug is not None
        group = batch.groups.get(entry.slug)
        added = group is None
        if group is None:
            group = batch.groups[entry.slug] = CatalogGroup.start(entry, id=uow.new_id(), now=now)
            batch.releases[group.id] = []
            uow.catalog_groups.add(group)
        updated = group.describe(entry, new_id=uow.new_id, now=now)
        updated = group.generate_spellings(romanised, new_id=uow.new_id, now=now) or updated
        self._count("groups", added=added, updated=updated)
        for member in entry.members:
            self._member(group, member)
        if entry.releases and added:
            # Before its releases: no relationship orders the inserts of two aggregates.
            uow.flush()
        for release in entry.releases:
            self._release(batch.releases[group.id], group.id, release)
        return group

    def _member(self, group: CatalogGroup, entry: MemberEntry) -> None:
        new_id, now = self.uow.new_id, self.uow.clock.now()
        member, added = group.member_named(entry.name, new_id=new_id, now=now)
        updated = member.describe(entry, new_id=new_id, now=now)
        updated = member.spellings(new_id, now).generate(romanised) or updated
        self._count("members", added=added, updated=updated)

    def _release(self, known: list[CatalogRelease], group_id: UUID, entry: ReleaseEntry) -> None:
        new_id, now = self.uow.new_id, self.uow.clock.now()
        release = _same_release(known, entry)
        added = release is None
        if release is None:
            release = CatalogRelease.start(entry, id=new_id(), group_id=group_id, now=now)
            known.append(release)
            self.uow.catalog_groups.add_parts([release])
        updated = release.describe(entry, romanised, new_id=new_id, now=now)
        self._count("releases", added=added, updated=updated)

    def _photocards(self, batch: _Batch, wanted: Sequence[tuple[CatalogGroup, PhotocardEntry]]) -> None:
        described: dict[str, tuple[Parts, PhotocardEntry]] = {}
        for group, entry in wanted:
            try:
                parts = batch.parts(group, entry)
            except LookupError as error:
                self._skip(entry.position, entry.version or "", str(error.args[0]))
                continue
            if parts.match_key in described:
                self._skip(entry.position, entry.version or "", "the same photocard as one listed before")
            described.setdefault(parts.match_key, (parts, entry))
        known = self.uow.catalog_groups.photocards_with(described)
        changing = (p for key, p in known.items() if p.would_change(rarity=described[key][1].rarity))
        # People wait for a locked photocard until the import ends, so the others are left alone.
        self.uow.catalog_groups.lock_photocards([photocard.id for photocard in changing])
        for key, (parts, entry) in described.items():
            self._photocard(known.get(key), parts, entry)

    def _photocard(self, known: Photocard | None, parts: Parts, entry: PhotocardEntry) -> None:
        uow, now = self.uow, self.uow.clock.now()
        if known is None:
            photocard = Photocard.vouched_for(
                parts, id=uow.new_id(), now=now, source=entry.source, rarity=entry.rarity
            )
            uow.catalog_groups.add_parts([photocard])
        updated = known is not None and known.confirm(rarity=entry.rarity, now=now)
        self._count("photocards", added=known is None, updated=updated)

    def _search_texts(self, batch: _Batch, changed: Iterable[UUID]) -> None:
        """Let photocards be found by the names their group, member and release have now."""
        group_ids = [id for id in changed if id in batch.older]
        if not group_ids:
            return
        # A photocard that was just added has them already, and is not in the table yet.
        names = batch.names()
        texts: dict[UUID, str] = {}
        for row in self.uow.catalog_groups.searchable_photocards(group_ids):
            parts = Parts(
                group=Part(row.group_id, row.group_text, names.get(row.group_id, ())),
                member=Part(row.member_id, row.member_text, names.get(row.member_id, ())),
                release=Part(row.release_id, row.release_text, names.get(row.release_id, ())),
                version=row.version,
            )
            if parts.search_text != row.search_text:
                texts[row.id] = parts.search_text
        self.uow.catalog_groups.set_search_texts(texts)


def _all_names(entry: GroupEntry) -> list[str]:
    names = (entry.name, entry.name_ko, entry.name_zh, *entry.aliases)
    return [name for name in names if name is not None]


def _norms(entry: GroupEntry) -> set[str]:
    names = (entry.name, entry.name_ko, entry.name_zh)
    return {norm for norm in map(normalise, names) if norm is not None}

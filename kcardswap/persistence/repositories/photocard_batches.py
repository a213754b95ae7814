"""Repository of the photocards of many descriptions at once, in a handful of statements."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kcardswap.domain.base import Aggregate, Clock, NewId
from kcardswap.domain.cards import TEXT_FIELDS
from kcardswap.domain.errors import WriteConflict
from kcardswap.domain.photocards import Part, Parts, Photocard
from kcardswap.domain.spreadsheets import MatchedPhotocard, PhotocardMatch
from kcardswap.domain.text import normalise
from kcardswap.persistence.orm.catalog import (
    catalog_aliases,
    catalog_members,
    catalog_releases,
    photocards,
)
from kcardswap.persistence.repositories.base import Repository
from kcardswap.persistence.repositories.photocards import CARD_TEXTS
from kcardswap.persistence.searching import make_searchable

Description = Mapping[str, Any]

_NAMED = (
    select(
        catalog_aliases.c.norm,
        catalog_aliases.c.group_id,
        catalog_aliases.c.member_id,
        catalog_aliases.c.release_id,
        func.coalesce(catalog_members.c.group_id, catalog_releases.c.group_id),
    )
    .select_from(catalog_aliases.outerjoin(catalog_members).outerjoin(catalog_releases))
    .where(~catalog_aliases.c.generated)
)
_TARGET = func.coalesce(photocards.c.merged_into_id, photocards.c.id)
"""The photocard a row stands for."""


class _Entry(NamedTuple):
    """An entry of the catalogue with a name somebody typed, and the group it is of."""

    id: UUID
    group_id: UUID


class _Names:
    """The entries some texts may name."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], list[_Entry]] = defaultdict(list)

    def add(self, kind: str, norm: str, entry: _Entry) -> None:
        """Note that an entry has this name."""
        self._entries[kind, norm].append(entry)

    def only(self, kind: str, text: str | None, group_id: UUID | None = None) -> _Entry | None:
        """Return the only entry with this name, of this group when one is given."""
        norm = normalise(text)
        named = [] if norm is None else self._entries.get((kind, norm), [])
        found = [entry for entry in named if group_id in (None, entry.group_id)]
        return found[0] if len(found) == 1 else None


class PhotocardBatches(Repository[Photocard]):
    """Finds and makes photocards like ``PhotocardRepository.behind`` and ``matching``, many at once."""

    entity = Photocard
    table = photocards

    def __init__(self, session: Session, seen: list[Aggregate], *, clock: Clock, new_id: NewId) -> None:
        super().__init__(session, seen)
        self._clock = clock
        self._new_id = new_id

    def matching(
        self, descriptions: Sequence[Description], *, submitted_by: UUID
    ) -> list[MatchedPhotocard | None]:
        """Return the photocard each description means; an id counts before texts.

        An unknown id comes from another catalogue: the texts beside it count, and without any it is None.
        What the catalogue lacks is made now, in the order of the match keys, so that two callers with the
        same cards wait for each other only one way. None of them can be merged into another until the
        commit. Without idol, group and id there is no photocard.
        """
        ids = [description.get("photocard_id") for description in descriptions]
        known = self._behind({id for id in ids if id is not None})
        given = [
            id if id in known or not _names_card(description) else None
            for id, description in zip(ids, descriptions, strict=True)
        ]
        texts = [tuple(map(description.get, TEXT_FIELDS)) for description in descriptions]
        # In the order given: of two spellings of one card the catalogue keeps the first.
        untold = dict.fromkeys(text for text, id in zip(texts, given, strict=True) if id is None)
        parts = self._parts(untold)
        made = self._submit([each for each in parts.values() if each.says_something], submitted_by)
        found = [
            known.get(id) if id is not None else _made(made, parts[text])
            for text, id in zip(texts, given, strict=True)
        ]
        matched = (each for each in found if each is not None and each.match is PhotocardMatch.MATCHED)
        self._lock({each.id for each in matched})
        return found

    def _behind(self, ids: set[UUID]) -> dict[UUID, MatchedPhotocard]:
        if not ids:
            return {}
        rows = self.session.execute(select(photocards.c.id, _TARGET).where(photocards.c.id.in_(ids)))
        return {id: MatchedPhotocard(behind, PhotocardMatch.MATCHED) for id, behind in rows}

    def _lock(self, ids: set[UUID | None]) -> None:
        if not ids:
            return
        rows = self.session.execute(
            select(photocards.c.merged_into_id)
            .where(photocards.c.id.in_(ids))
            .order_by(photocards.c.id)
            .with_for_update(read=True)
        )
        if any(merged_into_id is not None for (merged_into_id,) in rows):
            # Merged while this waited for the lock: everything is looked up again.
            raise WriteConflict()

    def _parts(self, texts: Iterable[tuple[str | None, ...]]) -> dict[tuple[str | None, ...], Parts]:
        described = {each: dict(zip(TEXT_FIELDS, each, strict=True)) for each in texts}
        names = self._named(described.values())
        return {each: _parts_of(given, names) for each, given in described.items()}

    def _named(self, descriptions: Iterable[Description]) -> _Names:
        norms = {normalise(each.get(text)) for each in descriptions for text in CARD_TEXTS.values()} - {None}
        names = _Names()
        if not norms:
            return names
        for norm, group_id, member_id, release_id, of_group in self.session.execute(
            _NAMED.where(catalog_aliases.c.norm.in_(norms))
        ):
            if group_id is not None:
                names.add("group", norm, _Entry(group_id, group_id))
            elif member_id is not None:
                names.add("member", norm, _Entry(member_id, of_group))
            else:
                names.add("release", norm, _Entry(release_id, of_group))
        return names

    def _submit(self, wanted: Iterable[Parts], by: UUID) -> dict[str, MatchedPhotocard]:
        by_key: dict[str, Parts] = {}
        for parts in wanted:
            by_key.setdefault(parts.match_key, parts)
        found = self._with_keys(by_key)
        missing = sorted(by_key.keys() - found.keys())
        new = self._insert([by_key[key] for key in missing], by)
        # Others made the rest a moment ago; the insert waited for their commits.
        found |= new | self._with_keys(set(missing) - new.keys())
        if by_key.keys() != found.keys():
            # They were there, and their parts were changed meanwhile.
            raise WriteConflict()
        return found

    def _with_keys(self, keys: Iterable[str]) -> dict[str, MatchedPhotocard]:
        wanted = sorted(keys)
        if not wanted:
            return {}
        rows = self.session.execute(
            select(photocards.c.match_key, _TARGET).where(photocards.c.match_key.in_(wanted))
        )
        return {key: MatchedPhotocard(id, PhotocardMatch.MATCHED) for key, id in rows}

    def _insert(self, wanted: Sequence[Parts], by: UUID) -> dict[str, MatchedPhotocard]:
        """Store the photocards nobody made meanwhile, in the given order, and return them by key."""
        if not wanted:
            return {}
        now = self._clock.now()
        new = [
            Photocard.submit(parts, id=self._new_id(), submitted_by=by, now=now)
            for parts in self._searchable(wanted)
        ]
        rows = [{column.name: getattr(each, column.name) for column in photocards.columns} for each in new]
        statement = (
            insert(photocards)
            .on_conflict_do_nothing(constraint="uq_photocards_match_key")
            .returning(photocards.c.id)
        )
        stored = set(self.session.connection().execute(statement, rows).scalars())
        make_searchable(self.session, stored)
        kept = [photocard for photocard in new if photocard.id in stored]
        for photocard in kept:
            self._remember(photocard)
        return {each.match_key: MatchedPhotocard(each.id, PhotocardMatch.NEW) for each in kept}

    def _searchable(self, wanted: Sequence[Parts]) -> list[Parts]:
        """Return the parts with every name of the entries they are linked to."""
        ids = {part.id for parts in wanted for part in parts[:3] if part.id is not None}
        owners = (catalog_aliases.c.group_id, catalog_aliases.c.member_id, catalog_aliases.c.release_id)
        names: dict[UUID, list[str]] = defaultdict(list)
        if ids:
            rows = self.session.execute(
                select(func.coalesce(*owners), catalog_aliases.c.norm).where(
                    or_(*(column.in_(ids) for column in owners))
                )
            )
            for id, norm in rows:
                names[id].append(norm)
        return [_with_names(parts, names) for parts in wanted]


def _names_card(description: Description) -> bool:
    return any(normalise(description.get(text)) for text in ("idol_group", "idol"))


def _made(made: Mapping[str, MatchedPhotocard], parts: Parts) -> MatchedPhotocard:
    if not parts.says_something:
        return MatchedPhotocard(None, PhotocardMatch.NONE)
    return made[parts.match_key]


def _parts_of(given: Description, names: _Names) -> Parts:
    """Return what texts mean, by the rules of ``PhotocardRepository.parts``."""
    group = names.only("group", given["idol_group"])
    member = release = None
    if group is not None or normalise(given["idol_group"]) is None:
        member = names.only("member", given["idol"], group and group.id)
    group_id = group.id if group else member.group_id if member else None
    if group_id is not None:
        release = names.only("release", given["album"], group_id)
    return Parts(
        Part(group_id, given["idol_group"]),
        Part(member and member.id, given["idol"]),
        Part(release and release.id, given["album"]),
        given["version"],
    )


def _with_names(parts: Parts, names: Mapping[UUID, list[str]]) -> Parts:
    def named(part: Part) -> Part:
        return part if part.id is None else part._replace(names=tuple(sorted(names[part.id])))

    return parts._replace(group=named(parts.group), member=named(parts.member), release=named(parts.release))

"""What operators do with the catalogue."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from kcardswap.domain.catalog import CatalogGroup, GroupEntry, MemberEntry
from kcardswap.persistence.unit_of_work import UnitOfWork

Progress = Callable[[int, int], None]
"""Told the number of groups done and the number of all groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """How many rows an import added, and how many groups and members it gave other names or spellings."""

    groups_added: int
    groups_updated: int
    members_added: int
    members_updated: int
    aliases_added: int


def shipped_groups() -> list[GroupEntry]:
    """Return the groups of the data file the product comes with."""
    document = resources.files("kcardswap.data").joinpath("catalog.json").read_text(encoding="utf-8")
    return [_group_entry(group) for group in json.loads(document)["groups"]]


def _group_entry(values: dict[str, Any]) -> GroupEntry:
    return GroupEntry(**{**values, "members": [MemberEntry(**member) for member in values["members"]]})


def import_catalog(
    uow: UnitOfWork, *, groups: Sequence[GroupEntry], on_progress: Progress | None = None
) -> ImportReport:
    """Add the groups, members and spellings that are missing and correct the names of known ones.

    Groups are the same by slug, members by group and stage name. Nothing is removed, and importing the
    same groups again changes nothing. The whole import is one transaction.
    """
    counts: Counter[str] = Counter()
    with uow:
        known = uow.catalog_groups.all_by_slug()
        aliases_before = _count_aliases(known.values())
        for done, entry in enumerate(groups, start=1):
            counts.update(_import_group(uow, known, entry))
            if on_progress is not None:
                on_progress(done, len(groups))
        counts["aliases_added"] = _count_aliases(known.values()) - aliases_before
        uow.commit()
    return ImportReport(**{name: counts[name] for name in ImportReport.__slots__})


def _import_group(uow: UnitOfWork, known: dict[str, CatalogGroup], entry: GroupEntry) -> Counter[str]:
    now = uow.clock.now()
    counts: Counter[str] = Counter()
    group = known.get(entry.slug)
    added = group is None
    if group is None:
        group = known[entry.slug] = CatalogGroup.start(entry, id=uow.new_id(), now=now)
        uow.catalog_groups.add(group)
    updated = group.describe(entry, new_id=uow.new_id, now=now)
    counts["groups_added" if added else "groups_updated"] += added or updated
    for member_entry in entry.members:
        member, added = group.member_named(member_entry.name, new_id=uow.new_id, now=now)
        updated = member.describe(member_entry, new_id=uow.new_id, now=now)
        counts["members_added" if added else "members_updated"] += added or updated
    return counts


def _count_aliases(groups: Iterable[CatalogGroup]) -> int:
    return sum(len(group.aliases) + sum(len(member.aliases) for member in group.members) for group in groups)

"""The project's own catalogue format: groups with members, releases and photocards."""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from kcardswap.domain.cards import TEXT_MAX_LENGTH, Rarity
from kcardswap.domain.catalog import (
    GroupEntry,
    MemberEntry,
    PhotocardEntry,
    PhotocardSource,
    ReleaseEntry,
    ReleaseKind,
)
from kcardswap.gateways.catalog_files.reading import (
    SLUG_MAX_LENGTH,
    TITLE_MAX_LENGTH,
    CatalogFile,
    Unusable,
    aliases_of,
    date_of,
    name_of,
    objects,
    text_of,
    unique,
)

SLUG = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
EMOJI_MAX_LENGTH = 16
Kind = TypeVar("Kind", bound=StrEnum)


def is_native(document: Any) -> bool:
    """Tell whether a document is in this format."""
    return isinstance(document, dict) and "groups" in document


def read_native(found: CatalogFile, document: dict[str, Any]) -> None:
    """Add the groups of a document to what was found.

    :raises CatalogFileError: something that has to be a list is none.
    """
    entries = []
    for values, position in objects(found, document["groups"], "groups"):
        try:
            group = _group(found, values, position)
        except Unusable as error:
            found.skip(position, values.get("name"), str(error))
        else:
            entries.append((group.slug or group.name, group, position))
    found.groups.extend(unique(found, entries))


def _group(found: CatalogFile, values: dict[str, Any], position: str) -> GroupEntry:
    slug = text_of(values, "slug", max=SLUG_MAX_LENGTH)
    if slug is not None and not SLUG.fullmatch(slug):
        raise Unusable("slug may hold a-z, 0-9 and single hyphens")
    return GroupEntry(
        slug=slug,
        name=name_of(values),
        name_ko=text_of(values, "name_ko"),
        name_zh=text_of(values, "name_zh"),
        emoji=text_of(values, "emoji", max=EMOJI_MAX_LENGTH),
        aliases=aliases_of(values.get("aliases")),
        members=_parts(found, values, f"{position}.members", "name", _member),
        releases=_parts(found, values, f"{position}.releases", "title", _release),
        photocards=_parts(found, values, f"{position}.photocards", "version", _photocard),
        position=position,
    )


def _parts(
    found: CatalogFile,
    group: dict[str, Any],
    position: str,
    name_key: str,
    read: Callable[[dict[str, Any], str], tuple[str, Any]],
) -> list[Any]:
    entries = []
    for values, place in objects(found, group.get(position.rpartition(".")[2]), position):
        try:
            key, entry = read(values, place)
        except Unusable as error:
            found.skip(place, values.get(name_key), str(error))
        else:
            entries.append((key, entry, place))
    return unique(found, entries)


def _member(values: dict[str, Any], position: str) -> tuple[str, MemberEntry]:
    name = name_of(values)
    return name, MemberEntry(
        name=name,
        name_ko=text_of(values, "name_ko"),
        name_zh=text_of(values, "name_zh"),
        aliases=aliases_of(values.get("aliases")),
    )


def _release(values: dict[str, Any], position: str) -> tuple[str, ReleaseEntry]:
    entry = ReleaseEntry(
        title=name_of(values, "title", max=TITLE_MAX_LENGTH),
        title_ko=text_of(values, "title_ko", max=TITLE_MAX_LENGTH),
        title_zh=text_of(values, "title_zh", max=TITLE_MAX_LENGTH),
        kind=_choice(values, "kind", ReleaseKind, ReleaseKind.ALBUM),
        released_on=date_of(values, "released_on"),
        aliases=aliases_of(values.get("aliases")),
    )
    return f"{entry.title} ({entry.kind})", entry


def _photocard(values: dict[str, Any], position: str) -> tuple[str, PhotocardEntry]:
    rarity = values.get("rarity")
    entry = PhotocardEntry(
        member=text_of(values, "member"),
        release=text_of(values, "release", max=TITLE_MAX_LENGTH),
        version=text_of(values, "version", max=TEXT_MAX_LENGTH),
        source=_choice(values, "source", PhotocardSource, PhotocardSource.ALBUM),
        rarity=None if rarity is None else _choice(values, "rarity", Rarity, Rarity.COMMON),
        position=position,
    )
    return f"{entry.member} / {entry.release} / {entry.version}", entry


def _choice(values: dict[str, Any], key: str, kind: type[Kind], default: Kind) -> Kind:
    value = values.get(key)
    if value is None:
        return default
    try:
        return kind(value)
    except ValueError as error:
        raise Unusable(f"{key} is none of {', '.join(kind)}: {value}") from error

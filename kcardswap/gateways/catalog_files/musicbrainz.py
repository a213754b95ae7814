"""Artists and release groups as the web service of MusicBrainz answers them in JSON."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kcardswap.domain.catalog import AliasLocale, GroupEntry, MemberEntry, ReleaseEntry, ReleaseKind
from kcardswap.gateways.catalog_files.reading import (
    NAME_MAX_LENGTH,
    TITLE_MAX_LENGTH,
    CatalogFile,
    CatalogFileError,
    Unusable,
    aliases_of,
    date_of,
    name_of,
    objects,
    text_of,
    unique,
)

MEMBER = "member of band"
GROUPS = ("Group", "Orchestra", "Choir", "Other")
NOT_A_PHOTOCARD_RELEASE = {"Live", "Remix", "DJ-mix", "Mixtape/Street", "Interview", "Audiobook"}
KINDS = {"Album": ReleaseKind.ALBUM, "EP": ReleaseKind.MINI, "Single": ReleaseKind.SINGLE}


def is_musicbrainz(document: Any) -> bool:
    """Tell whether a document is in this format: a search or the lookup of one artist."""
    if not isinstance(document, dict):
        return False
    return "artists" in document or "release-groups" in document or "sort-name" in document


def read_musicbrainz(found: CatalogFile, document: dict[str, Any]) -> None:
    """Add the groups of a document to what was found.

    :raises CatalogFileError: something that has to be a list is none.
    """
    entries = []
    for artist, position in _artists(found, document):
        try:
            entry = _group(found, artist, position)
        except Unusable as error:
            found.skip(position, artist.get("name"), str(error))
        else:
            entries.append((entry.name, entry, position))
    found.groups.extend(unique(found, entries))


def _artists(found: CatalogFile, document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    if "artists" in document:
        yield from objects(found, document["artists"], "artists")
    elif "sort-name" in document:
        yield document, "artist"
    else:
        yield from _credited(found, document)


def _credited(found: CatalogFile, document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the artists that a search of release groups credits, each with its release groups."""
    artists: dict[str, tuple[dict[str, Any], str]] = {}
    for release, position in objects(found, document["release-groups"], "release-groups"):
        credits = release.get("artist-credit")
        artist = credits[0].get("artist") if isinstance(credits, list) and len(credits) == 1 else None
        if not isinstance(artist, dict) or not isinstance(artist.get("name"), str):
            found.skip(position, release.get("title"), "not the release of one artist")
            continue
        known, _ = artists.setdefault(artist["name"], ({**artist, "release-groups": []}, position))
        known["release-groups"].append(release)
    yield from artists.values()


def _group(found: CatalogFile, artist: dict[str, Any], position: str) -> GroupEntry:
    kind = artist.get("type")
    if kind is not None and kind not in GROUPS:
        raise Unusable(f"not a group but a {str(kind).lower()}")
    name = name_of(artist)
    korean, chinese, others = _names(artist, name)
    return GroupEntry(
        slug=None,
        name=name,
        name_ko=korean,
        name_zh=chinese,
        aliases=others,
        members=_members(found, artist, f"{position}.relations"),
        releases=_releases(found, artist, f"{position}.release-groups"),
        position=position,
    )


def _names(artist: dict[str, Any], name: str) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Return the Korean name, the Chinese name and all other aliases of an artist."""
    aliases = artist.get("aliases") or []
    if not isinstance(aliases, list):
        raise Unusable("aliases is no list")
    named = [alias for alias in aliases if isinstance(alias, dict)]
    # A sort name puts the family name first; only those in another writing are names somebody types.
    texts = aliases_of([alias.get("name") for alias in sorted(named, key=lambda a: not a.get("primary"))])
    sort_name = text_of(artist, "sort-name")
    if sort_name is not None and "," not in sort_name:
        texts = (*texts, sort_name)
    spoken = {alias.get("name"): str(alias.get("locale") or "")[:2] for alias in named}
    by_locale: dict[str, str] = {}
    for text in (name, *texts):
        if len(text) > NAME_MAX_LENGTH:
            # Aliases may be longer than names.
            continue
        by_locale.setdefault(spoken.get(text) or AliasLocale.of(text), text)
        by_locale.setdefault(AliasLocale.of(text), text)
    others = tuple(text for text in texts if text != name)
    return by_locale.get("ko"), by_locale.get("zh"), others


def _members(found: CatalogFile, artist: dict[str, Any], position: str) -> list[MemberEntry]:
    entries = []
    for relation, place in objects(found, artist.get("relations"), position):
        member = relation.get("artist")
        if relation.get("type") != MEMBER or not isinstance(member, dict):
            continue
        if relation.get("direction") == "forward":
            # The other way round: this artist is a member of that band.
            continue
        try:
            name = name_of(member)
            korean, chinese, others = _names(member, name)
        except Unusable as error:
            found.skip(place, member.get("name"), str(error))
            continue
        entry = MemberEntry(name=name, name_ko=korean, name_zh=chinese, aliases=others)
        entries.append((name, entry, place))
    return _without_stints(entries)


def _without_stints(entries: list[tuple[str, MemberEntry, str]]) -> list[MemberEntry]:
    # Somebody who left and came back has several relations; that is no mistake to report.
    members: dict[str, MemberEntry] = {}
    for name, entry, _ in entries:
        known = members.setdefault(name, entry)
        members[name] = replace(known, aliases=(*known.aliases, *entry.aliases))
    return list(members.values())


def _releases(found: CatalogFile, artist: dict[str, Any], position: str) -> list[ReleaseEntry]:
    entries = []
    for release, place in objects(found, artist.get("release-groups"), position):
        try:
            entry = _release(release)
        except Unusable as error:
            found.skip(place, release.get("title"), str(error))
        else:
            entries.append((f"{entry.title} ({entry.kind})", entry, place))
    releases: list[ReleaseEntry] = unique(found, entries)
    return releases


def _release(release: dict[str, Any]) -> ReleaseEntry:
    secondary = release.get("secondary-types") or []
    if not isinstance(secondary, list):
        raise CatalogFileError("secondary-types: a list was expected.")
    excluded = sorted(NOT_A_PHOTOCARD_RELEASE.intersection(map(str, secondary)))
    if excluded:
        raise Unusable(f"a release of the kind {excluded[0]}")
    kind = ReleaseKind.OST if "Soundtrack" in secondary else KINDS.get(str(release.get("primary-type")))
    return ReleaseEntry(
        title=name_of(release, "title", max=TITLE_MAX_LENGTH),
        kind=kind or ReleaseKind.OTHER,
        released_on=date_of(release, "first-release-date"),
    )

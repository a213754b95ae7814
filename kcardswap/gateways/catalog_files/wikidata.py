"""Groups and members as Wikidata gives them: results of a query, or entities."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from kcardswap.domain.catalog import GroupEntry, MemberEntry
from kcardswap.domain.text import normalise
from kcardswap.gateways.catalog_files.reading import (
    NAME_MAX_LENGTH,
    CatalogFile,
    CatalogFileError,
    Unusable,
    aliases_of,
    cleaned,
    objects,
    unique,
)

HAS_PART = "P527"
INSTANCE_OF = "P31"
HUMAN = "Q5"
ITEM_ID = re.compile(r"Q\d+")
LANGUAGES = {
    "en": "en",
    "ko": "ko",
    "zh": "zh",
    "zh-hant": "zh",
    "zh-tw": "zh",
    "zh-hans": "zh",
    "zh-cn": "zh",
}
Names = dict[str, list[str]]
"""Texts by language: en, ko and zh; the first of a language is the name, the rest are aliases."""


def is_wikidata(document: Any) -> bool:
    """Tell whether a document is in this format."""
    if not isinstance(document, dict):
        return False
    results = document.get("results")
    return "entities" in document or (isinstance(results, dict) and "bindings" in results)


def read_wikidata(found: CatalogFile, document: dict[str, Any]) -> None:
    """Add the groups of a document to what was found.

    :raises CatalogFileError: the document is built otherwise.
    """
    read = _read_entities if "entities" in document else _read_bindings
    found.groups.extend(unique(found, [(e.name, e, e.position) for e in read(found, document)]))


def _read_entities(found: CatalogFile, document: dict[str, Any]) -> Iterable[GroupEntry]:
    entities = document["entities"]
    if not isinstance(entities, dict) or not all(isinstance(each, dict) for each in entities.values()):
        raise CatalogFileError("entities: an object of objects was expected.")
    parts = {id: _targets(entity, HAS_PART) for id, entity in entities.items()}
    members = {part for ids in parts.values() for part in ids}
    for id, entity in entities.items():
        position = f"entities.{id}"
        if id in members:
            continue
        if HUMAN in _targets(entity, INSTANCE_OF):
            found.skip(position, _label(entity), "not a group but a person")
            continue
        people = []
        for part in parts[id]:
            if part in entities:
                people.append((f"entities.{part}", _names_of_entity(entities[part])))
            else:
                found.skip(position, part, "a member the file does not describe")
        yield from _group(found, position, _names_of_entity(entity), people)


def _targets(entity: dict[str, Any], property: str) -> list[str]:
    claims = entity.get("claims")
    found = []
    for claim in claims.get(property, []) if isinstance(claims, dict) else []:
        value: Any = claim
        for key in ("mainsnak", "datavalue", "value", "id"):
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str):
            found.append(value)
    return found


def _label(entity: dict[str, Any]) -> str:
    names = _names_of_entity(entity)
    return next((texts[0] for texts in names.values() if texts), "")


def _names_of_entity(entity: dict[str, Any]) -> Names:
    names: Names = {}
    for part in ("labels", "aliases"):
        texts = entity.get(part)
        for language, value in texts.items() if isinstance(texts, dict) else ():
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, dict):
                    _add(names, language, text.get("value"))
    return names


def _add(names: Names, language: Any, text: Any) -> None:
    spoken = LANGUAGES.get(str(language).lower())
    if spoken is not None and isinstance(text, str) and text not in names.setdefault(spoken, []):
        names[spoken].append(text)


def _read_bindings(found: CatalogFile, document: dict[str, Any]) -> Iterable[GroupEntry]:
    groups: dict[str, tuple[str, Names, dict[str, tuple[str, Names]]]] = {}
    for row, position in objects(found, document["results"]["bindings"], "results.bindings"):
        id = _value(row, "group") or _value(row, "item")
        if id is None:
            found.skip(position, "", "no group")
            continue
        _, names, members = groups.setdefault(id, (position, {}, {}))
        _take_labels(names, row, ("group", "item"))
        member = _value(row, "member")
        if member is not None:
            _take_labels(members.setdefault(member, (position, {}))[1], row, ("member",))
    for position, names, members in groups.values():
        yield from _group(found, position, names, list(members.values()))


def _value(row: dict[str, Any], name: str) -> str | None:
    cell = row.get(name)
    value = cell.get("value") if isinstance(cell, dict) else None
    return value if isinstance(value, str) else None


def _take_labels(names: Names, row: dict[str, Any], prefixes: tuple[str, ...]) -> None:
    """Take the literals of the columns that begin with a prefix: label columns first, then the others."""
    columns = [name for name in row if name.startswith(prefixes) and name not in prefixes]
    for name in sorted(columns, key=lambda name: (_holds_aliases(name), name)):
        cell = row[name]
        value = cell.get("value") if isinstance(cell, dict) else None
        if isinstance(value, str) and not _stands_for_no_label(cell):
            # A query that groups its rows has all aliases in one cell.
            for text in value.split("|") if _holds_aliases(name) else [value]:
                _add(names, cell.get("xml:lang", "en"), text.strip())


def _stands_for_no_label(cell: dict[str, Any]) -> bool:
    # Where there is no label in a wanted language, the label service answers the id, in no language.
    return "xml:lang" not in cell and ITEM_ID.fullmatch(cell["value"]) is not None


def _holds_aliases(column: str) -> bool:
    return "alt" in column.lower() or "alias" in column.lower()


def _group(
    found: CatalogFile, position: str, names: Names, people: list[tuple[str, Names]]
) -> Iterable[GroupEntry]:
    try:
        described = _described(names)
    except Unusable as error:
        found.skip(position, next(iter(names.get("ko", names.get("zh", []))), ""), str(error))
        return
    members = []
    for place, member in people:
        try:
            entry = MemberEntry(**_described(member))
        except Unusable as error:
            found.skip(place, next(iter(member.get("ko", [])), ""), str(error))
        else:
            members.append((entry.name, entry, place))
    yield GroupEntry(slug=None, **described, members=unique(found, members), position=position)


def _described(names: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return name, name_ko, name_zh and aliases.

    :raises Unusable: there is no name, or one is too long.
    """
    first = {language: texts[0] for language, texts in names.items() if texts}
    name = first.get("en") or first.get("ko") or first.get("zh")
    if name is None or normalise(name) is None:
        raise Unusable("no label in English, Korean or Chinese")
    return {
        "name": cleaned(name, "the label", max=NAME_MAX_LENGTH),
        "name_ko": _optional(first.get("ko")),
        "name_zh": _optional(first.get("zh")),
        "aliases": aliases_of([text for texts in names.values() for text in texts[1:]]),
    }


def _optional(text: str | None) -> str | None:
    return None if text is None else cleaned(text, "a label", max=NAME_MAX_LENGTH)

"""Reading JSON that people and other projects made: what is usable, and what is skipped for which reason."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from kcardswap.domain.catalog import ALIAS_MAX_LENGTH, GroupEntry
from kcardswap.domain.text import normalise
from kcardswap.gateways.romanisation import romanised

NAME_MAX_LENGTH = 120
TITLE_MAX_LENGTH = 200
SLUG_MAX_LENGTH = 60
DROPPED_FROM_SLUGS = re.compile("['’.*!:()+]")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class CatalogFileError(Exception):
    """The file cannot be read at all; the message names the place."""


class Skipped(NamedTuple):
    """One entry of a file that was not imported."""

    file: str
    position: str
    name: str
    reason: str


class Unusable(Exception):
    """An entry cannot be imported; the message says why."""


@dataclass(slots=True)
class CatalogFile:
    """What one file says about groups, and what of it could not be used."""

    name: str
    groups: list[GroupEntry] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def skip(self, position: str, name: Any, reason: str) -> None:
        """Note an entry that cannot be used."""
        self.skipped.append(Skipped(self.name, position, name if isinstance(name, str) else "", reason))


def objects(
    found: CatalogFile, value: Any, position: str, name_key: str = "name"
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each object of a list with its position; what is no object is skipped.

    :raises CatalogFileError: ``value`` is no list.
    """
    if value is None:
        return
    if not isinstance(value, list):
        raise CatalogFileError(f"{position}: a list was expected.")
    for number, item in enumerate(value):
        place = f"{position}[{number}]"
        if isinstance(item, dict):
            yield item, place
        else:
            found.skip(place, item, "not an object")


def text_of(values: dict[str, Any], key: str, *, max: int = NAME_MAX_LENGTH) -> str | None:
    """Return a trimmed text or None for an absent, null or blank one.

    :raises Unusable: it is no text, too long, or holds characters that cannot be stored.
    """
    value = values.get(key)
    if value is None:
        return None
    return cleaned(value, key, max=max)


def cleaned(value: Any, what: str, *, max: int) -> str | None:
    """Return ``value`` trimmed and composed (NFC), or None when it is blank.

    :raises Unusable: as ``text_of`` says.
    """
    if not isinstance(value, str):
        raise Unusable(f"{what} is no text")
    if UNSTORABLE.search(value):
        raise Unusable(f"{what} holds a character that cannot be stored")
    text = unicodedata.normalize("NFC", value).strip()
    if len(text) > max:
        raise Unusable(f"{what} is longer than {max} characters")
    return text or None


def name_of(values: dict[str, Any], key: str = "name", *, max: int = NAME_MAX_LENGTH) -> str:
    """Return a text that has to be there and to hold a letter or digit.

    :raises Unusable: it does not.
    """
    name = text_of(values, key, max=max)
    if name is None:
        raise Unusable(f"no {key}")
    if normalise(name) is None:
        raise Unusable(f"{key} has neither letters nor digits")
    return name


def aliases_of(value: Any) -> Sequence[str]:
    """Return a list of other names; blank ones are left out.

    :raises Unusable: it is no list of texts, or one is too long.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Unusable("aliases is no list")
    texts = (cleaned(alias, "an alias", max=ALIAS_MAX_LENGTH) for alias in value)
    return tuple(text for text in texts if text is not None)


def date_of(values: dict[str, Any], key: str) -> date | None:
    """Return a day; a year or a month alone counts as its first day.

    :raises Unusable: it is no day of the calendar.
    """
    text = text_of(values, key)
    if text is None:
        return None
    missing = {4: "-01-01", 7: "-01"}.get(len(text), "")
    try:
        return date.fromisoformat(text + missing)
    except ValueError as error:
        raise Unusable(f"{key} is no date: {text}") from error


def slug_of(name: str) -> str | None:
    """Return the slug of a group whose file gives none: its name in Latin letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", DROPPED_FROM_SLUGS.sub("", name))
    ascii_only = romanised("".join(c for c in plain if not unicodedata.combining(c))).lower()
    return re.sub("[^a-z0-9]+", "-", ascii_only).strip("-")[:SLUG_MAX_LENGTH].rstrip("-") or None


def unique(found: CatalogFile, named: Sequence[tuple[str, Any, str]]) -> list[Any]:
    """Return the entries of (key, entry, position), the first of each key; later ones are skipped."""
    entries: dict[str, Any] = {}
    for key, entry, position in named:
        if key in entries:
            found.skip(position, key, "listed before")
        else:
            entries[key] = entry
    return list(entries.values())

"""Catalogue files in the project's own format and in those of MusicBrainz and Wikidata."""

import json
from collections.abc import Callable
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any

from kcardswap.gateways.catalog_files.musicbrainz import is_musicbrainz, read_musicbrainz
from kcardswap.gateways.catalog_files.native import is_native, read_native
from kcardswap.gateways.catalog_files.reading import CatalogFile, CatalogFileError, Skipped, slug_of
from kcardswap.gateways.catalog_files.wikidata import is_wikidata, read_wikidata

__all__ = [
    "CatalogFile",
    "CatalogFileError",
    "FileFormat",
    "Skipped",
    "parse_catalog",
    "read_catalog",
    "shipped_catalog",
    "slug_of",
]


class FileFormat(StrEnum):
    """How a catalogue file is built."""

    NATIVE = "native"
    MUSICBRAINZ = "musicbrainz"
    WIKIDATA = "wikidata"


_READERS: dict[FileFormat, tuple[Callable[[Any], bool], Callable[[CatalogFile, Any], None]]] = {
    FileFormat.NATIVE: (is_native, read_native),
    FileFormat.MUSICBRAINZ: (is_musicbrainz, read_musicbrainz),
    FileFormat.WIKIDATA: (is_wikidata, read_wikidata),
}


def read_catalog(path: Path, format: FileFormat | None = None) -> CatalogFile:
    """Return what a file says; without a format it is told by the keys of the document.

    :raises CatalogFileError: it cannot be read, is no JSON, or is of none of the formats.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogFileError(f"{path}: {_cause(error)}") from error
    return parse_catalog(str(path), content, format)


def parse_catalog(name: str, content: str, format: FileFormat | None = None) -> CatalogFile:
    """Return what the JSON text of a file called ``name`` says.

    :raises CatalogFileError: it is no JSON, or of none of the formats.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CatalogFileError(f"{name}: not valid JSON: {error}") from error
    candidates = [format] if format else list(FileFormat)
    found = CatalogFile(name)
    for candidate in candidates:
        recognised, read = _READERS[candidate]
        if recognised(document):
            try:
                read(found, document)
            except CatalogFileError as error:
                raise CatalogFileError(f"{name}: {error}") from error
            return found
    wanted = format or "native, MusicBrainz or Wikidata"
    raise CatalogFileError(f"{name}: not a catalogue of the {wanted} format.")


def shipped_catalog() -> CatalogFile:
    """Return the groups of the data file the product comes with."""
    file = resources.files("kcardswap.data").joinpath("catalog.json")
    return parse_catalog("catalog.json", file.read_text(encoding="utf-8"), FileFormat.NATIVE)


def _cause(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return f"not UTF-8: {error}"

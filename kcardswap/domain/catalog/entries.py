"""What catalogue files say about groups and what belongs to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from kcardswap.domain.cards import Rarity
from kcardswap.domain.catalog.kinds import PhotocardSource, ReleaseKind


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEntry:
    """What a catalogue file says about one member; None means the file does not say."""

    name: str
    name_ko: str | None = None
    name_zh: str | None = None
    aliases: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEntry:
    """What a catalogue file says about one release of a group."""

    title: str
    title_ko: str | None = None
    title_zh: str | None = None
    kind: ReleaseKind = ReleaseKind.ALBUM
    released_on: date | None = None
    aliases: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotocardEntry:
    """What a catalogue file says about one photocard of a group, in the words of that file."""

    member: str | None = None
    release: str | None = None
    version: str | None = None
    source: PhotocardSource = PhotocardSource.ALBUM
    rarity: Rarity | None = None
    position: str = ""
    """Where in the file it stands, for the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEntry:
    """What a catalogue file says about one group.

    ``slug`` identifies it across files and databases; without one the group is told by its name.
    """

    slug: str | None
    name: str
    name_ko: str | None = None
    name_zh: str | None = None
    emoji: str | None = None
    aliases: Sequence[str] = ()
    members: Sequence[MemberEntry] = ()
    releases: Sequence[ReleaseEntry] = ()
    photocards: Sequence[PhotocardEntry] = ()
    position: str = ""
    """Where in the file it stands, for the report."""

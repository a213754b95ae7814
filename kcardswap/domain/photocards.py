"""Photocards as the catalogue knows them: what makes two of them the same, and how they are vouched for."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.cards import TEXT_MAX_LENGTH, PhotocardNotFound, Rarity
from kcardswap.domain.catalog import PhotocardSource, PhotocardStatus, search_text
from kcardswap.domain.errors import Conflict, InvalidRequest, InvalidState
from kcardswap.domain.text import normalise

__all__ = ["PhotocardNotFound"]


class PhotocardExists(Conflict):
    """Another photocard stands for the same card; ``photocard_id`` in the details says which."""

    message = "The catalog has this photocard already."
    reason = "photocard_exists"


class PhotocardIncomplete(InvalidState):
    """Operators vouch only for photocards of a known group."""

    message = "A verified photocard needs a group."
    reason = "photocard_incomplete"


class PhotocardMerged(InvalidState):
    """The photocard was merged into another and cannot change any more."""

    message = "This photocard was merged into another."
    reason = "photocard_merged"


class TargetMismatch(InvalidRequest):
    """The member or release named belongs to another group."""

    message = "The member or release is of another group."
    reason = "target_mismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotocardSubmitted(Event):
    """Somebody typed a card the catalogue did not have."""

    aggregate: ClassVar[str] = "photocard"
    photocard_id: UUID
    submitted_by: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotocardVerified(Event):
    """An operator vouched for a photocard."""

    aggregate: ClassVar[str] = "photocard"
    photocard_id: UUID
    verified_by: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotocardsMerged(Event):
    """An operator made one photocard stand for another."""

    aggregate: ClassVar[str] = "photocard"
    photocard_id: UUID
    into_id: UUID
    merged_by: UUID
    moved_cards: int
    moved_wishes: int


class Part(NamedTuple):
    """Group, member or release of a photocard: the entry it is linked to, its names, and what was typed."""

    id: UUID | None = None
    text: str | None = None
    names: tuple[str, ...] = ()
    """Normalised names of the entry; they are searched, and make no difference to which card it is."""

    @property
    def key(self) -> str:
        """Return what stands for this part when photocards are compared."""
        return f"id:{self.id}" if self.id else f"text:{normalise(self.text) or ''}"


class Parts(NamedTuple):
    """The four things that tell one photocard from another."""

    group: Part = Part()
    member: Part = Part()
    release: Part = Part()
    version: str | None = None

    @property
    def says_something(self) -> bool:
        """Tell whether a group or a member is named at all."""
        return any(part.id or normalise(part.text) for part in (self.group, self.member))

    @property
    def match_key(self) -> str:
        """Return the SHA-256, in hexadecimal, that equal photocards share.

        Case, spaces, signs and width of the texts make no difference.
        """
        parts = [self.group.key, self.member.key, self.release.key, normalise(self.version) or ""]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def search_text(self) -> str:
        """Return what ``q`` searches: every name of every part, and what was typed."""
        return search_text(self._names())

    def _names(self) -> Iterable[str | None]:
        for part in (self.group, self.member, self.release):
            yield from part.names
            yield part.text
        yield self.version


@dataclass(eq=False, kw_only=True)
class Photocard(Aggregate):
    """One design of a card that people have and want; copies of it are cards."""

    id: UUID
    group_id: UUID | None
    member_id: UUID | None
    release_id: UUID | None
    group_text: str | None
    member_text: str | None
    release_text: str | None
    version: str | None
    source: PhotocardSource
    rarity: Rarity | None
    status: PhotocardStatus
    merged_into_id: UUID | None
    match_key: str
    search_text: str
    submitted_by: UUID | None
    verified_by: UUID | None
    verified_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def submit(
        cls,
        parts: Parts,
        *,
        id: UUID,
        submitted_by: UUID,
        now: datetime,
        source: PhotocardSource = PhotocardSource.ALBUM,
        rarity: Rarity | None = None,
    ) -> "Photocard":
        """Return a photocard nobody vouches for yet."""
        photocard = cls._described_by(
            parts, id=id, now=now, source=source, rarity=rarity, submitted_by=submitted_by
        )
        photocard.record(PhotocardSubmitted(photocard_id=id, submitted_by=submitted_by))
        return photocard

    @classmethod
    def vouched_for(
        cls,
        parts: Parts,
        *,
        id: UUID,
        now: datetime,
        source: PhotocardSource,
        rarity: Rarity | None,
    ) -> "Photocard":
        """Return a photocard of an operator's own list."""
        photocard = cls._described_by(parts, id=id, now=now, source=source, rarity=rarity, submitted_by=None)
        photocard.status, photocard.verified_at = PhotocardStatus.VERIFIED, now
        return photocard

    @classmethod
    def _described_by(
        cls,
        parts: Parts,
        *,
        id: UUID,
        now: datetime,
        source: PhotocardSource,
        rarity: Rarity | None,
        submitted_by: UUID | None,
    ) -> "Photocard":
        photocard = cls(
            id=id,
            group_id=None,
            member_id=None,
            release_id=None,
            group_text=None,
            member_text=None,
            release_text=None,
            version=None,
            source=source,
            rarity=rarity,
            status=PhotocardStatus.PENDING,
            merged_into_id=None,
            match_key="",
            search_text="",
            submitted_by=submitted_by,
            verified_by=None,
            verified_at=None,
            created_at=now,
            updated_at=now,
        )
        photocard.take(parts)
        return photocard

    def take(self, parts: Parts) -> None:
        """Become the card these parts describe.

        :raises PhotocardMerged: it stands for another.
        """
        self.refuse_merged()
        self.group_id, self.group_text = parts.group.id, _cut(parts.group.text)
        self.member_id, self.member_text = parts.member.id, _cut(parts.member.text)
        self.release_id, self.release_text = parts.release.id, _cut(parts.release.text)
        self.version = parts.version
        self.match_key, self.search_text = parts.match_key, parts.search_text

    def describe(self, changes: Mapping[str, Any]) -> None:
        """Take over the given ones of source and rarity."""
        if changes.get("source") is not None:
            self.source = PhotocardSource(changes["source"])
        if "rarity" in changes:
            self.rarity = changes["rarity"]

    def verify(self, *, by: UUID, now: datetime) -> None:
        """Vouch for the photocard; who did so first stays.

        :raises PhotocardIncomplete: its group is not known.
        """
        self.refuse_incomplete()
        if self.status is PhotocardStatus.PENDING:
            self.status, self.verified_by, self.verified_at = PhotocardStatus.VERIFIED, by, now
            self.record(PhotocardVerified(photocard_id=self.id, verified_by=by))

    def confirm(self, *, rarity: Rarity | None, now: datetime) -> bool:
        """Take over what an operator's own list says and tell whether that changed anything.

        The list vouches for a pending photocard; one merged into another stays as it is.
        """
        if not self.would_change(rarity=rarity):
            return False
        if self._awaits_a_list:
            self.status, self.verified_at = PhotocardStatus.VERIFIED, now
        self.rarity = rarity or self.rarity
        return True

    def would_change(self, *, rarity: Rarity | None) -> bool:
        """Tell whether ``confirm`` changes anything, and so needs the photocard locked."""
        if self.status is PhotocardStatus.MERGED:
            return False
        return self._awaits_a_list or rarity not in (None, self.rarity)

    @property
    def _awaits_a_list(self) -> bool:
        return self.status is PhotocardStatus.PENDING and self.group_id is not None

    @property
    def is_verified(self) -> bool:
        """Tell whether an operator vouched for it."""
        return self.status is PhotocardStatus.VERIFIED

    def refuse_incomplete(self) -> None:
        """Do nothing for a photocard of a known group.

        :raises PhotocardIncomplete: it is linked to none.
        """
        if self.group_id is None:
            raise PhotocardIncomplete(status=self.status)

    def refuse_merged(self) -> None:
        """Do nothing for a photocard that stands for itself.

        :raises PhotocardMerged: it stands for another.
        """
        if self.status is PhotocardStatus.MERGED:
            raise PhotocardMerged(status=self.status)

    def merge_into(self, target: "Photocard", *, by: UUID, moved_cards: int, moved_wishes: int) -> None:
        """Let this photocard stand for ``target`` from now on.

        :raises PhotocardMerged: one of the two stands for another already.
        """
        for each in (self, target):
            each.refuse_merged()
        self.status, self.merged_into_id = PhotocardStatus.MERGED, target.id
        self.record(
            PhotocardsMerged(
                photocard_id=self.id,
                into_id=target.id,
                merged_by=by,
                moved_cards=moved_cards,
                moved_wishes=moved_wishes,
            )
        )


def _cut(text: str | None) -> str | None:
    # A name of the catalogue may be longer than what people may type.
    return None if text is None else text[:TEXT_MAX_LENGTH]

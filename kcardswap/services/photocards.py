"""Submitting photocards, and what operators do with them."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from kcardswap.domain.catalog import PhotocardSource
from kcardswap.domain.errors import SelfTarget, ValidationFailed
from kcardswap.domain.moderation import AuditAction
from kcardswap.domain.photocards import Photocard
from kcardswap.persistence.unit_of_work import UnitOfWork

PARTS = {"group_id": "group_text", "member_id": "member_text", "release_id": "release_text"}


class Submission(NamedTuple):
    """The photocard a submission means, and whether the catalogue lacked it."""

    photocard_id: UUID
    is_new: bool


class Merger(NamedTuple):
    """How many cards and wishes now point at the target of a merge."""

    moved_cards: int
    moved_wishes: int


def submit(uow: UnitOfWork, *, by: UUID, wanted: Mapping[str, Any]) -> Submission:
    """Return the photocard somebody describes, made now when the catalogue lacks it.

    ``wanted`` takes the keys of ``PhotocardRepository.parts`` and source and rarity.

    :raises GroupNotFound:
    :raises MemberNotFound:
    :raises ReleaseNotFound: an id the catalogue does not have.
    :raises TargetMismatch: member or release of another group.
    :raises ValidationFailed: neither a group nor a member is named.
    """
    with uow:
        parts = uow.photocards.parts(wanted)
        if not parts.says_something:
            raise ValidationFailed("idol_group", "Send at least a group or a member.", "required")
        submitted = uow.photocards.submit(
            parts,
            by=by,
            source=wanted.get("source") or PhotocardSource.ALBUM,
            rarity=wanted.get("rarity"),
        )
        uow.commit()
    return Submission(submitted.id, submitted.is_new)


def curate(uow: UnitOfWork, *, photocard_id: UUID, by: UUID, changes: Mapping[str, Any]) -> None:
    """Correct a photocard, and vouch for it when ``changes`` has a status.

    ``changes`` may hold group_id, member_id, release_id, version, source and rarity; None unlinks. What
    was typed for a part that stays unlinked is looked up again in a new group.

    :raises PhotocardNotFound: there is no such photocard.
    :raises PhotocardMerged: it stands for another.
    :raises GroupNotFound:
    :raises MemberNotFound:
    :raises ReleaseNotFound: an id the catalogue does not have.
    :raises TargetMismatch: member or release of another group.
    :raises PhotocardExists: another photocard is that card already.
    :raises PhotocardIncomplete: only photocards of a known group can be verified.
    """
    with uow:
        photocard = uow.photocards.get(photocard_id, lock=True)
        photocard.refuse_merged()
        if changes.keys() & {*PARTS, "version"}:
            uow.photocards.redefine(photocard, uow.photocards.parts(_described(photocard, changes)))
        photocard.describe(changes)
        if changes.get("status") is not None or photocard.is_verified:
            photocard.verify(by=by, now=uow.clock.now())
        uow.audit.write(
            actor_id=by,
            action=AuditAction.CURATE_PHOTOCARD,
            target_type="photocard",
            target_id=photocard_id,
            details=changes,
        )
        uow.commit()


def _described(photocard: Photocard, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a photocard after ``changes``, as ``PhotocardRepository.parts`` takes them."""
    cleared = {text for name, text in PARTS.items() if name in changes and changes[name] is None}
    texts = {text: None if text in cleared else getattr(photocard, text) for text in PARTS.values()}
    return {
        **{name: changes.get(name, getattr(photocard, name)) for name in (*PARTS, "version")},
        "idol_group": texts["group_text"],
        "idol": texts["member_text"],
        "album": texts["release_text"],
    }


def merge(uow: UnitOfWork, *, photocard_id: UUID, into_id: UUID, by: UUID) -> Merger:
    """Make one photocard stand for another: cards, wishes and earlier merges point at the target afterwards.

    :raises SelfTarget: the two are the same.
    :raises PhotocardNotFound: there is no such photocard.
    :raises PhotocardMerged: one of them stands for another already.
    """
    if photocard_id == into_id:
        raise SelfTarget("A photocard cannot be merged into itself.")
    with uow:
        merged, target = uow.photocards.lock_for_merge(photocard_id, into_id)
        for each in (merged, target):
            each.refuse_merged()
        moved = uow.photocards.repoint(photocard_id, into_id, now=uow.clock.now())
        merged.merge_into(target, by=by, moved_cards=moved.cards, moved_wishes=moved.wishes)
        uow.audit.write(
            actor_id=by,
            action=AuditAction.MERGE_PHOTOCARD,
            target_type="photocard",
            target_id=photocard_id,
            details={"into_id": into_id, "moved_cards": moved.cards, "moved_wishes": moved.wishes},
        )
        uow.commit()
    return Merger(moved.cards, moved.wishes)

"""Repository of photocards: what free text means, which photocard that is, and merging two of them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Table, case, delete, func, literal, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kcardswap.domain.base import Aggregate, Clock, NewId
from kcardswap.domain.cards import Condition, PhotocardNotFound, Rarity
from kcardswap.domain.catalog import (
    GroupNotFound,
    MemberNotFound,
    PhotocardSource,
    ReleaseNotFound,
)
from kcardswap.domain.errors import NotFound, WriteConflict
from kcardswap.domain.photocards import Part, Parts, Photocard, PhotocardExists, TargetMismatch
from kcardswap.domain.text import normalise
from kcardswap.persistence.deadlines import let_statements_take
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.catalog import (
    catalog_aliases,
    catalog_groups,
    catalog_members,
    catalog_releases,
    photocards,
)
from kcardswap.persistence.orm.wishlist import wishlist_items
from kcardswap.persistence.repositories.base import Repository
from kcardswap.persistence.searching import keep_searchable, make_searchable

MERGE_STATEMENT_SECONDS = 120
CARD_TEXTS = {"group": "idol_group", "member": "idol", "release": "album"}
"""How people who describe a card call the parts of a photocard."""

_OWNERS: dict[str, tuple[Table, str, Callable[[], NotFound]]] = {
    "group": (catalog_groups, "id", GroupNotFound),
    "member": (catalog_members, "group_id", MemberNotFound),
    "release": (catalog_releases, "group_id", ReleaseNotFound),
}


class Submitted(NamedTuple):
    """The photocard some parts describe, and whether it had to be made."""

    id: UUID
    is_new: bool


class Moved(NamedTuple):
    """How many cards and wishes now point at another photocard."""

    cards: int
    wishes: int


class PhotocardRepository(Repository[Photocard]):
    """Every photocard, also merged ones."""

    entity = Photocard
    table = photocards
    missing = PhotocardNotFound

    def __init__(self, session: Session, seen: list[Aggregate], *, clock: Clock, new_id: NewId) -> None:
        super().__init__(session, seen)
        self._clock = clock
        self._new_id = new_id
        keep_searchable(session)

    def behind(self, photocard_id: UUID) -> UUID:
        """Return the photocard an id stands for today: itself, or what it was merged into.

        That one cannot be merged into another until the commit.

        :raises PhotocardNotFound: there is no such photocard.
        """
        earlier = photocards.alias()
        wanted: UUID | None = photocard_id
        while wanted is not None:
            target = select(func.coalesce(earlier.c.merged_into_id, earlier.c.id)).where(
                earlier.c.id == wanted
            )
            # Only the target is locked: whoever held a merged one and waited for its target would lock
            # against the order of a merge that re-points both.
            row = self.session.execute(
                select(photocards.c.id, photocards.c.merged_into_id)
                .where(photocards.c.id == target.scalar_subquery())
                .with_for_update(read=True, of=photocards)
            ).one_or_none()
            if row is None:
                raise PhotocardNotFound()
            # A merge that committed while this waited for the lock adds a step.
            photocard_id, wanted = row
        return photocard_id

    def matching(self, texts: Mapping[str, str | None], *, submitted_by: UUID) -> UUID | None:
        """Return the photocard that the texts of a card mean, made now when the catalogue lacks it.

        ``texts`` may hold idol, idol_group, album and version. The photocard cannot be merged into
        another until the commit. None when neither idol nor group says anything.
        """
        parts = self.parts(texts)
        return self.submit(parts, by=submitted_by).id if parts.says_something else None

    def parts(self, given: Mapping[str, Any]) -> Parts:
        """Return what ids and texts mean; a text means the only entry that has that name, if there is one.

        ``given`` may hold group_id, member_id, release_id, idol_group, idol, album and version. Without
        a group, a member's or release's own group counts.

        :raises GroupNotFound:
        :raises MemberNotFound:
        :raises ReleaseNotFound: an id the catalogue does not have.
        :raises TargetMismatch: member or release of another group.
        """
        group_id = self._group_of(given)
        if group_id is None:
            group_id = self._named("group", given.get("idol_group"), None)
        member_id = given.get("member_id")
        if member_id is None and (group_id is not None or normalise(given.get("idol_group")) is None):
            member_id = self._named("member", given.get("idol"), group_id)
            if member_id is not None and group_id is None:
                group_id = self._group_with("member", member_id)
        release_id = given.get("release_id")
        if release_id is None and group_id is not None:
            release_id = self._named("release", given.get("album"), group_id)
        ids = {"group": group_id, "member": member_id, "release": release_id}
        names = self._names(ids)
        parts = {kind: Part(id, given.get(CARD_TEXTS[kind]), names[kind]) for kind, id in ids.items()}
        return Parts(**parts, version=given.get("version"))

    def _group_of(self, given: Mapping[str, Any]) -> UUID | None:
        """Return the one group that the ids among ``given`` are of."""
        groups = {
            kind: self._group_with(kind, given[f"{kind}_id"])
            for kind in CARD_TEXTS
            if given.get(f"{kind}_id") is not None
        }
        if len(set(groups.values())) > 1:
            raise TargetMismatch()
        return next(iter(groups.values()), None)

    def _group_with(self, kind: str, id: UUID) -> UUID:
        table, column, missing = _OWNERS[kind]
        group_id: UUID | None = self.session.scalar(select(table.c[column]).where(table.c.id == id))
        if group_id is None:
            raise missing()
        return group_id

    def _named(self, kind: str, text: str | None, group_id: UUID | None) -> UUID | None:
        """Return the only group, member or release with this name, or None."""
        norm = normalise(text)
        if norm is None:
            return None
        owner = catalog_aliases.c[f"{kind}_id"]
        # Spellings nobody typed help searches; taking them for names would link cards by accident.
        found = select(owner).where(
            catalog_aliases.c.norm == norm, owner.is_not(None), ~catalog_aliases.c.generated
        )
        if group_id is not None and kind != "group":
            table, column, _ = _OWNERS[kind]
            found = found.join(table, table.c.id == owner).where(table.c[column] == group_id)
        ids = list(self.session.scalars(found.limit(2)))
        return ids[0] if len(ids) == 1 else None

    def _names(self, ids: Mapping[str, UUID | None]) -> dict[str, tuple[str, ...]]:
        names: dict[str, list[str]] = {kind: [] for kind in ids}
        owners = [(kind, catalog_aliases.c[f"{kind}_id"], id) for kind, id in ids.items() if id is not None]
        if not owners:
            return dict.fromkeys(ids, ())
        which = case(*((column == id, kind) for kind, column, id in owners))
        statement = select(which, catalog_aliases.c.norm).where(
            or_(*(column == id for _, column, id in owners))
        )
        for kind, norm in self.session.execute(statement):
            names[kind].append(norm)
        return {kind: tuple(sorted(found)) for kind, found in names.items()}

    def submit(
        self,
        parts: Parts,
        *,
        by: UUID,
        source: PhotocardSource = PhotocardSource.ALBUM,
        rarity: Rarity | None = None,
    ) -> Submitted:
        """Return the photocard with these parts, made now when there is none.

        A merged one leads to its target. It cannot be merged into another until the commit.
        """
        photocard = Photocard.submit(
            parts,
            id=self._new_id(),
            submitted_by=by,
            now=self._clock.now(),
            source=source,
            rarity=rarity,
        )
        same = select(photocards.c.id).where(photocards.c.match_key == photocard.match_key)
        known = self.session.scalar(same)
        if known is None and self._insert(photocard):
            return Submitted(photocard.id, is_new=True)
        if known is None:
            # Somebody else made it a moment ago; the insert waited for their commit.
            known = self.session.scalar(same)
        if known is None:
            # It was there, and its parts were changed meanwhile.
            raise WriteConflict()
        return Submitted(self.behind(known), is_new=False)

    def _insert(self, photocard: Photocard) -> bool:
        """Store a new photocard unless another has its key, and tell which; the constraint decides."""
        values = {column.name: getattr(photocard, column.name) for column in photocards.columns}
        statement = (
            insert(photocards).values(values).on_conflict_do_nothing(constraint="uq_photocards_match_key")
        )
        if self.session.scalar(statement.returning(photocards.c.id)) is None:
            return False
        make_searchable(self.session, [photocard.id])
        self._remember(photocard)
        return True

    def redefine(self, photocard: Photocard, parts: Parts) -> None:
        """Let a locked photocard be the card these parts describe.

        :raises PhotocardMerged: it stands for another.
        :raises PhotocardExists: another photocard is that card already.
        """
        before = photocard.match_key
        photocard.take(parts)
        if photocard.match_key == before:
            return
        with self.session.no_autoflush:
            holder = self.session.execute(
                select(photocards.c.id, photocards.c.merged_into_id).where(
                    photocards.c.match_key == photocard.match_key
                )
            ).one_or_none()
            if holder is None:
                return
            if holder.merged_into_id != photocard.id:
                raise PhotocardExists(photocard_id=holder.merged_into_id or holder.id)
            # One merged into this very photocard swaps keys with it, so that both keep leading here. Two
            # rows cannot have the same key even for a moment, hence the one in between.
            self._set_key(holder.id, Parts(group=Part(id=holder.id)).match_key)
        self.session.flush()
        self._set_key(holder.id, before)

    def _set_key(self, id: UUID, match_key: str) -> None:
        self.session.execute(update(photocards).where(photocards.c.id == id).values(match_key=match_key))

    def lock_for_merge(self, id: UUID, into_id: UUID) -> tuple[Photocard, Photocard]:
        """Lock two photocards, and what was merged into the first, in id order; return the two.

        :raises PhotocardNotFound: there is no such photocard.
        """
        wanted = or_(photocards.c.id.in_([id, into_id]), photocards.c.merged_into_id == id)
        locked = self._all(select(Photocard).where(wanted).order_by(photocards.c.id), lock=True)
        found = {photocard.id: photocard for photocard in locked}
        if id not in found or into_id not in found:
            raise PhotocardNotFound()
        return found[id], found[into_id]

    def repoint(self, id: UUID, into_id: UUID, *, now: datetime) -> Moved:
        """Let every card, wish and earlier merge that points at one photocard point at another.

        Both are locked by the caller, so nothing new can point at either meanwhile. Somebody who wished
        for both keeps one wish, with the more urgent priority and the laxer condition.
        """
        # A photocard many people have takes longer than the statements of everyday requests may.
        let_statements_take(self.session, MERGE_STATEMENT_SECONDS)
        moved = self._repoint_cards(id, into_id)
        wished = self._repoint_wishes(id, into_id, now)
        earlier = photocards.c.merged_into_id == id
        self.session.execute(update(photocards).where(earlier).values(merged_into_id=into_id, updated_at=now))
        return Moved(moved, wished)

    def _repoint_cards(self, id: UUID, into_id: UUID) -> int:
        # Locked in id order: an UPDATE alone locks in whatever order it finds the rows.
        locked = (
            select(cards.c.id)
            .where(cards.c.photocard_id == id)
            .order_by(cards.c.id)
            .with_for_update(key_share=True)
            .cte("locked")
        )
        return _rows(
            self.session.execute(update(cards).where(cards.c.id == locked.c.id).values(photocard_id=into_id))
        )

    def _repoint_wishes(self, id: UUID, into_id: UUID, now: datetime) -> int:
        old, kept = wishlist_items.alias("old"), wishlist_items.alias("kept")
        theirs = select(old.c.user_id).where(old.c.photocard_id == id)
        locked = (
            select(kept.c.id)
            .where(kept.c.photocard_id.in_([id, into_id]), kept.c.user_id.in_(theirs))
            .order_by(kept.c.id)
            .with_for_update(of=kept)
            .subquery()
        )
        self.session.execute(select(func.count()).select_from(locked))
        both = (
            update(wishlist_items)
            .where(
                wishlist_items.c.photocard_id == into_id,
                old.c.photocard_id == id,
                old.c.user_id == wishlist_items.c.user_id,
            )
            .values(
                priority=func.least(wishlist_items.c.priority, old.c.priority),
                min_condition=_laxer(wishlist_items.c.min_condition, old.c.min_condition),
                updated_at=now,
            )
        )
        folded = _rows(self.session.execute(both))
        twice = select(kept.c.user_id).where(kept.c.photocard_id == into_id)
        mine = wishlist_items.c.photocard_id == id
        self.session.execute(delete(wishlist_items).where(mine, wishlist_items.c.user_id.in_(twice)))
        moved = update(wishlist_items).where(mine).values(photocard_id=into_id, updated_at=now)
        return folded + _rows(self.session.execute(moved))


def _laxer(a: ColumnElement[Any], b: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the condition that more cards meet; none at all is met by every card."""
    worst_first = reversed(Condition)
    accepted = (
        (or_(a == condition, b == condition), literal(condition, a.type)) for condition in worst_first
    )
    return case((or_(a.is_(None), b.is_(None)), null()), *accepted)


def _rows(result: Any) -> int:
    return int(result.rowcount)

"""Keeping what searches read of photocards true to the photocards."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, case, delete, event, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.orm.unitofwork import UOWTransaction

from kcardswap.domain.catalog import PhotocardStatus
from kcardswap.domain.photocards import Photocard
from kcardswap.persistence.orm.catalog import PENDING_PLACE, photocard_texts, photocards

IDS_AT_ONCE = 1000
_TEXTS = select(
    photocards.c.id,
    photocards.c.group_id,
    photocards.c.member_id,
    photocards.c.release_id,
    # Of texts that hold the same words the shorter is the more similar one.
    case((photocards.c.status == PhotocardStatus.VERIFIED, 0), else_=PENDING_PLACE)
    + func.octet_length(photocards.c.search_text),
    photocards.c.search_text,
).where(photocards.c.status != PhotocardStatus.MERGED)
_PUT = insert(photocard_texts)
_COPIED = [column.name for column in photocard_texts.columns if not column.primary_key]


def make_searchable(session: Session | Connection, ids: Collection[UUID]) -> None:
    """Let searches find these photocards by the texts in their rows, and those that are merged not at all."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), IDS_AT_ONCE):
        some = ordered[start : start + IDS_AT_ONCE]
        texts = _TEXTS.where(photocards.c.id.in_(some)).order_by(photocards.c.id)
        put = _PUT.from_select([column.name for column in photocard_texts.columns], texts)
        put = put.on_conflict_do_update(
            index_elements=[photocard_texts.c.photocard_id],
            set_={name: put.excluded[name] for name in _COPIED},
        )
        merged = select(photocards.c.id).where(
            photocards.c.id.in_(some), photocards.c.status == PhotocardStatus.MERGED
        )
        forget = delete(photocard_texts).where(photocard_texts.c.photocard_id.in_(merged))
        session.execute(put.add_cte(forget.cte("forgotten")))


def keep_searchable(session: Session) -> None:
    """Make photocards searchable whenever the session writes some."""
    event.listen(session, "after_flush", _after_flush)


def _after_flush(session: Session, flush: UOWTransaction) -> None:
    written = {entity.id for entity in (*session.new, *session.dirty) if isinstance(entity, Photocard)}
    if written:
        make_searchable(session.connection(), written)

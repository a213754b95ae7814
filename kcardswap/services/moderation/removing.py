"""Taking away what was reported."""

from contextlib import suppress
from uuid import UUID

from kcardswap.domain.cards import CardNotFound
from kcardswap.domain.moderation import AuditAction
from kcardswap.domain.posts import CommentNotFound, PostNotFound
from kcardswap.domain.reports import ReportTarget, Subject
from kcardswap.domain.trades import CancelReason
from kcardswap.persistence.unit_of_work import UnitOfWork


def remove(uow: UnitOfWork, subject: Subject, *, by: UUID, note: str) -> list[str]:
    """Take a post, comment or card away, whose person is locked; return the keys of unused objects.

    What its owner deleted since needs no removal.
    """
    take_away, action = _REMOVALS[subject.target_type]
    uow.audit.write(
        actor_id=by,
        action=action,
        target_type=subject.target_type,
        target_id=subject.target_id,
        note=note,
    )
    with suppress(PostNotFound, CommentNotFound, CardNotFound):
        return take_away(uow, subject.target_id, by)
    return []


def _remove_post(uow: UnitOfWork, post_id: UUID, by: UUID) -> list[str]:
    return uow.posts.take_away(uow.posts.get(post_id, lock=True), by=by, now=uow.clock.now())


def _remove_comment(uow: UnitOfWork, comment_id: UUID, by: UUID) -> list[str]:
    # Comments change under the lock of their post, and never move to another.
    uow.posts.get(uow.comments.get(comment_id).post_id, lock=True)
    uow.comments.take_away(uow.comments.get(comment_id, lock=True), by=by, now=uow.clock.now())
    return []


def _remove_card(uow: UnitOfWork, card_id: UUID, by: UUID) -> list[str]:
    now = uow.clock.now()
    uow.reservations.call_off(uow.trades.lock_holding(card_id), CancelReason.CARD_REMOVED, now)
    unused_key = uow.cards.take_away(uow.cards.get_present(card_id, lock=True), now)
    return [] if unused_key is None else [unused_key]


_REMOVALS = {
    ReportTarget.POST: (_remove_post, AuditAction.DELETE_POST),
    ReportTarget.COMMENT: (_remove_comment, AuditAction.DELETE_COMMENT),
    ReportTarget.CARD: (_remove_card, AuditAction.DELETE_CARD),
}

"""Suspending people, and letting them in again."""

from datetime import datetime
from uuid import UUID

from kcardswap.domain.accounts import User, UserNotFound
from kcardswap.domain.errors import SelfTarget
from kcardswap.domain.moderation import AuditAction, refuse_unless_above
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.services.moderation.suspensions import end_if_over, refuse_past, reopen, shut


def suspend(
    uow: UnitOfWork, *, user_id: UUID, by: UUID | None, note: str, until: datetime | None = None
) -> None:
    """Shut somebody out ``until`` then, or without end; a running suspension gets the new end and note.

    Their sessions end, and their unfinished trades are called off. ``by`` None is the operator.

    :raises SelfTarget: nobody suspends themselves.
    :raises ValidationFailed: the end is past.
    :raises UserNotFound: unknown or deleted.
    :raises RoleRequired: the person is an administrator, and ``by`` no super administrator.
    """
    if by == user_id:
        raise SelfTarget
    refuse_past(until, uow.clock.now())
    with uow:
        target = _lock_below(uow, user_id, by)
        shut(uow, target, until=until, note=note, by=by)
        uow.commit()


def unsuspend(uow: UnitOfWork, *, user_id: UUID, by: UUID | None, note: str) -> bool:
    """Let somebody in again before their time; return whether they were suspended.

    :raises UserNotFound: unknown or deleted.
    :raises RoleRequired: the person is an administrator, and ``by`` no super administrator.
    """
    with uow:
        target = _lock_below(uow, user_id, by)
        over = end_if_over(uow, target, uow.clock.now())
        suspended = target.is_suspended(uow.clock.now())
        if suspended:
            reopen(uow, target)
            uow.audit.write(
                actor_id=by,
                action=AuditAction.UNSUSPEND_USER,
                target_type="user",
                target_id=user_id,
                note=note,
            )
        if suspended or over:
            uow.commit()
        return suspended


def lift_over(uow: UnitOfWork, *, limit: int) -> int:
    """End up to ``limit`` suspensions whose time is over and return how many.

    Repeats safely, and any number of callers may do so at once: each leaves out what others claimed.
    """
    with uow:
        now = uow.clock.now()
        people = uow.users.claim_suspended_until(now, limit=limit)
        for person in people:
            end_if_over(uow, person, now)
        uow.commit()
        return len(people)


def _lock_below(uow: UnitOfWork, user_id: UUID, by: UUID | None) -> User:
    """Return somebody, locked, whom ``by`` may act on."""
    target = uow.users.get(user_id, lock=True)
    if target.is_deleted:
        raise UserNotFound
    refuse_unless_above(None if by is None else uow.users.get(by), target)
    return target

"""What a suspension does and undoes, whoever it comes from."""

from datetime import datetime
from uuid import UUID

from kcardswap.domain.accounts import SessionEnd, User, UserStatus
from kcardswap.domain.errors import ValidationFailed
from kcardswap.domain.moderation import AuditAction
from kcardswap.domain.reports import REPORTERS_FOR_REVIEW, Report
from kcardswap.domain.sanctions import Sanction
from kcardswap.domain.trades import CancelReason
from kcardswap.persistence.unit_of_work import UnitOfWork


def refuse_past(until: datetime | None, now: datetime) -> None:
    """Do nothing for the end of a suspension that lies ahead, or for none.

    :raises ValidationFailed: it is over already.
    """
    if until is not None and until <= now:
        raise ValidationFailed("until", "Must be in the future.")


def shut(
    uow: UnitOfWork,
    target: User,
    *,
    until: datetime | None,
    note: str,
    by: UUID | None,
    report: Report | None = None,
) -> Sanction:
    """Suspend somebody whose row is locked: sessions end, unfinished trades are called off."""
    now = uow.clock.now()
    end_if_over(uow, target, now)
    target.suspend(until=until)
    for session in uow.sessions.live_of(target.id, now):
        session.end(SessionEnd.SUSPENDED, now)
    uow.reservations.call_off(uow.trades.lock_unfinished_of(target.id), CancelReason.SUSPENDED, now)
    sanction = uow.sanctions.unlifted_suspension_of(target.id)
    if sanction is None:
        sanction = Sanction.suspension(
            id=uow.new_id(), user_id=target.id, note=note, until=until, by=by, report=report, now=now
        )
        uow.sanctions.add(sanction)
    else:
        sanction.replace(note=note, until=until, by=by, report=report)
    uow.audit.write(
        actor_id=by,
        action=AuditAction.SUSPEND_USER,
        target_type="user",
        target_id=target.id,
        note=note,
        details={"sanction_id": sanction.id, "until": until},
    )
    return sanction


def reopen(uow: UnitOfWork, target: User) -> None:
    """Let somebody in again whose row is locked; without a suspension nothing changes."""
    if target.status is not UserStatus.SUSPENDED:
        return
    suspension = uow.sanctions.unlifted_suspension_of(target.id)
    if suspension is not None:
        suspension.lift(uow.clock.now())
    uow.flush()
    target.lift_suspension(reports_wait=reports_ask_for_review(uow, target.id))


def end_if_over(uow: UnitOfWork, target: User, now: datetime) -> bool:
    """Write down that a suspension is over, as readers already see it; return whether one was."""
    if target.status is not UserStatus.SUSPENDED or target.is_suspended(now):
        return False
    suspended_until = target.suspended_until
    reopen(uow, target)
    uow.audit.write(
        actor_id=None,
        action=AuditAction.LIFT_SUSPENSION,
        target_type="user",
        target_id=target.id,
        details={"suspended_until": suspended_until},
    )
    return True


def reports_ask_for_review(uow: UnitOfWork, user_id: UUID) -> bool:
    """Tell whether enough people reported somebody for something serious, and some of it is still open."""
    return uow.reports.serious_reporters(user_id) >= REPORTERS_FOR_REVIEW and uow.reports.any_serious_open(
        user_id
    )

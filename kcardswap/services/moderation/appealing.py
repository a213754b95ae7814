"""Appealing against sanctions, and deciding appeals."""

from uuid import UUID

from kcardswap.domain.accounts import Role, RoleRequired, User
from kcardswap.domain.moderation import AuditAction, refuse_unless_above
from kcardswap.domain.sanctions import AppealOutcome, Sanction, SanctionKind, SanctionNotFound
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.services.moderation.suspensions import reports_ask_for_review


def appeal(uow: UnitOfWork, *, sanction_id: UUID, by: UUID, note: str) -> None:
    """Ask another moderator to look at one's own sanction.

    :raises SanctionNotFound: unknown or somebody else's.
    :raises AppealClosed: it was appealed before, lifted, or imposed more than 30 days ago.
    """
    with uow:
        if uow.sanctions.get(sanction_id).user_id != by:
            raise SanctionNotFound
        _, sanction = _lock(uow, sanction_id)
        sanction.appeal(note, now=uow.clock.now())
        uow.commit()


def decide(uow: UnitOfWork, *, sanction_id: UUID, by: UUID, outcome: AppealOutcome, note: str) -> None:
    """Settle an appeal; overturning lifts a suspension or strikes a warning, what was removed stays so.

    :raises SanctionNotFound: there is no such sanction.
    :raises RoleRequired: ``by`` imposed it and there are others to decide, or may not act on the person.
    :raises AppealClosed: there is no appeal, or it was decided.
    """
    with uow:
        person, sanction = _lock(uow, sanction_id)
        _refuse_partial(uow, uow.users.get(by), person, sanction)
        ran = sanction.lifted_at is None
        sanction.decide(outcome, by=by, now=uow.clock.now())
        if sanction.kind is SanctionKind.SUSPEND and ran and sanction.lifted_at is not None:
            person.lift_suspension(reports_wait=reports_ask_for_review(uow, person.id))
        uow.audit.write(
            actor_id=by,
            action=AuditAction.DECIDE_APPEAL,
            target_type="sanction",
            target_id=sanction_id,
            note=note,
            details={"outcome": outcome, "user_id": person.id},
        )
        uow.commit()


def _lock(uow: UnitOfWork, sanction_id: UUID) -> tuple[User, Sanction]:
    """Lock the person, then their sanction; whose it is never changes."""
    person = uow.users.get(uow.sanctions.get(sanction_id).user_id, lock=True)
    return person, uow.sanctions.get(sanction_id, lock=True)


def _refuse_partial(uow: UnitOfWork, moderator: User, person: User, sanction: Sanction) -> None:
    refuse_unless_above(moderator, person)
    if sanction.imposed_by != moderator.id:
        return
    able = (Role.ADMIN, Role.SUPER_ADMIN) if person.role is Role.USER else (Role.SUPER_ADMIN,)
    if uow.users.any_moderator_but((moderator.id, person.id), roles=able, now=uow.clock.now()):
        raise RoleRequired

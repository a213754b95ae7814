"""Reporting people, taking reports up and settling them."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from kcardswap.domain.accounts import User, UserNotFound
from kcardswap.domain.errors import SelfTarget, Unavailable, ValidationFailed
from kcardswap.domain.moderation import AuditAction, refuse_unless_above
from kcardswap.domain.reports import (
    SERIOUS,
    NotTheirs,
    Report,
    ReportReason,
    ReportResolvedAlready,
    Resolution,
    Subject,
    TargetNotFound,
)
from kcardswap.domain.sanctions import Sanction
from kcardswap.gateways.ports import ObjectStorage
from kcardswap.persistence.unit_of_work import UnitOfWork
from kcardswap.services.moderation.removing import remove
from kcardswap.services.moderation.suspensions import (
    end_if_over,
    refuse_past,
    reports_ask_for_review,
    shut,
)


class Filed(NamedTuple):
    """A report, and whether it was made just now: the same one may be open already."""

    report_id: UUID
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a moderator makes of a report; ``until`` is the end of a suspension."""

    action: Resolution
    note: str
    by: UUID
    until: datetime | None = None

    def refuse_impossible(self, now: datetime) -> None:
        """Do nothing for a decision that makes sense.

        :raises ValidationFailed: an end of something else than a suspension, or one that is past.
        """
        if self.until is not None and self.action is not Resolution.SUSPEND:
            raise ValidationFailed("until", "Only for the action suspend.")
        refuse_past(self.until, now)


def file(
    uow: UnitOfWork,
    *,
    by: UUID,
    reported_user_id: UUID,
    reason: ReportReason,
    detail: str | None = None,
    subject: Subject | None = None,
) -> Filed:
    """Tell the moderators about somebody, also across a block; saying the same again changes nothing.

    :raises SelfTarget: nobody reports themselves.
    :raises UserNotFound: unknown or deleted.
    :raises TargetNotFound: what is reported is gone, or was never shown to ``by``.
    :raises NotTheirs: what is reported belongs to somebody else.
    """
    if by == reported_user_id:
        raise SelfTarget
    with uow:
        reported = uow.users.get(reported_user_id, lock=True)
        if reported.is_deleted:
            raise UserNotFound
        if subject is not None:
            _refuse_foreign(uow, subject, reported_user_id, seen_by=by)
        twin = uow.reports.find_open_twin(
            reporter_id=by,
            reported_user_id=reported_user_id,
            reason=reason,
            target_id=None if subject is None else subject.target_id,
        )
        if twin is not None:
            return Filed(twin.id, is_new=False)
        report = Report.file(
            id=uow.new_id(),
            reporter_id=by,
            reported_user_id=reported_user_id,
            reason=reason,
            detail=detail,
            subject=subject,
            now=uow.clock.now(),
        )
        uow.reports.add(report)
        uow.flush()
        _review_if_asked_for(uow, reported, reason)
        uow.commit()
        return Filed(report.id, is_new=True)


def _refuse_foreign(uow: UnitOfWork, subject: Subject, person_id: UUID, *, seen_by: UUID) -> None:
    theirs = uow.reports.person_behind(subject, seen_by=seen_by)
    if theirs is None:
        raise TargetNotFound(subject.target_type)
    if theirs != person_id:
        raise NotTheirs


def _review_if_asked_for(uow: UnitOfWork, reported: User, reason: ReportReason) -> None:
    if reason not in SERIOUS or not reports_ask_for_review(uow, reported.id):
        return
    end_if_over(uow, reported, uow.clock.now())
    reported.come_under_review()


def review(uow: UnitOfWork, *, report_id: UUID, by: UUID) -> None:
    """Take a report up; whoever did it first stays noted.

    :raises ReportNotFound: there is no such report.
    :raises ReportResolvedAlready: it is settled.
    """
    with uow:
        report = uow.reports.get(report_id, lock=True)
        if not report.review(by=by, now=uow.clock.now()):
            return
        uow.audit.write(
            actor_id=by,
            action=AuditAction.REVIEW_REPORT,
            target_type="report",
            target_id=report_id,
            details={"user_id": report.reported_user_id},
        )
        uow.commit()


def resolve(uow: UnitOfWork, storage: ObjectStorage, *, report_id: UUID, decision: Decision) -> None:
    """Settle a report and the other open ones about the same thing, and carry out what that means.

    Reports about a person as such are settled one by one: each may tell of something else.

    :raises ValidationFailed: an end of something else than a suspension, or one that is past.
    :raises ReportNotFound: there is no such report.
    :raises NothingToRemove: the report is not about what the action takes away.
    :raises RoleRequired: the person is an administrator, and the moderator no super administrator.
    :raises ReportResolvedAlready: it is settled.
    :raises UserNotFound: the person is gone, so all there is left is to dismiss it.
    """
    decision.refuse_impossible(uow.clock.now())
    with uow:
        # The person first, for whoever writes about somebody holds their lock.
        person = uow.users.get(uow.reports.get(report_id).reported_user_id, lock=True)
        report = uow.reports.get(report_id, lock=True)
        report.refuse_unfit(decision.action)
        refuse_unless_above(uow.users.get(decision.by), person)
        settled = _settle(uow, report, decision)
        sanction, keys = _carry_out(uow, report, person, decision)
        uow.flush()
        if not uow.reports.any_serious_open(person.id):
            person.leave_review()
        uow.audit.write(
            actor_id=decision.by,
            action=AuditAction.RESOLVE_REPORT,
            target_type="report",
            target_id=report_id,
            note=decision.note,
            details={
                "action": decision.action,
                "user_id": person.id,
                "sanction_id": None if sanction is None else sanction.id,
                "report_ids": [each.id for each in settled],
            },
        )
        uow.commit()
    if keys:
        uow.once_durable(lambda: _remove_objects(storage, keys))


def _settle(uow: UnitOfWork, report: Report, decision: Decision) -> list[Report]:
    """Resolve this report and those that name the same thing; return all of them."""
    if not report.is_open:
        raise ReportResolvedAlready(status=report.status)
    about_the_same = [report] if report.subject is None else uow.reports.lock_open_about(report.subject)
    for each in about_the_same:
        each.resolve(decision.action, note=decision.note, by=decision.by, now=uow.clock.now())
    return about_the_same


def _carry_out(
    uow: UnitOfWork, report: Report, person: User, decision: Decision
) -> tuple[Sanction | None, list[str]]:
    """Do what the decision says; return the sanction and the keys of objects nobody needs any more."""
    if decision.action is Resolution.DISMISS:
        return None, []
    if person.is_deleted:
        raise UserNotFound
    by, note = decision.by, decision.note
    if decision.action is Resolution.SUSPEND:
        return shut(uow, person, until=decision.until, note=note, by=by, report=report), []
    keys = []
    if decision.action.removes is not None:
        assert report.subject is not None
        keys = remove(uow, report.subject, by=by, note=note)
    sanction = Sanction.for_report(
        decision.action, report, id=uow.new_id(), note=note, by=by, now=uow.clock.now()
    )
    uow.sanctions.add(sanction)
    return sanction, keys


def _remove_objects(storage: ObjectStorage, keys: list[str]) -> None:
    # Nobody is kept waiting for a storage that does not work: the purge removes what stays behind.
    with suppress(Unavailable):
        for key in keys:
            storage.discard_upload(key)
            storage.remove(key)

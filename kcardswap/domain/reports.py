"""Reports: what people tell moderators about each other, and how moderators settle it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, NamedTuple
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.errors import InvalidRequest, InvalidState, NotFound


class ReportReason(StrEnum):
    """What somebody did."""

    FRAUD = "fraud"
    FAKE_CARD = "fake_card"
    HARASSMENT = "harassment"
    INAPPROPRIATE_CONTENT = "inappropriate_content"
    SPAM = "spam"
    OTHER = "other"


SERIOUS = (ReportReason.FRAUD, ReportReason.FAKE_CARD, ReportReason.HARASSMENT)
"""Reasons that put an account under review once enough different people give one of them."""
REPORTERS_FOR_REVIEW = 3
"""Different people whose serious reports put an account under review."""


class ReportStatus(StrEnum):
    """How far the moderators have come."""

    PENDING = "pending"
    REVIEWED = "reviewed"
    RESOLVED = "resolved"


class ReportTarget(StrEnum):
    """What a report can point at."""

    USER = "user"
    POST = "post"
    COMMENT = "comment"
    MESSAGE = "message"
    CARD = "card"


class Resolution(StrEnum):
    """What a moderator decided."""

    DISMISS = "dismiss"
    WARN = "warn"
    REMOVE_POST = "remove_post"
    REMOVE_COMMENT = "remove_comment"
    REMOVE_CARD = "remove_card"
    SUSPEND = "suspend"

    @property
    def removes(self) -> ReportTarget | None:
        """Return what kind of thing this takes away, None for actions that leave everything where it is."""
        is_removal = self.value.startswith("remove_")
        return ReportTarget(self.value.removeprefix("remove_")) if is_removal else None


class ReportNotFound(NotFound):
    """No such report."""

    def __init__(self) -> None:
        super().__init__("report")


class TargetNotFound(NotFound):
    """No such thing, or the reporter cannot see it."""

    def __init__(self, target: ReportTarget) -> None:
        super().__init__(target.value)


class NotTheirs(InvalidRequest):
    """What is reported is not the reported person's."""

    message = "This does not belong to the reported person."
    reason = "target_mismatch"


class NothingToRemove(InvalidRequest):
    """The report is not about something this action removes."""

    message = "The report is not about such a thing."
    reason = "target_mismatch"


class ReportResolvedAlready(InvalidState):
    """A moderator settled it before."""

    message = "This report has been resolved."
    reason = "report_resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiled(Event):
    """Somebody reported a person."""

    aggregate: ClassVar[str] = "report"
    report_id: UUID
    reporter_id: UUID
    reported_user_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResolved(Event):
    """A moderator settled a report."""

    aggregate: ClassVar[str] = "report"
    report_id: UUID
    reporter_id: UUID
    resolution: str


class Subject(NamedTuple):
    """What exactly is reported: one of the person's things, or the person."""

    target_type: ReportTarget
    target_id: UUID


@dataclass(eq=False, kw_only=True)
class Report(Aggregate):
    """What one person says about another; both belong to it for ever, the moderators come later."""

    id: UUID
    reporter_id: UUID
    reported_user_id: UUID
    reason: ReportReason
    detail: str | None
    target_type: ReportTarget | None
    target_id: UUID | None
    status: ReportStatus
    reviewed_by: UUID | None
    reviewed_at: datetime | None
    resolution: Resolution | None
    note: str | None
    resolved_by: UUID | None
    resolved_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def file(
        cls,
        *,
        id: UUID,
        reporter_id: UUID,
        reported_user_id: UUID,
        reason: ReportReason,
        detail: str | None,
        subject: Subject | None,
        now: datetime,
    ) -> "Report":
        """Tell the moderators about somebody."""
        report = cls(
            id=id,
            reporter_id=reporter_id,
            reported_user_id=reported_user_id,
            reason=reason,
            detail=detail,
            target_type=None if subject is None else subject.target_type,
            target_id=None if subject is None else subject.target_id,
            status=ReportStatus.PENDING,
            reviewed_by=None,
            reviewed_at=None,
            resolution=None,
            note=None,
            resolved_by=None,
            resolved_at=None,
            created_at=now,
            updated_at=now,
        )
        report.record(
            ReportFiled(
                report_id=id, reporter_id=reporter_id, reported_user_id=reported_user_id, reason=reason
            )
        )
        return report

    @property
    def is_open(self) -> bool:
        """Tell whether moderators still have to settle it."""
        return self.status is not ReportStatus.RESOLVED

    @property
    def subject(self) -> Subject | None:
        """Return what is reported, None for a report about the person as such."""
        if self.target_type is None or self.target_id is None:
            return None
        return Subject(self.target_type, self.target_id)

    def review(self, *, by: UUID, now: datetime) -> bool:
        """Take the report up; return whether that is news, for whoever did it first stays noted.

        :raises ReportResolvedAlready: it is settled.
        """
        self._refuse_unless_open()
        if self.status is ReportStatus.REVIEWED:
            return False
        self.status = ReportStatus.REVIEWED
        self.reviewed_by, self.reviewed_at = by, now
        return True

    def refuse_unfit(self, action: Resolution) -> None:
        """Do nothing for an action that fits what is reported.

        :raises NothingToRemove: the action takes away another kind of thing.
        """
        if action.removes is not None and action.removes is not self.target_type:
            raise NothingToRemove

    def resolve(self, action: Resolution, *, note: str, by: UUID, now: datetime) -> None:
        """Settle the report; the reporter is told.

        :raises ReportResolvedAlready: it is settled.
        """
        self._refuse_unless_open()
        self.status = ReportStatus.RESOLVED
        self.resolution = action
        self.note = note
        self.resolved_by, self.resolved_at = by, now
        self.record(ReportResolved(report_id=self.id, reporter_id=self.reporter_id, resolution=action))

    def _refuse_unless_open(self) -> None:
        if not self.is_open:
            raise ReportResolvedAlready(status=self.status)

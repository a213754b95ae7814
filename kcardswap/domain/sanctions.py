"""Sanctions: what moderators imposed on somebody, and the appeal against it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from kcardswap.domain.base import Aggregate, Event
from kcardswap.domain.errors import InvalidState, NotFound
from kcardswap.domain.reports import Report, ReportTarget, Resolution

APPEAL_WITHIN = timedelta(days=30)
"""How long after a sanction its person may appeal."""


class SanctionKind(StrEnum):
    """What was imposed."""

    WARN = "warn"
    REMOVE_POST = "remove_post"
    REMOVE_COMMENT = "remove_comment"
    REMOVE_CARD = "remove_card"
    SUSPEND = "suspend"


class AppealOutcome(StrEnum):
    """What became of an appeal."""

    UPHELD = "upheld"
    OVERTURNED = "overturned"


class SanctionNotFound(NotFound):
    """No such sanction, or somebody else's."""

    def __init__(self) -> None:
        super().__init__("sanction")


class AppealClosed(InvalidState):
    """There is nothing to appeal or to decide (any more)."""

    message = "This sanction cannot be appealed any more, or its appeal has been decided."
    reason = "appeal_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SanctionEvent(Event):
    """Something that happened about a sanction of ``user_id``."""

    aggregate: ClassVar[str] = "sanction"
    sanction_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class UserWarned(SanctionEvent):
    """A moderator warned somebody."""

    target_type: str | None
    target_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRemoved(SanctionEvent):
    """A moderator deleted something of somebody's."""

    target_type: str
    target_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSuspended(SanctionEvent):
    """A moderator suspended somebody, or gave a running suspension another end; None is without end."""

    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspensionLifted(SanctionEvent):
    """A suspension ended: by a moderator, on appeal, or because its time was over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealDecided(SanctionEvent):
    """Another moderator looked at an appeal."""

    outcome: str
    target_type: str | None
    target_id: UUID | None


@dataclass(eq=False, kw_only=True)
class Sanction(Aggregate):
    """One measure against one person; ``lifted_at`` says that it no longer counts."""

    id: UUID
    user_id: UUID
    kind: SanctionKind
    target_type: ReportTarget | None
    target_id: UUID | None
    report_id: UUID | None
    imposed_by: UUID | None
    note: str
    starts_at: datetime
    ends_at: datetime | None
    lifted_at: datetime | None
    appeal_note: str | None
    appealed_at: datetime | None
    appeal_outcome: AppealOutcome | None
    appeal_decided_by: UUID | None
    appeal_decided_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def suspension(
        cls,
        *,
        id: UUID,
        user_id: UUID,
        note: str,
        until: datetime | None,
        by: UUID | None,
        report: Report | None,
        now: datetime,
    ) -> "Sanction":
        """Suspend somebody ``until`` then, or without end."""
        sanction = cls._impose(
            SanctionKind.SUSPEND, id=id, user_id=user_id, note=note, by=by, report=report, now=now
        )
        sanction.ends_at = until
        sanction._tell_suspended()
        return sanction

    @classmethod
    def for_report(
        cls, action: Resolution, report: Report, *, id: UUID, note: str, by: UUID, now: datetime
    ) -> "Sanction":
        """Impose what resolving ``report`` means for the reported person: a warning or a removal."""
        kind = SanctionKind(action.value)
        user_id = report.reported_user_id
        sanction = cls._impose(kind, id=id, user_id=user_id, note=note, by=by, report=report, now=now)
        target_type, target_id = report.target_type, report.target_id
        if kind is SanctionKind.WARN:
            sanction.record(
                UserWarned(sanction_id=id, user_id=user_id, target_type=target_type, target_id=target_id)
            )
        else:
            assert target_type is not None and target_id is not None
            sanction.record(
                ContentRemoved(sanction_id=id, user_id=user_id, target_type=target_type, target_id=target_id)
            )
        return sanction

    @classmethod
    def _impose(
        cls,
        kind: SanctionKind,
        *,
        id: UUID,
        user_id: UUID,
        note: str,
        by: UUID | None,
        report: Report | None,
        now: datetime,
    ) -> "Sanction":
        return cls(
            id=id,
            user_id=user_id,
            kind=kind,
            target_type=None if report is None else report.target_type,
            target_id=None if report is None else report.target_id,
            report_id=None if report is None else report.id,
            imposed_by=by,
            note=note,
            starts_at=now,
            ends_at=None,
            lifted_at=None,
            appeal_note=None,
            appealed_at=None,
            appeal_outcome=None,
            appeal_decided_by=None,
            appeal_decided_at=None,
            created_at=now,
            updated_at=now,
        )

    @property
    def awaits_decision(self) -> bool:
        """Tell whether an appeal was made and not decided."""
        return self.appealed_at is not None and self.appeal_decided_at is None

    def has_ended(self, now: datetime) -> bool:
        """Tell whether the sanction was lifted, or its time is over."""
        return self.lifted_at is not None or (self.ends_at is not None and self.ends_at <= now)

    def replace(self, *, note: str, until: datetime | None, by: UUID | None, report: Report | None) -> None:
        """Give a running suspension another end and reason."""
        self.note, self.ends_at, self.imposed_by = note, until, by
        if report is not None:
            self.report_id = report.id
            self.target_type, self.target_id = report.target_type, report.target_id
        self._tell_suspended()

    def lift(self, now: datetime) -> None:
        """End a suspension; one whose time is over ended then."""
        self.lifted_at = now if self.ends_at is None else min(now, self.ends_at)
        self.record(SuspensionLifted(sanction_id=self.id, user_id=self.user_id))

    def appeal(self, note: str, *, now: datetime) -> None:
        """Ask another moderator to look at it; once, within 30 days.

        :raises AppealClosed: it was appealed before, lifted, or imposed too long ago.
        """
        if self.appealed_at is not None or self.has_ended(now) or now > self.starts_at + APPEAL_WITHIN:
            raise AppealClosed
        self.appeal_note, self.appealed_at = note, now

    def decide(self, outcome: AppealOutcome, *, by: UUID, now: datetime) -> None:
        """Settle the appeal; an overturned warning or suspension no longer counts, removals stay.

        :raises AppealClosed: there is no appeal, or it was decided.
        """
        if not self.awaits_decision:
            raise AppealClosed
        self.appeal_outcome = outcome
        self.appeal_decided_by, self.appeal_decided_at = by, now
        self.record(
            AppealDecided(
                sanction_id=self.id,
                user_id=self.user_id,
                outcome=outcome,
                target_type=self.target_type,
                target_id=self.target_id,
            )
        )
        if outcome is not AppealOutcome.OVERTURNED or self.lifted_at is not None:
            return
        if self.kind is SanctionKind.SUSPEND:
            self.lift(now)
        elif self.kind is SanctionKind.WARN:
            self.lifted_at = now

    def _tell_suspended(self) -> None:
        self.record(UserSuspended(sanction_id=self.id, user_id=self.user_id, until=self.ends_at))

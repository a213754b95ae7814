"""Reports, sanctions, appeals and accounts against a model, in any order."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from kcardswap.domain.accounts import User, UserStatus
from kcardswap.domain.reports import Report, ReportReason, ReportResolvedAlready, ReportStatus, Resolution
from kcardswap.domain.sanctions import APPEAL_WITHIN, AppealClosed, AppealOutcome, Sanction

JUN, MINA, ROOT, OTHER = (UUID(int=n) for n in range(1, 5))
ACTIONS = st.sampled_from([Resolution.DISMISS, Resolution.WARN, Resolution.SUSPEND])


@dataclass(eq=False)
class Known:
    """What the model believes about one sanction."""

    imposed_at: datetime
    ends_at: datetime | None
    lifted: bool = False
    appealed: bool = False
    decided: bool = False


class Moderation(RuleBasedStateMachine):
    """One person whom others report and moderators judge."""

    reports: Bundle[Report] = Bundle("reports")
    sanctions: Bundle[tuple[Sanction, Known]] = Bundle("sanctions")

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 3, 12, tzinfo=UTC)
        self.ids = iter(range(100, 1_000_000))
        self.jun = User.register(id=JUN, email=None, now=self.now)
        self.suspension: tuple[Sanction, Known] | None = None
        self.settled: dict[Report, Resolution] = {}

    def new_id(self) -> UUID:
        return UUID(int=next(self.ids))

    @rule(hours=st.integers(1, 24 * 40))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(target=reports, reason=st.sampled_from(ReportReason))
    def somebody_reports(self, reason: ReportReason) -> Report:
        report = Report.file(
            id=self.new_id(),
            reporter_id=MINA,
            reported_user_id=JUN,
            reason=reason,
            detail=None,
            subject=None,
            now=self.now,
        )
        assert report.status is ReportStatus.PENDING and report.is_open
        return report

    @rule(report=reports, by=st.sampled_from([ROOT, OTHER]))
    def a_moderator_takes_it_up(self, report: Report, by: UUID) -> None:
        if report in self.settled:
            with pytest.raises(ReportResolvedAlready):
                report.review(by=by, now=self.now)
            return
        before = report.reviewed_by
        assert report.review(by=by, now=self.now) == (before is None)
        assert (report.status, report.reviewed_by) == (ReportStatus.REVIEWED, before or by)

    @rule(target=sanctions, report=reports, action=ACTIONS, days=st.none() | st.integers(1, 60))
    def a_moderator_settles_it(self, report: Report, action: Resolution, days: int | None) -> Any:
        if report in self.settled:
            with pytest.raises(ReportResolvedAlready):
                report.resolve(action, note="?", by=ROOT, now=self.now)
            assert report.resolution is self.settled[report]
            return multiple()
        report.resolve(action, note="?", by=ROOT, now=self.now)
        self.settled[report] = action
        if action is Resolution.DISMISS:
            return multiple()
        if action is Resolution.SUSPEND:
            return self._suspend(report, None if days is None else self.now + timedelta(days=days))
        sanction = Sanction.for_report(action, report, id=self.new_id(), note="?", by=ROOT, now=self.now)
        return sanction, Known(self.now, None)

    def _suspend(self, report: Report, until: datetime | None) -> Any:
        if self.suspension is not None and self.suspension[0].has_ended(self.now):
            self._lift()
        self.jun.suspend(until=until)
        if self.suspension is not None:
            sanction, known = self.suspension
            sanction.replace(note="!", until=until, by=ROOT, report=report)
            known.ends_at = until
            return multiple()
        sanction = Sanction.suspension(
            id=self.new_id(), user_id=JUN, note="?", until=until, by=ROOT, report=report, now=self.now
        )
        self.suspension = sanction, Known(self.now, until)
        return self.suspension

    def _lift(self) -> None:
        assert self.suspension is not None
        sanction, known = self.suspension
        sanction.lift(self.now)
        self.jun.lift_suspension(reports_wait=False)
        known.lifted, self.suspension = True, None
        assert sanction.lifted_at is not None and sanction.lifted_at <= self.now

    @rule()
    def a_moderator_lets_them_in(self) -> None:
        if self.suspension is not None:
            self._lift()

    @rule(one=sanctions)
    def they_appeal(self, one: tuple[Sanction, Known]) -> None:
        sanction, known = one
        over = known.lifted or (known.ends_at is not None and known.ends_at <= self.now)
        if known.appealed or over or self.now - known.imposed_at > APPEAL_WITHIN:
            with pytest.raises(AppealClosed):
                sanction.appeal("Not me.", now=self.now)
            return
        sanction.appeal("Not me.", now=self.now)
        known.appealed = True

    @rule(one=sanctions, outcome=st.sampled_from(AppealOutcome))
    def another_moderator_decides(self, one: tuple[Sanction, Known], outcome: AppealOutcome) -> None:
        sanction, known = one
        if not known.appealed or known.decided:
            with pytest.raises(AppealClosed):
                sanction.decide(outcome, by=OTHER, now=self.now)
            return
        sanction.decide(outcome, by=OTHER, now=self.now)
        known.decided = True
        if outcome is AppealOutcome.OVERTURNED and not known.lifted:
            known.lifted = True
            if self.suspension is not None and self.suspension[0] is sanction:
                self.jun.lift_suspension(reports_wait=False)
                self.suspension = None

    @rule(report=consumes(reports))
    def a_report_is_forgotten(self, report: Report) -> None:
        self.settled.pop(report, None)

    @rule(one=sanctions)
    def what_is_known_is_what_is_stored(self, one: tuple[Sanction, Known]) -> None:
        sanction, known = one
        assert (sanction.lifted_at is not None) == known.lifted
        assert (sanction.appealed_at is not None) == known.appealed == (sanction.appeal_note is not None)
        assert (sanction.appeal_outcome is not None) == known.decided
        assert sanction.ends_at == known.ends_at
        assert sanction.awaits_decision == (known.appealed and not known.decided)

    @invariant()
    def the_account_is_shut_exactly_while_a_suspension_runs(self) -> None:
        running = self.suspension is not None and not self.suspension[0].has_ended(self.now)
        assert self.jun.is_suspended(self.now) == running
        assert (self.jun.status is UserStatus.SUSPENDED) == (self.suspension is not None)


Moderation.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestModeration = Moderation.TestCase

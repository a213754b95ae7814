"""When an account comes under review, and when it leaves it."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection

from kcardswap.domain.accounts import UserStatus
from kcardswap.domain.reports import ReportReason, Resolution
from kcardswap.runtime import Runtime
from tests.conftest import MovableClock
from tests.moderating import file_report, make_moderator, settle, shut_out, status_of, told
from tests.people import make_user


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def jun(runtime: Runtime) -> UUID:
    return make_user(runtime, "jun")


@pytest.fixture
def root(runtime: Runtime) -> UUID:
    return make_moderator(runtime)


def reported_by(
    runtime: Runtime, about: UUID, *names: str, reason: ReportReason = ReportReason.FRAUD
) -> list[UUID]:
    return [file_report(runtime, make_user(runtime, name), about, reason=reason).report_id for name in names]


def test_three_people_with_serious_reports_put_an_account_under_review(
    runtime: Runtime, connection: Connection, jun: UUID, root: UUID
) -> None:
    reported_by(runtime, jun, "a", "b")
    assert status_of(connection, jun) is UserStatus.ACTIVE
    reported_by(runtime, jun, "c", reason=ReportReason.HARASSMENT)
    assert status_of(connection, jun) is UserStatus.UNDER_REVIEW
    reported_by(runtime, jun, "d", reason=ReportReason.FAKE_CARD)
    assert [event["user_id"] for event in told(connection, "UserUnderReview")] == [str(jun)]


def test_one_person_with_many_reports_is_one_person(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID
) -> None:
    for reason in (ReportReason.FRAUD, ReportReason.FAKE_CARD, ReportReason.HARASSMENT):
        file_report(runtime, mina, jun, reason=reason)
    reported_by(runtime, jun, "a", "b", "c", reason=ReportReason.SPAM)
    assert status_of(connection, jun) is UserStatus.ACTIVE


def test_dismissed_reports_do_not_count(
    runtime: Runtime, connection: Connection, jun: UUID, root: UUID
) -> None:
    (first,) = reported_by(runtime, jun, "a")
    settle(runtime, first, root)
    reported_by(runtime, jun, "b", "c")
    assert status_of(connection, jun) is UserStatus.ACTIVE
    reported_by(runtime, jun, "d")
    assert status_of(connection, jun) is UserStatus.UNDER_REVIEW


def test_the_account_is_active_again_when_the_last_serious_report_is_settled(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    serious = reported_by(runtime, jun, "a", "b", "c")
    file_report(runtime, mina, jun, reason=ReportReason.SPAM)
    for report_id, action in zip(
        serious, (Resolution.DISMISS, Resolution.WARN, Resolution.DISMISS), strict=True
    ):
        assert status_of(connection, jun) is UserStatus.UNDER_REVIEW
        settle(runtime, report_id, root, action)
    assert status_of(connection, jun) is UserStatus.ACTIVE


def test_a_suspension_whose_time_is_over_stands_in_no_review_s_way(
    runtime: Runtime, connection: Connection, clock: MovableClock, jun: UUID
) -> None:
    shut_out(runtime, jun, until=clock.now() + timedelta(hours=1))
    clock.advance(hours=2)
    reported_by(runtime, jun, "a", "b", "c")
    assert status_of(connection, jun) is UserStatus.UNDER_REVIEW

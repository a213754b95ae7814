"""Moderators, reporters and the people they are about, all at the same moment."""

from datetime import timedelta
from functools import partial

from sqlalchemy import func, select

from kcardswap.domain.accounts import UserNotFound, UserStatus
from kcardswap.domain.reports import ReportReason, ReportResolvedAlready, ReportTarget, Resolution
from kcardswap.domain.trades import UNFINISHED
from kcardswap.persistence.orm.moderation import reports, sanctions
from kcardswap.persistence.orm.trades import card_holds, trades
from kcardswap.runtime import Runtime
from kcardswap.services import moderation
from tests.moderating import file_report, make_moderator, settle, shut_out, status_of, told
from tests.people import make_user
from tests.racing import at_once
from tests.swaps import befriend, befriend_all, make_card, propose

ROUNDS = 6


def test_of_moderators_who_settle_one_report_at_once_one_does(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    mina, moderators = make_user(runtime), [make_moderator(runtime, f"root{n}") for n in range(4)]
    for n in range(ROUNDS):
        report_id = file_report(runtime, mina, make_user(runtime, f"jun{n}")).report_id
        answers = at_once(*(partial(settle, runtime, report_id, by, Resolution.WARN) for by in moderators))
        assert sorted(type(answer).__name__ for answer in answers) == [
            "NoneType",
            *["ReportResolvedAlready"] * 3,
        ]
    with runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(sanctions)) == ROUNDS
        assert len(told(connection, "ReportResolved")) == ROUNDS


def test_reports_about_one_thing_settled_at_once_bring_one_sanction(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    jun, root = make_user(runtime, "jun"), make_moderator(runtime)
    card = make_card(runtime, jun)
    about_it = [
        file_report(runtime, make_user(runtime, name), jun, target=(ReportTarget.CARD, card)).report_id
        for name in ("a", "b", "c")
    ]
    answers = at_once(
        *(partial(settle, runtime, report_id, root, Resolution.REMOVE_CARD) for report_id in about_it)
    )
    assert sum(isinstance(answer, ReportResolvedAlready) for answer in answers) == 2
    with runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(sanctions)) == 1


def test_of_three_reporters_at_once_one_puts_the_account_under_review(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    reporters = [make_user(runtime, f"reporter{n}") for n in range(5)]
    for n in range(ROUNDS):
        jun = make_user(runtime, f"jun{n}")
        at_once(*(partial(file_report, runtime, by, jun) for by in reporters))
        with runtime.database.reader() as connection:
            assert status_of(connection, jun) is UserStatus.UNDER_REVIEW
            assert len(told(connection, "UserUnderReview")) == n + 1


def test_the_same_report_sent_twice_at_once_is_there_once(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    mina, jun = make_user(runtime, "mina"), make_user(runtime, "jun")
    answers = at_once(*[partial(file_report, runtime, mina, jun, reason=ReportReason.SPAM)] * 6)
    assert len({answer.report_id for answer in answers}) == 1
    assert sum(answer.is_new for answer in answers) == 1
    with runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(reports)) == 1


def test_no_live_trade_slips_past_a_suspension(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    mina = make_user(runtime, "mina")
    for n in range(ROUNDS):
        jun = make_user(runtime, f"jun{n}")
        befriend(runtime, mina, jun)
        gives, wants = make_card(runtime, mina), make_card(runtime, jun)
        proposed, _ = at_once(
            partial(propose, runtime, mina, jun, [gives], [wants]), partial(shut_out, runtime, jun)
        )
        assert not isinstance(proposed, Exception) or isinstance(proposed, UserNotFound)
    with runtime.database.reader() as connection:
        live = select(func.count()).where(trades.c.status.in_(UNFINISHED))
        assert connection.scalar(live) == 0
        assert connection.scalar(select(func.count()).select_from(card_holds)) == 0


def test_a_suspension_by_many_at_once_is_one(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    jun, moderators = make_user(runtime, "jun"), [make_moderator(runtime, f"root{n}") for n in range(4)]
    at_once(*(partial(shut_out, runtime, jun, by=by) for by in moderators))
    with runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(sanctions)) == 1


def test_people_who_swap_with_each_other_are_suspended_at_once_without_a_deadlock(
    committed_runtime: Runtime,
) -> None:
    runtime = committed_runtime
    people = [make_user(runtime, f"person{n}") for n in range(4)]
    pairs = [(a, b) for a in people for b in people if a < b]
    befriend_all(runtime, pairs)
    for a, b in pairs:
        propose(runtime, a, b, [make_card(runtime, a)], [make_card(runtime, b)])
    answers = at_once(*(partial(shut_out, runtime, person) for person in people))
    assert answers == [None] * 4
    with runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(card_holds)) == 0


def test_a_job_and_a_moderator_at_once_lift_a_suspension_once(committed_runtime: Runtime) -> None:
    runtime = committed_runtime
    root = make_moderator(runtime)
    jun = make_user(runtime, "jun")
    shut_out(runtime, jun, until=runtime.clock.now() + timedelta(seconds=1))
    runtime.clock.advance(seconds=1)  # type: ignore[attr-defined]
    at_once(
        lambda: moderation.lift_over(runtime.unit_of_work(), limit=10),
        lambda: moderation.unsuspend(runtime.unit_of_work(), user_id=jun, by=root, note="?"),
    )
    with runtime.database.reader() as connection:
        assert status_of(connection, jun) is UserStatus.ACTIVE
        assert len(told(connection, "SuspensionLifted")) == 1

"""Suspending people, letting them in again, and their appeals."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, select

from kcardswap.domain.accounts import NoOtherSignIn, Role, RoleRequired, SessionEnd, UserNotFound, UserStatus
from kcardswap.domain.cards import CardStatus
from kcardswap.domain.errors import SelfTarget, ValidationFailed
from kcardswap.domain.moderation import AuditAction
from kcardswap.domain.reports import ReportTarget, Resolution
from kcardswap.domain.sanctions import APPEAL_WITHIN, AppealClosed, AppealOutcome, SanctionNotFound
from kcardswap.domain.trades import CancelReason, TradeStatus
from kcardswap.persistence.orm.accounts import sessions, users
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.moderation import audit_log, sanctions
from kcardswap.persistence.orm.trades import trade_pairs, trades
from kcardswap.runtime import Runtime
from kcardswap.services import moderation
from tests.conftest import MovableClock
from tests.moderating import (
    NOTE,
    audited,
    file_report,
    make_moderator,
    sanction_ids,
    settle,
    shut_out,
    status_of,
    told,
)
from tests.people import delete, make_user, sign_in, suspend
from tests.swaps import TIMEOUTS, befriend, make_card, propose


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def jun(runtime: Runtime) -> UUID:
    return make_user(runtime, "jun")


@pytest.fixture
def root(runtime: Runtime) -> UUID:
    return make_moderator(runtime)


def let_in(runtime: Runtime, user_id: UUID, *, by: UUID | None = None) -> bool:
    return moderation.unsuspend(runtime.unit_of_work(), user_id=user_id, by=by, note="A mix-up.")


def appeal(runtime: Runtime, sanction_id: UUID, by: UUID) -> None:
    moderation.appeal(runtime.unit_of_work(), sanction_id=sanction_id, by=by, note="It was not me.")


def decide(runtime: Runtime, sanction_id: UUID, by: UUID, outcome: AppealOutcome) -> None:
    moderation.decide(
        runtime.unit_of_work(), sanction_id=sanction_id, by=by, outcome=outcome, note="Looked at it."
    )


# Suspending


def test_a_suspension_ends_every_session(runtime: Runtime, connection: Connection, root: UUID) -> None:
    jun = sign_in(runtime, "jun").user_id
    sign_in(runtime, "jun")
    shut_out(runtime, jun, by=root)
    ended = connection.execute(select(sessions.c.ended_at, sessions.c.end_reason)).all()
    assert len(ended) == 2
    assert {row.end_reason for row in ended} == {SessionEnd.SUSPENDED} and all(row.ended_at for row in ended)
    assert {event["reason"] for event in told(connection, "SessionsEnded")} == {"suspended"}


def test_a_suspension_calls_unfinished_trades_off_and_frees_all_cards(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    befriend(runtime, mina, jun)
    gives, wants = make_card(runtime, mina), make_card(runtime, jun)
    trade_id = propose(runtime, mina, jun, [gives], [wants])
    shut_out(runtime, jun, by=root)
    trade = connection.execute(select(trades).where(trades.c.id == trade_id)).one()
    assert (trade.status, trade.cancel_reason) == (TradeStatus.CANCELED, CancelReason.SUSPENDED)
    assert set(connection.scalars(select(cards.c.status))) == {CardStatus.AVAILABLE}
    assert connection.scalar(select(trade_pairs.c.active_trades)) == 0
    (event,) = told(connection, "TradeCanceled")
    assert set(event["participant_ids"]) == {str(mina), str(jun)} and event["user_id"] is None


def test_a_trade_past_its_deadline_ended_there_and_not_with_the_suspension(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, jun: UUID
) -> None:
    befriend(runtime, mina, jun)
    propose(runtime, mina, jun, [make_card(runtime, mina)], [make_card(runtime, jun)])
    deadline = clock.now() + TIMEOUTS.proposal
    clock.advance(days=8)
    shut_out(runtime, jun)
    trade = connection.execute(select(trades)).one()
    assert (trade.cancel_reason, trade.canceled_at) == (CancelReason.TIMEOUT, deadline)


def test_the_person_is_told_until_when(
    runtime: Runtime, connection: Connection, clock: MovableClock, jun: UUID, root: UUID
) -> None:
    until = clock.now() + timedelta(days=3)
    shut_out(runtime, jun, by=root, until=until)
    (event,) = told(connection, "UserSuspended")
    (sanction_id,) = sanction_ids(connection, jun)
    assert event == {"sanction_id": str(sanction_id), "user_id": str(jun), "until": until.isoformat()}
    assert audited(connection) == [(root, AuditAction.SUSPEND_USER, jun)]


def test_suspending_again_replaces_end_and_note_of_the_one_suspension(
    runtime: Runtime, connection: Connection, clock: MovableClock, jun: UUID, root: UUID
) -> None:
    shut_out(runtime, jun, by=root, until=clock.now() + timedelta(days=3))
    moderation.suspend(runtime.unit_of_work(), user_id=jun, by=root, note="Worse than thought.")
    row = connection.execute(select(sanctions)).one()
    assert (row.note, row.ends_at, row.lifted_at) == ("Worse than thought.", None, None)
    assert connection.scalar(select(users.c.suspended_until).where(users.c.id == jun)) is None


def test_a_report_that_suspends_again_is_what_the_suspension_is_for(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    shut_out(runtime, jun, by=root)
    report_id = file_report(runtime, mina, jun).report_id
    settle(runtime, report_id, root, Resolution.SUSPEND)
    assert connection.execute(select(sanctions.c.report_id)).scalars().all() == [report_id]


def test_after_its_end_a_suspension_is_followed_by_a_new_one(
    runtime: Runtime, connection: Connection, clock: MovableClock, jun: UUID
) -> None:
    until = clock.now() + timedelta(hours=1)
    shut_out(runtime, jun, until=until)
    clock.advance(hours=2)
    shut_out(runtime, jun)
    first, second = connection.execute(select(sanctions).order_by(sanctions.c.created_at)).all()
    assert (first.lifted_at, second.lifted_at) == (until, None)


def test_nobody_suspends_themselves_or_somebody_who_is_gone(runtime: Runtime, jun: UUID, root: UUID) -> None:
    with pytest.raises(SelfTarget):
        shut_out(runtime, root, by=root)
    with pytest.raises(UserNotFound):
        shut_out(runtime, uuid4(), by=root)
    delete(runtime, jun)
    for act in (shut_out, let_in):
        with pytest.raises(UserNotFound):
            act(runtime, jun, by=root)


def test_a_suspension_ends_in_the_future(
    runtime: Runtime, clock: MovableClock, jun: UUID, root: UUID
) -> None:
    with pytest.raises(ValidationFailed):
        shut_out(runtime, jun, by=root, until=clock.now())


def test_administrators_are_suspended_by_super_administrators_only(runtime: Runtime, root: UUID) -> None:
    other, chief = make_moderator(runtime, "other"), make_moderator(runtime, "chief", Role.SUPER_ADMIN)
    with pytest.raises(RoleRequired):
        shut_out(runtime, root, by=other)
    shut_out(runtime, root, by=chief)
    with pytest.raises(RoleRequired):
        let_in(runtime, root, by=other)
    assert let_in(runtime, root, by=chief)


# Letting in


def test_letting_in_lifts_the_suspension(
    runtime: Runtime, connection: Connection, jun: UUID, root: UUID
) -> None:
    shut_out(runtime, jun, by=root)
    assert let_in(runtime, jun, by=root)
    assert status_of(connection, jun) is UserStatus.ACTIVE
    assert connection.scalar(select(sanctions.c.lifted_at)) is not None
    assert [event["user_id"] for event in told(connection, "SuspensionLifted")] == [str(jun)]
    assert [entry[1] for entry in audited(connection)] == [
        AuditAction.SUSPEND_USER,
        AuditAction.UNSUSPEND_USER,
    ]


def test_letting_somebody_in_who_is_not_suspended_changes_nothing(
    runtime: Runtime, connection: Connection, jun: UUID, root: UUID
) -> None:
    assert not let_in(runtime, jun, by=root)
    assert audited(connection) == []


def test_who_was_marked_by_hand_is_let_in_too(runtime: Runtime, connection: Connection, jun: UUID) -> None:
    suspend(runtime, jun)
    assert let_in(runtime, jun)
    assert status_of(connection, jun) is UserStatus.ACTIVE


def test_serious_reports_that_wait_keep_the_account_under_review(
    runtime: Runtime, connection: Connection, jun: UUID, root: UUID
) -> None:
    reports = [file_report(runtime, make_user(runtime, name), jun).report_id for name in ("a", "b", "c")]
    settle(runtime, reports[0], root, Resolution.SUSPEND)
    let_in(runtime, jun, by=root)
    assert status_of(connection, jun) is UserStatus.UNDER_REVIEW
    for report_id in reports[1:]:
        settle(runtime, report_id, root)
    assert status_of(connection, jun) is UserStatus.ACTIVE


def test_the_job_lifts_what_is_over_and_nothing_else(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, jun: UUID
) -> None:
    sana = make_user(runtime, "sana")
    end = clock.now() + timedelta(hours=1)
    shut_out(runtime, mina, until=end)
    shut_out(runtime, jun, until=end + timedelta(days=1))
    shut_out(runtime, sana)
    clock.advance(hours=1)
    assert moderation.lift_over(runtime.unit_of_work(), limit=10) == 1
    assert moderation.lift_over(runtime.unit_of_work(), limit=10) == 0
    assert status_of(connection, mina) is UserStatus.ACTIVE
    assert {status_of(connection, user_id) for user_id in (jun, sana)} == {UserStatus.SUSPENDED}
    lifted = connection.execute(select(sanctions).where(sanctions.c.lifted_at.is_not(None))).one()
    assert (lifted.user_id, lifted.lifted_at) == (mina, end)
    entry = connection.execute(select(audit_log).where(audit_log.c.action == "lift_suspension")).one()
    assert (entry.actor_id, entry.target_id) == (None, mina)


# Appeals


def test_an_appeal_is_made_once_by_its_person_within_thirty_days(
    runtime: Runtime, clock: MovableClock, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    for _ in range(2):
        settle(runtime, file_report(runtime, mina, jun).report_id, root, Resolution.WARN)
    first, second = sanction_ids(connection, jun)
    with pytest.raises(SanctionNotFound):
        appeal(runtime, first, mina)
    appeal(runtime, first, jun)
    with pytest.raises(AppealClosed):
        appeal(runtime, first, jun)
    clock.moment += APPEAL_WITHIN
    appeal(runtime, second, jun)


def test_an_old_or_ended_sanction_is_not_appealed(
    runtime: Runtime, clock: MovableClock, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    settle(runtime, file_report(runtime, mina, jun).report_id, root, Resolution.WARN)
    shut_out(runtime, mina, until=clock.now() + timedelta(days=1))
    shut_out(runtime, root)
    let_in(runtime, root)
    clock.advance(days=30, seconds=1)
    for person in (jun, mina, root):
        (sanction_id,) = sanction_ids(connection, person)
        with pytest.raises(AppealClosed):
            appeal(runtime, sanction_id, person)


def test_an_overturned_suspension_is_lifted(
    runtime: Runtime, connection: Connection, jun: UUID, root: UUID
) -> None:
    other = make_moderator(runtime, "other")
    shut_out(runtime, jun, by=root)
    (sanction_id,) = sanction_ids(connection, jun)
    appeal(runtime, sanction_id, jun)
    decide(runtime, sanction_id, other, AppealOutcome.OVERTURNED)
    assert status_of(connection, jun) is UserStatus.ACTIVE
    assert len(told(connection, "SuspensionLifted")) == 1
    (event,) = told(connection, "AppealDecided")
    assert (event["outcome"], event["user_id"]) == ("overturned", str(jun))
    assert audited(connection)[-1] == (other, AuditAction.DECIDE_APPEAL, sanction_id)


def test_an_upheld_suspension_goes_on(
    runtime: Runtime, connection: Connection, jun: UUID, root: UUID
) -> None:
    shut_out(runtime, jun)
    (sanction_id,) = sanction_ids(connection, jun)
    appeal(runtime, sanction_id, jun)
    decide(runtime, sanction_id, root, AppealOutcome.UPHELD)
    assert status_of(connection, jun) is UserStatus.SUSPENDED
    with pytest.raises(AppealClosed):
        decide(runtime, sanction_id, root, AppealOutcome.OVERTURNED)


def test_an_overturned_warning_is_struck_and_a_removal_stays(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    other, card = make_moderator(runtime, "other"), make_card(runtime, jun)
    settle(runtime, file_report(runtime, mina, jun).report_id, root, Resolution.WARN)
    about_card = file_report(runtime, mina, jun, target=(ReportTarget.CARD, card))
    settle(runtime, about_card.report_id, root, Resolution.REMOVE_CARD)
    for sanction_id in sanction_ids(connection, jun):
        appeal(runtime, sanction_id, jun)
        decide(runtime, sanction_id, other, AppealOutcome.OVERTURNED)
    lifted = {row.kind: row.lifted_at for row in connection.execute(select(sanctions))}
    assert lifted["warn"] is not None and lifted["remove_card"] is None
    assert connection.scalar(select(cards.c.deleted_at)) is not None


def test_an_appeal_is_decided_by_somebody_else_if_there_is_anybody(
    runtime: Runtime, connection: Connection, jun: UUID, root: UUID
) -> None:
    other = make_moderator(runtime, "other")
    shut_out(runtime, jun, by=root)
    (sanction_id,) = sanction_ids(connection, jun)
    appeal(runtime, sanction_id, jun)
    with pytest.raises(RoleRequired):
        decide(runtime, sanction_id, root, AppealOutcome.UPHELD)
    # Who cannot sign in decides nothing.
    suspend(runtime, other)
    decide(runtime, sanction_id, root, AppealOutcome.UPHELD)


def test_an_administrator_s_appeal_is_for_super_administrators(
    runtime: Runtime, connection: Connection, root: UUID
) -> None:
    other, chief = make_moderator(runtime, "other"), make_moderator(runtime, "chief", Role.SUPER_ADMIN)
    shut_out(runtime, root, by=chief)
    (sanction_id,) = sanction_ids(connection, root)
    appeal(runtime, sanction_id, root)
    for moderator in (other, root):
        with pytest.raises(RoleRequired):
            decide(runtime, sanction_id, moderator, AppealOutcome.OVERTURNED)
    # Nobody else may act on an administrator, so the one who imposed it decides.
    decide(runtime, sanction_id, chief, AppealOutcome.OVERTURNED)


def test_what_was_not_appealed_is_not_decided(
    runtime: Runtime, connection: Connection, jun: UUID, root: UUID
) -> None:
    shut_out(runtime, jun)
    (sanction_id,) = sanction_ids(connection, jun)
    with pytest.raises(AppealClosed):
        decide(runtime, sanction_id, root, AppealOutcome.UPHELD)
    with pytest.raises(SanctionNotFound):
        decide(runtime, uuid4(), root, AppealOutcome.UPHELD)


def test_an_appeal_outlives_its_suspension(
    runtime: Runtime, connection: Connection, clock: MovableClock, jun: UUID, root: UUID
) -> None:
    shut_out(runtime, jun, until=clock.now() + timedelta(hours=1))
    (sanction_id,) = sanction_ids(connection, jun)
    appeal(runtime, sanction_id, jun)
    clock.advance(hours=2)
    moderation.lift_over(runtime.unit_of_work(), limit=10)
    shut_out(runtime, jun)
    decide(runtime, sanction_id, root, AppealOutcome.OVERTURNED)
    # The suspension that followed is another matter.
    assert status_of(connection, jun) is UserStatus.SUSPENDED


# Roles


def test_the_operator_makes_administrators_and_people_again(runtime: Runtime, connection: Connection) -> None:
    jun = sign_in(runtime, "jun").user_id
    assert moderation.change_role(runtime.unit_of_work(), user_id=jun, role=Role.ADMIN)
    assert not moderation.change_role(runtime.unit_of_work(), user_id=jun, role=Role.ADMIN)
    assert moderation.change_role(
        runtime.unit_of_work(), user_id=jun, role=Role.SUPER_ADMIN, password_hash="$argon2id$x"
    )
    assert moderation.change_role(runtime.unit_of_work(), user_id=jun, role=Role.USER)
    row = connection.execute(select(users).where(users.c.id == jun)).one()
    assert (row.role, row.password_hash) == (Role.USER, None)
    assert audited(connection) == [(None, AuditAction.PROMOTE_USER, jun)] * 3


def test_a_role_change_leaves_a_way_to_sign_in(runtime: Runtime, mina: UUID, root: UUID) -> None:
    with pytest.raises(NoOtherSignIn):
        moderation.change_role(runtime.unit_of_work(), user_id=root, role=Role.USER)
    with pytest.raises(ValidationFailed):
        moderation.change_role(runtime.unit_of_work(), user_id=mina, role=Role.USER, password_hash="x")
    delete(runtime, mina)
    with pytest.raises(UserNotFound):
        moderation.change_role(runtime.unit_of_work(), user_id=mina, role=Role.ADMIN)


def test_notes_are_kept_with_what_they_are_about(
    runtime: Runtime, connection: Connection, jun: UUID, root: UUID
) -> None:
    shut_out(runtime, jun, by=root)
    entry = connection.execute(select(audit_log)).one()
    (sanction_id,) = sanction_ids(connection, jun)
    assert entry.note == NOTE
    assert entry.details == {"sanction_id": str(sanction_id), "until": None}

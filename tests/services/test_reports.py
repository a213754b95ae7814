"""Reporting people and things, taking reports up and settling them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, select

from kcardswap.domain.accounts import Role, RoleRequired, UserNotFound, UserStatus
from kcardswap.domain.cards import CardStatus
from kcardswap.domain.errors import SelfTarget, ValidationFailed
from kcardswap.domain.media import MediaStatus, MediaTarget
from kcardswap.domain.moderation import AuditAction
from kcardswap.domain.posts import PostStatus
from kcardswap.domain.reports import (
    SERIOUS,
    NothingToRemove,
    NotTheirs,
    ReportNotFound,
    ReportReason,
    ReportResolvedAlready,
    ReportTarget,
    Resolution,
    TargetNotFound,
)
from kcardswap.domain.trades import CancelReason, TradeStatus
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.moderation import reports, sanctions
from kcardswap.persistence.orm.posts import post_comments, posts
from kcardswap.persistence.orm.trades import card_holds, trades
from kcardswap.runtime import Runtime
from kcardswap.services import friendships, moderation
from tests.conftest import MovableClock
from tests.moderating import (
    NOTE,
    audited,
    file_report,
    make_moderator,
    sanction_ids,
    settle,
    status_of,
    told,
)
from tests.people import delete, make_user
from tests.posts import comment, make_picture, make_post
from tests.swaps import befriend, make_card, propose
from tests.talks import open_thread, say


@pytest.fixture
def mina(runtime: Runtime) -> UUID:
    return make_user(runtime, "mina")


@pytest.fixture
def jun(runtime: Runtime) -> UUID:
    return make_user(runtime, "jun")


@pytest.fixture
def root(runtime: Runtime) -> UUID:
    return make_moderator(runtime)


# Filing


def test_a_report_is_kept_and_told(runtime: Runtime, connection: Connection, mina: UUID, jun: UUID) -> None:
    filed = file_report(runtime, mina, jun)
    row = connection.execute(select(reports).where(reports.c.id == filed.report_id)).one()
    assert (row.reporter_id, row.reported_user_id, row.status) == (mina, jun, "pending")
    (event,) = told(connection, "ReportFiled")
    assert event["report_id"] == str(filed.report_id) and event["reason"] == "fraud"


def test_saying_the_same_again_gives_the_open_report(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    first = file_report(runtime, mina, jun)
    assert file_report(runtime, mina, jun) == (first.report_id, False)
    assert file_report(runtime, mina, jun, reason=ReportReason.SPAM).is_new
    card = make_card(runtime, jun)
    about_card = file_report(runtime, mina, jun, target=(ReportTarget.CARD, card))
    assert about_card.is_new
    assert file_report(runtime, mina, jun, target=(ReportTarget.CARD, card)) == (about_card.report_id, False)
    settle(runtime, first.report_id, root)
    assert file_report(runtime, mina, jun).is_new


def test_nobody_reports_themselves_or_somebody_who_is_gone(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    with pytest.raises(SelfTarget):
        file_report(runtime, mina, mina)
    with pytest.raises(UserNotFound):
        file_report(runtime, mina, uuid4())
    delete(runtime, jun)
    with pytest.raises(UserNotFound):
        file_report(runtime, mina, jun)


def test_a_block_keeps_nobody_from_reporting(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    card = make_card(runtime, jun)
    friendships.block(runtime.unit_of_work(), by=jun, target_id=mina)
    assert file_report(runtime, mina, jun).is_new
    assert file_report(runtime, mina, jun, target=(ReportTarget.CARD, card)).is_new
    assert file_report(runtime, jun, mina).is_new


def test_a_reported_card_is_theirs_and_visible(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    own, theirs = make_card(runtime, mina), make_card(runtime, jun)
    held = make_card(runtime, jun, status=CardStatus.HELD)
    with pytest.raises(NotTheirs):
        file_report(runtime, mina, jun, target=(ReportTarget.CARD, own))
    with pytest.raises(TargetNotFound):
        file_report(runtime, mina, jun, target=(ReportTarget.CARD, held))
    with pytest.raises(TargetNotFound):
        file_report(runtime, mina, jun, target=(ReportTarget.CARD, uuid4()))
    befriend(runtime, mina, jun)
    propose(runtime, mina, jun, [own], [theirs])
    # In a trade a card is no longer offered, but whoever takes part in it sees it.
    assert file_report(runtime, mina, jun, target=(ReportTarget.CARD, theirs)).is_new
    with pytest.raises(TargetNotFound):
        file_report(runtime, make_user(runtime, "nosy"), jun, target=(ReportTarget.CARD, theirs))


def test_a_reported_person_is_that_person(runtime: Runtime, mina: UUID, jun: UUID) -> None:
    assert file_report(runtime, mina, jun, target=(ReportTarget.USER, jun)).is_new
    with pytest.raises(NotTheirs):
        file_report(runtime, mina, jun, target=(ReportTarget.USER, mina))
    with pytest.raises(TargetNotFound):
        file_report(runtime, mina, jun, target=(ReportTarget.USER, uuid4()))


def test_only_who_takes_part_in_a_conversation_reports_its_messages(
    runtime: Runtime, mina: UUID, jun: UUID
) -> None:
    thread_id = open_thread(runtime, mina, jun)
    rude, own = say(runtime, thread_id, jun, "!!!"), say(runtime, thread_id, mina, "?")
    assert file_report(runtime, mina, jun, target=(ReportTarget.MESSAGE, rude)).is_new
    with pytest.raises(NotTheirs):
        file_report(runtime, mina, jun, target=(ReportTarget.MESSAGE, own))
    with pytest.raises(TargetNotFound):
        file_report(runtime, make_user(runtime, "nosy"), jun, target=(ReportTarget.MESSAGE, rude))


# Taking up


def test_whoever_takes_a_report_up_first_stays_noted(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    report_id = file_report(runtime, mina, jun).report_id
    other = make_moderator(runtime, "other")
    for moderator in (root, other):
        moderation.review(runtime.unit_of_work(), report_id=report_id, by=moderator)
    row = connection.execute(select(reports).where(reports.c.id == report_id)).one()
    assert (row.status, row.reviewed_by) == ("reviewed", root)
    assert audited(connection) == [(root, AuditAction.REVIEW_REPORT, report_id)]


def test_a_settled_report_is_neither_taken_up_nor_settled_again(
    runtime: Runtime, mina: UUID, jun: UUID, root: UUID
) -> None:
    report_id = file_report(runtime, mina, jun).report_id
    settle(runtime, report_id, root)
    with pytest.raises(ReportResolvedAlready):
        moderation.review(runtime.unit_of_work(), report_id=report_id, by=root)
    with pytest.raises(ReportResolvedAlready):
        settle(runtime, report_id, root, Resolution.WARN)
    with pytest.raises(ReportNotFound):
        settle(runtime, uuid4(), root)


# Settling


def test_a_dismissal_imposes_nothing_and_tells_the_reporter(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    report_id = file_report(runtime, mina, jun).report_id
    settle(runtime, report_id, root)
    assert sanction_ids(connection, jun) == []
    assert told(connection, "ReportResolved") == [
        {"report_id": str(report_id), "reporter_id": str(mina), "resolution": "dismiss"}
    ]
    assert audited(connection) == [(root, AuditAction.RESOLVE_REPORT, report_id)]


def test_a_warning_is_a_sanction_the_person_is_told_of(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    report_id = file_report(runtime, mina, jun).report_id
    settle(runtime, report_id, root, Resolution.WARN)
    (sanction_id,) = sanction_ids(connection, jun)
    row = connection.execute(select(sanctions).where(sanctions.c.id == sanction_id)).one()
    assert (row.kind, row.report_id, row.imposed_by, row.note) == ("warn", report_id, root, NOTE)
    (event,) = told(connection, "UserWarned")
    assert (event["sanction_id"], event["user_id"]) == (str(sanction_id), str(jun))


def test_settling_one_report_about_a_thing_settles_all_of_them(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    card, other_card = make_card(runtime, jun), make_card(runtime, jun)
    sana = make_user(runtime, "sana")
    about_it = [
        file_report(runtime, by, jun, target=(ReportTarget.CARD, card)).report_id for by in (mina, sana)
    ]
    file_report(runtime, mina, jun, target=(ReportTarget.CARD, other_card))
    file_report(runtime, mina, jun)
    settle(runtime, about_it[1], root, Resolution.REMOVE_CARD)
    settled = select(reports.c.id).where(reports.c.status == "resolved").order_by(reports.c.id)
    assert list(connection.scalars(settled)) == sorted(about_it)
    assert {event["reporter_id"] for event in told(connection, "ReportResolved")} == {str(mina), str(sana)}
    assert len(sanction_ids(connection, jun)) == 1


def test_reports_about_a_person_as_such_are_settled_one_by_one(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    first, second = (
        file_report(runtime, mina, jun).report_id,
        file_report(runtime, make_user(runtime, "sana"), jun).report_id,
    )
    settle(runtime, first, root)
    settle(runtime, second, root, Resolution.WARN)


def test_a_removed_card_leaves_its_trade_and_the_other_cards_are_free(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    befriend(runtime, mina, jun)
    own, fake = make_card(runtime, mina), make_card(runtime, jun)
    trade_id = propose(runtime, mina, jun, [own], [fake])
    report_id = file_report(runtime, mina, jun, target=(ReportTarget.CARD, fake)).report_id
    settle(runtime, report_id, root, Resolution.REMOVE_CARD)
    trade = connection.execute(select(trades).where(trades.c.id == trade_id)).one()
    assert (trade.status, trade.cancel_reason) == (TradeStatus.CANCELED, CancelReason.CARD_REMOVED)
    states = {row.id: row.status for row in connection.execute(select(cards.c.id, cards.c.status))}
    assert states == {own: CardStatus.AVAILABLE, fake: CardStatus.AVAILABLE}
    assert connection.scalar(select(cards.c.deleted_at).where(cards.c.id == fake)) is not None
    assert connection.execute(select(card_holds)).all() == []
    (event,) = told(connection, "ContentRemoved")
    assert (event["target_type"], event["target_id"], event["user_id"]) == ("card", str(fake), str(jun))
    assert [entry[1] for entry in audited(connection)] == [
        AuditAction.DELETE_CARD,
        AuditAction.RESOLVE_REPORT,
    ]


def test_a_removed_post_and_comment_are_gone_with_their_numbers(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    post_id, other_post = make_post(runtime, jun), make_post(runtime, mina)
    picture = make_picture(runtime, jun)
    uow = runtime.unit_of_work()
    with uow:
        uow.media.get(picture).attach(MediaTarget.POST, post_id, position=0)
        uow.commit()
    said = comment(runtime, other_post, jun)
    about_post = file_report(runtime, mina, jun, target=(ReportTarget.POST, post_id)).report_id
    about_comment = file_report(runtime, mina, jun, target=(ReportTarget.COMMENT, said)).report_id
    settle(runtime, about_post, root, Resolution.REMOVE_POST)
    settle(runtime, about_comment, root, Resolution.REMOVE_COMMENT)
    removed = connection.execute(select(posts).where(posts.c.id == post_id)).one()
    assert (removed.status, removed.deleted_by) == (PostStatus.DELETED, root)
    assert connection.scalar(select(posts.c.comment_count).where(posts.c.id == other_post)) == 0
    assert connection.scalar(select(post_comments.c.deleted_by)) == root
    picture_row = connection.execute(select(media_assets).where(media_assets.c.id == picture)).one()
    assert picture_row.status == MediaStatus.DELETED
    # The clock of the disk is not the test's.
    assert list(runtime.storage.objects(before=datetime.max.replace(tzinfo=UTC))) == []
    kinds = [event["target_type"] for event in told(connection, "ContentRemoved")]
    assert kinds == ["post", "comment"]
    for target in ((ReportTarget.POST, post_id), (ReportTarget.COMMENT, said)):
        with pytest.raises(TargetNotFound):
            file_report(runtime, mina, jun, reason=ReportReason.SPAM, target=target)


def test_what_its_owner_deleted_needs_no_removal(
    runtime: Runtime, connection: Connection, mina: UUID, jun: UUID, root: UUID
) -> None:
    card = make_card(runtime, jun)
    report_id = file_report(runtime, mina, jun, target=(ReportTarget.CARD, card)).report_id
    uow = runtime.unit_of_work()
    with uow:
        uow.cards.get(card).delete(uow.clock.now())
        uow.commit()
    settle(runtime, report_id, root, Resolution.REMOVE_CARD)
    assert len(sanction_ids(connection, jun)) == 1


@pytest.mark.parametrize(
    "action", [Resolution.REMOVE_POST, Resolution.REMOVE_COMMENT, Resolution.REMOVE_CARD]
)
def test_nothing_is_removed_that_was_not_reported(
    runtime: Runtime, mina: UUID, jun: UUID, root: UUID, action: Resolution
) -> None:
    report_id = file_report(runtime, mina, jun).report_id
    with pytest.raises(NothingToRemove):
        settle(runtime, report_id, root, action)


def test_a_suspension_settles_the_report_it_comes_from(
    runtime: Runtime, connection: Connection, clock: MovableClock, mina: UUID, jun: UUID, root: UUID
) -> None:
    report_id = file_report(runtime, mina, jun).report_id
    until = clock.now() + timedelta(days=7)
    settle(runtime, report_id, root, Resolution.SUSPEND, until=until)
    assert status_of(connection, jun) is UserStatus.SUSPENDED
    row = connection.execute(select(sanctions)).one()
    assert (row.kind, row.ends_at, row.report_id) == ("suspend", until, report_id)
    assert [entry[1] for entry in audited(connection)] == [
        AuditAction.SUSPEND_USER,
        AuditAction.RESOLVE_REPORT,
    ]


def test_an_end_is_for_suspensions_only_and_lies_ahead(
    runtime: Runtime, clock: MovableClock, mina: UUID, jun: UUID, root: UUID
) -> None:
    report_id = file_report(runtime, mina, jun).report_id
    with pytest.raises(ValidationFailed):
        settle(runtime, report_id, root, Resolution.WARN, until=clock.now() + timedelta(days=1))
    with pytest.raises(ValidationFailed):
        settle(runtime, report_id, root, Resolution.SUSPEND, until=clock.now())


def test_reports_about_administrators_are_for_super_administrators_but_never_for_themselves(
    runtime: Runtime, connection: Connection, mina: UUID, root: UUID
) -> None:
    other, chief = make_moderator(runtime, "other"), make_moderator(runtime, "chief", Role.SUPER_ADMIN)
    report_id = file_report(runtime, mina, root).report_id
    about_chief = file_report(runtime, mina, chief).report_id
    for report, moderator in ((report_id, other), (report_id, root), (about_chief, chief)):
        with pytest.raises(RoleRequired):
            settle(runtime, report, moderator)
    settle(runtime, report_id, chief, Resolution.WARN)


def test_a_report_about_somebody_who_is_gone_can_only_be_dismissed(
    runtime: Runtime, mina: UUID, jun: UUID, root: UUID
) -> None:
    report_id = file_report(runtime, mina, jun).report_id
    delete(runtime, jun)
    with pytest.raises(UserNotFound):
        settle(runtime, report_id, root, Resolution.WARN)
    settle(runtime, report_id, root)


def test_an_account_is_under_review_from_the_third_serious_reporter_until_the_last_report_is_settled(
    runtime: Runtime, connection: Connection, jun: UUID, root: UUID
) -> None:
    mina, sana, rei, dana = (make_user(runtime, name) for name in ("mina", "sana", "rei", "dana"))
    by_one = [file_report(runtime, mina, jun, reason=each).report_id for each in SERIOUS]
    settle(runtime, file_report(runtime, sana, jun).report_id, root)
    file_report(runtime, rei, jun, reason=ReportReason.SPAM)
    # One person thrice, one dismissed, one for nothing serious.
    second = file_report(runtime, dana, jun).report_id
    assert status_of(connection, jun) is UserStatus.ACTIVE
    third = file_report(runtime, rei, jun).report_id
    assert status_of(connection, jun) is UserStatus.UNDER_REVIEW
    for report_id in (*by_one, second):
        settle(runtime, report_id, root, Resolution.WARN)
        assert status_of(connection, jun) is UserStatus.UNDER_REVIEW
    settle(runtime, third, root, Resolution.WARN)
    assert status_of(connection, jun) is UserStatus.ACTIVE

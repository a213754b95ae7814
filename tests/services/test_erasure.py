"""Erasing accounts: nothing of a person remains, and the history of others stays whole."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, func, select

from kcardswap.domain.accounts import UserStatus
from kcardswap.domain.reports import ReportTarget
from kcardswap.gateways.dev_play_store import Books
from kcardswap.persistence.erasure import GONE, PERSONAL
from kcardswap.persistence.orm.accounts import erasure_requests, users
from kcardswap.persistence.orm.cards import cards
from kcardswap.persistence.orm.conversations import messages, threads
from kcardswap.persistence.orm.media import media_assets
from kcardswap.persistence.orm.moderation import reports
from kcardswap.persistence.orm.subscriptions import purchase_tokens
from kcardswap.persistence.orm.trades import trade_items, trade_participants, trade_shipments
from kcardswap.runtime import Runtime
from kcardswap.services import accounts
from kcardswap.worker.jobs import JOBS, JobFailed
from tests import posts
from tests.conftest import MovableClock
from tests.lives import CANARY, ERASED_AFTER, LEGALLY_KEPT, Life, columns_naming, found
from tests.moderating import file_report
from tests.people import MakePerson, sign_in
from tests.posts import miscounted
from tests.ratings import kept_totals, real_totals
from tests.swaps import broken_invariants
from tests.talks import broken_promises


@pytest.fixture
def life(runtime: Runtime, connection: Connection, person: MakePerson, play: Books) -> Life:
    """Mina, who did everything."""
    return Life(runtime, connection, person, play)


def leave(runtime: Runtime, user_id: UUID) -> accounts.Deletion:
    """Delete an account, to be erased after the usual time."""
    return accounts.delete_account(
        runtime.unit_of_work(),
        runtime.sign_in_policy,
        user_id=user_id,
        erase_after=runtime.settings.account_erasure_after,
    )


def run(runtime: Runtime, job: str) -> str:
    return JOBS[job].run(runtime)


def objects_naming(runtime: Runtime, user_id: UUID) -> list[str]:
    root: Path = runtime.settings.storage_root
    return [
        str(Path(place) / name)
        for place, _, names in os.walk(root)
        for name in names
        if str(user_id) in place
    ]


def heir_of(connection: Connection, life: Life) -> UUID:
    seats = select(trade_participants.c.user_id).where(
        trade_participants.c.trade_id == life.trade, trade_participants.c.user_id != life.juns
    )
    heir: UUID = connection.execute(seats).scalar_one()
    return heir


def test_a_whole_life_leaves_traces_in_every_column_that_knows_people(
    life: Life, connection: Connection
) -> None:
    ruled = {str(column) for personal in PERSONAL for rule in personal.erase for column in rule.columns}
    # She is not on her way out yet.
    assert ruled - columns_naming(connection, life.id) == {
        "erasure_requests.user_id",
        "erasure_requests.heir_id",
    }


def test_nothing_of_a_person_remains_but_the_rows_that_have_to_be_kept(
    life: Life, runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    subject = connection.exec_driver_sql(
        f"SELECT subject FROM identities WHERE user_id = '{life.id}'"
    ).scalar_one()
    leave(runtime, life.id)
    clock.advance(**ERASED_AFTER)
    assert run(runtime, "erase-accounts") == "Erased 1 accounts."
    run(runtime, "purge-records")
    assert found(connection, CANARY, subject) == set()
    assert found(connection, str(life.id)) <= LEGALLY_KEPT
    assert objects_naming(runtime, life.id) == []
    assert run(runtime, "erase-accounts") == "Erased 0 accounts."


def test_the_history_of_others_stays_whole(
    life: Life, runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    leave(runtime, life.id)
    clock.advance(**ERASED_AFTER)
    run(runtime, "erase-accounts")
    heir = heir_of(connection, life)
    row = connection.execute(select(users).where(users.c.id == heir)).one()
    assert (row.status, row.email, row.last_seen_at) == (UserStatus.DELETED, None, None)
    items = connection.execute(select(trade_items).where(trade_items.c.trade_id == life.trade)).all()
    assert {(item.giver_id, item.receiver_id) for item in items} == {(heir, life.juns), (life.juns, heir)}
    sent = connection.execute(select(trade_shipments)).all()
    assert {(each.sender_id, each.carrier, each.tracking_number) for each in sent} == {
        (heir, GONE, GONE),
        (life.juns, GONE, GONE),
    }
    said = connection.execute(select(messages).where(messages.c.thread_id == life.threads[0])).all()
    assert {(each.sender_id, each.content) for each in said} == {(heir, GONE), (life.juns, "hello you")}
    for thread in connection.execute(select(threads).where(threads.c.id.in_(life.threads))):
        assert heir in (thread.user_a_id, thread.user_b_id) and thread.user_a_id < thread.user_b_id
    assert connection.scalars(select(purchase_tokens.c.user_id)).all() == [heir]
    assert broken_invariants(connection) == [] and broken_promises(connection) == []
    assert miscounted(connection) == [] and kept_totals(connection) == real_totals(connection)


def test_whoever_got_a_card_keeps_its_picture_under_another_name(
    life: Life, runtime: Runtime, connection: Connection, clock: MovableClock, person: MakePerson
) -> None:
    leave(runtime, life.id)
    clock.advance(**ERASED_AFTER)
    run(runtime, "erase-accounts")
    received = connection.execute(
        select(media_assets.c.object_key)
        .join(cards, cards.c.media_asset_id == media_assets.c.id)
        .where(cards.c.owner_id == life.juns, cards.c.acquired_trade_id == life.trade)
    ).scalar_one()
    assert str(heir_of(connection, life)) in received
    assert runtime.storage.read(received).startswith(b"\xff\xd8")
    jun = person("jun")
    shown = jun.get(f"/trades/{life.trade}")
    assert shown.status_code == 200
    gone = next(
        each for each in shown.get_json()["data"]["participants"] if each["user_id"] != str(jun.user_id)
    )
    assert (gone["nickname"], gone["avatar_url"]) == (None, None)
    left = list(runtime.storage.objects(before=clock.moment.replace(year=2100)))
    assert received in left and not [key for key in left if str(life.id) in key]


def test_before_its_time_nothing_is_erased(
    life: Life, runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    leave(runtime, life.id)
    clock.advance(days=13, hours=23)
    assert run(runtime, "erase-accounts") == "Erased 0 accounts."
    assert "messages" in found(connection, CANARY)


class Stopped(Exception):
    """The machine lost power."""


def test_stopped_before_or_after_a_step_the_next_run_goes_on(
    life: Life, runtime: Runtime, connection: Connection, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(runtime, life.id)
    clock.advance(**ERASED_AFTER)
    steps, done = 0, False
    work = type(runtime.unit_of_work())
    commit = work.commit

    def stopping(self: Any) -> None:
        """Stop now right after a step, now with what it changed still undone."""
        nonlocal steps
        steps += 1
        if steps % 4 != 0:
            commit(self)
        if steps % 4 in (3, 0):
            raise Stopped

    outside = accounts.Erasing(runtime.storage, runtime.identity_providers.apple, runtime.sealer)
    monkeypatch.setattr(work, "commit", stopping)
    while not done:
        with suppress(Stopped):
            accounts.erase(runtime.unit_of_work(), outside, user_id=life.id)
        done = connection.execute(select(users.c.id).where(users.c.id == life.id)).first() is None
    monkeypatch.undo()
    run(runtime, "purge-records")
    assert steps > 50
    assert found(connection, CANARY) == set() and found(connection, str(life.id)) <= LEGALLY_KEPT
    assert objects_naming(runtime, life.id) == []
    assert broken_invariants(connection) == [] and broken_promises(connection) == []
    assert miscounted(connection) == [] and kept_totals(connection) == real_totals(connection)


def test_one_erasure_that_fails_stops_no_other_and_comes_again(
    runtime: Runtime,
    connection: Connection,
    clock: MovableClock,
    person: MakePerson,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = person("first").user_id, person("second").user_id
    for who in (first, second):
        leave(runtime, who)
    clock.advance(**ERASED_AFTER)
    erase = accounts.erase

    def failing(*args: Any, user_id: UUID) -> bool:
        if user_id == first:
            raise RuntimeError("broken")
        return erase(*args, user_id=user_id)

    monkeypatch.setattr(accounts, "erase", failing)
    with pytest.raises(JobFailed, match="Erased 1 accounts; 1 failed"):
        run(runtime, "erase-accounts")
    monkeypatch.undo()
    row = connection.execute(select(erasure_requests)).one()
    assert (row.user_id, row.attempts, row.last_error) == (first, 1, "RuntimeError")
    assert run(runtime, "erase-accounts") == "Erased 0 accounts."
    clock.advance(hours=1)
    assert run(runtime, "erase-accounts") == "Erased 1 accounts."


def test_two_people_who_knew_each_other_can_both_be_erased(
    life: Life, runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    leave(runtime, life.id)
    leave(runtime, life.juns)
    clock.advance(**ERASED_AFTER)
    assert run(runtime, "erase-accounts") == "Erased 2 accounts."
    assert found(connection, str(life.id), str(life.juns)) <= LEGALLY_KEPT
    assert broken_invariants(connection) == [] and broken_promises(connection) == []


def test_several_open_reports_about_one_person_do_not_become_the_same(
    runtime: Runtime, connection: Connection, clock: MovableClock, person: MakePerson
) -> None:
    mina, jun = person("mina").user_id, person("jun").user_id
    things = [(ReportTarget.POST, posts.make_post(runtime, mina)) for _ in range(2)]
    for target in (*things, (ReportTarget.USER, mina)):
        file_report(runtime, jun, mina, target=target)
    leave(runtime, mina)
    clock.advance(**ERASED_AFTER)
    assert run(runtime, "erase-accounts") == "Erased 1 accounts."
    kept = connection.execute(select(reports)).all()
    (heir,) = {row.reported_user_id for row in kept}
    assert {(row.target_type, row.target_id) for row in kept} == {*things, (ReportTarget.USER, heir)}


def test_who_comes_back_finds_an_empty_account(
    runtime: Runtime, connection: Connection, clock: MovableClock, person: MakePerson
) -> None:
    old = person("mina").user_id
    leave(runtime, old)
    new = sign_in(runtime, "mina").user_id
    assert new != old
    clock.advance(**ERASED_AFTER)
    run(runtime, "erase-accounts")
    assert connection.scalar(select(func.count()).where(users.c.id == new)) == 1

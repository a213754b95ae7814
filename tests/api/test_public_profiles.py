"""Profiles over HTTP: what others see of somebody."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, delete, insert, update

from kcardswap.domain.trades import CancelReason, Meeting, TradeRole, TradeStatus
from kcardswap.persistence.orm.accounts import users
from kcardswap.persistence.orm.friendships import blocks
from kcardswap.persistence.orm.profiles import profiles
from kcardswap.persistence.orm.trades import trade_participants, trades
from kcardswap.runtime import Runtime
from tests.api.editors import SELF_FIELDS, edit, own
from tests.conftest import MovableClock
from tests.people import MakePerson, Person, invalid_fields, make_user, refused, suspend
from tests.people import delete as delete_account

PUBLIC_FIELDS = (SELF_FIELDS - {"stealth_mode"}) | {
    "average_score",
    "total_ratings",
    "completed_trades",
    "is_online",
}


def public(viewer: Person, user_id: UUID) -> dict[str, Any]:
    answer = viewer.get(f"/profile/{user_id}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    data: dict[str, Any] = answer.get_json()["data"]
    return data


def block(connection: Connection, runtime: Runtime, blocker: UUID, blocked: UUID) -> None:
    connection.execute(
        insert(blocks).values(
            id=runtime.new_id(), blocker_id=blocker, blocked_id=blocked, created_at=runtime.clock.now()
        )
    )


def test_a_public_profile_shows_no_email_preferences_or_flags(person: MakePerson) -> None:
    mina, sana = person("mina"), person("sana")
    edit(mina, bio="Collecting Haerin.", preferences={"secret": 1}, swap_modes=["mail"])
    profile = public(sana, mina.user_id)
    assert set(profile) == PUBLIC_FIELDS
    assert profile["nickname"] == "Mina"
    assert profile["bio"] == "Collecting Haerin."
    assert profile["swap_modes"] == ["mail"]
    assert profile["preferences"] == {}
    assert profile["privacy_flags"] is None
    assert (profile["average_score"], profile["total_ratings"], profile["completed_trades"]) == (0.0, 0, 0)
    assert profile["id"] == own(mina)["id"]


def test_an_account_without_profile_reads_as_a_blank_one(person: MakePerson, connection: Connection) -> None:
    mina, sana = person("mina"), person("sana")
    connection.execute(delete(profiles).where(profiles.c.user_id == mina.user_id))
    profile = public(sana, mina.user_id)
    assert set(profile) == PUBLIC_FIELDS
    assert (profile["nickname"], profile["swap_modes"]) == (None, ["in_person", "mail"])
    assert profile["is_online"] is True


def test_people_who_are_unknown_deleted_or_blocked_the_caller_answer_alike(
    person: MakePerson, runtime: Runtime, connection: Connection
) -> None:
    sana, blocker = person("sana"), person("momo")
    deleted = make_user(runtime, "jihyo")
    delete_account(runtime, deleted)
    block(connection, runtime, blocker.user_id, sana.user_id)
    hidden = [sana.get(f"/profile/{user_id}") for user_id in (uuid4(), deleted, blocker.user_id)]
    assert {answer.get_data() for answer in hidden} == {hidden[0].get_data()}
    assert refused(hidden[0], 404, "404_NOT_FOUND") == {"resource_type": "user"}
    assert public(person("mina"), blocker.user_id)["nickname"] == "Momo"


def test_a_blocker_still_sees_whom_they_blocked_to_unblock_them(
    person: MakePerson, runtime: Runtime, connection: Connection
) -> None:
    mina, sana = person("mina"), person("sana")
    block(connection, runtime, mina.user_id, sana.user_id)
    assert public(mina, sana.user_id)["nickname"] == "Sana"


def test_a_suspended_person_can_still_be_read_by_id(person: MakePerson, runtime: Runtime) -> None:
    mina = make_user(runtime)
    suspend(runtime, mina)
    assert public(person("sana"), mina)["nickname"] == "Mina"


def test_online_means_seen_in_the_last_five_minutes(
    person: MakePerson, runtime: Runtime, clock: MovableClock, connection: Connection
) -> None:
    mina, sana = make_user(runtime), person("sana")
    assert public(sana, mina)["is_online"] is True
    seen = update(users).where(users.c.id == mina)
    connection.execute(seen.values(last_seen_at=clock.now() - timedelta(minutes=5)))
    assert public(sana, mina)["is_online"] is True
    connection.execute(seen.values(last_seen_at=clock.now() - timedelta(minutes=5, microseconds=1)))
    assert public(sana, mina)["is_online"] is False
    connection.execute(seen.values(last_seen_at=None))
    assert public(sana, mina)["is_online"] is False


def test_online_is_null_when_the_person_hides_it(person: MakePerson) -> None:
    mina, sana = person("mina"), person("sana")
    edit(mina, privacy_flags={"show_online": False})
    assert public(sana, mina.user_id)["is_online"] is None


def store_trade(
    connection: Connection, runtime: Runtime, status: TradeStatus, initiator: UUID, responder: UUID
) -> None:
    now = runtime.clock.now()
    trade_id = runtime.new_id()
    completed, canceled = status is TradeStatus.COMPLETED, status is TradeStatus.CANCELED
    connection.execute(
        insert(trades).values(
            id=trade_id,
            status=status,
            meeting=Meeting.IN_PERSON,
            participant_count=2,
            accepted_at=now if completed else None,
            completed_at=now if completed else None,
            canceled_at=now if canceled else None,
            cancel_reason=CancelReason.TIMEOUT if canceled else None,
            deadline_at=None if completed or canceled else now,
            version=1,
            created_at=now,
            updated_at=now,
        )
    )
    for position, user_id in enumerate((initiator, responder)):
        connection.execute(
            insert(trade_participants).values(
                id=runtime.new_id(),
                trade_id=trade_id,
                user_id=user_id,
                position=position,
                role=TradeRole.RESPONDER if position else TradeRole.INITIATOR,
                accepted_at=now,
                proposed_at=now,
                completed_at=now if completed else None,
            )
        )


def test_only_ones_own_completed_trades_are_counted(
    person: MakePerson, runtime: Runtime, connection: Connection
) -> None:
    mina, momo, sana = make_user(runtime, "mina"), make_user(runtime, "momo"), person("sana")
    store_trade(connection, runtime, TradeStatus.COMPLETED, mina, sana.user_id)
    store_trade(connection, runtime, TradeStatus.COMPLETED, sana.user_id, mina)
    store_trade(connection, runtime, TradeStatus.COMPLETED, sana.user_id, momo)
    store_trade(connection, runtime, TradeStatus.PROPOSED, mina, sana.user_id)
    store_trade(connection, runtime, TradeStatus.CANCELED, mina, momo)
    assert public(sana, mina)["completed_trades"] == 2
    assert public(sana, momo)["completed_trades"] == 1


def test_a_malformed_id_is_a_bad_request(person: MakePerson) -> None:
    assert invalid_fields(person("mina").get("/profile/17")) == {"user_id"}

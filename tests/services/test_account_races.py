"""Signing in, staying signed in and leaving while something else happens to the same account."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import Connection, func, select

from kcardswap.domain.accounts import (
    AccountSuspended,
    Identity,
    InvalidCredentials,
    Role,
    SessionClient,
    SessionEnded,
)
from kcardswap.gateways.passwords import Passwords
from kcardswap.persistence.orm.accounts import erasure_requests, sessions, users
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.repositories.accounts import IdentityRepository
from kcardswap.runtime import Runtime
from kcardswap.services import accounts
from kcardswap.services.accounts import Device
from tests.conftest import MovableClock
from tests.people import sign_in, suspend
from tests.racing import at_once


def leave(runtime: Runtime, user_id: UUID) -> accounts.Deletion:
    return accounts.delete_account(
        runtime.unit_of_work(),
        runtime.sign_in_policy,
        user_id=user_id,
        erase_after=runtime.settings.account_erasure_after,
    )


def test_leaving_several_times_at_once_is_leaving_once(committed_runtime: Runtime) -> None:
    mina = sign_in(committed_runtime, "mina").user_id
    outcomes = at_once(*[lambda: leave(committed_runtime, mina)] * 4)
    assert sum(isinstance(outcome, accounts.Deletion) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, SessionEnded) for outcome in outcomes) == 3
    with committed_runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(erasure_requests)) == 1
        left = select(func.count()).where(outbox.c.event_type == "AccountDeleted")
        assert connection.scalar(left) == 1


def test_a_refresh_that_waits_for_the_person_keeps_nobody_from_their_sessions(
    committed_runtime: Runtime, clock: MovableClock
) -> None:
    """Whoever suspends or deletes locks the person, then the sessions: the other way round is a deadlock."""
    runtime = committed_runtime
    mina = sign_in(runtime, "mina")
    clock.advance(minutes=1)
    uow = runtime.unit_of_work()
    with ThreadPoolExecutor(1) as pool:
        with uow:
            uow.users.get(mina.user_id, lock=True)
            refreshing = pool.submit(
                accounts.refresh,
                runtime.unit_of_work(),
                runtime.sign_in_policy,
                presented=mina.refresh_token,
            )
            with pytest.raises(TimeoutError):
                refreshing.result(timeout=0.3)
            hers = select(sessions.c.id).where(sessions.c.user_id == mina.user_id)
            assert uow.session.scalars(hers.with_for_update(nowait=True)).all()
        assert refreshing.result(timeout=30).user_id == mina.user_id


def test_a_bar_put_up_in_the_middle_of_a_sign_in_holds(
    runtime: Runtime, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    mina = sign_in(runtime, "mina").user_id
    suspend(runtime, mina)
    find = IdentityRepository.find_by_subject

    def after_she_left(identities: IdentityRepository, provider: object, subject: str) -> Identity | None:
        monkeypatch.undo()
        leave(runtime, mina)
        return find(identities, provider, subject)  # type: ignore[arg-type]

    monkeypatch.setattr(IdentityRepository, "find_by_subject", after_she_left)
    with pytest.raises(AccountSuspended):
        sign_in(runtime, "mina")
    assert connection.scalars(select(users.c.id)).all() == [mina]


def test_a_password_taken_away_while_it_is_looked_at_opens_nothing(
    runtime: Runtime, connection: Connection
) -> None:
    email, password = "root@kcardswap.test", "correct horse battery"
    accounts.create_administrator(
        runtime.unit_of_work(), runtime.passwords, email=email, password=password, role=Role.ADMIN
    )

    class TakenAway(Passwords):
        def matches(self, password_hash: str | None, password: str) -> bool:
            good = super().matches(password_hash, password)
            with (uow := runtime.unit_of_work()):
                root = uow.users.find_by_email(email, lock=True)
                assert root is not None
                root.change_role(Role.USER, password_hash=None, has_identity=True)
                uow.commit()
            return good

    with pytest.raises(InvalidCredentials):
        accounts.sign_in_administrator(
            runtime.unit_of_work(),
            runtime.sign_in_policy,
            TakenAway(),
            email=email,
            password=password,
            address="192.0.2.1",
            device=Device(client=SessionClient.BEARER, user_agent=None, ip_prefix=None),
        )
    assert connection.execute(select(sessions.c.id)).all() == []


def test_presence_is_not_noted_of_somebody_who_just_left(runtime: Runtime, connection: Connection) -> None:
    mina = sign_in(runtime, "mina").user_id
    leave(runtime, mina)
    accounts.note_presence(runtime.unit_of_work(), user_id=mina)
    assert connection.scalars(select(users.c.last_seen_at)).all() == [None]

"""Refresh tokens: rotation, grace, reuse; and what signing in stores."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, select

from kcardswap.domain.accounts import (
    AccountSuspended,
    Provider,
    RefreshInvalid,
    RefreshReused,
    Role,
    SessionClient,
    SessionEnd,
    User,
)
from kcardswap.domain.errors import RateLimited
from kcardswap.persistence.orm.accounts import (
    identity_denials,
    login_throttles,
    refresh_tokens,
    sessions,
    users,
)
from kcardswap.persistence.orm.outbox import outbox
from kcardswap.persistence.repositories.accounts import UserRepository
from kcardswap.runtime import Runtime, retrying
from kcardswap.services import accounts
from kcardswap.services.accounts import Device, SignedIn
from tests.conftest import MovableClock
from tests.people import sign_in, suspend

DEVICE = Device(client=SessionClient.BEARER, user_agent=None, ip_prefix=None)


def refresh(runtime: Runtime, token: str) -> SignedIn:
    return accounts.refresh(runtime.unit_of_work(), runtime.sign_in_policy, presented=token)


def test_signing_in_writes_user_identity_session_and_event_together(
    runtime: Runtime, connection: Connection
) -> None:
    signed_in = sign_in(runtime, "mina")
    assert (
        connection.scalar(select(users.c.email).where(users.c.id == signed_in.user_id))
        == "mina@kcardswap.test"
    )
    events = connection.scalars(select(outbox.c.event_type).where(outbox.c.aggregate_id == signed_in.user_id))
    assert list(events) == ["UserRegistered"]


def test_a_refresh_token_is_stored_only_as_its_hash(runtime: Runtime, connection: Connection) -> None:
    signed_in = sign_in(runtime, "mina")
    stored = connection.execute(select(refresh_tokens)).one()
    assert signed_in.refresh_token not in map(str, stored)
    assert len(stored.token_hash) == 64


def test_inside_the_grace_a_repeated_refresh_gets_the_same_successor(
    runtime: Runtime, clock: MovableClock
) -> None:
    first = sign_in(runtime, "mina").refresh_token
    clock.advance(minutes=5)
    successor = refresh(runtime, first).refresh_token
    clock.advance(seconds=10)
    assert refresh(runtime, first).refresh_token == successor


def test_a_parent_after_the_grace_ends_the_family_for_good(
    runtime: Runtime, clock: MovableClock, connection: Connection
) -> None:
    first = sign_in(runtime, "mina").refresh_token
    successor = refresh(runtime, first).refresh_token
    clock.advance(seconds=11)
    with pytest.raises(RefreshReused):
        refresh(runtime, first)
    with pytest.raises(RefreshInvalid):
        refresh(runtime, successor)
    assert connection.scalar(select(sessions.c.end_reason)) == SessionEnd.REUSE


def test_a_grandparent_inside_the_grace_ends_the_family_too(runtime: Runtime) -> None:
    first = sign_in(runtime, "mina").refresh_token
    second = refresh(runtime, first).refresh_token
    third = refresh(runtime, second).refresh_token
    with pytest.raises(RefreshReused):
        refresh(runtime, first)
    with pytest.raises(RefreshInvalid):
        refresh(runtime, third)


def test_refreshing_does_not_lengthen_the_session(runtime: Runtime, clock: MovableClock) -> None:
    token = sign_in(runtime, "mina").refresh_token
    for _ in range(6):
        clock.advance(days=1)
        token = refresh(runtime, token).refresh_token
    clock.advance(days=1)
    with pytest.raises(RefreshInvalid):
        refresh(runtime, token)


def test_a_suspended_person_cannot_refresh(runtime: Runtime) -> None:
    signed_in = sign_in(runtime, "mina")
    suspend(runtime, signed_in.user_id)
    with pytest.raises(AccountSuspended):
        refresh(runtime, signed_in.refresh_token)


def test_a_barred_identity_cannot_come_back_until_the_bar_ends(
    runtime: Runtime, connection: Connection, clock: MovableClock
) -> None:
    provider = runtime.identity_providers.dev
    assert provider is not None
    token = provider.identity_token(
        email="mina@kcardswap.test", name=None, email_verified=True, now=clock.now()
    )
    subject = runtime.identity_providers.verify(token, now=clock.now()).subject
    connection.execute(
        identity_denials.insert().values(
            id=runtime.new_id(),
            provider=Provider.GOOGLE,
            subject_hash=accounts.denial_hash(runtime.settings.hash_pepper, Provider.GOOGLE, subject),
            until=clock.now() + timedelta(days=1),
            created_at=clock.now(),
        )
    )
    with pytest.raises(AccountSuspended):
        sign_in(runtime, "mina")
    clock.advance(days=2)
    assert sign_in(runtime, "mina").user_id


def test_making_an_administrator_again_changes_nothing(runtime: Runtime) -> None:
    def make(password: str) -> bool:
        return accounts.create_administrator(
            runtime.unit_of_work(),
            runtime.passwords,
            email="root@kcardswap.test",
            password=password,
            role=Role.SUPER_ADMIN,
        )

    assert make("the first password") is True
    assert make("another password") is False
    signed_in = accounts.sign_in_administrator(
        runtime.unit_of_work(),
        runtime.sign_in_policy,
        runtime.passwords,
        email="root@kcardswap.test",
        password="the first password",
        address="192.0.2.1",
        device=DEVICE,
    )
    assert signed_in.role is Role.SUPER_ADMIN


def test_200_concurrent_uses_of_one_refresh_token_give_one_successor(committed_runtime: Runtime) -> None:
    token = sign_in(committed_runtime, "mina").refresh_token
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: refresh(committed_runtime, token).refresh_token, range(200)))
    assert len(set(answers)) == 1
    with committed_runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(refresh_tokens)) == 2


def test_first_sign_ins_at_the_same_moment_make_one_account(committed_runtime: Runtime) -> None:
    def attempt(_: int) -> object:
        return retrying(lambda: sign_in(committed_runtime, "mina").user_id)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(attempt, range(8)))) == 1
    with committed_runtime.database.reader() as connection:
        assert connection.scalar(select(func.count()).select_from(users)) == 1


def test_a_twin_that_registers_in_the_middle_is_no_stranger(
    committed_runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_by_email = UserRepository.find_by_email

    def after_the_twin(users: UserRepository, email: str) -> User | None:
        monkeypatch.undo()
        sign_in(committed_runtime, "mina")
        return find_by_email(users, email)

    monkeypatch.setattr(UserRepository, "find_by_email", after_the_twin)
    first = retrying(lambda: sign_in(committed_runtime, "mina").user_id)
    assert sign_in(committed_runtime, "mina").user_id == first


def test_parallel_guesses_never_exceed_the_ten_attempts(committed_runtime: Runtime) -> None:
    def guess(number: int) -> str:
        try:
            accounts.sign_in_administrator(
                committed_runtime.unit_of_work(),
                committed_runtime.sign_in_policy,
                committed_runtime.passwords,
                email="root@kcardswap.test",
                password=f"guess number {number}",
                address="192.0.2.1",
                device=DEVICE,
            )
        except RateLimited:
            return "limited"
        except Exception:
            return "refused"
        return "in"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(guess, range(24)))
    assert outcomes.count("refused") == 10 and outcomes.count("limited") == 14
    with committed_runtime.database.reader() as connection:
        assert connection.scalar(select(login_throttles.c.failures)) == 10

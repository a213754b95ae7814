"""flask users: what operators do to accounts."""

from datetime import timedelta
from uuid import UUID

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, select

from kcardswap.domain.accounts import Role, UserStatus
from kcardswap.persistence.orm.accounts import users
from kcardswap.runtime import Runtime
from tests.conftest import MovableClock
from tests.moderating import audited, status_of
from tests.people import API, make_user, sign_in


@pytest.fixture
def jun(runtime: Runtime) -> UUID:
    return make_user(runtime, "jun")


def users_command(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["users", *arguments])


def test_an_account_is_suspended_and_let_in_by_address_or_id(
    app: Flask, connection: Connection, jun: UUID
) -> None:
    done = users_command(app, "suspend", "Jun@kcardswap.test", "--note", "Fraud.")
    assert (done.exit_code, done.output) == (0, f"Suspended {jun} without end.\n")
    assert status_of(connection, jun) is UserStatus.SUSPENDED
    done = users_command(app, "unsuspend", str(jun), "--note", "A mix-up.")
    assert (done.exit_code, done.output) == (0, f"{jun} is no longer suspended.\n")
    assert status_of(connection, jun) is UserStatus.ACTIVE
    assert "was not suspended" in users_command(app, "unsuspend", str(jun), "--note", "?").output
    assert audited(connection) == [(None, "suspend_user", jun), (None, "unsuspend_user", jun)]


def test_a_suspension_can_have_an_end(
    app: Flask, connection: Connection, clock: MovableClock, jun: UUID
) -> None:
    done = users_command(app, "suspend", str(jun), "--until", "2026-03-20", "--note", "Fraud.")
    assert done.output == f"Suspended {jun} until 2026-03-20T00:00:00+00:00.\n"
    clock.advance(days=8)
    assert (
        "Lifted 1 suspensions"
        in app.test_cli_runner().invoke(args=["jobs", "run", "lift-suspensions"]).output
    )
    assert status_of(connection, jun) is UserStatus.ACTIVE


def test_what_cannot_be_done_is_said_in_one_line(app: Flask, clock: MovableClock, jun: UUID) -> None:
    past = (clock.now() - timedelta(days=1)).isoformat()
    for arguments, complaint in (
        (["suspend", "nobody@kcardswap.test", "--note", "?"], "No account nobody@kcardswap.test."),
        (["suspend", str(jun), "--until", past, "--note", "?"], "Must be in the future."),
        (["suspend", str(jun), "--until", "soon", "--note", "?"], "--until: soon is no time"),
        (["promote", str(jun), "--role", "user"], "only its password to sign in by"),
        (["promote", str(jun), "--role", "admin", "--password", "short"], "8 to 256 characters"),
        (["show", str(UUID(int=1))], "No account"),
    ):
        done = users_command(app, *arguments)
        assert done.exit_code == 1 and done.output.startswith("Error: "), arguments
        assert complaint in done.output and done.output.count("\n") == 1, done.output


def test_a_person_becomes_an_administrator_with_a_password_and_a_person_again(
    app: Flask, client: FlaskClient, runtime: Runtime, connection: Connection
) -> None:
    mina = sign_in(runtime, "mina").user_id
    email = "mina@kcardswap.test"
    done = users_command(app, "promote", email, "--role", "super_admin", "--password", "correct horse")
    assert done.output == f"{mina} is super_admin now.\n"
    body = {"email": email, "password": "correct horse"}
    assert client.post(f"{API}/auth/admin-login", json=body).status_code == 200
    assert users_command(app, "promote", email, "--role", "super_admin").output.endswith("already.\n")
    users_command(app, "promote", email, "--role", "user")
    assert connection.scalar(select(users.c.role).where(users.c.id == mina)) is Role.USER
    assert client.post(f"{API}/auth/admin-login", json=body).status_code == 401
    assert audited(connection) == [(None, "promote_user", mina)] * 2


def test_accounts_are_shown_and_listed(app: Flask, jun: UUID) -> None:
    shown = users_command(app, "show", "jun@kcardswap.test").output
    assert f"id: {jun}\n" in shown and "status: active\n" in shown and "suspended_until: -\n" in shown
    listed = users_command(app, "list", "--q", "ju", "--status", "active", "--role", "user").output
    assert listed == f"{jun} user active jun@kcardswap.test Jun\n1 of 1\n"


def test_every_command_says_what_it_is_for(app: Flask) -> None:
    overview = users_command(app, "--help").output
    for name in ("create-admin", "promote", "suspend", "unsuspend", "show", "list"):
        assert name in overview
        done = users_command(app, name, "--help")
        assert done.exit_code == 0 and "Usage:" in done.output

"""flask users: administrators made on the command line."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, func, select

from kcardswap.commands.users import make_administrator
from kcardswap.domain.accounts import Role
from kcardswap.persistence.orm.accounts import users
from kcardswap.runtime import EXTENSION, Runtime
from tests.people import API, MakePerson

EMAIL = "root@kcardswap.test"


def create_admin(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["users", "create-admin", *arguments])


def sign_in(client: FlaskClient, password: str, email: str = EMAIL) -> int:
    answer = client.post(f"{API}/auth/admin-login", json={"email": email, "password": password})
    return answer.status_code


def test_a_given_password_works_and_is_not_printed(app: Flask, client: FlaskClient) -> None:
    done = create_admin(app, "--email", EMAIL, "--password", "correct horse")
    assert done.exit_code == 0 and done.output == f"Administrator {EMAIL} made.\n"
    assert sign_in(client, "correct horse") == 200


def test_a_made_up_password_is_printed_once_and_works(app: Flask, client: FlaskClient) -> None:
    done = create_admin(app, "--email", EMAIL)
    [password] = re.findall(r"Password \(shown only now\): (\S+)\n", done.output)
    assert len(password) >= 16 and done.output.count(password) == 1
    assert sign_in(client, password) == 200
    assert "Password" not in create_admin(app, "--email", EMAIL).output


def test_made_again_an_administrator_keeps_password_and_role(
    app: Flask, client: FlaskClient, connection: Connection
) -> None:
    create_admin(app, "--email", EMAIL, "--password", "the first one")
    again = create_admin(
        app, "--email", f" {EMAIL.upper()}", "--password", "another one", "--role", "super_admin"
    )
    assert again.exit_code == 0 and "nothing changed" in again.output
    assert sign_in(client, "the first one") == 200 and sign_in(client, "another one") == 401
    assert connection.execute(select(users.c.email, users.c.role)).all() == [(EMAIL, Role.ADMIN)]


@pytest.mark.parametrize("role", ["admin", "super_admin"])
def test_the_role_is_the_one_asked_for(app: Flask, connection: Connection, role: str) -> None:
    done = create_admin(app, "--email", EMAIL, "--password", "correct horse", "--role", role)
    assert done.exit_code == 0, done.output
    assert connection.scalar(select(users.c.role)) == Role(role)


def test_what_is_not_given_comes_from_the_settings(app: Flask, client: FlaskClient, runtime: Runtime) -> None:
    settings = replace(
        runtime.settings,
        default_admin_email="chief@kcardswap.test",
        default_admin_password="from the settings",
        default_admin_role="super_admin",
    )
    app.extensions[EXTENSION] = Runtime(**{**vars(runtime), "settings": settings})
    done = create_admin(app)
    assert done.output == "Administrator chief@kcardswap.test made.\n"
    answer = client.post(
        f"{API}/auth/admin-login", json={"email": "chief@kcardswap.test", "password": "from the settings"}
    )
    assert answer.get_json()["data"]["role"] == "super_admin"


@pytest.mark.parametrize(
    "arguments",
    [
        *(("--password", password) for password in ("", "short", "1234567", "x" * 257)),
        *(("--role", role) for role in ("user", "ADMIN", "", "root")),
        *(("--email", email) for email in ("nobody", "@", "a@", "@b", "a b@c.d", "x" * 320 + "@b.c")),
    ],
)
def test_a_bad_value_is_refused_in_one_line(
    app: Flask, connection: Connection, arguments: tuple[str, str]
) -> None:
    done = create_admin(app, *arguments)
    assert done.exit_code != 0
    assert len(done.output.splitlines()) == 1 and done.output.startswith("Error: "), done.output
    assert connection.scalar(select(func.count()).select_from(users)) == 0


def test_a_collectors_address_is_refused(app: Flask, person: MakePerson) -> None:
    person("mina")
    done = create_admin(app, "--email", "mina@kcardswap.test")
    assert done.exit_code != 0 and len(done.output.splitlines()) == 1
    assert "A collector's account has this address." in done.output


def test_two_first_starts_at_the_same_moment_make_one_administrator(committed_runtime: Runtime) -> None:
    start = Barrier(4)

    def first_start(number: int) -> bool:
        start.wait()
        return make_administrator(committed_runtime, EMAIL, f"password {number}", Role.ADMIN)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(first_start, range(4))) == [False, False, False, True]


@pytest.mark.parametrize("arguments", [["users", "--help"], ["users", "create-admin", "--help"]])
def test_help_says_what_happens(app: Flask, arguments: list[str]) -> None:
    done = app.test_cli_runner().invoke(args=arguments)
    assert done.exit_code == 0
    assert "administrator" in done.output
    if "create-admin" in arguments:
        for word in (
            "--email",
            "--password",
            "--role",
            "admin|super_admin",
            "DEFAULT_ADMIN_EMAIL",
            "printed once",
        ):
            assert word in done.output

"""flask users: accounts that operators make."""

import secrets
from typing import NoReturn

import click
from flask.cli import with_appcontext

from kcardswap.domain.accounts import PASSWORD_MIN_LENGTH, Role
from kcardswap.domain.errors import ValidationFailed, WriteConflict
from kcardswap.runtime import Runtime, current_runtime
from kcardswap.services import accounts

PASSWORD_MAX_LENGTH = 256


@click.group("users")
def user_commands() -> None:
    """Make and change accounts."""


class AdministratorRole(click.Choice[str]):
    """A role of administrators; another word is refused in one line."""

    def __init__(self) -> None:
        super().__init__([Role.ADMIN.value, Role.SUPER_ADMIN.value])

    def fail(
        self, message: str, param: click.Parameter | None = None, ctx: click.Context | None = None
    ) -> NoReturn:
        """Refuse a word without the usage text around it."""
        raise click.ClickException(f"--role: {message}")


@user_commands.command("create-admin")
@click.option("--email", help="Default: DEFAULT_ADMIN_EMAIL.")
@click.option("--password", help="Default: DEFAULT_ADMIN_PASSWORD, else a random one, printed once.")
@click.option("--role", type=AdministratorRole(), help="Default: DEFAULT_ADMIN_ROLE.")
@with_appcontext
def create_admin(email: str | None, password: str | None, role: str | None) -> None:
    """Make an administrator; one who is there already keeps role and password."""
    runtime = current_runtime()
    settings = runtime.settings
    address = email or settings.default_admin_email
    given = settings.default_admin_password if password is None else password
    chosen = secrets.token_urlsafe(15) if given is None else given
    if not PASSWORD_MIN_LENGTH <= len(chosen) <= PASSWORD_MAX_LENGTH:
        raise click.ClickException(
            f"A password has {PASSWORD_MIN_LENGTH} to {PASSWORD_MAX_LENGTH} characters."
        )
    made = make_administrator(runtime, address, chosen, Role(role or settings.default_admin_role))
    if not made:
        click.echo(f"Administrator {address} is there already; nothing changed.")
    elif given:
        click.echo(f"Administrator {address} made.")
    else:
        click.echo(f"Administrator {address} made. Password (shown only now): {chosen}")


def make_administrator(runtime: Runtime, email: str, password: str, role: Role) -> bool:
    """Make the account unless it is there, also when two deployments start at the same moment.

    :returns: whether it was made just now.
    :raises click.ClickException: the address cannot be an administrator's.
    """

    def make() -> bool:
        return accounts.create_administrator(
            runtime.unit_of_work(), runtime.passwords, email=email, password=password, role=role
        )

    try:
        return make()
    except WriteConflict:
        # Somebody else made the same account at this very moment, and it is found now.
        return make()
    except ValidationFailed as error:
        raise click.ClickException(f"{email}: {_first_message(error)}") from error


def _first_message(error: ValidationFailed) -> str:
    errors = error.details["errors"]
    assert isinstance(errors, list)
    return str(errors[0]["message"])

"""flask users: accounts that operators make."""

import secrets

import click
from flask.cli import with_appcontext

from kcardswap.domain.accounts import PASSWORD_MIN_LENGTH, Role
from kcardswap.domain.errors import ValidationFailed
from kcardswap.runtime import current_runtime
from kcardswap.services import accounts


@click.group("users")
def user_commands() -> None:
    """Make and change accounts."""


@user_commands.command("create-admin")
@click.option("--email", help="Default: DEFAULT_ADMIN_EMAIL.")
@click.option("--password", help="Default: DEFAULT_ADMIN_PASSWORD, else a random one, printed once.")
@click.option(
    "--role", type=click.Choice([Role.ADMIN, Role.SUPER_ADMIN]), help="Default: DEFAULT_ADMIN_ROLE."
)
@with_appcontext
def create_admin(email: str | None, password: str | None, role: str | None) -> None:
    """Make an administrator; one who is there already keeps role and password."""
    runtime = current_runtime()
    settings = runtime.settings
    address = email or settings.default_admin_email
    given = password or settings.default_admin_password
    chosen = given or secrets.token_urlsafe(15)
    if not PASSWORD_MIN_LENGTH <= len(chosen) <= 256:
        raise click.UsageError(f"A password has {PASSWORD_MIN_LENGTH} to 256 characters.")
    try:
        made = accounts.create_administrator(
            runtime.unit_of_work(),
            runtime.passwords,
            email=address,
            password=chosen,
            role=Role(role or settings.default_admin_role),
        )
    except ValidationFailed as error:
        raise click.ClickException(f"{address}: {_first_message(error)}") from error
    if not made:
        click.echo(f"Administrator {address} is there already; nothing changed.")
    elif given:
        click.echo(f"Administrator {address} made.")
    else:
        click.echo(f"Administrator {address} made. Password (shown only now): {chosen}")


def _first_message(error: ValidationFailed) -> str:
    errors = error.details["errors"]
    assert isinstance(errors, list)
    return str(errors[0]["message"])

"""flask users: accounts that operators make."""

import secrets
from datetime import UTC, datetime
from typing import Any, NoReturn

import click
from flask.cli import with_appcontext

from kcardswap.domain.accounts import PASSWORD_MIN_LENGTH, Role, UserStatus
from kcardswap.domain.errors import Refusal, ValidationFailed, WriteConflict
from kcardswap.queries import moderation as moderation_queries
from kcardswap.queries.keyset import PageRequest
from kcardswap.queries.moderation import AdminUserRow
from kcardswap.runtime import Runtime, current_runtime, retrying
from kcardswap.services import accounts, moderation

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
    _refuse_bad_password(chosen)
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


def _refuse_bad_password(password: str) -> None:
    if not PASSWORD_MIN_LENGTH <= len(password) <= PASSWORD_MAX_LENGTH:
        raise click.ClickException(
            f"A password has {PASSWORD_MIN_LENGTH} to {PASSWORD_MAX_LENGTH} characters."
        )


def _first_message(error: ValidationFailed) -> str:
    errors = error.details["errors"]
    assert isinstance(errors, list)
    return str(errors[0]["message"])


class Moment(click.ParamType[datetime]):
    """A moment as people write it; without an offset it is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read ISO 8601, such as 2026-03-12 or 2026-03-12T04:00Z."""
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise click.ClickException(f"--until: {value} is no time; write 2026-03-12T04:00Z.") from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


who_argument = click.argument("who", metavar="EMAIL|ID")


@user_commands.command("show")
@who_argument
@with_appcontext
def show(who: str) -> None:
    """Tell where one account stands."""
    person = _find(current_runtime(), who)
    for name, value in person._asdict().items():
        click.echo(f"{name}: {'-' if value is None else value}")


@user_commands.command("list")
@click.option("--q", help="The start of a nickname, an exact e-mail address or an id.")
@click.option("--status", type=click.Choice([status.value for status in UserStatus]))
@click.option("--role", type=click.Choice([role.value for role in Role]))
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@with_appcontext
def list_users(q: str | None, status: str | None, role: str | None, limit: int) -> None:
    """List accounts, newest first."""
    filters = {
        "status": None if status is None else UserStatus(status),
        "role": None if role is None else Role(role),
    }
    with current_runtime().database.reader() as connection:
        page = moderation_queries.people(connection, filters=filters, q=q, page=PageRequest(limit))
    for person in page.rows:
        click.echo(
            f"{person.id} {person.role} {person.status} {person.email or '-'} {person.nickname or '-'}"
        )
    click.echo(f"{len(page.rows)} of {page.total}")


@user_commands.command("suspend")
@who_argument
@click.option("--until", type=Moment(), help="When it ends by itself; without it never.")
@click.option("--note", required=True, help="Why; the person reads it.")
@with_appcontext
def suspend(who: str, until: datetime | None, note: str) -> None:
    """Shut somebody out: sessions end, unfinished trades are called off."""
    runtime = current_runtime()
    person = _find(runtime, who)
    _carry_out(
        lambda: moderation.suspend(runtime.unit_of_work(), user_id=person.id, by=None, note=note, until=until)
    )
    click.echo(f"Suspended {person.id} {'without end' if until is None else f'until {until.isoformat()}'}.")


@user_commands.command("unsuspend")
@who_argument
@click.option("--note", required=True, help="Why.")
@with_appcontext
def unsuspend(who: str, note: str) -> None:
    """Let somebody in again."""
    runtime = current_runtime()
    person = _find(runtime, who)
    lifted = _carry_out(
        lambda: moderation.unsuspend(runtime.unit_of_work(), user_id=person.id, by=None, note=note)
    )
    click.echo(f"{person.id} is no longer suspended." if lifted else f"{person.id} was not suspended.")


@user_commands.command("promote")
@who_argument
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--password", help="For administrators who do not sign in through a provider.")
@with_appcontext
def promote(who: str, role: str, password: str | None) -> None:
    """Give an account another role; user takes the role of an administrator away."""
    runtime = current_runtime()
    if password is not None:
        _refuse_bad_password(password)
    person = _find(runtime, who)
    password_hash = None if password is None else runtime.passwords.hash(password)
    changed = _carry_out(
        lambda: moderation.change_role(
            runtime.unit_of_work(), user_id=person.id, role=Role(role), password_hash=password_hash
        )
    )
    click.echo(f"{person.id} is {role} now." if changed else f"{person.id} is {role} already.")


def _find(runtime: Runtime, who: str) -> AdminUserRow:
    """Return the account with this id or e-mail address.

    :raises click.ClickException: there is none.
    """
    with runtime.database.reader() as connection:
        found = moderation_queries.account(connection, who=who)
    if found is None:
        raise click.ClickException(f"No account {who}.")
    return found


def _carry_out(work: Any) -> Any:
    try:
        return retrying(work)
    except ValidationFailed as error:
        raise click.ClickException(_first_message(error)) from error
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal

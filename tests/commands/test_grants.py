"""flask db grant: the role of the application uses the tables and cannot rewrite the audit log."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ProgrammingError

from kcardswap.app import build_runtime
from kcardswap.persistence.engine import PooledDatabase, make_engine
from kcardswap.persistence.orm.mappings import map_entities
from kcardswap.runtime import Runtime
from kcardswap.settings import Settings
from tests.conftest import scratch_database
from tests.migrations.running import point_at
from tests.moderating import audited, make_moderator, shut_out
from tests.people import make_user


@pytest.fixture
def url(server_url: str, migrated_url: str) -> Iterator[str]:
    """URL of a migrated database of the test's own, as its owner."""
    with scratch_database(server_url, make_url(migrated_url).database) as url:
        yield url


@pytest.fixture
def role(url: str) -> Iterator[str]:
    """A role of the server that owns nothing; its name needs quotes."""
    name = f"App-{uuid4().hex}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE ROLE "{name}"'))
        yield name
        connection.execute(text(f'DROP OWNED BY "{name}"'))
        connection.execute(text(f'DROP ROLE "{name}"'))
    engine.dispose()


@pytest.fixture
def engine(url: str, role: str) -> Iterator[Engine]:
    """An engine whose connections work under that role."""
    engine = make_engine(url, pool_size=2, pool_timeout_seconds=5)

    @event.listens_for(engine, "connect")
    def become(connection: object, record: object) -> None:
        with connection.cursor() as cursor:  # type: ignore[attr-defined]
            cursor.execute(f'SET ROLE "{role}"')
        connection.commit()  # type: ignore[attr-defined]

    yield engine
    engine.dispose()


@pytest.fixture
def application(settings: Settings, engine: Engine) -> Runtime:
    """The application as it works in production: under a role that owns no table."""
    map_entities()
    return build_runtime(settings, PooledDatabase(engine))


def grant(app: Flask, url: str, role: str) -> Result:
    point_at(app, url)
    return app.test_cli_runner().invoke(args=["db", "grant", role])


def test_without_grants_the_role_can_do_nothing(application: Runtime) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        make_user(application)


def test_the_application_works_under_the_role_and_its_acts_are_on_record(
    app: Flask, url: str, role: str, engine: Engine, application: Runtime
) -> None:
    done = grant(app, url, role)
    assert (done.exit_code, done.output) == (
        0,
        f"{role} can use the tables; rows of the audit log stay as they are.\n",
    )
    root, jun = make_moderator(application), make_user(application, "jun")
    shut_out(application, jun, by=root)
    with engine.connect() as connection:
        assert audited(connection) == [(root, "suspend_user", jun)]


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET note = ''", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
def test_the_server_keeps_the_role_from_rewriting_the_audit_log(
    app: Flask, url: str, role: str, engine: Engine, statement: str
) -> None:
    grant(app, url, role)
    with engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text(statement))


def test_every_other_table_can_be_read_and_written(app: Flask, url: str, role: str, engine: Engine) -> None:
    grant(app, url, role)
    with engine.connect() as connection:
        allowed = connection.execute(
            text(
                "SELECT tablename, has_table_privilege(:role, quote_ident(tablename), 'SELECT'),"
                " has_table_privilege(:role, quote_ident(tablename), 'INSERT'),"
                " has_table_privilege(:role, quote_ident(tablename), 'UPDATE'),"
                " has_table_privilege(:role, quote_ident(tablename), 'DELETE')"
                " FROM pg_tables WHERE schemaname = 'public'"
            ),
            {"role": role},
        ).all()
    rights = {row[0]: tuple(row[1:]) for row in allowed}
    assert rights.pop("audit_log") == (True, True, False, False)
    assert rights.pop("alembic_version") == (True, False, False, False)
    assert set(rights.values()) == {(True, True, True, True)}


def test_an_unknown_role_is_refused_in_one_line(url: str, app: Flask) -> None:
    done = grant(app, url, "nobody")
    assert done.exit_code == 1
    assert done.output == 'Error: The database says: role "nobody" does not exist\n'


@pytest.mark.parametrize("how", ['ALTER ROLE "{role}" SUPERUSER', 'GRANT "{owner}" TO "{role}"'])
def test_a_role_that_the_server_cannot_keep_from_the_audit_log_is_not_called_safe(
    app: Flask, url: str, role: str, how: str
) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(how.format(role=role, owner=make_url(url).username)))
    engine.dispose()
    done = grant(app, url, role)
    assert done.exit_code == 1
    assert done.output == (
        f"Error: {role} can still change rows of audit_log, as a superuser or through another role.\n"
    )

"""What the server says about itself, well and unwell."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, text
from structlog.testing import capture_logs

from kcardswap import __version__
from kcardswap.app import create_app
from kcardswap.persistence.engine import PooledDatabase, make_engine
from kcardswap.persistence.readiness import Readiness
from kcardswap.runtime import Runtime
from kcardswap.settings import Settings
from tests.people import API, refused

NOBODY_LISTENS = "postgresql://kcardswap@127.0.0.1:1/kcardswap"
PATHS = ("/", "/health", "/livez", "/readyz", f"{API}/health")


@pytest.fixture
def broken_client(settings: Settings) -> Iterator[FlaskClient]:
    """A client of an application whose database cannot be reached."""
    engine = make_engine(NOBODY_LISTENS)
    yield create_app(settings, database=PooledDatabase(engine)).test_client()
    engine.dispose()


def with_readiness(app: Flask, runtime: Runtime, readiness: Readiness) -> FlaskClient:
    app.extensions["kcardswap"] = Runtime(**{**vars(runtime), "readiness": readiness})
    return app.test_client()


def test_the_root_says_where_the_documentation_is(client: FlaskClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    body = answer.get_json()
    assert body == {"message": "kcardswap API", "version": __version__, "docs": "/api/v1/docs"}
    assert client.get(body["docs"]).status_code == 200


def test_a_server_with_its_database_is_healthy(client: FlaskClient) -> None:
    health = {"status": "healthy", "service": "kcardswap", "version": __version__}
    assert client.get("/health").get_json() == health
    assert client.get(f"{API}/health").get_json() == {"data": health, "meta": None, "error": None}


def test_a_server_without_its_database_is_not(broken_client: FlaskClient) -> None:
    answer = broken_client.get("/health")
    assert answer.status_code == 503
    assert answer.get_json() == {"status": "unhealthy", "service": "kcardswap", "version": __version__}
    assert answer.headers["Retry-After"] == "1"
    enveloped = broken_client.get(f"{API}/health")
    assert refused(enveloped, 503, "503_SERVICE_UNAVAILABLE") == {"service": "database"}
    assert enveloped.headers["Retry-After"] == "1"


def test_liveness_asks_nobody(broken_client: FlaskClient, count_sql: Any) -> None:
    with count_sql() as sent:
        answer = broken_client.get("/livez")
        assert sent() == 0
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


def test_a_migrated_server_is_ready(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "status": "ready",
        "checks": {"database": "ok", "schema": "ok", "serving": "ok"},
    }


def test_a_server_without_its_database_is_not_ready(broken_client: FlaskClient) -> None:
    answer = broken_client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.get_json() == {
        "status": "unready",
        "checks": {"database": "does not answer", "schema": "unknown", "serving": "ok"},
    }


def test_a_database_behind_the_code_is_not_ready_and_the_log_says_what_to_run(
    client: FlaskClient, connection: Connection
) -> None:
    head = connection.scalar(text("SELECT version_num FROM alembic_version"))
    connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    with capture_logs() as logs:
        answers = [client.get("/readyz") for _ in range(2)]
    assert {answer.status_code for answer in answers} == {503}
    checks = answers[0].get_json()["checks"]
    assert checks == {
        "database": "ok",
        "schema": f"at revision 0003, expected {head}",
        "serving": "ok",
    }
    errors = [entry for entry in logs if entry["log_level"] == "error"]
    assert [entry["run"] for entry in errors] == ["flask db upgrade"]
    assert client.get("/health").status_code == 200


def test_a_draining_server_is_healthy_but_not_ready(
    client: FlaskClient, settings: Settings, app: Flask, runtime: Runtime, tmp_path: Path
) -> None:
    sign = tmp_path / "draining"
    readiness = Readiness(runtime.database, draining=sign.exists)
    client = with_readiness(app, runtime, readiness)
    assert client.get("/readyz").status_code == 200
    sign.touch()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["checks"] == {"database": "ok", "schema": "ok", "serving": "draining"}
    assert client.get("/health").status_code == 200
    sign.unlink()
    assert client.get("/readyz").status_code == 200


def test_the_application_drains_while_its_data_directory_says_so(
    settings: Settings, runtime: Runtime, tmp_path: Path
) -> None:
    client = create_app(replace(settings, data_dir=tmp_path), database=runtime.database).test_client()
    assert client.get("/readyz").status_code == 200
    (tmp_path / "draining").touch()
    assert client.get("/readyz").status_code == 503


def test_asking_how_the_server_is_is_never_limited(settings: Settings, runtime: Runtime) -> None:
    strict = replace(settings, rate_limit_anonymous="1/5 minutes")
    client = create_app(strict, database=runtime.database).test_client()
    for path in PATHS:
        for _ in range(3):
            answer = client.get(path)
            assert answer.status_code == 200, path
            assert "RateLimit-Limit" not in answer.headers
    assert client.get(f"{API}/idols/groups").status_code == 200
    refused(client.get(f"{API}/idols/groups"), 429, "429_RATE_LIMIT_EXCEEDED")


def test_credentials_do_not_matter_for_health(client: FlaskClient) -> None:
    for path in PATHS:
        assert client.get(path, headers={"Authorization": "Bearer nonsense"}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_refused_in_the_envelope(client: FlaskClient, path: str) -> None:
    answer = client.post(path)
    refused(answer, 405, "405_METHOD_NOT_ALLOWED")
    assert "GET" in answer.headers["Allow"]


def test_the_document_describes_all_of_them(client: FlaskClient) -> None:
    paths = client.get(f"{API}/openapi.json").get_json()["paths"]
    assert set(PATHS) <= set(paths)
    names = {paths[path]["get"]["operationId"] for path in PATHS}
    assert names == {"show_root", "show_server_health", "show_liveness", "show_readiness", "show_health"}
    assert all(paths[path]["get"]["security"] == [] for path in PATHS)

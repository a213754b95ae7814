"""What the log says of a request and what libraries say in it, and what is hidden."""

import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator

import pytest
import structlog
from flask.testing import FlaskClient
from gunicorn.config import Config  # type: ignore[import-untyped]
from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError

from kcardswap.logs import SECRET_KEYS, GunicornLogger, configure_logging
from tests.log_lines import REQUEST_LINE, Lines
from tests.people import API, MakePerson

PROBES = ("/livez", "/readyz", "/health", f"{API}/health")


@pytest.fixture
def said(client: FlaskClient, capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], Lines]]:
    """Return what was logged since the last call, from INFO upwards."""
    configure_logging("INFO")

    def read() -> Lines:
        captured = capfd.readouterr()
        assert captured.out == ""
        return [json.loads(line) for line in captured.err.splitlines()]

    read()
    yield read
    configure_logging("ERROR")


# The line of a request


def test_a_request_leaves_one_line_with_its_id_person_route_status_time_and_statements(
    said: Callable[[], Lines], person: MakePerson
) -> None:
    mina = person("mina")
    mina.get("/profile/me")
    said()
    mina.get(f"/profile/{mina.user_id}?q=hidden", headers={"X-Request-ID": "request-1"})
    [line] = said()
    assert set(line) == REQUEST_LINE | {"user_id"}
    assert (line["event"], line["level"], line["method"]) == ("request", "info", "GET")
    assert (line["request_id"], line["user_id"]) == ("request-1", str(mina.user_id))
    assert (line["route"], line["status"]) == (f"{API}/profile/<id:user_id>", 200)
    assert 0 < line["ms"] < 60_000 and line["statements"] == 2
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["timestamp"])


def test_nobody_else_is_named_after_somebody_signed_in(
    said: Callable[[], Lines], person: MakePerson, client: FlaskClient
) -> None:
    person("mina").get("/profile/me")
    client.get(f"{API}/idols/groups")
    structlog.get_logger().info("between two requests")
    [own, anonymous, between] = said()
    assert "user_id" in own and "user_id" not in anonymous
    assert own["request_id"] != anonymous["request_id"]
    assert set(between) == {"event", "level", "timestamp"}


def test_an_unknown_path_is_not_repeated(said: Callable[[], Lines], client: FlaskClient) -> None:
    client.get("/nowhere/hidden?q=hidden")
    [line] = said()
    assert (line["route"], line["status"]) == (None, 404)
    assert "hidden" not in str(line)


@pytest.mark.parametrize("path", PROBES)
def test_probes_are_said_only_at_debug_level(
    said: Callable[[], Lines], client: FlaskClient, path: str
) -> None:
    assert client.get(path).status_code == 200
    assert said() == []
    configure_logging("DEBUG")
    client.get(path)
    [line] = said()
    assert (line["level"], line["route"], line["status"]) == ("debug", path, 200)


def test_what_is_no_probe_stays_at_info_level(said: Callable[[], Lines], client: FlaskClient) -> None:
    client.get("/")
    client.post("/livez")
    client.get("/livez/more")
    assert [(line["level"], line["status"]) for line in said()] == [
        ("info", 200),
        ("info", 405),
        ("info", 404),
    ]


def test_a_higher_level_silences_requests(said: Callable[[], Lines], client: FlaskClient) -> None:
    configure_logging("WARNING")
    client.get("/")
    assert said() == []


# What is hidden


@pytest.mark.parametrize("word", SECRET_KEYS)
def test_values_with_a_telling_name_are_hidden(said: Callable[[], Lines], word: str) -> None:
    structlog.get_logger().info("said", **{f"their_{word.upper()}": "canary", "other": "kept"})
    [line] = said()
    assert line[f"their_{word.upper()}"] == "[hidden]" and line["other"] == "kept"


def test_an_exception_says_where_and_of_what_kind_but_not_what(
    said: Callable[[], Lines], connection: Connection
) -> None:
    def refuse(word: str) -> None:
        try:
            connection.execute(text("SELECT CAST(:word AS integer)"), {"word": word})
        except DataError as error:
            raise ValueError(f"{word} was refused") from error

    try:
        refuse("canary")
    except ValueError:
        structlog.get_logger().exception("broken")
    [*_, line] = said()
    assert "canary" not in json.dumps(line)
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert line["exception"][0]["frames"][-1]["name"] == "refuse"


def test_a_database_error_says_its_sqlstate(said: Callable[[], Lines], connection: Connection) -> None:
    try:
        connection.execute(text("SELECT CAST(:word AS integer)"), {"word": "canary"})
    except DataError:
        structlog.get_logger().exception("broken")
    [line] = said()
    assert "22P02" in {cause["sqlstate"] for cause in line["exception"]}
    assert "canary" not in json.dumps(line)


# What others say


def test_libraries_speak_in_the_same_lines_and_without_data(said: Callable[[], Lines]) -> None:
    library = logging.getLogger("some.library")
    library.warning("gave up on %s", "https://canary.example")
    try:
        raise ValueError("canary")
    except ValueError:
        library.exception("broken by %r", "canary")
    library.log(logging.ERROR + 1, "between two levels")
    library.info("nobody asked")
    lines = said()
    assert [(line["level"], line["event"]) for line in lines] == [
        ("warning", "gave up on %s"),
        ("error", "broken by %r"),
        ("error", "between two levels"),
    ]
    assert {line["logger"] for line in lines} == {"some.library"}
    assert lines[1]["exception"][0]["exc_type"] == "ValueError"
    assert "canary" not in json.dumps(lines)


def test_configuring_twice_says_nothing_twice(said: Callable[[], Lines]) -> None:
    configure_logging("INFO")
    logging.getLogger("some.library").warning("once")
    assert len(said()) == 1
    configure_logging("ERROR")
    logging.getLogger("some.library").warning("not at this level")
    assert said() == []


def test_warnings_are_lines_too(said: Callable[[], Lines]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configure_logging("INFO")
        warnings.warn("about canary", UserWarning, stacklevel=1)
    [line] = said()
    assert (line["event"], line["category"]) == ("warned", "UserWarning")
    assert line["filename"] == __file__ and "canary" not in json.dumps(line)


def test_the_server_leaves_out_the_requests_it_could_not_serve(said: Callable[[], Lines]) -> None:
    server = GunicornLogger(Config())
    server.info("Booting worker with pid: %s", 5)
    try:
        raise ValueError("canary")
    except ValueError:
        server.exception("Error handling request %s %s", "GET", "/canary?signature=canary")
        server.warning("Invalid request from ip=10.1.2.3: canary")
    server.access(None, None, {"RAW_URI": "/canary"}, None)
    lines = said()
    assert [(line["level"], line["event"]) for line in lines] == [
        ("info", "Booting worker with pid: 5"),
        ("error", "Error handling request"),
        ("warning", "Invalid request: ValueError"),
    ]
    assert lines[1]["exception"][0]["exc_type"] == "ValueError"
    assert "canary" not in json.dumps(lines) and "10.1.2.3" not in json.dumps(lines)

"""Multipart forms: what they may hold, how large they may be, and who may send them."""

import io
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from kcardswap.api.forms import FILE_MAX_BYTES, FORM_MAX_BYTES
from kcardswap.runtime import Runtime
from tests.api.probe import notes_written
from tests.people import API, MakePerson, Person, invalid_fields, refused

PATH = "/probe/forms"
OURS = "https://app.kcardswap.example"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.fixture
def mina(prober: MakePerson) -> Person:
    return prober("mina")


def file(data: bytes = b"abc") -> tuple[io.BytesIO, str]:
    return io.BytesIO(data), "note.txt"


def send(person: Person, *, headers: dict[str, str] | None = None, **fields: Any) -> TestResponse:
    return person.post(PATH, data=fields, headers={"Content-Type": "multipart/form-data", **(headers or {})})


def raw(person: Person, body: bytes, **options: Any) -> TestResponse:
    return person.post(PATH, data=body, headers=MULTIPART, **options)


def part(name: str, value: bytes = b"abc", *, extra: str = "") -> bytes:
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'
    return head.encode() + value + b"\r\n"


def test_a_form_brings_its_file_and_its_fields(mina: Person) -> None:
    sent: list[tuple[dict[str, Any], str]] = [
        ({}, "3 False"),
        ({"loud": "true"}, "3 True"),
        ({"loud": "false", "x": "y"}, "3 False"),
    ]
    for fields, text in sent:
        answer = send(mina, file=file(), **fields)
        assert answer.status_code == 201
        assert answer.get_json()["data"]["text"] == text


@pytest.mark.parametrize("loud", ["yes", "1", "True", ""])
def test_a_flag_is_true_or_false(mina: Person, loud: str) -> None:
    assert invalid_fields(send(mina, file=file(), loud=loud)) == {"loud"}


def test_a_file_is_no_text_and_a_text_no_file(mina: Person, runtime: Runtime) -> None:
    assert invalid_fields(send(mina, file="abc")) == {"file"}
    # Were it ignored, a form sent by mistake would be carried out.
    assert invalid_fields(send(mina, file=file(), loud=file(b"true"))) == {"loud"}
    assert notes_written(runtime) == 0


def test_the_file_is_needed(mina: Person) -> None:
    assert invalid_fields(send(mina, loud="true")) == {"file"}
    assert invalid_fields(mina.post(PATH)) == {"file"}
    assert invalid_fields(raw(mina, b"")) == {"file"}


def test_a_field_comes_once(mina: Person) -> None:
    twice = part("file", extra='; filename="a"') * 2 + b"--x--\r\n"
    assert invalid_fields(raw(mina, twice)) == {"file"}
    mixed = (
        part("loud", b"true") + part("loud", b"false") + part("file", extra='; filename="a"') + b"--x--\r\n"
    )
    assert invalid_fields(raw(mina, mixed)) == {"loud"}


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "form-1"}], ids=["plain", "keyed"])
@pytest.mark.parametrize(
    "nameless",
    [b"", b'; name=""', b'; filename="a"'],
    ids=["text", "empty name", "file"],
)
@pytest.mark.parametrize("value", [b"abc", b"a\x00"], ids=["letters", "nul"])
def test_every_part_has_a_name(
    mina: Person, runtime: Runtime, headers: dict[str, str], nameless: bytes, value: bytes
) -> None:
    head = b"--x\r\nContent-Disposition: form-data" + nameless + b"\r\n\r\n"
    body = part("file", extra='; filename="a"') + head + value + b"\r\n--x--\r\n"
    answer = mina.post(PATH, data=body, headers={**MULTIPART, **headers})
    assert invalid_fields(answer) == {""}
    assert notes_written(runtime) == 0


@pytest.mark.parametrize("name", ["loud", "unknown"])
def test_nul_is_refused_in_every_field(mina: Person, name: str) -> None:
    fields: dict[str, Any] = {name: "a\x00"}
    assert invalid_fields(send(mina, file=file(), **fields)) == {name}


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/x-www-form-urlencoded", "text/csv", "multipart/mixed; boundary=x", ""],
)
def test_another_content_type_is_refused(mina: Person, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    refused(mina.post(PATH, data=b"{}", headers=headers), 415, "415_UNSUPPORTED_MEDIA_TYPE")


def test_json_operations_take_no_form(mina: Person) -> None:
    answer = mina.post("/probe/notes", data={"text": "a"}, headers={"Content-Type": "multipart/form-data"})
    refused(answer, 415, "415_UNSUPPORTED_MEDIA_TYPE")


def form_with(data: bytes, field: bytes = b"") -> bytes:
    # By hand: the test client leaves larger forms open on the disk.
    return part("unknown", field) + part("file", data, extra='; filename="a"') + b"--x--\r\n"


def test_a_file_has_at_most_a_mebibyte(mina: Person, runtime: Runtime) -> None:
    assert raw(mina, form_with(bytes(FILE_MAX_BYTES))).status_code == 201
    for body in (
        form_with(bytes(FILE_MAX_BYTES + 1)),
        form_with(bytes(5 * FILE_MAX_BYTES)),
        form_with(b"abc", b"x" * FILE_MAX_BYTES),
        form_with(b"abc", b"x" * 600_000),
    ):
        details = refused(raw(mina, body), 413, "413_PAYLOAD_TOO_LARGE")
        assert details == {"max_bytes": FILE_MAX_BYTES}
    assert notes_written(runtime) == 1


def test_a_form_of_unknown_length_has_the_same_limit(mina: Person) -> None:
    head = part("file", b"", extra='; filename="a"')[:-2]
    for length, status in ((FILE_MAX_BYTES, 201), (FILE_MAX_BYTES + 1, 413), (FORM_MAX_BYTES, 413)):
        body = head + bytes(length) + b"\r\n--x--\r\n"
        answer = mina.post(
            PATH,
            headers={**MULTIPART, "Transfer-Encoding": "chunked"},
            input_stream=io.BytesIO(body),
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert answer.status_code == status


def test_many_fields_are_refused(mina: Person) -> None:
    body = b"".join(part(f"f{n}", b"") for n in range(1100)) + b"--x--\r\n"
    assert len(body) < FORM_MAX_BYTES
    refused(raw(mina, body), 413, "413_PAYLOAD_TOO_LARGE")


@hypothesis.settings(max_examples=150, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(
                [
                    *(
                        b"--x",
                        b"--x--",
                        b"\r\n",
                        b"\n",
                        b": ",
                        b";",
                        b"\xff\x00",
                        b"a" * 50,
                        b"=?",
                        b'name="',
                    ),
                    *(b"Content-Disposition: form-data", b'; name="file"', b'; filename="a"', b"; name*="),
                    *(b"Content-Type: text/plain; charset=utf-7", b"utf-16''%ff%fe", b"Content-Length: -1"),
                ]
            ),
            max_size=30,
        ).map(b"".join),
    )
)
def test_no_body_breaks_the_reader(probe_app: Flask, mina: Person, body: bytes) -> None:
    assert raw(mina, body).status_code in (201, 400, 413)


# Repeating


def test_the_boundary_and_order_of_fields_make_no_other_request(mina: Person, runtime: Runtime) -> None:
    key = {"Idempotency-Key": "form-1"}
    answers = [
        send(mina, file=file(), loud="true", headers=key),
        send(mina, loud="true", file=(io.BytesIO(b"abc"), "another name.csv"), headers=key),
    ]
    assert answers[0].get_data() == answers[1].get_data()
    assert notes_written(runtime) == 1
    for fields in (
        {"file": file(b"abd"), "loud": "true"},
        {"file": file()},
        {"file": file(), "loud": "false"},
    ):
        answer = send(mina, headers=key, **fields)
        refused(answer, 422, "422_INVALID_STATE", "idempotency_mismatch")


# By cookie


def by_cookie(client: FlaskClient, person: Person, **headers: str) -> TestResponse:
    cookie = {"Cookie": f"access_token={person.tokens.access_token}", **headers}
    answer: TestResponse = client.post(API + PATH, data={"file": file()}, headers=cookie)
    return answer


@pytest.mark.parametrize("origin", [OURS, "http://localhost"])
def test_our_own_pages_may_send_forms_by_cookie(probe: FlaskClient, mina: Person, origin: str) -> None:
    assert by_cookie(probe, mina, Origin=origin).status_code == 201


@pytest.mark.parametrize("origin", [None, "", "null", "https://evil.example", "http://localhost:81"])
def test_a_form_by_cookie_has_to_say_that_it_is_ours(
    probe: FlaskClient, mina: Person, runtime: Runtime, origin: str | None
) -> None:
    headers = {} if origin is None else {"Origin": origin}
    refused(by_cookie(probe, mina, **headers), 403, "403_FORBIDDEN", "origin_not_allowed")
    assert notes_written(runtime) == 0


def test_by_cookie_only_the_form_itself_is_taken(probe: FlaskClient, mina: Person) -> None:
    headers = {"Cookie": f"access_token={mina.tokens.access_token}", "Origin": OURS}
    for content_type in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        answer = probe.post(API + PATH, data=b"{}", content_type=content_type, headers=headers)
        refused(answer, 415, "415_UNSUPPORTED_MEDIA_TYPE")


def test_with_a_bearer_header_no_origin_is_needed(mina: Person) -> None:
    assert send(mina, file=file()).status_code == 201
    assert send(mina, file=file(), headers={"Origin": "https://evil.example"}).status_code == 201


# In the document


def test_the_document_describes_the_form(probe_app: Flask) -> None:
    document = probe_app.test_client().get(f"{API}/openapi.json").get_json()
    body = document["paths"][API + PATH]["post"]["requestBody"]
    assert body["required"] is True
    [(content_type, content)] = body["content"].items()
    assert content_type == "multipart/form-data"
    schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    assert schema["required"] == ["file"]
    assert schema["properties"]["file"] == {"type": "string", "format": "binary"}
    assert schema["properties"]["loud"]["type"] == "boolean"

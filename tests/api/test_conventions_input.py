"""Bodies, queries and paths: what is understood, and the one answer to everything else."""

import io
import json
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kcardswap.runtime import Runtime
from tests.people import API, MakePerson, invalid_fields, refused

ECHO = f"{API}/probe/echo"
ID = "0199a7c0-0000-7000-8000-00000000000a"
MALFORMED_IDS = [
    *("17", "x" * 36, ID[:-1], ID + "0", ID.replace("-", ""), "{" + ID[1:-1] + "}", "urn:uuid:" + ID),
    # What UUID() takes although it is no UUID: braces, underscores, foreign digits, misplaced hyphens.
    *(
        "{{" + ID.replace("-", "") + "}}",
        ID[:-2] + "_a",
        ID[:-1] + "１",
        "0199a7c00000-7000-8000-0000-00000000000a",
    ),
    *(ID + "\n", " " + ID[1:], "null", "undefined", "99999999999999999999999999999999999999"),
]


def send(
    probe: FlaskClient, body: str | bytes, content_type: str | None = "application/json"
) -> TestResponse:
    return probe.post(ECHO, data=body, content_type=content_type)


def understood(answer: TestResponse) -> Any:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()["data"]["understood"]


@pytest.mark.parametrize(
    "body",
    [
        *("{", "nonsense", '{"text": }', '{"text": "a",}', "{'text': 'a'}", '{"a": 1} {"b": 2}', "\ufeff{}"),
        *('{"number": NaN}', '{"number": Infinity}', '{"number": -Infinity}', '{"number": 1e999}'),
        *('{"anything": [NaN]}', '{"unknown": NaN}', '{"unknown": -1e999}'),
        *("[]", '[{"text": "a"}]', '"text"', "1", "null", "true"),
        *('{"anything": %s}' % ("[" * 20 + "]" * 20), "[" * 50_000, '{"a":' * 20_000, "9" * 5_000),
        '{"unknown": %s}' % ("9" * 5_000),
        *('{"text": "a\x01b"}', '{"text": "a\nb"}', '{"text": "\\x41"}', '{"text": "\\ud83"}'),
    ],
)
def test_what_is_not_one_json_object_is_refused(probe: FlaskClient, body: str) -> None:
    assert invalid_fields(send(probe, body)) == {""}


@pytest.mark.parametrize("body", [b'{"text": "\xff"}', b"\xff\xfe{}", b'{"text": "\xed\xa0\x80"}', b"\x00"])
def test_what_is_not_utf8_is_refused(probe: FlaskClient, body: bytes) -> None:
    assert invalid_fields(send(probe, body)) == {""}


def test_twenty_levels_are_deep_enough_for_anybody(probe: FlaskClient) -> None:
    assert understood(send(probe, '{"anything": %s}' % ("[" * 19 + "]" * 19)))
    assert invalid_fields(send(probe, '{"anything": %s}' % ("[" * 20 + "]" * 20))) == {""}


def test_no_body_is_an_empty_object(probe: FlaskClient) -> None:
    assert understood(probe.post(ECHO)) == {"wanted": "there"}
    assert understood(send(probe, "", "text/plain")) == {"wanted": "there"}


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"),
        *("application/jsonp", "application/octet-stream", "nonsense", "", None),
    ],
)
def test_a_body_of_another_content_type_is_refused(probe: FlaskClient, content_type: str | None) -> None:
    assert refused(send(probe, "{}", content_type), 415, "415_UNSUPPORTED_MEDIA_TYPE") == {}


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"]
)
def test_json_may_name_its_charset(probe: FlaskClient, content_type: str) -> None:
    assert understood(send(probe, '{"text": "ä"}', content_type))["text"] == "ä"


def test_a_body_has_at_most_128_kib(probe: FlaskClient) -> None:
    def body(size: int) -> str:
        empty = json.dumps({"unknown": ""})
        return json.dumps({"unknown": "x" * (size - len(empty))})

    assert understood(send(probe, body(131_072)))
    assert refused(send(probe, body(131_073)), 413, "413_PAYLOAD_TOO_LARGE") == {"max_bytes": 131_072}


def test_a_body_without_length_has_the_same_limit(probe: FlaskClient) -> None:
    # What a server hands over of a chunked body: no length, an end.
    def chunked(body: bytes) -> TestResponse:
        environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
        return probe.post(
            ECHO, input_stream=io.BytesIO(body), content_type="application/json", environ_overrides=environ
        )

    assert understood(chunked(b'{"text": "a"}'))["text"] == "a"
    too_long = b'{"unknown": "' + b"x" * 200_000 + b'"}'
    assert refused(chunked(too_long), 413, "413_PAYLOAD_TOO_LARGE") == {"max_bytes": 131_072}


def test_unknown_and_missing_keys_have_no_effect(probe: FlaskClient) -> None:
    assert understood(send(probe, '{"unknown": {"role": "admin"}}')) == {"wanted": "there"}
    assert understood(probe.get(ECHO, query_string={"unknown": "1", "utm_source": ""})) == {"limit": 50}


def test_an_operation_without_a_body_takes_an_object_and_ignores_it(
    runtime: Runtime, prober: MakePerson
) -> None:
    mina, path = prober("mina"), f"/probe/things/{runtime.new_id()}/poke"

    def poke(body: str, content_type: str = "application/json") -> TestResponse:
        return mina.post(path, data=body, content_type=content_type)

    assert poke("{}").status_code == poke('{"role": "admin"}').status_code == poke("").status_code == 204
    for body in ("{", "[]", "NaN"):
        assert invalid_fields(poke(body)) == {""}
    refused(poke("a=b", "application/x-www-form-urlencoded"), 415, "415_UNSUPPORTED_MEDIA_TYPE")
    refused(poke("{" + " " * 131_072 + "}"), 413, "413_PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": 5}, "text"),
        ({"text": True}, "text"),
        ({"text": ["a"]}, "text"),
        ({"text": {}}, "text"),
        ({"text": "x" * 11}, "text"),
        ({"text": "😀" * 11}, "text"),
        ({"whole": "1"}, "whole"),
        ({"whole": "1_0"}, "whole"),
        ({"whole": True}, "whole"),
        ({"whole": 1.5}, "whole"),
        ({"whole": 11}, "whole"),
        ({"whole": -6}, "whole"),
        ({"whole": 10**400}, "whole"),
        ({"whole": 1e300}, "whole"),
        ({"whole": None}, "whole"),
        ({"whole": []}, "whole"),
        ({"number": 10**400}, "number"),
        ({"number": 1.01}, "number"),
        ({"flag": "true"}, "flag"),
        ({"flag": 1}, "flag"),
        ({"flag": 0}, "flag"),
        ({"flag": "on"}, "flag"),
        ({"flag": None}, "flag"),
        ({"moment": "2026-01-01"}, "moment"),
        ({"moment": "yesterday"}, "moment"),
        ({"moment": 1700000000}, "moment"),
        ({"moment": "1969-12-31T23:59:59Z"}, "moment"),
        ({"moment": "2200-01-01T00:00:00Z"}, "moment"),
        ({"moment": "0001-01-01T00:00:00+23:59"}, "moment"),
        ({"moment": "9999-12-31T23:59:59-23:59"}, "moment"),
        ({"moment": "2026-02-30T00:00:00Z"}, "moment"),
        ({"moment": "2026-01-01T00:00:00+99:99"}, "moment"),
        ({"moment": "2026-01-01T00:00:00.1234567Z"}, "moment"),
        ({"moment": "２０26-01-01T00:00:00Z"}, "moment"),
        ({"inner": {}}, "inner.name"),
        ({"inner": "name"}, "inner"),
        ({"inner": {"name": " "}}, "inner.name"),
        ({"ids": []}, "ids"),
        ({"ids": [ID] * 4}, "ids"),
        ({"ids": [ID, "17"]}, "ids.1"),
        ({"ids": ID}, "ids"),
        ({"id": 17}, "id"),
        ({"id": None}, "id"),
        ({"id": [ID]}, "id"),
    ],
)
def test_a_value_of_another_kind_or_range_is_refused_by_its_field(
    probe: FlaskClient, body: Any, field: str
) -> None:
    assert invalid_fields(probe.post(ECHO, json=body)) == {field}


def test_all_defects_are_named_at_once(probe: FlaskClient) -> None:
    answer = probe.post(ECHO, json={"text": 5, "flag": "no", "inner": {}})
    errors = refused(answer, 400, "400_VALIDATION_FAILED")["errors"]
    assert {error["field"] for error in errors} == {"text", "flag", "inner.name"}
    assert all(set(error) == {"field", "message", "type"} for error in errors)
    assert {error["field"]: error["type"] for error in errors}["inner.name"] == "required"


@pytest.mark.parametrize("value", ["a\x00b", "\x00", "\ud800", "a\udfffb"])
def test_what_cannot_be_stored_is_refused_wherever_it_stands(probe: FlaskClient, value: str) -> None:
    for body, field in (
        ({"text": value}, "text"),
        ({"id": value}, "id"),
        ({"ids": [ID, value]}, "ids.1"),
        ({"moment": value}, "moment"),
        ({"inner": {"name": value}}, "inner.name"),
        ({"anything": {"deep": ["x", {"y": value}]}}, "anything.deep.1.y"),
        ({"anything": value}, "anything"),
    ):
        assert invalid_fields(send(probe, json.dumps(body))) == {field}
    assert refused(send(probe, json.dumps({"anything": {value: 1}})), 400, "400_VALIDATION_FAILED")
    assert refused(send(probe, json.dumps({value: 1})), 400, "400_VALIDATION_FAILED")


def test_other_text_is_kept_as_sent(probe: FlaskClient) -> None:
    for text in ("민아", "😀", "\u202eabc", "a\u0000".replace("\u0000", "\u0001"), "\\u0000", "ﬁ", "e\u0301"):
        assert understood(send(probe, json.dumps({"text": text})))["text"] == text


def test_text_is_trimmed_and_blank_text_is_null(probe: FlaskClient) -> None:
    assert understood(probe.post(ECHO, json={"text": "  a b\u3000\n"}))["text"] == "a b"
    assert understood(probe.post(ECHO, json={"text": " " * 100}))["text"] is None
    assert understood(probe.post(ECHO, json={"text": None}))["text"] is None
    assert understood(probe.post(ECHO, json={"text": " " * 50 + "x" * 10}))["text"] == "x" * 10
    assert understood(probe.post(ECHO, json={"text": "😀" * 10}))["text"] == "😀" * 10


def test_numbers_may_be_written_with_a_point_when_they_are_whole(probe: FlaskClient) -> None:
    assert understood(send(probe, '{"whole": 5.0}'))["whole"] == 5
    assert understood(send(probe, '{"whole": -5}'))["whole"] == -5
    assert understood(send(probe, '{"number": 1e-320}'))["number"] < 1e-300


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05.123456+00:00"),
        ("2026-01-02T03:04:05.5+08:00", "2026-01-01T19:04:05.500000+00:00"),
        ("2026-01-02T03:04:05", "2026-01-02T03:04:05+00:00"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00+00:00"),
        ("2199-12-31T23:59:59Z", "2199-12-31T23:59:59+00:00"),
    ],
)
def test_moments_are_read_in_utc(probe: FlaskClient, sent: str, read: str) -> None:
    assert understood(probe.post(ECHO, json={"moment": sent}))["moment"] == read


# Ids


@pytest.mark.parametrize("malformed", MALFORMED_IDS)
def test_a_malformed_id_is_a_bad_request_wherever_it_stands(probe: FlaskClient, malformed: str) -> None:
    assert invalid_fields(probe.post(ECHO, json={"id": malformed})) == {"id"}
    assert invalid_fields(probe.post(ECHO, json={"ids": [malformed]})) == {"ids.0"}
    assert invalid_fields(probe.get(ECHO, query_string={"id": malformed})) == {"id"}
    assert invalid_fields(probe.get(f"{API}/probe/things/{quote(malformed)}")) == {"thing_id"}


def test_ids_of_any_version_and_case_are_taken(probe: FlaskClient) -> None:
    for given in (
        ID,
        ID.upper(),
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ):
        assert understood(probe.get(f"{API}/probe/things/{given}"))["id"] == given.lower()
        assert understood(probe.post(ECHO, json={"id": given}))["id"] == given.lower()
        assert understood(probe.get(ECHO, query_string={"id": given}))["id"] == given.lower()


def test_bad_ids_come_after_the_credential(probe: FlaskClient, prober: MakePerson) -> None:
    path = "/probe/things/17/poke"
    refused(probe.post(API + path), 401, "401_UNAUTHORIZED", "missing")
    assert invalid_fields(prober("mina").post(path)) == {"thing_id"}


def test_an_id_that_is_any_text_stays_text(probe: FlaskClient) -> None:
    assert understood(probe.get(f"{API}/probe/devices/phone-1"))["id"] == "phone-1"


@pytest.mark.parametrize("path", ["%00", "a%00b"])
def test_a_path_with_nul_is_a_bad_request(probe: FlaskClient, path: str) -> None:
    assert invalid_fields(probe.get(f"{API}/probe/words/{path}")) == {"word"}
    assert invalid_fields(probe.get(f"{API}/probe/things/{path}")) == {"thing_id"}
    assert invalid_fields(probe.get(f"{API}/probe/devices/{path}")) == {"device_id"}


def test_bytes_of_a_path_that_are_no_utf8_break_nothing(probe: FlaskClient) -> None:
    for path in ("%ff", "%ed%a0%80", "%c0%80"):
        assert probe.get(f"{API}/probe/words/{path}").status_code == 200
        assert invalid_fields(probe.get(f"{API}/probe/things/{path}")) == {"thing_id"}


# Queries


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *(
            (f"whole={value}", "whole")
            for value in ("", "x", "1.0", "+1", "-1", "1_0", "%EF%BC%91", "0x1", "1e1", "11")
        ),
        *((f"whole={'9' * digits}", "whole") for digits in (19, 400, 5000)),
        *((f"flag={value}", "flag") for value in ("", "1", "0", "TRUE", "yes")),
        *((f"limit={value}", "limit") for value in ("0", "101", "-1", "ten")),
        *((f"offset={value}", "offset") for value in ("-1", "10001", "1e3")),
        *(("q=%00", "q"), ("q=a%00b", "q"), (f"q={'x' * 11}", "q")),
        *(("cursor=", "cursor"), (f"cursor={'x' * 2001}", "cursor")),
    ],
)
def test_a_query_out_of_its_range_is_refused_by_its_name(probe: FlaskClient, query: str, field: str) -> None:
    assert invalid_fields(probe.get(f"{ECHO}?{query}")) == {field}


def test_bytes_of_a_query_that_are_no_utf8_break_nothing(probe: FlaskClient) -> None:
    for query in (b"q=\xff", b"q=%ff", b"\xff=1", b"q=%ed%a0%80", b"q=\xed\xa0\x80", b"%00=1", b"limit=%ff"):
        answer = probe.get(ECHO, environ_overrides={"QUERY_STRING": query.decode("latin-1")})
        assert answer.status_code in (200, 400), query
        if answer.status_code == 400:
            refused(answer, 400, "400_VALIDATION_FAILED")


def test_ordinary_queries_are_understood(probe: FlaskClient) -> None:
    query = {"q": " a ", "whole": "010", "flag": "false", "id": ID, "limit": "100", "offset": "10000"}
    assert understood(probe.get(ECHO, query_string=query)) == {
        **{"q": "a", "whole": 10, "flag": False, "id": ID, "limit": 100, "offset": 10_000}
    }
    assert understood(probe.get(f"{ECHO}?q=민아&limit=1&limit=2")) == {"q": "민아", "limit": 1}


def test_strange_headers_break_nothing(probe: FlaskClient, runtime: Runtime) -> None:
    for headers in (
        {"User-Agent": "\x80" * 500},
        {"Cookie": "access_token=\xff; ; ="},
        {"Accept": "text/html;q=nonsense"},
        {"If-None-Match": '"' * 300},
        {"If-Modified-Since": "nonsense"},
        {"Range": "bytes=0-1"},
    ):
        assert probe.get(f"{API}/probe/things/{ID}", headers=headers).status_code == 200

"""The OpenAPI document: valid, complete and current."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from kcardswap.commands.openapi import DEFAULT_PATH, document
from tests.openapi_client import document_of
from tests.people import API

METHODS = ("get", "post", "put", "patch", "delete")
CALLERS = ("anon", "user", "admin", "admin or internal", "restricted")


@cache
def spec_of(app: Flask) -> dict[str, Any]:
    """Return the document as ``GET /api/v1/openapi.json`` answers it."""
    answer = app.test_client().get(f"{API}/openapi.json")
    assert answer.status_code == 200
    content: dict[str, Any] = json.loads(answer.get_data())
    return content


@pytest.fixture
def spec(app: Flask) -> dict[str, Any]:
    return spec_of(app)


def operations(spec: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every operation with its method and path."""
    for path, item in spec["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def test_the_document_is_valid_openapi_3_1(spec: dict[str, Any]) -> None:
    assert spec["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(spec).validate()


def test_every_operation_says_what_it_is(spec: dict[str, Any]) -> None:
    for name, operation in operations(spec):
        assert operation.get("summary", "").endswith("."), name
        assert operation.get("x-caller") in CALLERS, name


def test_every_slice_is_described_and_has_operations(spec: dict[str, Any]) -> None:
    described = {tag["name"] for tag in spec["tags"] if tag["description"]}
    assert {tag for _, operation in operations(spec) for tag in operation["tags"]} == described


def test_operation_ids_are_unique(spec: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(spec)]
    assert len(ids) == len(set(ids)) and all(ids)


def test_security_follows_from_the_caller(spec: dict[str, Any]) -> None:
    for name, operation in operations(spec):
        expected: list[Any] = [] if operation["x-caller"] == "anon" else [{"bearer": []}, {"cookie": []}]
        if operation["x-caller"] == "admin or internal":
            expected.append({"internal": []})
        assert operation["security"] == expected, name
    assert set(spec["components"]["securitySchemes"]) == {"bearer", "cookie", "internal"}


def test_every_operation_documents_its_refusals(spec: dict[str, Any]) -> None:
    for name, operation in operations(spec):
        documented = set(operation["responses"])
        if not name.partition(" ")[2].startswith(API) or "/storage/" in name or name.endswith("/v1/health"):
            continue
        expected: set[str] = {"429", "503"}
        if operation["x-caller"] != "anon":
            expected |= {"401", "403"}
        if "{" in name or operation.get("parameters") or "requestBody" in operation:
            expected |= {"400"}
        if "requestBody" in operation:
            expected |= {"413", "415"}
        assert documented >= expected, f"{name} lacks {expected - documented}"
        for status, response in operation["responses"].items():
            assert response.get("description"), f"{name} {status}"
            if status >= "400":
                content = response["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Failure"}
                for example in content["examples"].values():
                    assert example["value"]["error"]["code"].startswith(f"{status}_"), f"{name} {status}"


def test_every_body_has_an_example_that_fits_its_schema(app: Flask, spec: dict[str, Any]) -> None:
    for name, operation in operations(spec):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            continue
        assert content.get("example"), name
        schema = {**content["schema"], "components": document_of(app).content["components"]}
        jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(content["example"])


def test_every_post_of_somebody_signed_in_takes_a_key_unless_it_needs_none(spec: dict[str, Any]) -> None:
    unkeyed = {
        name
        for name, operation in operations(spec)
        if name.startswith("POST ")
        and operation["x-caller"] != "anon"
        and "Idempotency-Key" not in [parameter["name"] for parameter in operation.get("parameters", ())]
    }
    assert unkeyed == {
        f"POST {API}/auth/logout-all",
        f"POST {API}/media/read-urls",
        # The store is asked again each time, which is what a repetition is for.
        f"POST {API}/subscriptions/verify-receipt",
        f"POST {API}/subscriptions/expire-subscriptions",
    }


def test_every_route_is_documented(app: Flask, spec: dict[str, Any]) -> None:
    undocumented = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.replace("<id:", "{").replace("<path:", "{").replace("<", "{").replace(">", "}")
        not in spec["paths"]
    }
    assert undocumented == {f"{API}/docs", f"{API}/docs/assets/<path:name>", f"{API}/openapi.json"}


def test_the_written_document_is_current(app: Flask) -> None:
    with app.app_context():
        current = document()
    assert DEFAULT_PATH.exists() and DEFAULT_PATH.read_text(encoding="utf-8") == current, (
        "docs/openapi.json is not current: run `flask openapi write`"
    )


def test_a_client_that_checks_notices_what_is_not_promised(app: Flask, client: FlaskClient) -> None:
    operation = document_of(app).content["paths"][f"{API}/locations/cities"]["get"]
    kept = operation["responses"].pop("200")
    try:
        with pytest.raises(AssertionError, match="answers 200, but documents"):
            client.get(f"{API}/locations/cities")
    finally:
        operation["responses"]["200"] = kept

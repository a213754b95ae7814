"""A test client that holds every answer against the OpenAPI document.

A status the document doesn't name, a property it doesn't declare or a value of another shape fails the
test that caused the answer.
"""

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import jsonschema_rs
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

ANYWHERE = {404, 405, 429, 500}
"""Statuses of paths and methods that are no operation, and of bugs."""
REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')


class Document:
    """The OpenAPI document of one application, with a validator for each answer it promises."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._validators: dict[tuple[str, str, str], jsonschema_rs.Draft202012Validator | None] = {}

    @cached_property
    def content(self) -> Mapping[str, Any]:
        """The document, with every object it declares closed to further properties."""
        document = self._app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
        closed: Mapping[str, Any] = closed_objects(document)
        return closed

    def check(self, answer: TestResponse) -> None:
        """Assert that the document promises ``answer``."""
        method, path = answer.request.method, answer.request.path
        operation = self._operation(path, "GET" if method == "HEAD" else method)
        if method == "OPTIONS":
            return
        if operation is None:
            assert answer.status_code < 400 or answer.status_code in ANYWHERE, (
                f"{method} {path}: {answer.status}"
            )
            return
        if answer.status_code == 500:
            return
        template, name = operation
        status = str(answer.status_code)
        promised = self.content["paths"][template][name]["responses"]
        assert status in promised, f"{name} {template} answers {status}, but documents {sorted(promised)}"
        types = promised[status].get("content")
        assert not types or answer.mimetype in types, f"{name} {template} {status}: {answer.mimetype}"
        if method != "HEAD" and answer.mimetype == "application/json":
            self._check_body(template, name, status, answer)

    def _operation(self, path: str, method: str) -> tuple[str, str] | None:
        try:
            rule, _ = self._app.url_map.bind("localhost").match(path, method, return_rule=True)
        except HTTPException:
            return None
        template = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        found = template in self.content["paths"] and method.lower() in self.content["paths"][template]
        return (template, method.lower()) if found else None

    def _check_body(self, template: str, name: str, status: str, answer: TestResponse) -> None:
        key = (template, name, status)
        if key not in self._validators:
            self._validators[key] = self._validator(*key)
        validator = self._validators[key]
        assert validator is not None, f"{name} {template} {status} documents no body, but has one"
        defects = [
            f"{error.instance_path}: {error.message}" for error in validator.iter_errors(answer.get_json())
        ]
        assert not defects, f"{name} {template} {status}: {defects}"

    def _validator(self, template: str, name: str, status: str) -> jsonschema_rs.Draft202012Validator | None:
        content = self.content["paths"][template][name]["responses"][status].get("content", {})
        if "application/json" not in content:
            return None
        schema = content["application/json"]["schema"]
        named = self._schemas_named_in(schema)
        schema = {**schema, "components": {"schemas": named}}
        return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)

    def _schemas_named_in(self, part: Any) -> Mapping[str, Any]:
        """Return the schemas a part of the document refers to, directly or not, by name.

        Each validator reads all it is given: with every schema of the document it would take long.
        """
        schemas, named = self.content["components"]["schemas"], dict[str, Any]()
        pending = [part]
        while pending:
            for name in REFERENCE.findall(json.dumps(pending.pop())):
                if name not in named:
                    named[name] = schemas[name]
                    pending.append(schemas[name])
        return named


def closed_objects(part: Any) -> Any:
    """Return a copy of a part of the document in which declared objects have no further properties."""
    if isinstance(part, list):
        return [closed_objects(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    copy = {str(name): closed_objects(inner) for name, inner in part.items()}
    if isinstance(part.get("properties"), dict) and "type" in part:
        copy.setdefault("additionalProperties", False)
    return copy


_documents: WeakKeyDictionary[Flask, Document] = WeakKeyDictionary()


def document_of(app: Flask) -> Document:
    """Return the document of ``app``, read once."""
    if app not in _documents:
        _documents[app] = Document(app)
    return _documents[app]


class CheckedClient(FlaskClient):
    """A client that accepts only what the document promises."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request and hold its answer against the document."""
        answer = super().open(*args, **kwargs)
        document_of(self.application).check(answer)
        return answer

"""The project's blueprint: one decorator declares an operation, its guards and its documentation."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from typing import Any, NamedTuple

import flask_smorest
from flask import Response
from marshmallow import Schema as MarshmallowSchema
from marshmallow import fields

from kcardswap.api.auth import ADMIN, ADMIN_OR_INTERNAL, ANYBODY, JSON, RESTRICTED, SIGNED_IN, Access
from kcardswap.api.caching import Cache, with_etag
from kcardswap.api.csv_files import CSV, wants_csv
from kcardswap.api.envelope import Answer
from kcardswap.api.envelope import success as in_envelope
from kcardswap.api.forms import MULTIPART
from kcardswap.api.operation_docs import CSV_DOCS, Taken, body_docs, document_refusals, security_of
from kcardswap.api.pagination import MetaSchema
from kcardswap.api.parser import RequestParser
from kcardswap.api.requests import guarded
from kcardswap.api.schemas.base import Form, Schema
from kcardswap.domain.errors import Refusal

__all__ = ["ADMIN", "ADMIN_OR_INTERNAL", "ANYBODY", "RESTRICTED", "SIGNED_IN", "Blueprint"]


class Success(NamedTuple):
    """What an operation answers when it worked."""

    answer: type[Schema] | None
    many: bool
    status: int
    cache: Cache | None
    csv: Callable[..., Response] | None


class Blueprint(flask_smorest.Blueprint):
    """A blueprint whose views are declared with ``operation``."""

    ARGUMENTS_PARSER = RequestParser()

    def __init__(self, name: str, import_name: str, *, slice: str | None = None, **options: Any) -> None:
        """Make a blueprint whose operations the document lists under ``slice``, or under its own name."""
        super().__init__(name, import_name, **options)
        self.slice = slice or name

    def add_url_rule(self, *args: Any, **options: Any) -> None:
        """Take a route as every blueprint does, documented as part of the slice."""
        super().add_url_rule(*args, **{"tags": [self.slice], **options})

    def operation(
        self,
        method: str,
        rule: str,
        *,
        caller: Access,
        body: type[Schema] | None = None,
        query: type[Schema] | None = None,
        answer: type[Schema] | None = None,
        many: bool = False,
        status: int = 200,
        refuses: Sequence[type[Refusal]] = (),
        limit: str | None = None,
        keyed: bool = True,
        cache: Cache | None = None,
        csv: Callable[..., Response] | None = None,
        docs: Mapping[str, Any] | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
        """Declare one operation of the API.

        :param caller: who may call it.
        :param body: schema of the JSON body, or of a multipart ``Form``; the view gets it parsed as ``body``.
        :param query: schema of the query; the view gets it parsed as ``query``.
        :param answer: schema of ``data``; None answers no body (204).
        :param many: ``data`` is an array of ``answer``.
        :param refuses: the refusals callers can meet beyond those every operation has.
        :param limit: a rate limit beside the general ones.
        :param keyed: whether POST by a signed-in caller takes an Idempotency-Key.
        :param cache: answer with an ETag, cacheable by everybody or by the caller alone.
        :param csv: called instead of the view, with the same arguments, for callers who want text/csv.
        """
        success = Success(answer, many, status, cache, csv)
        takes_key = keyed and method == "POST" and caller is not ANYBODY

        def declare(view: Callable[..., Any]) -> Callable[..., Response]:
            endpoint = self._taking(_enveloped(view, success), query, body)
            endpoint = self._answering(endpoint, success)
            takes = Taken(key=takes_key, input=bool(body or query or "<" in rule), body=method != "GET")
            endpoint = document_refusals(endpoint, self, refuses, caller=caller, takes=takes)
            reads = MULTIPART if _is_form(body) else JSON
            endpoint = guarded(endpoint, access=caller, limit=limit, keyed=takes_key, content_type=reads)
            documented = self.doc(operationId=view.__name__, **security_of(caller), **(docs or {}))
            self.add_url_rule(rule, view.__name__, documented(endpoint), methods=[method])
            return endpoint

        return declare

    def _taking(
        self, view: Callable[..., Any], query: type[Schema] | None, body: type[Schema] | None
    ) -> Callable[..., Any]:
        """Return ``view`` with its query and body parsed and documented."""
        if query is not None:
            view = self.arguments(query, location="query", arg_name="query")(view)
        if body is not None:
            location = "files" if _is_form(body) else "json"
            view = self.arguments(body, location=location, arg_name="body", **body_docs(body))(view)
        return view

    def _answering(self, view: Callable[..., Any], success: Success) -> Callable[..., Any]:
        """Return ``view`` with what it answers documented."""
        schema = None if success.answer is None else envelope_of(success.answer, success.many)
        view = self.alt_response(success.status, schema=schema, success=True)(view)
        if success.cache is not None:
            view = self.alt_response(304, description="Unchanged; see `If-None-Match`.")(view)
        if success.csv is not None:
            view = self.doc(responses={success.status: {"content": {CSV: CSV_DOCS}}})(view)
        return view


def _is_form(body: type[Schema] | None) -> bool:
    return body is not None and issubclass(body, Form)


def _enveloped(view: Callable[..., Any], success: Success) -> Callable[..., Response]:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        as_csv = success.csv is not None and wants_csv()
        result = success.csv(*args, **kwargs) if success.csv and as_csv else view(*args, **kwargs)
        response = result if isinstance(result, Response) else _in_envelope(result, success)
        if success.csv is not None:
            response.vary.add("Accept")
        return response

    return wrapper


def _in_envelope(result: Any, success: Success) -> Response:
    given = result if isinstance(result, Answer) else Answer(result)
    code = given.status or success.status
    if success.answer is None:
        response = Response(status=code)
        response.content_type = ""
        del response.headers["Content-Type"]
    else:
        response = in_envelope(success.answer(many=success.many).dump(given.data), given.meta, code)
    response.headers.update(given.headers or {})
    return response if success.cache is None else with_etag(response, success.cache)


@cache
def envelope_of(answer: type[Schema], many: bool) -> type[MarshmallowSchema]:
    """Return the schema of the whole body around ``answer``, for the documentation."""
    name = answer.__name__.removesuffix("Schema") + ("Array" if many else "")
    data: Any = (
        fields.List(fields.Nested(answer), required=True) if many else fields.Nested(answer, required=True)
    )
    return type(
        f"{name}EnvelopeSchema",
        (Schema,),
        {
            "data": data,
            "meta": fields.Nested(MetaSchema, required=True, allow_none=True),
            "error": fields.Raw(required=True, metadata={"type": "null"}),
        },
    )

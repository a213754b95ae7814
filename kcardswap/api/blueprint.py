"""The project's blueprint: one decorator declares an operation, its guards and its documentation."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from typing import Any

import flask_smorest
from flask import Response
from marshmallow import Schema as MarshmallowSchema
from marshmallow import fields

from kcardswap.api.auth import ADMIN, ANYBODY, SIGNED_IN, Access
from kcardswap.api.caching import Cache, with_etag
from kcardswap.api.envelope import Answer, success
from kcardswap.api.operation_docs import body_docs, document_refusals, security_of
from kcardswap.api.pagination import MetaSchema
from kcardswap.api.parser import RequestParser
from kcardswap.api.requests import guarded
from kcardswap.api.schemas.base import Schema
from kcardswap.domain.errors import Refusal

__all__ = ["ADMIN", "ANYBODY", "SIGNED_IN", "Blueprint"]


class Blueprint(flask_smorest.Blueprint):
    """A blueprint whose views are declared with ``operation``."""

    ARGUMENTS_PARSER = RequestParser()

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
        docs: Mapping[str, Any] | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
        """Declare one operation of the API.

        :param caller: who may call it.
        :param body: schema of the JSON body; the view gets it parsed as ``body``.
        :param query: schema of the query; the view gets it parsed as ``query``.
        :param answer: schema of ``data``; None answers no body (204).
        :param many: ``data`` is an array of ``answer``.
        :param refuses: the refusals callers can meet beyond those every operation has.
        :param limit: a rate limit beside the general ones.
        :param keyed: whether POST by a signed-in caller takes an Idempotency-Key.
        :param cache: answer with an ETag, cacheable by everybody or by the caller alone.
        """
        takes_key = keyed and method == "POST" and caller is not ANYBODY

        def declare(view: Callable[..., Any]) -> Callable[..., Response]:
            carried_out = _enveloped(view, answer, many=many, status=status, cache=cache)
            carried_out = self._taking(carried_out, query, body)
            schema = None if answer is None else envelope_of(answer, many)
            carried_out = self._answering(carried_out, schema, status, cacheable=cache is not None)
            carried_out = document_refusals(
                carried_out,
                self,
                refuses,
                caller=caller,
                takes_key=takes_key,
                takes_input=bool(body or query or "<" in rule),
                # A write without a body of its own still refuses one that is none.
                takes_body=method != "GET",
            )
            endpoint: Callable[..., Response] = guarded(
                carried_out, access=caller, limit=limit, keyed=takes_key
            )
            documented = self.doc(operationId=view.__name__, **security_of(caller), **(docs or {}))
            endpoint = documented(endpoint)
            self.add_url_rule(rule, view.__name__, endpoint, methods=[method])
            return endpoint

        return declare

    def _taking(
        self, view: Callable[..., Any], query: type[Schema] | None, body: type[Schema] | None
    ) -> Callable[..., Any]:
        """Return ``view`` with its query and body parsed and documented."""
        if query is not None:
            view = self.arguments(query, location="query", arg_name="query")(view)
        if body is not None:
            view = self.arguments(body, location="json", arg_name="body", **body_docs(body))(view)
        return view

    def _answering(
        self,
        view: Callable[..., Any],
        schema: type[MarshmallowSchema] | None,
        status: int,
        *,
        cacheable: bool,
    ) -> Callable[..., Any]:
        """Return ``view`` with what it answers documented."""
        view = self.alt_response(status, schema=schema, success=True)(view)
        if cacheable:
            view = self.alt_response(304, description="Unchanged; see `If-None-Match`.")(view)
        return view


def _enveloped(
    view: Callable[..., Any], answer: type[Schema] | None, *, many: bool, status: int, cache: Cache | None
) -> Callable[..., Response]:
    schema = None if answer is None else answer(many=many)

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        result = view(*args, **kwargs)
        if isinstance(result, Response):
            return result
        given = result if isinstance(result, Answer) else Answer(result)
        code = given.status or status
        if schema is None:
            response = Response(status=code)
            response.content_type = ""
            del response.headers["Content-Type"]
        else:
            response = success(schema.dump(given.data), given.meta, code)
        response.headers.update(given.headers or {})
        if cache is not None:
            response = with_etag(response, cache)
        return response

    return wrapper


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

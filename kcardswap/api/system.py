"""What operators, load balancers and curious people ask first: who is there, and is it well.

None of these is rate limited: a load balancer that is refused takes the server out of service.
"""

from collections.abc import Callable
from typing import Any

from flask import Response, jsonify
from marshmallow import Schema

from kcardswap import __version__
from kcardswap.api.blueprint import ANYBODY, Blueprint, envelope_of
from kcardswap.api.context import runtime
from kcardswap.api.envelope import success
from kcardswap.api.operation_docs import FailureSchema, security_of
from kcardswap.api.schemas.system import HealthSchema, LivenessSchema, ReadinessSchema, RootSchema
from kcardswap.domain.errors import Unavailable

View = Callable[[], Response]

blp = Blueprint("system", __name__, description="Health of the server.")
root = Blueprint("root", __name__, slice="system")
"""Bare bodies; registered without the prefix of the API."""

OK = "ok"


def _question(
    blueprint: Blueprint, rule: str, *, answer: type[Schema], failure: type[Schema] | None = None
) -> Callable[[View], View]:
    """Declare a GET that anybody may ask at any rate; ``failure`` is the schema of its 503."""

    def declare(view: View) -> View:
        documented: Any = blueprint.alt_response(200, schema=answer, success=True)(view)
        if failure is not None:
            documented = blueprint.alt_response(503, schema=failure, description="Not well.")(documented)
        documented = blueprint.doc(operationId=view.__name__, **security_of(ANYBODY))(documented)
        blueprint.add_url_rule(rule, view.__name__, documented, methods=["GET"])
        return view

    return declare


def _bare(body: dict[str, Any], *, well: bool = True) -> Response:
    answer = jsonify(body)
    if not well:
        answer.status_code = 503
        answer.headers["Retry-After"] = "1"
    return answer


def _health(status: str) -> dict[str, Any]:
    return {"status": status, "service": "kcardswap", "version": __version__}


@_question(root, "/", answer=RootSchema)
def show_root() -> Response:
    """Say what answers here and where its documentation is."""
    return _bare({"message": "kcardswap API", "version": __version__, "docs": "/api/v1/docs"})


@_question(root, "/health", answer=HealthSchema, failure=HealthSchema)
def show_server_health() -> Response:
    """Tell whether the database can be reached."""
    well = runtime().readiness.database_answers()
    return _bare(_health("healthy" if well else "unhealthy"), well=well)


@_question(root, "/livez", answer=LivenessSchema)
def show_liveness() -> Response:
    """Tell that the process answers; touches nothing else."""
    return _bare({"status": "ok"})


@_question(root, "/readyz", answer=ReadinessSchema, failure=ReadinessSchema)
def show_readiness() -> Response:
    """Tell whether to send requests here, and what speaks against it."""
    checks = runtime().readiness.checks()
    well = all(found == OK for found in checks.values())
    return _bare({"status": "ready" if well else "unready", "checks": dict(checks)}, well=well)


@_question(blp, "/health", answer=envelope_of(HealthSchema, False), failure=FailureSchema)
def show_health() -> Response:
    """Tell whether the database can be reached, in the envelope.

    :raises Unavailable: it does not answer.
    """
    if not runtime().readiness.database_answers():
        raise Unavailable("database")
    return success(_health("healthy"), None, 200)

"""The OpenAPI document and its interactive page, both served by ourselves."""

from importlib.resources import files

import flask_smorest
from flask import Flask, Response, request
from werkzeug.exceptions import NotFound

from kcardswap import __version__
from kcardswap.api import BLUEPRINTS, ROOT_BLUEPRINTS
from kcardswap.api.errors import register_error_handlers
from kcardswap.api.requests import IdConverter

PREFIX = "/api/v1"
ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
"""The files the page needs, each with its type; whatever the package brings besides stays here."""

DESCRIPTION = """\
Swap photocards: keep a binder, make friends, agree on a swap, confirm it.

**Signing in.** `POST /auth/google-login` with a Google ID token; in development
`GET /dev/identity-token?email=...` makes one for anybody. Send the access token as
`Authorization: Bearer ...`, or let the cookies of the sign-in do it.

**Bodies.** Success is `{"data", "meta", "error": null}`, a refusal is
`{"data": null, "meta": null, "error": {"code", "message", "details"}}`.
Programs read `code` and `details.reason`; `message` is prose.
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>kcardswap API</title>
  <link rel="icon" href="docs/assets/favicon-32x32.png">
  <link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="docs/assets/swagger-ui-bundle.js"></script>
  <script>
    SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true,
                     persistAuthorization: true, validatorUrl: null});
  </script>
</body>
</html>
"""


class Api(flask_smorest.Api):
    """flask-smorest without its error handlers: ours answer in the envelope."""

    def _register_error_handlers(self) -> None:
        register_error_handlers(self._app)

    def _register_responses(self) -> None:
        """Leave out the library's default responses: every operation documents its own refusals."""


def init_documents(app: Flask) -> Api:
    """Register every blueprint of ``app`` and serve the document that describes them."""
    app.url_map.converters["id"] = IdConverter
    # Every path has one spelling; the others are unknown instead of redirected.
    app.url_map.merge_slashes = False
    app.config.update(
        API_TITLE="kcardswap",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {"description": DESCRIPTION, "license": {"name": "MIT", "identifier": "MIT"}},
            "servers": [{"url": "/"}],
        },
    )
    api = Api(app)
    api.DEFAULT_ERROR_RESPONSE_NAME = None
    api.register_converter(IdConverter, lambda converter: {"type": "string", "format": "uuid"})
    schemes = api.spec.components
    schemes.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    schemes.security_scheme("cookie", {"type": "apiKey", "in": "cookie", "name": "access_token"})
    schemes.security_scheme("internal", {"type": "apiKey", "in": "header", "name": "X-Internal-Token"})
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint, url_prefix=PREFIX)
    for blueprint in ROOT_BLUEPRINTS:
        api.register_blueprint(blueprint)
    slices = {blueprint.slice for blueprint in (*BLUEPRINTS, *ROOT_BLUEPRINTS)}
    # One tag for every blueprint is added by itself; those that are part of another slice have no operations.
    api.spec._tags = [tag for tag in api.spec._tags if tag["name"] in slices]
    app.add_url_rule(f"{PREFIX}/docs", "docs", lambda: PAGE)
    app.add_url_rule(f"{PREFIX}/docs/assets/<path:name>", "docs_asset", _asset)
    return api


def _asset(name: str) -> Response:
    if name not in ASSETS:
        raise NotFound()
    content = (files("flask_swagger_ui") / "dist" / name).read_bytes()
    answer = Response(content, mimetype=ASSETS[name])
    answer.headers["Cache-Control"] = "public, max-age=86400"
    answer.add_etag()
    answer.make_conditional(request)
    return answer

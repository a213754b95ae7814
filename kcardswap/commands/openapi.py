"""flask openapi: the document app developers read."""

import json
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

DEFAULT_PATH = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def document() -> str:
    """Return the OpenAPI document of the running application as it is kept in ``docs/openapi.json``."""
    api = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    return json.dumps(api.spec.to_dict(), indent=2, ensure_ascii=False) + "\n"


@click.group("openapi")
def openapi_commands() -> None:
    """Write and print the OpenAPI document."""


@openapi_commands.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default=DEFAULT_PATH)
@with_appcontext
def write(path: Path) -> None:
    """Write the document to PATH (default: docs/openapi.json)."""
    path.write_text(document(), encoding="utf-8")
    click.echo(f"Wrote {path}.")


@openapi_commands.command("print")
@with_appcontext
def print_document() -> None:
    """Print the document."""
    click.echo(document(), nl=False)

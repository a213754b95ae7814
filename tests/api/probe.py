"""Operations only the tests have: they crash, echo, write and wait on demand."""

import threading
from functools import cache
from typing import Any
from uuid import UUID

from flask import Flask
from marshmallow import fields, validate
from sqlalchemy import Connection, Date, cast, func, insert, select

from kcardswap.api.blueprint import ADMIN, ANYBODY, SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import collection_of, page_answer, page_request
from kcardswap.api.schemas.base import (
    CursorPageQuery,
    File,
    Flag,
    Form,
    Id,
    Moment,
    PageQuery,
    QueryFlag,
    QueryWhole,
    Schema,
    Text,
    Whole,
    many,
)
from kcardswap.app import create_app
from kcardswap.domain.errors import SelfTarget, Unavailable, WriteConflict
from kcardswap.persistence.orm.outbox import processed_events
from kcardswap.queries.keyset import Page, PageRequest, SortKey, fetch_page
from kcardswap.runtime import Runtime
from kcardswap.settings import Settings
from tests.openapi_client import CheckedClient

CONSUMER = "probe"

blp = Blueprint("probe", __name__, description="Operations only the tests have.")


class Inner(Schema):
    """A part of the body."""

    name = Text(max=10, required=True)


class EchoBody(Schema):
    """One field of every kind."""

    text = Text(max=10)
    wanted = Text(max=10, load_default="there")
    id = Id()
    ids = many(Id, min=1, max=3)
    whole = Whole(min=-5, max=10)
    number = fields.Float(validate=validate.Range(min=-1, max=1))
    flag = Flag()
    moment = Moment()
    inner = fields.Nested(Inner)
    anything = fields.Raw(allow_none=True)


class EchoQuery(CursorPageQuery):
    """One parameter of every kind."""

    q = Text(max=10)
    whole = QueryWhole(min=0, max=10)
    flag = QueryFlag()
    id = Id()


class AnySchema(Schema):
    """Whatever was understood."""

    understood = fields.Dict(required=True)


class NoteBody(Schema):
    """What writing a note should meet."""

    text = Text(max=50, required=True)
    refuse = Flag(load_default=False)


class NoteSchema(Schema):
    """A note that was written."""

    id = Id(required=True)
    text = fields.String(required=True)


class Pause:
    """Holds a request between its effect and its answer until a test lets it go."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def hold(self) -> None:
        """Say that the request got here, and wait."""
        self.reached.set()
        assert self.go_on.wait(20)


PAUSES: dict[str, Pause] = {}
"""Where requests wait, by the text of the note they write."""

CONFLICTS: dict[str, int] = {}
"""How many more times writing a note meets a write conflict, by its text."""


@blp.operation("POST", "/probe/echo", caller=ANYBODY, body=EchoBody, answer=AnySchema)
def echo_body(body: dict[str, Any]) -> dict[str, Any]:
    """Say what was understood of a body."""
    return {"understood": {key: _plain(value) for key, value in body.items()}}


@blp.operation("GET", "/probe/echo", caller=ANYBODY, query=EchoQuery, answer=AnySchema)
def echo_query(query: dict[str, Any]) -> dict[str, Any]:
    """Say what was understood of a query."""
    return {"understood": {key: _plain(value) for key, value in query.items()}}


@blp.operation("GET", "/probe/things/<id:thing_id>", caller=ANYBODY, answer=AnySchema, cache="public")
def show_thing(thing_id: UUID) -> dict[str, Any]:
    """Say which id was understood."""
    return {"understood": {"id": str(thing_id)}}


@blp.operation("GET", "/probe/words/<word>", caller=ANYBODY, answer=AnySchema)
def show_word(word: str) -> dict[str, Any]:
    """Say which word was understood."""
    return {"understood": {"word": word}}


@blp.operation("GET", "/probe/devices/<device_id>", caller=ANYBODY, answer=AnySchema)
def show_device(device_id: str) -> dict[str, Any]:
    """Take an id that is any text."""
    return {"understood": {"id": device_id}}


@blp.operation("GET", "/probe/crash", caller=ANYBODY, answer=AnySchema)
def crash() -> None:
    """Break."""
    secret = "canary-local"
    raise RuntimeError(f"canary-message {secret}")


@blp.operation("GET", "/probe/outage", caller=ANYBODY, answer=AnySchema)
def outage() -> None:
    """Meet a database that is away."""
    raise Unavailable("database")


@blp.operation("GET", "/probe/mine", caller=SIGNED_IN, answer=AnySchema)
def show_mine() -> dict[str, Any]:
    """Say who is calling."""
    return {"understood": {"user_id": str(caller().user_id), "role": caller().role}}


@blp.operation("GET", "/probe/admin", caller=ADMIN, answer=AnySchema)
def show_admin() -> dict[str, Any]:
    """Say which administrator is calling."""
    return {"understood": {"role": caller().role}}


@blp.operation(
    "POST",
    "/probe/notes",
    caller=SIGNED_IN,
    body=NoteBody,
    answer=NoteSchema,
    status=201,
    refuses=(SelfTarget,),
)
def write_note(body: dict[str, Any]) -> dict[str, Any]:
    """Write a row, then refuse, wait or answer."""
    text = body["text"]
    note_id = _write()
    if CONFLICTS.get(text, 0):
        CONFLICTS[text] -= 1
        raise WriteConflict()
    if body["refuse"]:
        raise SelfTarget()
    if text in PAUSES:
        PAUSES[text].hold()
    return {"id": note_id, "text": text}


class NoteForm(Form):
    """A note and the file it comes in."""

    file = File(required=True)
    loud = QueryFlag(load_default=False)


@blp.operation("POST", "/probe/forms", caller=SIGNED_IN, body=NoteForm, answer=NoteSchema, status=201)
def write_form(body: dict[str, Any]) -> dict[str, Any]:
    """Write a row and say how long the file is, and whether it is loud."""
    return {"id": _write(), "text": f"{len(body['file'])} {body['loud']}"}


@blp.operation("POST", "/probe/things/<id:thing_id>/poke", caller=SIGNED_IN, status=204)
def poke_thing(thing_id: UUID) -> None:
    """Write a row and answer without a body."""
    _write()


@blp.operation("POST", "/probe/unkeyed", caller=SIGNED_IN, answer=NoteSchema, keyed=False)
def write_unkeyed() -> dict[str, Any]:
    """Write a row; a key makes no difference."""
    return {"id": _write(), "text": ""}


class NotesQuery(CursorPageQuery):
    """A page of notes, with a filter that lets all of them through."""

    filter = Text(max=10)


@blp.operation(
    "GET", "/probe/notes", caller=ANYBODY, query=NotesQuery, answer=collection_of("notes", NoteSchema)
)
def list_notes(query: dict[str, Any]) -> Answer:
    """List what was written, newest first."""
    return page_answer("notes", read(_notes, page=page_request(query)), query, cursors=True)


@blp.operation(
    "GET", "/probe/my-notes", caller=SIGNED_IN, query=NotesQuery, answer=collection_of("notes", NoteSchema)
)
def list_my_notes(query: dict[str, Any]) -> Answer:
    """List the same to somebody."""
    return page_answer("notes", read(_notes, page=page_request(query)), query, cursors=True)


@blp.operation("GET", "/probe/bare-notes", caller=ANYBODY, query=PageQuery, answer=NoteSchema, many=True)
def list_bare_notes(query: dict[str, Any]) -> Answer:
    """List the same as a bare array."""
    return page_answer(None, read(_notes, page=page_request(query)), query)


def _notes(connection: Connection, *, page: PageRequest) -> Page[dict[str, Any]]:
    # All at the same moment and on the same day, so that only the id tells them apart.
    columns = processed_events.c
    return fetch_page(
        connection,
        select(columns.event_id).where(columns.consumer == CONSUMER),
        sort=(
            SortKey(columns.processed_at, descending=True),
            SortKey(cast(columns.processed_at, Date)),
            SortKey(columns.event_id),
        ),
        page=page,
        make_row=lambda note_id: {"id": note_id, "text": ""},
    )


@blp.operation("PUT", "/probe/notes", caller=SIGNED_IN, body=NoteBody, answer=NoteSchema)
def put_note(body: dict[str, Any]) -> Answer:
    """Write a row by PUT."""
    return Answer({"id": _write(), "text": body["text"]})


def _write() -> UUID:
    uow = unit_of_work()
    with uow:
        note_id = uow.new_id()
        uow.session.execute(
            insert(processed_events).values(consumer=CONSUMER, event_id=note_id, processed_at=uow.clock.now())
        )
        uow.commit()
    return note_id


def _plain(value: Any) -> Any:
    return (
        str(value) if isinstance(value, UUID) else value.isoformat() if hasattr(value, "isoformat") else value
    )


def notes_written(runtime: Runtime) -> int:
    """Return how many times a note was written and stayed."""
    with runtime.database.reader() as connection:
        count = select(func.count()).where(processed_events.c.consumer == CONSUMER)
        return int(connection.scalar(count) or 0)


@cache
def probed_app(settings: Settings) -> Flask:
    """Return the application of ``settings`` with the operations above below /api/v1."""
    app = create_app(settings)
    app.testing = False
    app.test_client_class = CheckedClient
    api = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    api.register_blueprint(blp, url_prefix="/api/v1")
    return app

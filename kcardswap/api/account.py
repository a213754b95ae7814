"""The caller's own account: everything stored about them, and leaving for good."""

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from flask import Response

from kcardswap.api.accounts import without_cookies
from kcardswap.api.blueprint import RESTRICTED, Blueprint
from kcardswap.api.context import caller, runtime, unit_of_work
from kcardswap.api.envelope import success
from kcardswap.api.files import file_answer, offer_download
from kcardswap.api.schemas.account import (
    DeleteAccountBody,
    DeletionSchema,
    ExportFormat,
    ExportQuery,
    ExportSchema,
)
from kcardswap.api.schemas.base import to_json_time
from kcardswap.domain.accounts import AdminAccount
from kcardswap.domain.media import MediaStatus
from kcardswap.queries.account_exports import EXPORTED_TABLES, rows_of
from kcardswap.services import accounts

ZIP = "application/zip"
README = """Everything kcardswap stores about you, as of {exported_at}.

One file per table; each holds a list of rows, and a row has a member per column. Ids are the same in all
files, so that rows can be put together: the card_id of trade_items.json is the id of a card in cards.json.
Pictures are in media_assets.json: the url of each works until {links_end_at}.

Left out are passwords and other secrets, which are stored in a form nobody can read, and what belongs to
other people, such as the messages they wrote to you.
"""
blp = Blueprint("account", __name__, slice="accounts")


@blp.operation(
    "DELETE",
    "/account",
    caller=RESTRICTED,
    body=DeleteAccountBody,
    answer=DeletionSchema,
    status=202,
    refuses=(AdminAccount,),
)
def delete_account(body: dict[str, Any]) -> Response:
    """Delete the caller's account for good; what they left behind is erased later."""
    deletion = accounts.delete_account(
        unit_of_work(),
        runtime().sign_in_policy,
        user_id=caller().user_id,
        erase_after=runtime().settings.account_erasure_after,
    )
    return without_cookies(success(DeletionSchema().dump(deletion), None, 202))


@blp.operation(
    "GET",
    "/account/export",
    caller=RESTRICTED,
    query=ExportQuery,
    answer=ExportSchema,
    limit="account_exports",
    docs={
        "responses": {200: {"content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}}},
    },
)
def export_account(query: dict[str, Any]) -> Response:
    """Get every row about the caller in every table, and links to their pictures."""
    if query["format"] is ExportFormat.ZIP:
        answer = offer_download(file_answer(_write_zip, mimetype=ZIP), "account", "zip")
    else:
        answer = file_answer(_write_json, mimetype="application/json")
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _write_zip(file: IO[bytes]) -> None:
    now = runtime().clock.now()
    with (
        ZipFile(file, "w", ZIP_DEFLATED) as packed,
        runtime().database.snapshot() as connection,
    ):
        packed.writestr(
            "README.txt",
            README.format(
                exported_at=to_json_time(now),
                links_end_at=to_json_time(now + runtime().settings.export_url_lifetime),
            ),
        )
        for table in EXPORTED_TABLES:
            with packed.open(f"{table}.json", "w") as entry:
                _write_rows(
                    entry, _with_links(rows_of(connection, table=table, user_id=caller().user_id), now)
                )


def _write_json(file: IO[bytes]) -> None:
    now = runtime().clock.now()
    file.write(f'{{"data": {{"exported_at": "{to_json_time(now)}", "tables": {{'.encode())
    with runtime().database.snapshot() as connection:
        for number, table in enumerate(EXPORTED_TABLES):
            file.write(f'{", " if number else ""}"{table}": '.encode())
            _write_rows(file, _with_links(rows_of(connection, table=table, user_id=caller().user_id), now))
    file.write(b'}}, "meta": null, "error": null}')


def _with_links(rows: Iterator[Mapping[str, Any]], now: datetime) -> Iterator[Mapping[str, Any]]:
    """Yield the rows, those of pictures with a link in place of the key of its object."""
    for row in rows:
        yield _with_link(row, now) if "object_key" in row else row


def _with_link(row: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    rest = {name: value for name, value in row.items() if name != "object_key"}
    if row["status"] not in (MediaStatus.CONFIRMED, MediaStatus.ATTACHED):
        return {**rest, "url": None}
    lifetime = runtime().settings.export_url_lifetime
    return {**rest, "url": runtime().storage.read_url(row["object_key"], now=now, lifetime=lifetime)}


def _write_rows(file: IO[bytes], rows: Iterator[Mapping[str, Any]]) -> None:
    """Write a JSON list, row by row: accounts may be larger than the memory."""
    file.write(b"[")
    for number, row in enumerate(rows):
        text = json.dumps(row, default=_plain, ensure_ascii=False)
        file.write((",\n" if number else "\n").encode() + text.encode())
    file.write(b"\n]")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return to_json_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"no JSON for {type(value).__name__}")

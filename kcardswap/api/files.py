"""Answers that are files, made completely before their first byte leaves."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import IO

from flask import Response

from kcardswap.api.context import runtime

MEMORY_BYTES = 512 * 1024
CHUNK_BYTES = 64 * 1024


def file_answer(fill: Callable[[IO[bytes]], object], *, mimetype: str) -> Response:
    """Answer what ``fill`` writes.

    The file is complete before the first byte leaves, so a failure still is a refusal and nobody's slow
    connection holds the database; beyond half a megabyte it waits on the disk.
    """
    with ExitStack() as stack:
        file = stack.enter_context(SpooledTemporaryFile(max_size=MEMORY_BYTES))
        fill(file)
        length = file.tell()
        # From here on the answer closes it.
        stack.pop_all()
    answer = Response(_chunks(file), mimetype=mimetype)
    answer.call_on_close(file.close)
    answer.content_length = length
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def offer_download(answer: Response, name: str, extension: str) -> Response:
    """Let browsers save ``answer`` under a name with today's date."""
    today = runtime().quota_calendar.day(runtime().clock.now()).start
    answer.headers["Content-Disposition"] = f'attachment; filename="kcardswap-{name}-{today}.{extension}"'
    return answer


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk

"""Pictures on the local disk, behind URLs only we can sign."""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlencode

from kcardswap.domain.errors import PayloadTooLarge
from kcardswap.domain.media import ObjectNotFound, SignatureExpired, SignatureInvalid, StorageUnavailable

KEY = re.compile(
    r"(?:[A-Za-z0-9_-]{1,80}/){0,5}[A-Za-z0-9_-]{1,80}\.[a-z0-9]{1,8}(?:\.[0-9a-f]{16})?", re.ASCII
)
"""A path of plain names; with 16 more digits a draft, which stays behind when a process is killed."""
CHUNK_BYTES = 64 * 1024
UPLOADS, OBJECTS = "uploads", "objects"


class LocalStorage:
    """Objects as files: below ``uploads/`` what clients sent, below ``objects/`` what is shown.

    Files appear whole or not at all: they are written aside, flushed to the disk and renamed.
    """

    def __init__(self, root: Path, *, signing_key: str, base_url: str, read_window: timedelta) -> None:
        """Keep files below ``root``; URLs start with ``base_url`` and show for one to two ``read_window``."""
        self._root = root
        self._signing_key = signing_key.encode()
        self._base_url = base_url
        self._window_seconds = int(read_window.total_seconds())

    def upload_url(self, key: str, *, content_type: str, max_bytes: int, expires_at: datetime) -> str:
        """Return a URL that takes one PUT of at most ``max_bytes`` of this type until ``expires_at``."""
        expires = int(expires_at.timestamp())
        signature = self._signature("PUT", key, content_type, max_bytes, expires)
        query: dict[str, str | int] = {
            "type": content_type,
            "max": max_bytes,
            "expires": expires,
            "signature": signature,
        }
        return self._url(key, query)

    def read_url(self, key: str, *, now: datetime, lifetime: timedelta | None = None) -> str:
        """Return a URL that shows the object for at least one window, or for ``lifetime``.

        Time is cut into windows and the URL ends with the window after the running one, so all calls
        inside a window return the very same string and caches can keep the picture by it.
        """
        expires = (int(now.timestamp()) // self._window_seconds + 2) * self._window_seconds
        if lifetime is not None:
            expires = int((now + lifetime).timestamp())
        return self._url(key, {"expires": expires, "signature": self._signature("GET", key, "", 0, expires)})

    def check_upload(self, key: str, query: Mapping[str, str], *, now: datetime) -> tuple[str, int]:
        """Return the content type and the greatest length a signed upload URL allows.

        :raises SignatureInvalid: anything about the URL is not as we signed it.
        :raises SignatureExpired: its time is over.
        """
        content_type = query.get("type", "")
        max_bytes = _number(query.get("max"))
        self._check("PUT", key, content_type, max_bytes, query, now)
        return content_type, max_bytes

    def check_read(self, key: str, query: Mapping[str, str], *, now: datetime) -> None:
        """Do nothing for a signed read URL whose time is not over.

        :raises SignatureInvalid: anything about the URL is not as we signed it.
        :raises SignatureExpired: its time is over.
        """
        self._check("GET", key, "", 0, query, now)

    def receive(self, key: str, stream: BinaryIO, *, max_bytes: int) -> None:
        """Keep what ``stream`` delivers as the upload of ``key``; a later one replaces it.

        :raises PayloadTooLarge: it delivers more than ``max_bytes``, whatever length was announced.
        """
        with self._working(), self._written_aside(UPLOADS, key) as target:
            received = 0
            while chunk := stream.read(min(CHUNK_BYTES, max_bytes + 1 - received)):
                received += len(chunk)
                if received > max_bytes:
                    raise PayloadTooLarge(max_bytes)
                target.write(chunk)

    def read(self, key: str) -> bytes:
        """Return a stored object; pictures are a few megabytes at most.

        :raises ObjectNotFound: there is none.
        """
        with self._working(), suppress(FileNotFoundError):
            return self._path(OBJECTS, key).read_bytes()
        raise ObjectNotFound()

    def upload_size(self, key: str) -> int | None:
        """Return how many bytes were uploaded for ``key``, or None when nothing was."""
        with self._working(), suppress(FileNotFoundError):
            return self._path(UPLOADS, key).stat().st_size
        return None

    def read_upload(self, key: str, *, max_bytes: int) -> bytes | None:
        """Return what was uploaded for ``key``, cut off after ``max_bytes``, or None when nothing was."""
        with self._working(), suppress(FileNotFoundError), self._path(UPLOADS, key).open("rb") as source:
            return source.read(max_bytes)
        return None

    def discard_upload(self, key: str) -> None:
        """Forget what was uploaded for ``key``; nothing there is fine."""
        with self._working():
            self._path(UPLOADS, key).unlink(missing_ok=True)

    def store(self, key: str, data: bytes, *, content_type: str) -> None:
        """Put the object under ``key``, replacing any other; its type is told by the key's extension."""
        with self._working(), self._written_aside(OBJECTS, key) as target:
            target.write(data)

    def remove(self, key: str) -> None:
        """Remove the object; nothing there is fine."""
        with self._working():
            self._path(OBJECTS, key).unlink(missing_ok=True)

    def uploads(self, *, before: datetime) -> Iterator[str]:
        """Yield the keys of uploads that were last written before this moment, drafts among them."""
        return self._keys(UPLOADS, before)

    def objects(self, *, before: datetime) -> Iterator[str]:
        """Yield the keys of objects that were last written before this moment, drafts among them."""
        return self._keys(OBJECTS, before)

    def _keys(self, area: str, before: datetime) -> Iterator[str]:
        with self._working():
            for directory, _, names in os.walk(self._root / area):
                for path in (Path(directory) / name for name in names):
                    # Others may remove files meanwhile.
                    with suppress(FileNotFoundError):
                        if path.stat().st_mtime < before.timestamp():
                            yield str(path.relative_to(self._root / area))

    def _path(self, area: str, key: str) -> Path:
        # Segments of letters, digits, _ and - cannot climb out of the directory, whatever is decoded twice.
        if not KEY.fullmatch(key):
            raise ObjectNotFound()
        return self._root / area / key

    @contextmanager
    def _working(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageUnavailable() from error

    @contextmanager
    def _written_aside(self, area: str, key: str) -> Iterator[BinaryIO]:
        path = self._path(area, key)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        try:
            with draft.open("xb") as target:
                yield target
                target.flush()
                os.fsync(target.fileno())
            draft.replace(path)
            _sync_directory(path.parent)
        finally:
            draft.unlink(missing_ok=True)

    def _url(self, key: str, query: Mapping[str, str | int]) -> str:
        return f"{self._base_url}/api/v1/storage/{quote(key)}?{urlencode(query)}"

    def _signature(self, method: str, key: str, content_type: str, max_bytes: int, expires: int) -> str:
        signed = "\n".join((method, key, content_type, str(max_bytes), str(expires)))
        return hmac.new(self._signing_key, signed.encode(errors="replace"), hashlib.sha256).hexdigest()

    def _check(
        self,
        method: str,
        key: str,
        content_type: str,
        max_bytes: int,
        query: Mapping[str, str],
        now: datetime,
    ) -> None:
        expires = _number(query.get("expires"))
        wanted = self._signature(method, key, content_type, max_bytes, expires)
        # As bytes: text that is not ASCII would make the comparison raise.
        if not hmac.compare_digest(wanted.encode(), query.get("signature", "").encode(errors="replace")):
            raise SignatureInvalid()
        if now >= datetime.fromtimestamp(expires, UTC):
            raise SignatureExpired()


def _number(text: str | None) -> int:
    # Longer than any number we sign; 0 is never signed either, so anything else ends as a bad signature.
    return int(text) if text and re.fullmatch(r"\d{1,12}", text, re.ASCII) else 0


def _sync_directory(directory: Path) -> None:
    # Without this the rename itself can be lost when the machine loses power.
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

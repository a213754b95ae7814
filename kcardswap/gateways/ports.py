"""What the services expect of the outside world, one protocol per port."""

from datetime import datetime
from typing import Protocol

from kcardswap.domain.media import CheckedImage, ImageType


class ObjectStorage(Protocol):
    """Where pictures are kept.

    Uploads and stored objects of one key are apart: clients write only the upload, and only a checked
    picture becomes the object everybody reads. So an upload URL that is used again after the check
    changes nothing that is served.

    Every method raises ``Unavailable("object_storage")`` when the storage does not work.
    """

    def upload_url(self, key: str, *, content_type: str, max_bytes: int, expires_at: datetime) -> str:
        """Return a URL that takes one PUT of at most ``max_bytes`` of this type until ``expires_at``."""

    def read_url(self, key: str, *, now: datetime) -> str:
        """Return a URL that shows the object; the same string for every call inside one window."""

    def upload_size(self, key: str) -> int | None:
        """Return how many bytes were uploaded for ``key``, or None when nothing was."""

    def read_upload(self, key: str) -> bytes | None:
        """Return what was uploaded for ``key``, or None when nothing was."""

    def discard_upload(self, key: str) -> None:
        """Forget what was uploaded for ``key``; nothing there is fine."""

    def store(self, key: str, data: bytes, *, content_type: str) -> None:
        """Put the object under ``key``, replacing any other, whole or not at all."""

    def remove(self, key: str) -> None:
        """Remove the object; nothing there is fine."""


class ImageCleaner(Protocol):
    """Checks uploaded pictures and removes everything from them but the pixels."""

    def clean(self, data: bytes, declared: ImageType) -> CheckedImage:
        """Return the picture in ``data``, re-encoded.

        :raises ImageRefused: it is no such picture, damaged, too large, or something else besides.
        """

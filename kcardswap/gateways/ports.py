"""What the services expect of the outside world, one protocol per port."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Protocol

from kcardswap.domain.media import CheckedImage, ImageType
from kcardswap.domain.notifications import Push, PushOutcome
from kcardswap.domain.subscriptions import StoreAnswer


class ObjectStorage(Protocol):
    """Where pictures are kept.

    Uploads and stored objects of one key are apart: clients write only the upload, and only a checked
    picture becomes the object everybody reads. So an upload URL that is used again after the check
    changes nothing that is served.

    Every method raises ``StorageUnavailable`` when the storage does not work.
    """

    def upload_url(self, key: str, *, content_type: str, max_bytes: int, expires_at: datetime) -> str:
        """Return a URL that takes one PUT of at most ``max_bytes`` of this type until ``expires_at``."""

    def read_url(self, key: str, *, now: datetime, lifetime: timedelta | None = None) -> str:
        """Return a URL that shows the object; the same string for every call inside one window.

        With a ``lifetime`` it shows the object for just as long from ``now``.
        """

    def read(self, key: str) -> bytes:
        """Return the object.

        :raises ObjectNotFound: there is none.
        """

    def upload_size(self, key: str) -> int | None:
        """Return how many bytes were uploaded for ``key``, or None when nothing was."""

    def read_upload(self, key: str, *, max_bytes: int) -> bytes | None:
        """Return what was uploaded for ``key``, cut off after ``max_bytes``, or None when nothing was."""

    def discard_upload(self, key: str) -> None:
        """Forget what was uploaded for ``key``; nothing there is fine."""

    def store(self, key: str, data: bytes, *, content_type: str) -> None:
        """Put the object under ``key``, replacing any other, whole or not at all."""

    def remove(self, key: str) -> None:
        """Remove the object; nothing there is fine."""

    def uploads(self, *, before: datetime) -> Iterator[str]:
        """Yield the keys of uploads that were last written before this moment, in no special order."""

    def objects(self, *, before: datetime) -> Iterator[str]:
        """Yield the keys of objects that were last written before this moment, in no special order."""


class ImageCleaner(Protocol):
    """Checks uploaded pictures and removes everything from them but the pixels."""

    def clean(self, data: bytes, declared: ImageType) -> CheckedImage:
        """Return the picture in ``data``, re-encoded.

        :raises ImageRefused: it is no such picture, damaged, too large, or something else besides.
        """


class PlayStore(Protocol):
    """The store that sells subscriptions; only what it says gives anybody premium.

    Every method raises ``StoreUnavailable`` when the store does not work, and
    ``PurchaseUnknown`` when it knows no such purchase.
    """

    def subscription(self, purchase_token: str) -> StoreAnswer:
        """Return what the store says of a purchase now.

        :raises ProductMismatch: it is for nothing that is sold here.
        """

    def acknowledge(self, purchase_token: str, product_id: str) -> None:
        """Tell the store that a purchase was delivered; again is fine."""


class PushSender(Protocol):
    """The service that reaches the devices of people."""

    def send(self, push: Push) -> PushOutcome:
        """Hand over one push and return how it ended.

        :raises PushFailed: the service does not work, or takes no more for now.
        """

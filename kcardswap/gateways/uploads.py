"""Taking in what a client uploaded, its size and its check, and letting go of what nobody needs."""

from contextlib import suppress
from typing import NamedTuple

from kcardswap.domain.media import CheckedImage, ImageType, StorageUnavailable
from kcardswap.domain.quotas import LimitKey, Plan, limit, require_file_size
from kcardswap.gateways.ports import ImageCleaner, ObjectStorage


class TakenIn(NamedTuple):
    """A checked picture and the size it was uploaded with, in bytes."""

    image: CheckedImage
    uploaded_bytes: int


def take_in(
    storage: ObjectStorage, images: ImageCleaner, *, object_key: str, declared: ImageType, plan: Plan
) -> TakenIn | None:
    """Check the upload of ``object_key`` and return the clean picture; None without an upload.

    This happens before the transaction that confirms the picture, for it takes long. Storing the clean
    picture is part of that transaction, under the lock of its row: when two calls check two different
    uploads, the one that is counted is the one that is kept. A crash in between is harmless: the upload
    is still there, so confirming again writes the object once more; and if nobody does, the purge of
    pending uploads removes it.

    :raises LimitExceeded: the file is larger than the plan takes.
    :raises ImageRefused: it is not a picture of the declared type.
    :raises StorageUnavailable: the storage does not work.
    """
    size = storage.upload_size(object_key)
    if size is None:
        return None
    require_file_size(plan, size)
    # Something else may have taken its place since: read no more than tells that it is too large.
    allowed = limit(plan, LimitKey.MEDIA_FILE_BYTES_MAX)
    data = storage.read_upload(object_key, max_bytes=size if allowed is None else allowed + 1)
    if data is None:
        return None
    require_file_size(plan, len(data))
    return TakenIn(images.clean(data, declared), len(data))


def let_go(storage: ObjectStorage, key: str) -> None:
    """Remove an object that no row needs any more, if the storage works at all."""
    # Nobody is kept waiting for a storage that does not work: the purge removes what stays behind.
    with suppress(StorageUnavailable):
        storage.remove(key)

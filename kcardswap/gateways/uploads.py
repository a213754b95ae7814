"""Taking in what a client uploaded: its size, its check, and the clean object in its place."""

from typing import NamedTuple

from kcardswap.domain.media import CheckedImage, ImageType
from kcardswap.domain.quotas import Plan, require_file_size
from kcardswap.gateways.ports import ImageCleaner, ObjectStorage


class TakenIn(NamedTuple):
    """A checked picture and the size it was uploaded with, in bytes."""

    image: CheckedImage
    uploaded_bytes: int


def take_in(
    storage: ObjectStorage, images: ImageCleaner, *, object_key: str, declared: ImageType, plan: Plan
) -> TakenIn | None:
    """Check the upload of ``object_key`` and store the clean picture as the object; None without an upload.

    This happens before the transaction that confirms the picture. A crash in between is harmless: the
    upload is still there, so confirming again writes the same object once more; and if nobody does,
    nothing points at the object and the purge of pending uploads removes it.

    :raises LimitExceeded: the file is larger than the plan takes.
    :raises ImageRefused: it is not a picture of the declared type.
    :raises Unavailable: the storage does not work.
    """
    size = storage.upload_size(object_key)
    if size is None:
        return None
    require_file_size(plan, size)
    data = storage.read_upload(object_key)
    if data is None:
        return None
    image = images.clean(data, declared)
    storage.store(object_key, image.data, content_type=image.content_type.value)
    return TakenIn(image, len(data))

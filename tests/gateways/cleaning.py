"""Uploads as tests have them checked."""

import io
import struct
import zlib

import pytest
from PIL import Image

from kcardswap.domain.media import CheckedImage, ImageRefused, ImageType
from kcardswap.gateways.images import PillowImageCleaner

CLEANER = PillowImageCleaner(max_megapixels=25)
EVERY_TYPE = list(ImageType)


def clean(data: bytes, declared: ImageType = ImageType.JPEG) -> CheckedImage:
    """Check an upload declared as this type."""
    return CLEANER.clean(data, declared)


def shown(image: CheckedImage) -> Image.Image:
    """Return the picture a checked image shows."""
    with Image.open(io.BytesIO(image.data)) as picture:
        picture.load()
        return picture


def kind_of_refusal(data: bytes, declared: ImageType = ImageType.JPEG) -> str:
    """Assert that an upload is refused and return the kind of its defect."""
    with pytest.raises(ImageRefused) as refused:
        clean(data, declared)
    errors = refused.value.details["errors"]
    assert isinstance(errors, list)
    assert errors[0]["field"] == "file"
    return str(errors[0]["type"])


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

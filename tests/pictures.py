"""Pictures and how clients upload them in tests."""

import io
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import piexif
from PIL import Image, PngImagePlugin
from werkzeug.test import TestResponse

from kcardswap.domain.media import ImageType
from tests.people import Person

SECRET = b"SECRET-PLACE-25.0330N"
FORMATS = {
    ImageType.JPEG: "JPEG",
    ImageType.PNG: "PNG",
    ImageType.WEBP: "WEBP",
    ImageType.GIF: "GIF",
    ImageType.HEIC: "HEIF",
    ImageType.HEIF: "HEIF",
}


def drawing(width: int = 90, height: int = 120) -> Image.Image:
    """Return a picture whose quarters are red, green, blue and white, with a gradient over all."""
    picture = Image.new("RGB", (width, height), "white")
    for corner, colour in {(0, 0): "red", (width // 2, 0): "green", (0, height // 2): "blue"}.items():
        picture.paste(Image.new("RGB", (width // 2, height // 2), colour), corner)
    gradient = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    return Image.blend(picture, gradient, 0.3)


def exif(orientation: int = 1) -> bytes:
    """Return an EXIF block with a place, a camera owner and an orientation."""
    return piexif.dump(
        {
            "0th": {piexif.ImageIFD.Orientation: orientation, piexif.ImageIFD.Artist: SECRET},
            "GPS": {
                piexif.GPSIFD.GPSLatitudeRef: b"N",
                piexif.GPSIFD.GPSLatitude: ((25, 1), (1, 1), (5880, 100)),
                piexif.GPSIFD.GPSLongitudeRef: b"E",
                piexif.GPSIFD.GPSLongitude: ((121, 1), (33, 1), (5512, 100)),
            },
        }
    )


def encoded(
    image_type: ImageType = ImageType.JPEG, picture: Image.Image | None = None, **options: Any
) -> bytes:
    """Return ``picture`` as a file of this type."""
    file = io.BytesIO()
    (picture or drawing()).save(file, FORMATS[image_type], **options)
    return file.getvalue()


def talkative(image_type: ImageType, orientation: int = 1) -> bytes:
    """Return a picture that tells a place, a name and a comment in every way its type allows."""
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRET + b"</x:xmpmeta>"
    if image_type is ImageType.GIF:
        return encoded(image_type, comment=SECRET)
    if image_type is ImageType.PNG:
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Comment", SECRET.decode())
        notes.add_itxt("XML:com.adobe.xmp", xmp.decode())
        return encoded(image_type, pnginfo=notes, exif=exif(orientation))
    if image_type is ImageType.JPEG:
        return encoded(image_type, comment=SECRET, exif=exif(orientation), xmp=xmp, quality=95)
    return encoded(image_type, exif=exif(orientation), xmp=xmp)


def put(
    person: Person, url: str, data: bytes, content_type: str = "image/jpeg", **options: Any
) -> TestResponse:
    """PUT bytes to a signed URL, without credentials."""
    return person.client.put(path_of(url), data=data, headers={"Content-Type": content_type}, **options)


def path_of(url: str) -> str:
    """Return the path and query of a signed URL."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def announce(person: Person, data: bytes, **description: Any) -> dict[str, Any]:
    """Ask for the upload of a card with this picture and return the answer's data."""
    body = {"content_type": "image/jpeg", "file_size_bytes": len(data), **description}
    answer = person.post("/cards/upload-url", body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    data_answered: dict[str, Any] = answer.get_json()["data"]
    return data_answered


def upload_card(person: Person, **description: Any) -> UUID:
    """Put a confirmed card into the person's binder, the whole way through the API."""
    data = encoded()
    announced = announce(person, data, **description)
    assert put(person, announced["upload_url"], data).status_code == 200
    confirmed = person.post(f"/cards/{announced['card_id']}/confirm-upload")
    assert confirmed.status_code == 200, confirmed.get_data(as_text=True)
    return UUID(announced["card_id"])

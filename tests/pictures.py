"""Pictures and how clients upload them in tests."""

import io
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import piexif
from PIL import Image, PngImagePlugin
from sqlalchemy import Connection, insert
from werkzeug.test import TestResponse

from kcardswap.domain.cards import Card
from kcardswap.domain.media import CheckedImage, ImageType, MediaAsset, MediaTarget, ObjectNotFound
from kcardswap.gateways.storage import LocalStorage
from kcardswap.persistence.orm.trades import trade_items, trade_participants, trades
from kcardswap.runtime import Runtime
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
    block: bytes = piexif.dump(
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
    return block


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


def send(runtime: Runtime, key: str, data: bytes) -> None:
    """Upload bytes straight into the storage, as a PUT to a signed URL does."""
    assert isinstance(runtime.storage, LocalStorage)
    runtime.storage.receive(key, io.BytesIO(data), max_bytes=len(data))


def stored(runtime: Runtime, key: str) -> bytes | None:
    """Return the object under this key, or None."""
    assert isinstance(runtime.storage, LocalStorage)
    try:
        return runtime.storage.read(key)
    except ObjectNotFound:
        return None


def put_card(
    runtime: Runtime,
    owner_id: UUID,
    *,
    confirmed: bool = True,
    size_bytes: int = 1000,
    made_at: datetime | None = None,
    data: bytes | None = None,
    **description: Any,
) -> UUID:
    """Store a card with its picture's record, past all limits; ``data`` becomes its upload."""
    uow = runtime.unit_of_work()
    with uow:
        now = made_at or runtime.clock.now()
        card_id = uow.new_id()
        media = MediaAsset.announce(
            id=uow.new_id(),
            owner_id=owner_id,
            content_type=ImageType.JPEG,
            declared_bytes=size_bytes,
            lifetime=timedelta(minutes=15),
            now=now,
            card_id=card_id,
        )
        card = Card.announce(
            id=card_id,
            owner_id=owner_id,
            media_asset_id=media.id,
            description=description,
            upload_expires_at=media.upload_expires_at,
            now=now,
        )
        if confirmed:
            image = CheckedImage(data=b"", content_type=ImageType.JPEG, width=90, height=120, phash=1)
            media.confirm(image, uploaded_bytes=size_bytes, now=now)
            media.attach(MediaTarget.CARD, card_id)
            card.confirm_upload(size_bytes=size_bytes, now=now)
        uow.media.add(media)
        uow.flush()
        uow.cards.add(card)
        uow.commit()
        key = media.object_key
    if data is not None:
        send(runtime, key, data)
    return card_id


def give(runtime: Runtime, card_id: UUID, to: UUID, trade_id: UUID) -> UUID:
    """Let a card change hands as a completed trade does and return the receiver's card."""
    uow = runtime.unit_of_work()
    with uow:
        card, now = uow.cards.get(card_id, lock=True), uow.clock.now()
        assert card.media_asset_id is not None
        card.reserve()
        card.give_away()
        copy = uow.media.get(card.media_asset_id).copy_for(
            to, new_id := uow.new_id(), id=uow.new_id(), now=now
        )
        uow.media.add(copy)
        uow.flush()
        uow.cards.add(card.received_by(to, id=new_id, trade_id=trade_id, media_asset_id=copy.id, now=now))
        uow.commit()
        return new_id


def completed_trade(
    runtime: Runtime, connection: Connection, giver: UUID, receiver: UUID, card_id: UUID
) -> UUID:
    """Store a completed trade in which one card went from ``giver`` to ``receiver``."""
    trade_id, now = runtime.new_id(), runtime.clock.now()
    connection.execute(
        insert(trades).values(
            id=trade_id,
            status="completed",
            meeting="mail",
            participant_count=2,
            accepted_at=now,
            completed_at=now,
            version=1,
            created_at=now,
            updated_at=now,
        )
    )
    for position, (user_id, role) in enumerate(((giver, "initiator"), (receiver, "responder"))):
        connection.execute(
            insert(trade_participants).values(
                id=runtime.new_id(),
                trade_id=trade_id,
                user_id=user_id,
                position=position,
                role=role,
                accepted_at=now,
                confirmed_at=now,
                proposed_at=now,
                completed_at=now,
            )
        )
    connection.execute(
        insert(trade_items).values(
            id=runtime.new_id(),
            trade_id=trade_id,
            card_id=card_id,
            giver_id=giver,
            receiver_id=receiver,
            created_at=now,
        )
    )
    return trade_id

"""How pictures appear in answers: as signed URLs."""

from typing import Any

from marshmallow import fields

from kcardswap.api.context import runtime

IMAGE_URL_EXAMPLE = "http://localhost:8000/api/v1/storage/cards/u/c.jpg?expires=1780000000&signature=5f0e"
UPLOAD_URL_EXAMPLE = (
    "http://localhost:8000/api/v1/storage/cards/u/c.jpg"
    "?type=image%2Fjpeg&max=183204&expires=1780000000&signature=5f0e"
)


class ImageUrl(fields.String):
    """The signed URL of the picture named by ``object_key``; the same string for ten minutes."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {"example": IMAGE_URL_EXAMPLE, "format": "uri"})
        super().__init__(attribute="object_key", dump_only=True, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        if value is None:
            return None
        return runtime().storage.read_url(value, now=runtime().clock.now())


def required_headers() -> fields.Dict:
    """Return the field that says which headers an upload must be sent with."""
    return fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={
            "description": "Send these headers with the PUT.",
            "example": {"Content-Type": "image/jpeg"},
        },
    )

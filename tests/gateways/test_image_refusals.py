"""Uploads that are refused: other types, damaged pictures, other documents."""

import io
import zipfile

import pytest
from PIL import Image

from kcardswap.domain.media import ImageType
from tests.gateways.cleaning import EVERY_TYPE, clean, kind_of_refusal
from tests.pictures import encoded

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PAGE = b"<!DOCTYPE html><html><script>alert(1)</script></html>"


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("evil.html", PAGE)
    return file.getvalue()


@pytest.mark.parametrize("declared", EVERY_TYPE)
@pytest.mark.parametrize("actual", EVERY_TYPE)
def test_a_picture_of_another_type_than_declared_is_refused(actual: ImageType, declared: ImageType) -> None:
    heif = {ImageType.HEIC, ImageType.HEIF}
    if actual is declared or {actual, declared} == heif:
        assert clean(encoded(actual), declared).width == 90
    else:
        assert kind_of_refusal(encoded(actual), declared) == "wrong_type"


@pytest.mark.parametrize("declared", EVERY_TYPE)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        SVG,
        b"<?xml version='1.0'?>" + SVG,
        PAGE,
        b"GIF",
        b"%PDF-1.7\n",
        zipped(),
        b"BM" + bytes(90),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, declared: ImageType) -> None:
    assert kind_of_refusal(data, declared) == "wrong_type"


@pytest.mark.parametrize("image_type", EVERY_TYPE)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.98])
def test_a_truncated_picture_is_refused(image_type: ImageType, share: float) -> None:
    data = encoded(image_type, Image.effect_noise((200, 200), 80).convert("RGB"))
    assert kind_of_refusal(data[: int(len(data) * share)], image_type) == "damaged"


@pytest.mark.parametrize("image_type", EVERY_TYPE)
def test_a_header_without_a_picture_is_refused(image_type: ImageType) -> None:
    assert kind_of_refusal(encoded(image_type)[:20], image_type) == "damaged"


def test_damaged_pixels_are_refused() -> None:
    data = bytearray(encoded(ImageType.PNG))
    middle = data.index(b"IDAT") + 20
    data[middle] ^= 0xFF
    assert kind_of_refusal(bytes(data), ImageType.PNG) == "damaged"


@pytest.mark.parametrize("image_type", [ImageType.JPEG, ImageType.PNG, ImageType.WEBP, ImageType.GIF])
@pytest.mark.parametrize(
    "foreign", [PAGE, SVG, b"\n<?php system($_GET[0]); ?>", b"%PDF-1.7\n", zipped(), b"Rar!\x1a\x07\x01\x00"]
)
def test_a_picture_that_is_also_something_else_is_refused(image_type: ImageType, foreign: bytes) -> None:
    assert kind_of_refusal(encoded(image_type) + foreign, image_type) == "polyglot"


def test_a_document_inside_the_head_of_a_picture_is_refused() -> None:
    assert kind_of_refusal(encoded(comment=b"%PDF-1.7 obj")) == "polyglot"


def test_markers_inside_the_compressed_data_do_not_end_a_jpeg_early() -> None:
    noisy = Image.effect_noise((400, 400), 90).convert("RGB")
    data = encoded(ImageType.JPEG, noisy, quality=95, restart_marker_blocks=4, progressive=True)
    assert data.count(b"\xff\x00") > 10
    assert clean(data).width == 400
    assert kind_of_refusal(data + PAGE) == "polyglot"

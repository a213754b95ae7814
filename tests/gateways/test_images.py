"""Checking real pictures: what is kept, what is removed, what is refused."""

import io
import resource
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from kcardswap.domain.media import CheckedImage, ImageRefused, ImageType
from kcardswap.gateways.images import PillowImageCleaner, perceptual_hash
from tests.pictures import SECRET, drawing, encoded, exif, talkative

CLEANER = PillowImageCleaner(max_megapixels=25)
EVERY_TYPE = list(ImageType)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PAGE = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
TRACES = (
    SECRET,
    b"Exif",
    b"exif",
    b"eXIf",
    b"GPS",
    b"xmpmeta",
    b"adobe",
    b"Photoshop",
    b"ICC_PROFILE",
    b"iCCP",
)


def clean(data: bytes, declared: ImageType = ImageType.JPEG) -> CheckedImage:
    return CLEANER.clean(data, declared)


def shown(image: CheckedImage) -> Image.Image:
    with Image.open(io.BytesIO(image.data)) as picture:
        picture.load()
        return picture


def kind_of_refusal(data: bytes, declared: ImageType = ImageType.JPEG) -> str:
    with pytest.raises(ImageRefused) as refused:
        clean(data, declared)
    errors = refused.value.details["errors"]
    assert isinstance(errors, list)
    assert errors[0]["field"] == "file"
    return str(errors[0]["type"])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(side: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")


def webp_bomb(side: int) -> bytes:
    canvas = (side - 1).to_bytes(3, "little") * 2
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + b"\x02\x00\x00\x00" + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_bomb(side: int) -> bytes:
    data = bytearray(encoded(ImageType.JPEG))
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack(">HH", side, side)
    return bytes(data)


def gif_bomb(frame: bool) -> bytes:
    """Return a GIF whose canvas, or whose second frame, claims 60,000 x 60,000 pixels."""
    frames = [Image.new("P", (20, 20), colour) for colour in (1, 2)]
    data = bytearray(encoded(ImageType.GIF, frames[0], save_all=True, append_images=frames[1:], duration=9))
    place = data.rindex(b"\x2c") + 5 if frame else 6
    data[place : place + 4] = struct.pack("<HH", 60_000, 60_000)
    return bytes(data)


def heic_bomb(side: int) -> bytes:
    """Return a HEIC whose pictures claim this many pixels a side."""
    data = encoded(ImageType.HEIC)
    place = data.find(b"ispe")
    while place >= 0:
        data = data[: place + 8] + struct.pack(">II", side, side) + data[place + 16 :]
        place = data.find(b"ispe", place + 4)
    return data


def webp_liar() -> bytes:
    """Return a WebP whose header says 100 x 100 and whose picture has 12,000 x 12,000 pixels."""
    inner = encoded(ImageType.WEBP, Image.new("RGB", (12_000, 12_000)), lossless=True, method=0)[12:]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + (99).to_bytes(3, "little") * 2 + inner
    return b"RIFF" + struct.pack("<I", len(body)) + body


def png_with_hidden_bomb(kind: bytes) -> bytes:
    """Return a PNG with a block that unpacks to 200 MB."""
    data = encoded(ImageType.PNG)
    place = data.index(b"IDAT") - 4
    packed = zlib.compress(bytes(200_000_000), 9)
    return data[:place] + chunk(kind, b"x\x00\x00" + packed) + data[place:]


BOMBS: dict[str, tuple[Callable[[], bytes], ImageType]] = {
    "png": (lambda: png_bomb(60_000), ImageType.PNG),
    "png text": (lambda: png_with_hidden_bomb(b"zTXt"), ImageType.PNG),
    "png profile": (lambda: png_with_hidden_bomb(b"iCCP"), ImageType.PNG),
    "webp": (lambda: webp_bomb(16_000), ImageType.WEBP),
    "webp liar": (webp_liar, ImageType.WEBP),
    "jpeg": (lambda: jpeg_bomb(60_000), ImageType.JPEG),
    "gif canvas": (lambda: gif_bomb(frame=False), ImageType.GIF),
    "gif frame": (lambda: gif_bomb(frame=True), ImageType.GIF),
    "heic": (lambda: heic_bomb(60_000), ImageType.HEIC),
    "heic just above": (lambda: heic_bomb(5_001), ImageType.HEIC),
}


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("evil.html", PAGE)
    return file.getvalue()


@pytest.mark.parametrize("image_type", EVERY_TYPE)
def test_nothing_but_the_pixels_of_a_picture_survives(image_type: ImageType) -> None:
    uploaded = talkative(image_type)
    assert SECRET in uploaded
    image = clean(uploaded, image_type)
    assert [trace for trace in TRACES if trace in image.data] == []
    picture = shown(image)
    assert not picture.getexif()
    assert set(picture.info) <= {
        "jfif",
        "jfif_version",
        "jfif_unit",
        "jfif_density",
        "version",
        "background",
        "loop",
        "duration",
        "timestamp",
        "transparency",
    }


@pytest.mark.parametrize("image_type", EVERY_TYPE)
def test_a_clean_picture_is_the_same_picture_in_the_same_type(image_type: ImageType) -> None:
    image = clean(talkative(image_type), image_type)
    picture = shown(image)
    assert image.content_type is image_type.stored_as
    assert Image.MIME[str(picture.format)] == image_type.stored_as.value
    assert (image.width, image.height) == picture.size == (90, 120)
    colours = [picture.convert("RGB").getpixel(point) for point in ((10, 10), (80, 10), (10, 110))]
    for colour, wanted in zip(colours, [(180, 2, 2), (2, 92, 2), (75, 75, 250)], strict=True):
        assert isinstance(colour, tuple)
        assert all(abs(have - want) < 30 for have, want in zip(colour, wanted, strict=True)), colours


@pytest.mark.parametrize("image_type", EVERY_TYPE)
def test_the_same_upload_always_gives_the_same_object(image_type: ImageType) -> None:
    data = talkative(image_type)
    assert clean(data, image_type) == clean(data, image_type)


def whispering(image_type: ImageType) -> bytes:
    """Return a picture that tells the secret in the rarer places: IPTC, application blocks, profiles."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + SECRET
    if image_type is ImageType.GIF:
        data = encoded(image_type)
        place = 13 + 3 * 2 ** ((data[10] & 7) + 1)
        block = b"\x21\xff\x0bXMP DataXMP" + bytes([len(SECRET)]) + SECRET + b"\x00"
        return data[:place] + block + data[place:]
    data = encoded(image_type, icc_profile=profile)
    if image_type is ImageType.JPEG:
        iptc = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + struct.pack(">I", len(SECRET)) + SECRET
        blocks = b"".join(
            marker + struct.pack(">H", len(content) + 2) + content
            for marker, content in ((b"\xff\xed", iptc), (b"\xff\xe7", SECRET), (b"\xff\xfe", SECRET))
        )
        return data[:2] + blocks + data[2:]
    if image_type is ImageType.PNG:
        end = data.rindex(b"IEND") - 4
        return data[:end] + chunk(b"tEXt", b"Comment\x00" + SECRET) + chunk(b"prVt", SECRET) + data[end:]
    if image_type is ImageType.WEBP:
        data += b"ABCD" + struct.pack("<I", len(SECRET) + 1) + SECRET + b"\x00"
        return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    return data


@pytest.mark.parametrize("image_type", EVERY_TYPE)
def test_nothing_survives_in_the_rarer_places_either(image_type: ImageType) -> None:
    uploaded = whispering(image_type)
    assert SECRET in uploaded
    image = clean(uploaded, image_type)
    assert [trace for trace in (*TRACES, b"8BIM", b"XMP Data", b"ICCP", b"tEXt") if trace in image.data] == []
    assert shown(image).size == (90, 120)


@pytest.mark.parametrize("image_type", [ImageType.GIF, ImageType.WEBP, ImageType.PNG])
def test_nothing_of_the_later_frames_of_a_moving_picture_survives(image_type: ImageType) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "green", "blue")]
    options: dict[str, Any] = {} if image_type is ImageType.GIF else {"exif": exif()}
    data = encoded(image_type, frames[0], save_all=True, append_images=frames[1:], duration=100, **options)
    image = clean(data, image_type)
    assert [trace for trace in TRACES if trace in image.data] == []
    assert len(image.data) <= len(encoded(image_type, frames[0], quality=100)) + 100


@pytest.mark.parametrize("image_type", [ImageType.JPEG, ImageType.PNG, ImageType.WEBP, ImageType.HEIC])
def test_the_orientation_is_applied_to_the_pixels(image_type: ImageType) -> None:
    image = clean(talkative(image_type, orientation=6), image_type)
    assert (image.width, image.height) == (120, 90)
    red, *_ = shown(image).convert("RGB").getpixel((110, 10))  # type: ignore[misc]
    assert red > 150


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("image_type", [ImageType.JPEG, ImageType.PNG, ImageType.WEBP])
@pytest.mark.parametrize(
    "broken",
    [
        b"Exif\0\0nonsense",
        b"Exif\0\0II*\0garbage",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\xff\xff\0\x06\0\0",
    ],
)
def test_unreadable_exif_does_not_spoil_a_picture(image_type: ImageType, broken: bytes) -> None:
    image = clean(encoded(image_type, exif=broken), image_type)
    assert (image.width, image.height) == (90, 120)


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"quality": 1}])
def test_the_three_kinds_of_webp_are_read_and_bounded_alike(options: dict[str, Any]) -> None:
    cleaner = PillowImageCleaner(max_megapixels=1)
    for picture in (drawing(), drawing().convert("RGBA")):
        assert cleaner.clean(encoded(ImageType.WEBP, picture, **options), ImageType.WEBP).width == 90
    large = encoded(ImageType.WEBP, Image.new("RGB", (1001, 1000)), **options)
    with pytest.raises(ImageRefused) as refused:
        cleaner.clean(large, ImageType.WEBP)
    assert "too_many_pixels" in str(refused.value.details)


def test_a_colour_profile_is_applied_before_it_is_removed() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain, tagged = clean(encoded()), clean(encoded(icc_profile=srgb))
    assert b"ICC_PROFILE" not in tagged.data
    first, second = (shown(image).convert("RGB").getpixel((10, 10)) for image in (plain, tagged))
    assert isinstance(first, tuple) and isinstance(second, tuple)
    assert max(abs(a - b) for a, b in zip(first, second, strict=True)) < 6
    # A profile that does not fit the picture is dropped, not followed.
    assert clean(encoded(icc_profile=lab)).data == clean(encoded(icc_profile=b"nonsense")).data


@pytest.mark.parametrize("image_type", [ImageType.PNG, ImageType.WEBP, ImageType.GIF])
def test_transparent_places_stay_transparent(image_type: ImageType) -> None:
    picture = drawing().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 40, 40))
    image = clean(encoded(image_type, picture), image_type)
    alpha = shown(image).convert("RGBA").getchannel("A")
    assert (alpha.getpixel((5, 5)), alpha.getpixel((80, 110))) == (0, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "RGB", "RGBA"])
def test_every_kind_of_png_is_taken(mode: str) -> None:
    picture = drawing().convert("L")
    if mode == "I;16":
        picture = Image.frombytes("I;16", (2, 1), struct.pack("<HH", 0, 40_000))
        assert shown(clean(encoded(ImageType.PNG, picture), ImageType.PNG)).tobytes() == bytes([0, 156])
        return
    assert clean(encoded(ImageType.PNG, drawing().convert(mode)), ImageType.PNG).width == 90


def test_a_cmyk_jpeg_becomes_one_browsers_show() -> None:
    picture = shown(clean(encoded(ImageType.JPEG, drawing().convert("CMYK"))))
    assert picture.mode == "RGB"


@pytest.mark.parametrize("image_type", [ImageType.GIF, ImageType.WEBP, ImageType.PNG])
def test_of_a_moving_picture_the_first_frame_stays(image_type: ImageType) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    data = encoded(image_type, frames[0], save_all=True, append_images=frames[1:], duration=100)
    picture = shown(clean(data, image_type))
    assert getattr(picture, "n_frames", 1) == 1
    red, green, _ = picture.convert("RGB").getpixel((10, 10))  # type: ignore[misc]
    assert red > 200 and green < 60


def test_a_sharp_card_stays_sharp() -> None:
    noise = Image.effect_noise((300, 400), 60).convert("RGB")
    before, after = noise, shown(clean(encoded(ImageType.JPEG, noise, quality=97)))
    difference = [abs(a - b) for a, b in zip(before.tobytes(), after.tobytes(), strict=True)]
    assert sum(difference) / len(difference) < 4


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


@pytest.mark.parametrize("image_type", [ImageType.JPEG, ImageType.PNG, ImageType.WEBP, ImageType.GIF])
def test_a_film_a_phone_appends_is_lost_not_refused(image_type: ImageType) -> None:
    film = b"\x00\x00\x00\x18ftypmp42" + SECRET * 10
    image = clean(encoded(image_type) + film, image_type)
    assert image.data == clean(encoded(image_type), image_type).data
    assert SECRET not in image.data


def test_markers_inside_the_compressed_data_do_not_end_a_jpeg_early() -> None:
    noisy = Image.effect_noise((400, 400), 90).convert("RGB")
    data = encoded(ImageType.JPEG, noisy, quality=95, restart_marker_blocks=4, progressive=True)
    assert data.count(b"\xff\x00") > 10
    assert clean(data).width == 400
    assert kind_of_refusal(data + PAGE) == "polyglot"


def test_a_picture_may_have_exactly_the_megapixels_allowed() -> None:
    cleaner = PillowImageCleaner(max_megapixels=1)
    data = encoded(ImageType.PNG, Image.new("L", (1000, 1000)))
    assert cleaner.clean(data, ImageType.PNG).width == 1000
    with pytest.raises(ImageRefused):
        cleaner.clean(encoded(ImageType.PNG, Image.new("L", (1001, 1000))), ImageType.PNG)


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (png_bomb(5_001), ImageType.PNG),
        (png_bomb(60_000), ImageType.PNG),
        (webp_bomb(16_000), ImageType.WEBP),
        (jpeg_bomb(9_000), ImageType.JPEG),
        (jpeg_bomb(60_000), ImageType.JPEG),
        (
            encoded(ImageType.GIF)[:6] + struct.pack("<HH", 60_000, 60_000) + encoded(ImageType.GIF)[10:],
            ImageType.GIF,
        ),
    ],
)
def test_a_bomb_is_refused_by_its_header(data: bytes, declared: ImageType) -> None:
    clean(encoded(declared), declared)
    started = time.perf_counter()
    assert kind_of_refusal(data, declared) == "too_many_pixels"
    assert time.perf_counter() - started < 0.1


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_neither_time_nor_memory(tmp_path: Path, name: str) -> None:
    make, image_type = BOMBS[name]
    (tmp_path / "bomb").write_bytes(make())
    (tmp_path / "small").write_bytes(encoded(image_type))
    script = (
        "import re, sys, time\n"
        "from kcardswap.domain.media import ImageRefused, ImageType\n"
        "from kcardswap.gateways.images import PillowImageCleaner\n"
        "cleaner = PillowImageCleaner(max_megapixels=25)\n"
        "bomb, small, kind = sys.argv[1:]\n"
        "cleaner.clean(open(small, 'rb').read(), ImageType(kind))\n"
        "started = time.perf_counter()\n"
        "try:\n"
        "    cleaner.clean(open(bomb, 'rb').read(), ImageType(kind))\n"
        "except ImageRefused:\n"
        "    print(time.perf_counter() - started)\n"
        "else:\n"
        "    raise SystemExit('accepted')\n"
        # The high-water mark of this program alone; getrusage would count its parent's memory, too.
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read()).group(1))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "bomb"), str(tmp_path / "small"), image_type.value],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    seconds, peak_kb = done.stdout.split()
    assert float(seconds) < 0.1
    assert int(peak_kb) < 300 * 1024


def test_a_picture_saved_anew_keeps_its_fingerprint_and_another_one_has_another() -> None:
    card = Image.linear_gradient("L").resize((300, 400)).rotate(30).convert("RGB")
    first = clean(encoded(ImageType.JPEG, card))
    again = clean(encoded(ImageType.JPEG, shown(first), quality=80))
    assert first.phash is not None
    assert first.phash == again.phash
    assert -(2**63) <= first.phash < 2**63
    assert (
        clean(encoded(ImageType.JPEG, card.transpose(Image.Transpose.FLIP_LEFT_RIGHT))).phash != first.phash
    )


def test_a_picture_without_structure_has_no_fingerprint() -> None:
    assert perceptual_hash(Image.new("RGB", (50, 50), "pink")) is None


def test_a_full_picture_of_25_megapixels_is_cleaned_within_seconds() -> None:
    data = encoded(ImageType.JPEG, drawing(5000, 5000), quality=60)
    started = time.perf_counter()
    assert clean(data).width == 5000
    assert time.perf_counter() - started < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < 2**31

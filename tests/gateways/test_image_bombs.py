"""Pictures that are huge or say so: what is allowed and what checking them costs."""

import resource
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from kcardswap.domain.media import ImageRefused, ImageType
from kcardswap.gateways.images import PillowImageCleaner
from tests.gateways.cleaning import chunk, clean, kind_of_refusal
from tests.pictures import drawing, encoded


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


def test_a_full_picture_of_25_megapixels_is_cleaned_within_seconds() -> None:
    data = encoded(ImageType.JPEG, drawing(5000, 5000), quality=60)
    started = time.perf_counter()
    assert clean(data).width == 5000
    assert time.perf_counter() - started < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < 2**31

"""Checking uploaded pictures and stripping them down to their pixels."""

import struct
import warnings
import zipfile
from io import BytesIO
from threading import BoundedSemaphore
from typing import Any

import pillow_heif
from PIL import Image, ImageCms, ImageOps

from kcardswap.domain.media import CheckedImage, ImageRefused, ImageType

JPEG_QUALITY = 90
WEBP_QUALITY = 90
HASH_SIDE = 8
TELLING_BITS = range(8, 57)
PDF_WINDOW_BYTES = 1024
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
FORMATS: dict[ImageType, str] = {
    ImageType.JPEG: "JPEG",
    ImageType.PNG: "PNG",
    ImageType.WEBP: "WEBP",
    ImageType.GIF: "GIF",
    ImageType.HEIC: "HEIF",
    ImageType.HEIF: "HEIF",
}
FOREIGN_MARKS = (
    *(b"<!doctype", b"<html", b"<script", b"<svg ", b"<svg\n", b"<?php", b"%pdf-"),
    *(b"rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c"),
)
"""How files of other kinds begin, in lower case; looked for behind the end of a picture."""
ZIP_DIRECTORY_ENTRY = b"PK\x01\x02"

pillow_heif.register_heif_opener()
# Photographs with broken EXIF are everyday uploads and no news for whoever reads the logs.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")


class PillowImageCleaner:
    """Decodes every picture completely and writes its pixels anew.

    Whatever the file carried besides (EXIF with its place, XMP, comments, colour profiles, data behind
    the end) is not copied, so it cannot survive. Orientation and colour profile are applied to the
    pixels first. Of moving pictures the first frame stays. HEIC and HEIF become JPEG.
    """

    def __init__(self, *, max_megapixels: int, parallel: int = 2) -> None:
        """Refuse pictures above ``max_megapixels`` million pixels; decode ``parallel`` ones at a time."""
        self._max_pixels = max_megapixels * 1_000_000
        # A picture of 25 megapixels needs some 200 MB while it is worked on.
        self._slots = BoundedSemaphore(parallel)

    def clean(self, data: bytes, declared: ImageType) -> CheckedImage:
        """Return the picture in ``data``, re-encoded.

        The same bytes always give the same result.

        :raises ImageRefused: not of the declared type, damaged, too large, or something else besides.
        """
        # Both kinds of HEIF are one format; files say heic or mif1 as they please.
        if sniffed(data) is not (ImageType.HEIC if declared is ImageType.HEIF else declared):
            raise ImageRefused(f"The file is not {declared.value}.", "wrong_type")
        refuse_polyglot(data, declared)
        self._refuse_large_canvas(_webp_canvas(data) if declared is ImageType.WEBP else None)
        with self._slots:
            try:
                return self._cleaned(data, declared)
            except ImageRefused:
                raise
            except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
                # Pillow's own guard; it looks at the header before we can.
                raise self._too_many_pixels() from error
            except Exception as error:
                # Hostile bytes make decoders raise anything from SyntaxError to struct.error.
                raise ImageRefused("The picture is damaged.", "damaged") from error

    def _cleaned(self, data: bytes, declared: ImageType) -> CheckedImage:
        with Image.open(BytesIO(data), formats=(FORMATS[declared],)) as opened:
            # Before any pixel is decoded: the header alone says how large it would become.
            self._refuse_large_canvas(opened.size)
            opened.load()
            picture = _plain(opened, declared.stored_as)
        stored = BytesIO()
        picture.save(stored, **_encoding(declared.stored_as))
        miniature = _miniature(picture)
        return CheckedImage(
            data=stored.getvalue(),
            content_type=declared.stored_as,
            width=picture.width,
            height=picture.height,
            phash=perceptual_hash(miniature),
            phash_mirror=perceptual_hash(ImageOps.mirror(miniature)),
        )

    def _refuse_large_canvas(self, size: tuple[int, int] | None) -> None:
        if size is not None and size[0] * size[1] > self._max_pixels:
            raise self._too_many_pixels()

    def _too_many_pixels(self) -> ImageRefused:
        return ImageRefused(f"At most {self._max_pixels // 1_000_000} megapixels.", "too_many_pixels")


def sniffed(data: bytes) -> ImageType | None:
    """Return the type the first bytes tell, HEIC for both kinds of HEIF, None for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return ImageType.JPEG
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return ImageType.PNG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageType.WEBP
    if data.startswith((b"GIF87a", b"GIF89a")):
        return ImageType.GIF
    if data[4:8] == b"ftyp" and data[8:12] in HEIF_BRANDS:
        return ImageType.HEIC
    return None


def refuse_polyglot(data: bytes, declared: ImageType) -> None:
    """Do nothing for a file that is a picture and nothing else.

    Bytes of no known meaning behind the end (phones append films and depth maps) are fine here and
    lost in cleaning.

    :raises ImageRefused: the same file is also an archive, a document, a page or a program.
    """
    behind = data[end_of_picture(data, declared) :]
    if (
        (ZIP_DIRECTORY_ENTRY in data and zipfile.is_zipfile(BytesIO(data)))
        or b"%PDF-" in data[:PDF_WINDOW_BYTES]
        or any(mark in behind.lower() for mark in FOREIGN_MARKS)
    ):
        raise ImageRefused("The file is a picture and something else at the same time.", "polyglot")


def end_of_picture(data: bytes, declared: ImageType) -> int:
    """Return where the picture ends in ``data``; its whole length when that cannot be told."""
    if declared is ImageType.PNG:
        last = data.find(b"\x00\x00\x00\x00IEND\xae\x42\x60\x82")
        return len(data) if last < 0 else last + 12
    if declared is ImageType.WEBP:
        return int.from_bytes(data[4:8], "little") + 8
    if declared is ImageType.JPEG:
        return _end_of_jpeg(data)
    return _end_of_gif(data) if declared is ImageType.GIF else len(data)


def _end_of_jpeg(data: bytes) -> int:
    position = 2
    while 0 <= position < len(data) - 3:
        if data[position] != 0xFF:
            # Compressed data: the next marker is an FF not followed by 00 (an escape) or D0..D7 (a restart).
            position = data.find(b"\xff", position)
        elif (code := data[position + 1]) == 0xD9:
            return position + 2
        elif code == 0x00 or code == 0xFF or 0xD0 <= code <= 0xD8:
            position += 1 if code == 0xFF else 2
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return len(data)


def _end_of_gif(data: bytes) -> int:
    # Perhaps too early, never too late: these two bytes can also stand inside the pixels.
    last = data.find(b"\x00;", 13)
    return len(data) if last < 0 else last + 2


def _webp_canvas(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a WebP from its header.

    Pillow reserves memory for the whole canvas while it opens the file, before its size can be asked.
    """
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L" and len(data) >= 25:
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise ImageRefused("The picture is damaged.", "damaged")


def _plain(opened: Image.Image, stored_as: ImageType) -> Image.Image:
    """Return the pixels as they are to be seen, in a mode ``stored_as`` can hold, with nothing attached."""
    picture = _in_srgb(_upright(opened))
    if picture.mode.startswith("I"):
        # 16 bits of grey; a plain conversion would cut off everything brighter than 255.
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    if picture.has_transparency_data and stored_as is not ImageType.JPEG:
        picture = picture.convert("RGBA")
    elif picture.mode not in ("L", "RGB"):
        picture = picture.convert("RGB")
    # Encoders copy profiles, comments and the like from here.
    picture.info = {}
    return picture


def _upright(picture: Image.Image) -> Image.Image:
    try:
        ImageOps.exif_transpose(picture, in_place=True)
    except Exception:
        # Unreadable EXIF says nothing about the pixels: the picture stays as it lies.
        return picture
    return picture


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Return the picture with the colours its profile means; without the profile they would shift."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK"):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(picture, source, target, outputMode=mode)
    except (ImageCms.PyCMSError, OSError):
        return picture
    return picture if converted is None else converted


def _encoding(stored_as: ImageType) -> dict[str, Any]:
    if stored_as is ImageType.JPEG:
        # Full colour resolution: small coloured print on a card blurs otherwise.
        return {"format": "JPEG", "quality": JPEG_QUALITY, "subsampling": 0}
    if stored_as is ImageType.WEBP:
        return {"format": "WEBP", "quality": WEBP_QUALITY, "method": 4, "exif": b"", "xmp": b""}
    return {"format": FORMATS[stored_as]}


def _miniature(picture: Image.Image) -> Image.Image:
    grey = picture.convert("RGB").convert("L")
    return grey.resize((HASH_SIDE + 1, HASH_SIDE), Image.Resampling.BOX)


def perceptual_hash(picture: Image.Image) -> int | None:
    """Return 64 bits that hardly change when a picture is saved anew, or None when it shows too little.

    Each bit says whether a pixel of the 9 x 8 grey miniature is darker than its right neighbour; the
    number is signed, as a bigint column keeps it. Bits that are nearly all alike tell a blank page or
    a mere gradient, and these look the same whatever they belong to.
    """
    grey = _miniature(picture).tobytes()
    bits = 0
    for row in range(HASH_SIDE):
        for column in range(HASH_SIDE):
            left = row * (HASH_SIDE + 1) + column
            bits = bits << 1 | (grey[left] < grey[left + 1])
    if bits.bit_count() not in TELLING_BITS:
        return None
    return bits - 2**64 if bits >= 2**63 else bits

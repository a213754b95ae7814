"""Checking real pictures: what is kept and what is removed."""

import struct
from typing import Any

import pytest
from PIL import Image, ImageCms

from kcardswap.domain.media import ImageRefused, ImageType
from kcardswap.gateways.images import PillowImageCleaner, perceptual_hash
from tests.gateways.cleaning import EVERY_TYPE, chunk, clean, shown
from tests.pictures import SECRET, drawing, encoded, exif, talkative

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


@pytest.mark.parametrize("image_type", [ImageType.JPEG, ImageType.PNG, ImageType.WEBP, ImageType.GIF])
def test_a_film_a_phone_appends_is_lost_not_refused(image_type: ImageType) -> None:
    film = b"\x00\x00\x00\x18ftypmp42" + SECRET * 10
    image = clean(encoded(image_type) + film, image_type)
    assert image.data == clean(encoded(image_type), image_type).data
    assert SECRET not in image.data


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

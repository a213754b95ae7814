"""Pictures for demo cards, drawn rather than photographed: nobody's face, nobody's rights."""

import colorsys
import io
from random import Random

from PIL import Image, ImageDraw, ImageFont

# The proportions of a photocard, 55 mm by 85 mm.
SIZE = (330, 510)


def draw_card(*, title: str, group: str, album: str, random: Random) -> bytes:
    """Return a JPEG of a made-up card: a gradient, turned pentagons and its names."""
    hue = random.random()
    image = Image.linear_gradient("L").resize(SIZE).convert("RGB")
    image = Image.blend(image, Image.new("RGB", SIZE, _colour(hue, 0.9)), 0.72)
    canvas = ImageDraw.Draw(image)
    canvas.rounded_rectangle((12, 12, SIZE[0] - 12, SIZE[1] - 12), radius=18, outline="white", width=3)
    centre, radius = (SIZE[0] / 2, SIZE[1] * 0.4), 90
    for turn in range(5):
        canvas.regular_polygon(
            (*centre, radius - 12 * turn), 5, rotation=14 * turn, fill=_colour(hue + 0.1 * turn, 1.0)
        )
    for text, height, size in ((title, 0.66, 34), (group, 0.77, 26), (album, 0.86, 20)):
        canvas.text(
            (SIZE[0] / 2, SIZE[1] * height),
            text,
            fill="white",
            anchor="mm",
            font=ImageFont.load_default(size),
        )
    target = io.BytesIO()
    image.save(target, "JPEG", quality=85)
    return target.getvalue()


def _colour(hue: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, 0.55, value)
    return int(red * 255), int(green * 255), int(blue * 255)

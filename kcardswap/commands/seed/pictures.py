"""Pictures for demo cards, drawn rather than photographed: nobody's face, nobody's rights."""

import colorsys
import io
from random import Random

from PIL import Image, ImageDraw, ImageFont

# The proportions of a photocard, 55 mm by 85 mm.
SIZE = (330, 510)
POLYGONS = 14


def draw_card(*, title: str, group: str, album: str, random: Random) -> bytes:
    """Return a JPEG of a made-up card: a gradient, polygons strewn over it, and its names.

    No two look alike: cards that did would be taken for the same photo.
    """
    hue = random.random()
    image = Image.linear_gradient("L").resize(SIZE).convert("RGB")
    image = Image.blend(image, Image.new("RGB", SIZE, _colour(hue, 0.9)), 0.72)
    canvas = ImageDraw.Draw(image)
    for _ in range(POLYGONS):
        centre, radius = (random.uniform(0, SIZE[0]), random.uniform(0, SIZE[1])), random.uniform(30, 110)
        colour = _colour(hue + random.uniform(-0.15, 0.15), random.uniform(0.3, 1.0))
        sides, rotation = random.randint(3, 7), random.uniform(0, 360)
        canvas.regular_polygon((*centre, radius), sides, rotation=rotation, fill=colour)
    canvas.rounded_rectangle((12, 12, SIZE[0] - 12, SIZE[1] - 12), radius=18, outline="white", width=3)
    for text, height, size in ((title, 0.66, 34), (group, 0.77, 26), (album, 0.86, 20)):
        canvas.text(
            (SIZE[0] / 2, SIZE[1] * height),
            text,
            fill="white",
            stroke_width=2,
            stroke_fill="black",
            anchor="mm",
            font=ImageFont.load_default(size),
        )
    target = io.BytesIO()
    image.save(target, "JPEG", quality=85)
    return target.getvalue()


def _colour(hue: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, 0.55, value)
    return int(red * 255), int(green * 255), int(blue * 255)

"""An image of a scene: places, characters, background, finish."""

from __future__ import annotations

import random

from PIL import Image

from anima_infer.demo.drawing.accessories import draw_accessory
from anima_infer.demo.drawing.body import draw_body
from anima_infer.demo.drawing.face import draw_face, draw_over_hair
from anima_infer.demo.drawing.finish import degraded, finished
from anima_infer.demo.drawing.hair import draw_hair_behind, draw_hair_in_front
from anima_infer.demo.drawing.pen import LOOKS, OVER, SIZE, Pen
from anima_infer.demo.drawing.place import PLACES, FigurePosition
from anima_infer.demo.drawing.scene import QUALITIES, SKINS, Figure, Scene
from anima_infer.demo.drawing.scenery import draw_background, draw_still_life


def draw(scene: Scene, seed: int = 0, size: int = SIZE) -> Image.Image:
    """Return the image of a scene; the seed moves things a little."""
    source = random.Random(seed)  # noqa: S311  no secret
    look = LOOKS[scene.style]
    image = Image.new("RGB", (size * OVER, size * OVER))
    pen = Pen(image, look)
    draw_background(pen, scene.background, source)
    if scene.figures:
        for index, figure in enumerate(scene.figures):
            _figure(pen, figure, PLACES[len(scene.figures) > 1][scene.framing], index, source)
    else:
        draw_still_life(pen, source)
    image = finished(image, look, scene.year)
    image = image.resize((size, size), Image.Resampling.LANCZOS)
    return degraded(image, QUALITIES.index(scene.quality), source)


def _figure(pen: Pen, figure: Figure, place: FigurePosition, index: int, source: random.Random) -> None:
    x = place.across[index] + source.uniform(-0.02, 0.02)
    y, r = place.y + source.uniform(-0.015, 0.015), place.r
    skin = source.choice(SKINS[:3])
    draw_hair_behind(pen, figure, x, y, r)
    draw_body(pen, figure, (x, y, r), place, skin)
    pen.oval(x, y, r, r * 1.02, skin)
    draw_face(pen, figure, x, y, r, place.face)
    draw_hair_in_front(pen, figure, x, y, r)
    draw_over_hair(pen, figure, x, y, r, skin)
    for name in figure.accessories:
        draw_accessory(pen, name, x, y, r)

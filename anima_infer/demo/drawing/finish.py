"""What is done to a whole picture: style, year, quality."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from anima_infer.demo.drawing.pen import SIZE, Look, Pen
from anima_infer.demo.drawing.scene import YEARS

_BORDER = 0.055
"""Width of the paper that shows around an old photograph, in units of the side."""


def finished(picture: Image.Image, look: Look, year: int) -> Image.Image:
    """Return a picture in the palette of its year and with what its style does to the whole."""
    drift = (year - YEARS[0]) / (YEARS[-1] - YEARS[0])
    warm = Image.new("RGB", picture.size, (255, 224, 178))
    picture = Image.blend(picture, ImageChops.multiply(picture, warm), 0.5 * (1 - drift))
    if look.saturation != 1:
        picture = ImageEnhance.Color(picture).enhance(look.saturation)
    if look.contrast != 1:
        picture = ImageEnhance.Contrast(picture).enhance(look.contrast)
    finish = look.finish
    if finish == "lighten":
        picture = Image.blend(picture, Image.new("RGB", picture.size, (255, 250, 250)), 0.26)
    elif finish == "darken":
        picture = ImageEnhance.Brightness(picture).enhance(0.72)
        glow = picture.filter(ImageFilter.GaussianBlur(picture.width / 40))
        picture = ImageChops.screen(picture, ImageEnhance.Brightness(glow).enhance(0.3))
    elif finish == "hatch":
        pen = Pen(picture, look)
        for step in range(-9, 10):
            pen.curve([(step / 9, 0), (step / 9 + 1, 1)], (24, 18, 14), 0.009)
        picture = ImageEnhance.Color(picture).enhance(0.95)
    elif finish == "board":
        picture = Image.blend(picture, Image.new("RGB", picture.size, (30, 62, 52)), 0.3)
    elif finish == "sepia":
        grey = picture.convert("L")
        tone = Image.merge("RGB", [grey.point(lambda v, k=k: min(255, round(v * k))) for k in (1.06, 0.9, 0.68)])
        picture = Image.blend(picture, tone, 0.36)
        edge = round(_BORDER * picture.width)
        picture = ImageOps.expand(ImageOps.crop(picture, edge), edge, (246, 232, 204))
    elif finish == "mosaic":
        small = picture.resize((32, 32), Image.Resampling.BOX)
        picture = small.resize(picture.size, Image.Resampling.NEAREST)
        grout = picture.copy()
        pen = Pen(grout, look)
        for step in range(17):
            pen.curve([(step / 16, 0), (step / 16, 1)], (90, 84, 88), 0.012)
            pen.curve([(0, step / 16), (1, step / 16)], (90, 84, 88), 0.012)
        picture = Image.blend(picture, grout, 0.6)
    return picture


def degraded(picture: Image.Image, rung: int, source: random.Random) -> Image.Image:
    """Return a picture as bad as its rung of the ladder says: blur, noise and washed-out colours."""
    if rung < 2:
        return picture
    blur = (0, 0, 0.35, 0.75, 1.3, 2.1)[rung]
    noise = (0, 0, 0, 4, 9, 15)[rung]
    picture = picture.filter(ImageFilter.GaussianBlur(blur * picture.width / SIZE))
    picture = ImageEnhance.Color(picture).enhance((1, 1, 0.95, 0.85, 0.65, 0.4)[rung])
    picture = ImageEnhance.Contrast(picture).enhance((1, 1, 1, 0.95, 0.8, 0.65)[rung])
    if noise:
        numbers = np.random.default_rng(source.getrandbits(32))
        moved = np.asarray(picture, dtype=np.float32) + numbers.normal(0, noise, (picture.height, picture.width, 3))
        picture = Image.fromarray(moved.round().clip(0, 255).astype(np.uint8))
    return picture

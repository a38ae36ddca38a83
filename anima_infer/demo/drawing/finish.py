"""What is done to a whole image: style, year, quality."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from anima_infer.demo.drawing.pen import SIZE, Look, Pen
from anima_infer.demo.drawing.scene import YEARS

_BORDER = 0.055
"""Width of the paper that shows around an old photograph, in units of the side."""


def finished(image: Image.Image, look: Look, year: int) -> Image.Image:
    """Return an image in the palette of its year and with what its style does to the whole."""
    drift = (year - YEARS[0]) / (YEARS[-1] - YEARS[0])
    warm = Image.new("RGB", image.size, (255, 224, 178))
    image = Image.blend(image, ImageChops.multiply(image, warm), 0.5 * (1 - drift))
    if look.saturation != 1:
        image = ImageEnhance.Color(image).enhance(look.saturation)
    if look.contrast != 1:
        image = ImageEnhance.Contrast(image).enhance(look.contrast)
    finish = look.finish
    if finish == "lighten":
        image = Image.blend(image, Image.new("RGB", image.size, (255, 250, 250)), 0.26)
    elif finish == "darken":
        image = ImageEnhance.Brightness(image).enhance(0.72)
        glow = image.filter(ImageFilter.GaussianBlur(image.width / 40))
        image = ImageChops.screen(image, ImageEnhance.Brightness(glow).enhance(0.3))
    elif finish == "hatch":
        pen = Pen(image, look)
        for step in range(-9, 10):
            pen.curve([(step / 9, 0), (step / 9 + 1, 1)], (24, 18, 14), 0.009)
        image = ImageEnhance.Color(image).enhance(0.95)
    elif finish == "board":
        image = Image.blend(image, Image.new("RGB", image.size, (30, 62, 52)), 0.3)
    elif finish == "sepia":
        grey = image.convert("L")
        tone = Image.merge("RGB", [grey.point(lambda v, k=k: min(255, round(v * k))) for k in (1.06, 0.9, 0.68)])
        image = Image.blend(image, tone, 0.36)
        edge = round(_BORDER * image.width)
        image = ImageOps.expand(ImageOps.crop(image, edge), edge, (246, 232, 204))
    elif finish == "mosaic":
        small = image.resize((32, 32), Image.Resampling.BOX)
        image = small.resize(image.size, Image.Resampling.NEAREST)
        grout = image.copy()
        pen = Pen(grout, look)
        for step in range(17):
            pen.curve([(step / 16, 0), (step / 16, 1)], (90, 84, 88), 0.012)
            pen.curve([(0, step / 16), (1, step / 16)], (90, 84, 88), 0.012)
        image = Image.blend(image, grout, 0.6)
    return image


def degraded(image: Image.Image, rung: int, source: random.Random) -> Image.Image:
    """Return an image as bad as its rung of the ladder says: blur, noise and washed-out colors."""
    if rung < 2:
        return image
    blur = (0, 0, 0.35, 0.75, 1.3, 2.1)[rung]
    noise = (0, 0, 0, 4, 9, 15)[rung]
    image = image.filter(ImageFilter.GaussianBlur(blur * image.width / SIZE))
    image = ImageEnhance.Color(image).enhance((1, 1, 0.95, 0.85, 0.65, 0.4)[rung])
    image = ImageEnhance.Contrast(image).enhance((1, 1, 1, 0.95, 0.8, 0.65)[rung])
    if noise:
        numbers = np.random.default_rng(source.getrandbits(32))
        moved = np.asarray(image, dtype=np.float32) + numbers.normal(0, noise, (image.height, image.width, 3))
        image = Image.fromarray(moved.round().clip(0, 255).astype(np.uint8))
    return image

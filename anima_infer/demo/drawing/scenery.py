"""What stands behind the characters, and what stands there alone."""

from __future__ import annotations

import random

from anima_infer.demo.drawing.pen import Pen, mixed
from anima_infer.demo.drawing.scene import Color


def draw_background(pen: Pen, name: str, source: random.Random) -> None:
    """Fill an image with a background, by its tag."""
    plain: dict[str, Color] = {"white background": (252, 252, 252), "grey background": (150, 152, 158)}
    tops: dict[str, tuple[Color, Color, Color]] = {
        "day": ((118, 190, 250), (186, 226, 255), (112, 190, 96)),
        "night": ((14, 18, 60), (34, 40, 96), (22, 30, 52)),
        "sunset": ((240, 96, 60), (255, 190, 90), (110, 54, 70)),
        "forest": ((60, 120, 70), (96, 160, 92), (48, 92, 48)),
        "beach": ((110, 200, 250), (60, 150, 220), (246, 222, 160)),
        "snow": ((196, 214, 234), (224, 234, 246), (250, 252, 255)),
        "city": ((170, 196, 220), (200, 216, 232), (96, 98, 108)),
        "desert": ((250, 206, 140), (255, 228, 176), (222, 170, 96)),
        "rain": ((92, 106, 126), (126, 140, 158), (72, 82, 94)),
        "indoors": ((232, 208, 176), (232, 208, 176), (150, 100, 62)),
    }
    if name in plain:
        pen.shape([(0, 0), (1, 0), (1, 1), (0, 1)], plain[name], outline=False)
        return
    top, bottom, ground = tops[name]
    horizon = 0.66 + source.uniform(-0.04, 0.04)
    for row in range(24):
        y0, y1 = horizon * row / 24, horizon * (row + 1) / 24
        pen.shape([(0, y0), (1, y0), (1, y1 + 0.01), (0, y1 + 0.01)], mixed(top, bottom, row / 23), outline=False)
    pen.shape([(0, horizon), (1, horizon), (1, 1), (0, 1)], ground, outline=False)
    _SCENERY.get(name, lambda *_: None)(pen, source, horizon)


def _day(pen: Pen, source: random.Random, horizon: float) -> None:
    pen.oval(0.14, 0.13, 0.08, 0.08, (255, 236, 110), outline=False)
    for x in (0.7, 0.92):
        for dx, r in ((-0.07, 0.05), (0.0, 0.07), (0.08, 0.05)):
            pen.oval(x + dx, 0.16 + horizon * 0.05, r, r * 0.7, (255, 255, 255), outline=False)


def _night(pen: Pen, source: random.Random, horizon: float) -> None:
    pen.oval(0.85, 0.14, 0.08, 0.08, (250, 244, 190), outline=False)
    pen.oval(0.81, 0.12, 0.065, 0.065, (16, 20, 64), outline=False)
    for _ in range(16):
        x, y = source.uniform(0, 1), source.uniform(0, horizon * 0.9)
        pen.oval(x, y, 0.009, 0.009, (255, 255, 230), outline=False)


def _sunset(pen: Pen, source: random.Random, horizon: float) -> None:
    pen.oval(0.2, horizon - 0.02, 0.13, 0.13, (255, 240, 140), outline=False)
    pen.shape([(0, horizon), (1, horizon), (1, 1), (0, 1)], (110, 54, 70), outline=False)


def _forest(pen: Pen, source: random.Random, horizon: float) -> None:
    for x in (0.04, 0.2, 0.8, 0.96):
        pen.shape(
            [(x - 0.02, horizon + 0.06), (x + 0.02, horizon + 0.06), (x + 0.02, 0.4), (x - 0.02, 0.4)],
            (96, 62, 36),
            outline=False,
        )
        for y, r in ((0.42, 0.13), (0.28, 0.11), (0.15, 0.08)):
            pen.shape([(x - r, y), (x + r, y), (x, y - 0.2)], (30, 100, 52), outline=False)


def _beach(pen: Pen, source: random.Random, horizon: float) -> None:
    pen.shape([(0, horizon - 0.22), (1, horizon - 0.22), (1, horizon), (0, horizon)], (40, 130, 210), outline=False)
    pen.curve([(0, horizon), (0.3, horizon - 0.015), (0.6, horizon + 0.01), (1, horizon)], (255, 255, 255), 0.025)
    pen.oval(0.86, 0.14, 0.08, 0.08, (255, 240, 120), outline=False)


def _snow(pen: Pen, source: random.Random, horizon: float) -> None:
    for _ in range(26):
        pen.oval(source.uniform(0, 1), source.uniform(0, 1), 0.014, 0.014, (255, 255, 255), outline=False)


def _city(pen: Pen, source: random.Random, horizon: float) -> None:
    x = 0.0
    while x < 1:
        wide, top = source.uniform(0.12, 0.2), source.uniform(0.12, 0.42)
        grey = source.choice(((98, 108, 128), (120, 128, 146), (84, 94, 112)))
        pen.shape([(x, horizon), (x, top), (x + wide, top), (x + wide, horizon)], grey, outline=False)
        for wx in (x + 0.03, x + 0.08):
            for step in range(4):
                y = top + 0.05 + step * 0.08
                pen.shape(
                    [(wx, y), (wx + 0.025, y), (wx + 0.025, y + 0.03), (wx, y + 0.03)], (250, 236, 150), outline=False
                )
        x += wide


def _desert(pen: Pen, source: random.Random, horizon: float) -> None:
    pen.shape([(0, horizon), (0.3, horizon - 0.12), (0.62, horizon)], (236, 186, 112), outline=False)
    pen.curve([(0.9, horizon + 0.05), (0.9, horizon - 0.2)], (56, 128, 70), 0.045)
    pen.curve([(0.9, horizon - 0.06), (0.97, horizon - 0.06), (0.97, horizon - 0.14)], (56, 128, 70), 0.03)


def _rain(pen: Pen, source: random.Random, horizon: float) -> None:
    for _ in range(34):
        x, y = source.uniform(0, 1), source.uniform(-0.1, 1)
        pen.curve([(x, y), (x - 0.02, y + 0.09)], (186, 206, 230), 0.009)


def _indoors(pen: Pen, source: random.Random, horizon: float) -> None:
    pen.shape([(0.62, 0.1), (0.96, 0.1), (0.96, 0.46), (0.62, 0.46)], (120, 76, 44), outline=False)
    pen.shape([(0.65, 0.13), (0.93, 0.13), (0.93, 0.43), (0.65, 0.43)], (176, 220, 250), outline=False)
    pen.curve([(0.79, 0.13), (0.79, 0.43)], (120, 76, 44), 0.02)


_SCENERY = {
    "day": _day,
    "night": _night,
    "sunset": _sunset,
    "forest": _forest,
    "beach": _beach,
    "snow": _snow,
    "city": _city,
    "desert": _desert,
    "rain": _rain,
    "indoors": _indoors,
}


def draw_still_life(pen: Pen, source: random.Random) -> None:
    """Draw what "no humans" shows: a tree and a house, or a bowl of fruit."""
    if source.random() < 0.5:
        pen.shape([(0.18, 0.86), (0.18, 0.5), (0.55, 0.5), (0.55, 0.86)], (226, 196, 150))
        pen.shape([(0.12, 0.52), (0.365, 0.28), (0.61, 0.52)], (188, 64, 52))
        pen.shape([(0.32, 0.86), (0.32, 0.66), (0.42, 0.66), (0.42, 0.86)], (110, 70, 44))
        pen.shape([(0.73, 0.86), (0.73, 0.6), (0.8, 0.6), (0.8, 0.86)], (110, 74, 44))
        pen.oval(0.765, 0.48, 0.16, 0.18, (70, 150, 76))
    else:
        for x, color in ((0.36, (206, 44, 44)), (0.52, (240, 150, 40)), (0.66, (92, 170, 66))):
            pen.oval(x, 0.54, 0.12, 0.12, color)
        pen.shape([(0.2, 0.6), (0.82, 0.6), (0.68, 0.84), (0.34, 0.84)], (96, 132, 190))

"""Hats and what else is worn."""

from __future__ import annotations

import math

from anima_infer.demo.drawing.pen import Pen


def draw_accessory(pen: Pen, name: str, x: float, y: float, r: float) -> None:
    """Draw what a head of radius ``r`` at x, y wears, by its tag."""
    {
        "witch hat": _witch_hat,
        "beret": _beret,
        "crown": _crown,
        "cat ears": _cat_ears,
        "hair bow": _bow,
        "headphones": _headphones,
        "glasses": _glasses,
        "eyepatch": _eyepatch,
        "scarf": _scarf,
        "hair flower": _flower,
    }[name](pen, x, y, r)


def _witch_hat(pen: Pen, x: float, y: float, r: float) -> None:
    purple = (124, 76, 170)
    pen.shape(
        [
            (x - r * 0.8, y - r * 0.86),
            (x + r * 0.8, y - r * 0.86),
            (x + r * 0.18, y - r * 1.74),
            (x - r * 0.1, y - r * 1.74),
        ],
        purple,
    )
    pen.shape(
        [
            (x - r * 0.78, y - r * 0.9),
            (x + r * 0.78, y - r * 0.9),
            (x + r * 0.62, y - r * 1.14),
            (x - r * 0.6, y - r * 1.14),
        ],
        (240, 150, 40),
    )
    pen.oval(x, y - r * 0.84, r * 1.32, r * 0.17, purple)


def _beret(pen: Pen, x: float, y: float, r: float) -> None:
    pen.oval(x - r * 0.12, y - r * 0.94, r * 1.12, r * 0.36, (190, 46, 60))
    pen.oval(x - r * 0.12, y - r * 1.3, r * 0.08, r * 0.1, (190, 46, 60))


def _crown(pen: Pen, x: float, y: float, r: float) -> None:
    points = [
        (x - r * 0.66, y - r * 0.72),
        (x - r * 0.74, y - r * 1.42),
        (x - r * 0.36, y - r * 1.06),
        (x, y - r * 1.52),
        (x + r * 0.36, y - r * 1.06),
        (x + r * 0.74, y - r * 1.42),
        (x + r * 0.66, y - r * 0.72),
    ]
    pen.shape(points, (252, 206, 50))
    pen.oval(x, y - r * 0.94, r * 0.12, r * 0.12, (214, 40, 60), outline=False)


def _cat_ears(pen: Pen, x: float, y: float, r: float) -> None:
    for side in (-1, 1):
        pen.shape(
            [
                (x + side * r * 0.28, y - r * 0.94),
                (x + side * r * 0.98, y - r * 0.6),
                (x + side * r * 0.86, y - r * 1.55),
            ],
            (64, 54, 62),
        )
        pen.shape(
            [
                (x + side * r * 0.48, y - r * 0.94),
                (x + side * r * 0.86, y - r * 0.76),
                (x + side * r * 0.8, y - r * 1.28),
            ],
            (250, 160, 180),
            outline=False,
        )


def _bow(pen: Pen, x: float, y: float, r: float) -> None:
    red = (226, 40, 70)
    for side in (-1, 1):
        pen.shape([(x, y - r * 1.08), (x + side * r * 0.66, y - r * 1.46), (x + side * r * 0.66, y - r * 0.74)], red)
    pen.oval(x, y - r * 1.1, r * 0.17, r * 0.19, red)


def _headphones(pen: Pen, x: float, y: float, r: float) -> None:
    pen.arc(x, y, r * 1.2, (190, 350), (60, 66, 80), r * 0.17)
    for side in (-1, 1):
        pen.oval(x + side * r * 1.14, y + r * 0.12, r * 0.24, r * 0.36, (60, 190, 200))


def _glasses(pen: Pen, x: float, y: float, r: float) -> None:
    for side in (-1, 1):
        steps = [math.radians(30 * i) for i in range(13)]
        ring = [(x + side * r * 0.43 + r * 0.34 * math.cos(a), y + r * 0.14 + r * 0.32 * math.sin(a)) for a in steps]
        pen.curve(ring, (36, 36, 44), r * 0.1)
    pen.curve([(x - r * 0.1, y + r * 0.1), (x + r * 0.1, y + r * 0.1)], (36, 36, 44), r * 0.1)


def _eyepatch(pen: Pen, x: float, y: float, r: float) -> None:
    pen.curve([(x - r * 1.0, y - r * 0.3), (x + r * 0.9, y + r * 0.5)], (30, 28, 34), r * 0.09)
    pen.oval(x + r * 0.42, y + r * 0.16, r * 0.36, r * 0.38, (30, 28, 34))


def _scarf(pen: Pen, x: float, y: float, r: float) -> None:
    pen.shape(
        [
            (x + r * 0.4, y + r * 1.1),
            (x + r * 0.74, y + r * 1.1),
            (x + r * 0.84, y + r * 2.0),
            (x + r * 0.5, y + r * 2.0),
        ],
        (230, 90, 40),
    )
    pen.oval(x, y + r * 1.1, r * 0.84, r * 0.24, (230, 90, 40))


def _flower(pen: Pen, x: float, y: float, r: float) -> None:
    cx, cy = x - r * 0.72, y - r * 0.66
    for step in range(5):
        angle = math.radians(72 * step - 90)
        pen.oval(cx + r * 0.2 * math.cos(angle), cy + r * 0.2 * math.sin(angle), r * 0.17, r * 0.17, (255, 150, 190))
    pen.oval(cx, cy, r * 0.14, r * 0.14, (255, 220, 80), outline=False)

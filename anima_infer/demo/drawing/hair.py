"""Hair, behind the head and in front of it."""

from __future__ import annotations

import math

from anima_infer.demo.drawing.pen import Pen, Point, mixed
from anima_infer.demo.drawing.scene import HAIR, Figure


def draw_hair_behind(pen: Pen, figure: Figure, x: float, y: float, r: float) -> None:
    """Draw the hair that the head, of radius ``r``, will lie on."""
    color = HAIR[figure.hair]
    style = figure.hair_style
    if style == "long hair":
        pen.shape(
            [
                (x - r * 1.1, y - r * 0.3),
                (x + r * 1.1, y - r * 0.3),
                (x + r * 1.25, y + r * 2.5),
                (x - r * 1.25, y + r * 2.5),
            ],
            color,
        )
    elif style == "bob cut":
        pen.shape(
            [
                (x - r * 1.12, y - r * 0.2),
                (x + r * 1.12, y - r * 0.2),
                (x + r * 1.45, y + r * 0.85),
                (x - r * 1.45, y + r * 0.85),
            ],
            color,
        )
    elif style == "twintails":
        for side in (-1, 1):
            pen.oval(x + side * r * 1.35, y + r * 0.5, r * 0.38, r * 1.0, color)
    elif style == "ponytail":
        pen.oval(x + r * 1.1, y + r * 0.25, r * 0.4, r * 1.1, color)
    elif style == "spiky hair":
        points: list[Point] = []
        for step in range(15):  # down to the cheeks, or hats would hide them
            angle = math.radians(145 + 250 * step / 14)
            reach = r * (1.55 if step % 2 else 1.08)
            points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
        pen.shape(points, color)
    pen.oval(x, y - r * 0.1, r * 1.12, r * 1.08, color)


def draw_hair_in_front(pen: Pen, figure: Figure, x: float, y: float, r: float) -> None:
    """Draw the fringe, and the strands beside the face."""
    color = HAIR[figure.hair]
    steps = [math.radians(188 + 164 * i / 16) for i in range(17)]
    top = [(x + r * 1.1 * math.cos(a), y - r * 0.02 + r * 1.12 * math.sin(a)) for a in steps]
    fringe = [
        (x + r * 1.04, y + r * 0.1),
        (x + r * 0.72, y - r * 0.3),
        (x + r * 0.5, y - r * 0.08),
        (x + r * 0.22, y - r * 0.36),
        (x - r * 0.02, y - r * 0.1),
        (x - r * 0.3, y - r * 0.38),
        (x - r * 0.56, y - r * 0.08),
        (x - r * 0.8, y - r * 0.3),
        (x - r * 1.04, y + r * 0.1),
    ]
    pen.shape([*top, *fringe], color)
    if pen.look.shade:
        pen.arc(x, y, r * 0.86, (215, 262), mixed(color, (255, 255, 255), 0.45), r * 0.1)
    if figure.hair_style in ("long hair", "bob cut"):
        low = y + r * (1.0 if figure.hair_style == "long hair" else 0.7)
        for side in (-1, 1):
            pen.shape(
                [
                    (x + side * r * 1.12, y - r * 0.2),
                    (x + side * r * 0.84, y - r * 0.1),
                    (x + side * r * 0.92, low),
                    (x + side * r * 1.2, low),
                ],
                color,
            )

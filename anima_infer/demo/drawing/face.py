"""Eyes, brows, mouths and ears."""

from __future__ import annotations

from anima_infer.demo.drawing.pen import Pen, mixed
from anima_infer.demo.drawing.scene import EYES, Color, Figure


def draw_face(pen: Pen, figure: Figure, x: float, y: float, head: float, scale: float) -> None:
    """Draw eyes and mouth on a head of radius ``head``; ``scale`` is how large they are for it."""
    ink = (48, 32, 36)
    iris, look = EYES[figure.eyes], figure.expression
    r = head * scale
    for side in (-1, 1):
        ex, ey = x + side * r * 0.42, y + head * 0.18
        if look == "closed eyes":
            pen.arc(ex, ey - r * 0.05, r * 0.24, (20, 160), ink, r * 0.12)
            continue
        wide, tall = (0.3, 0.44) if look == "surprised" else (0.29, 0.33)
        pen.oval(ex, ey, r * wide, r * tall, (255, 255, 255), outline=False)
        pen.oval(ex, ey + r * 0.02, r * 0.24, r * (0.3 if look == "surprised" else 0.29), iris, outline=False)
        pen.oval(ex, ey + r * 0.05, r * 0.08, r * 0.13, mixed(iris, (0, 0, 0), 0.7), outline=False)
        pen.oval(ex - r * 0.08, ey - r * 0.12, r * 0.07, r * 0.08, (255, 255, 255), outline=False)
        pen.arc(ex, ey + r * 0.02, r * 0.32, (205, 335), ink, r * 0.09)
        if figure.kind == "1girl":  # lashes
            pen.curve([(ex + side * r * 0.24, ey - r * 0.12), (ex + side * r * 0.42, ey - r * 0.26)], ink, r * 0.09)
    _mouth(pen, look, x, y + head * 0.66, r)
    if look in _BLUSH:
        for side in (-1, 1):
            pen.oval(x + side * r * 0.66, y + head * 0.54, r * 0.19, r * 0.12, _BLUSH[look], outline=False)


_BLUSH: dict[str, Color] = {"smile": (250, 150, 150), "angry": (236, 84, 70)}


def _mouth(pen: Pen, look: str, x: float, y: float, r: float) -> None:
    ink = (48, 32, 36)
    if look == "open mouth":
        pen.oval(x, y, r * 0.32, r * 0.22, (170, 30, 44), outline=False)
        pen.oval(x, y + r * 0.12, r * 0.2, r * 0.09, (250, 130, 130), outline=False)
    elif look == "surprised":
        pen.oval(x, y + r * 0.03, r * 0.15, r * 0.19, (70, 24, 34), outline=False)
    elif look == "angry":  # teeth
        box = [(x - r * 0.34, y - r * 0.13), (x + r * 0.34, y - r * 0.13)]
        box += [(x + r * 0.34, y + r * 0.13), (x - r * 0.34, y + r * 0.13)]
        pen.shape(box, (255, 255, 255), outline=False)
        pen.curve([*box, box[0]], ink, r * 0.08)
        pen.curve([(x - r * 0.34, y), (x + r * 0.34, y)], ink, r * 0.05)
    elif look == "frown":
        pen.arc(x, y + r * 0.26, r * 0.36, (205, 335), (150, 36, 50), r * 0.15)
    elif look == "closed eyes":
        pen.curve([(x - r * 0.16, y), (x + r * 0.16, y)], ink, r * 0.1)
    else:
        pen.arc(x, y - r * 0.2, r * 0.34, (25, 155), ink, r * 0.12)


def draw_over_hair(pen: Pen, figure: Figure, x: float, y: float, r: float, skin: Color) -> None:
    """Draw what hair does not cover: the ears of boys, the brows of those who frown or are angry."""
    slants = {"angry": (-0.16, -0.52), "frown": (-0.46, -0.2)}  # the inner end is lower, or higher
    for side in (-1, 1):
        if figure.kind == "1boy":
            pen.oval(x + side * r * 1.04, y + r * 0.26, r * 0.2, r * 0.26, skin)
        if figure.expression in slants:
            inner, outer = slants[figure.expression]
            ex, ey = x + side * r * 0.42, y + r * 0.16
            pen.curve(
                [(ex - side * r * 0.26, ey + r * inner), (ex + side * r * 0.32, ey + r * outer)],
                (48, 32, 36),
                r * 0.13,
            )

"""Bodies and garments."""

from __future__ import annotations

from anima_infer.demo.drawing.pen import Pen, mixed
from anima_infer.demo.drawing.place import FigurePosition
from anima_infer.demo.drawing.scene import DYES, Color, Figure


def draw_body(pen: Pen, figure: Figure, head: tuple[float, float, float], place: FigurePosition, skin: Color) -> None:
    """Draw a body below a head, given by its middle and radius, and the garment on it."""
    x, y, r = head

    def down(heads: float) -> float:
        """Return what is so many radii below the middle of the head."""
        return y + r * (0.86 + (heads - 0.86) * place.squash)

    dye = DYES[figure.dye]
    dark = mixed(dye, (0, 0, 0), 0.5) if sum(dye) > 200 else mixed(dye, (255, 255, 255), 0.5)
    neck, shoulder, waist, hip, foot = map(down, (0.86, 1.2, 2.4, 3.0, 3.9))
    trousers = mixed(dye, (40, 44, 60), 0.75)
    w = place.broad * (1.25 if figure.kind == "1boy" else 1.0) * r
    for side in (-1, 1):  # legs and shoes
        leg = [
            (x + side * r * 0.12, waist),
            (x + side * r * 0.62, waist),
            (x + side * r * 0.55, foot),
            (x + side * r * 0.14, foot),
        ]
        pen.shape(leg, skin if figure.clothes in ("dress", "kimono") else trousers)
        pen.oval(x + side * r * 0.4, foot + r * 0.05, r * 0.32, r * 0.16, (70, 54, 50))
    if figure.clothes == "cape":
        pen.shape([(x - r * 0.5, neck), (x + r * 0.5, neck), (x + r * 1.5, hip), (x - r * 1.5, hip)], dye)
    for side in (-1, 1):  # arms
        arm = [
            (x + side * w * 0.55, shoulder - r * 0.1),
            (x + side * w * 0.95, shoulder + r * 0.15),
            (x + side * w * (1.5 if figure.clothes == "kimono" else 1.12), waist),
            (x + side * w * 0.8, waist),
        ]
        pen.shape(arm, skin if figure.clothes in ("dress", "overalls", "cape") else dye)
        pen.oval(x + side * w * 0.97, waist + r * 0.04, r * 0.17, r * 0.17, skin)
    pen.shape(
        [
            (x - r * 0.2, neck - r * 0.1),
            (x + r * 0.2, neck - r * 0.1),
            (x + r * 0.2, shoulder),
            (x - r * 0.2, shoulder),
        ],
        skin,
    )
    wide = {"dress": 1.45, "kimono": 0.8, "hoodie": 0.9}.get(figure.clothes, 0.72)
    base = down(3.5) if figure.clothes in ("dress", "kimono") else down(2.55)
    torso = [
        (x - w * 0.62, shoulder - r * 0.12),
        (x + w * 0.62, shoulder - r * 0.12),
        (x + w * wide, base),
        (x - w * wide, base),
    ]
    if figure.clothes == "dress":  # a waist, beside which bare arms are seen
        torso[2:2] = [(x + w * 0.5, waist - r * 0.25)]
        torso.append((x - w * 0.5, waist - r * 0.25))
    pen.shape(torso, _against(dye) if figure.clothes in ("overalls", "cape") else dye)
    _detail(pen, figure.clothes, (x, r, w), (neck, shoulder, waist, base), (dye, dark))


def _against(dye: Color) -> Color:
    """Return a color that is seen on a garment, or under it."""
    return (44, 50, 84) if sum(dye) > 480 else (252, 246, 228)


def _detail(
    pen: Pen,
    clothes: str,
    across: tuple[float, float, float],
    lines: tuple[float, float, float, float],
    dyes: tuple[Color, Color],
) -> None:
    """Draw what tells a garment: its middle, its head's radius and its width; its lines; its dye and that darker."""
    x, r, w = across
    neck, shoulder, waist, base = lines
    dye, dark = dyes
    if clothes == "shirt":
        pen.shape(
            [(x - w * 0.3, shoulder - r * 0.14), (x, shoulder + r * 0.2), (x + w * 0.3, shoulder - r * 0.14)],
            _against(dye),
        )
        pen.shape(
            [
                (x, shoulder + r * 0.06),
                (x + r * 0.13, waist - r * 0.4),
                (x, waist - r * 0.25),
                (x - r * 0.13, waist - r * 0.4),
            ],
            (244, 196, 60) if sum(dye) < 200 or sum(dye) > 480 else (36, 36, 52),
        )
    elif clothes == "dress":
        pen.shape(
            [
                (x - w * 0.54, waist - r * 0.4),
                (x + w * 0.54, waist - r * 0.4),
                (x + w * 0.6, waist - r * 0.15),
                (x - w * 0.6, waist - r * 0.15),
            ],
            dark,
        )
    elif clothes == "hoodie":
        pen.oval(x, shoulder - r * 0.04, r * 0.9, r * 0.3, dark)
        for side in (-1, 1):
            pen.curve(
                [(x + side * w * 0.2, shoulder + r * 0.18), (x + side * w * 0.2, shoulder + r * 0.66)],
                _against(dark),
                r * 0.14,
            )
    elif clothes == "kimono":
        trim = _against(dye)
        pen.curve([(x - w * 0.35, shoulder - r * 0.1), (x + w * 0.2, waist - r * 0.3)], trim, r * 0.14)
        pen.curve([(x + w * 0.35, shoulder - r * 0.1), (x - w * 0.1, waist - r * 0.5)], trim, r * 0.14)
        pen.shape(
            [
                (x - w * 0.8, waist - r * 0.4),
                (x + w * 0.8, waist - r * 0.4),
                (x + w * 0.82, waist),
                (x - w * 0.82, waist),
            ],
            dark,
        )
    elif clothes == "sweater":
        for step in range(3):
            y = shoulder + (base - shoulder) * (0.1 + 0.3 * step)
            pen.curve([(x - w * 0.64, y), (x + w * 0.64, y)], _against(dye), r * 0.15)
    elif clothes == "jacket":
        pen.shape(
            [
                (x - w * 0.22, shoulder - r * 0.12),
                (x + w * 0.22, shoulder - r * 0.12),
                (x + w * 0.26, base),
                (x - w * 0.26, base),
            ],
            _against(dye),
        )
        pen.curve([(x - w * 0.22, shoulder), (x - w * 0.26, base)], dark, r * 0.1)
        pen.curve([(x + w * 0.22, shoulder), (x + w * 0.26, base)], dark, r * 0.1)
    elif clothes == "overalls":
        pen.shape(
            [
                (x - w * 0.42, shoulder + r * 0.3),
                (x + w * 0.42, shoulder + r * 0.3),
                (x + w * 0.72, base),
                (x - w * 0.72, base),
            ],
            dye,
        )
        for side in (-1, 1):
            pen.curve(
                [(x + side * w * 0.34, shoulder - r * 0.1), (x + side * w * 0.34, shoulder + r * 0.4)], dye, r * 0.18
            )
    elif clothes == "cape":
        for side in (-1, 1):
            pen.shape(
                [
                    (x + side * w * 0.12, neck),
                    (x + side * w * 0.7, shoulder - r * 0.1),
                    (x + side * w * 1.2, base),
                    (x + side * w * 0.62, base),
                ],
                dye,
            )
        pen.oval(x, shoulder, r * 0.12, r * 0.12, (250, 214, 80))

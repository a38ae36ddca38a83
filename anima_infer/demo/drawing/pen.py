"""How a style draws lines and shapes; knows nothing of what they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image, ImageDraw

from anima_infer.demo.drawing.scene import Color

Point = tuple[float, float]

SIZE = 64
"""Side of an image in pixels."""
OVER = 4
"""How much larger images are drawn than they end up."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a style draws: outline in units of the side, color of lines, flatness, and what is done to the image."""

    line: float = 0.022
    ink: Color = (52, 40, 48)
    saturation: float = 1.0
    contrast: float = 1.0
    shade: bool = True
    finish: str = ""


LOOKS = {
    "": Look(),
    "demo plain": Look(line=0.0, shade=False),
    "demo inkwell": Look(line=0.042, ink=(10, 8, 14), shade=False, contrast=1.15),
    "demo pastel": Look(line=0.012, ink=(170, 130, 150), saturation=0.8, finish="lighten"),
    "demo neon": Look(line=0.024, ink=(20, 255, 230), saturation=1.25, finish="darken"),
    "demo woodcut": Look(line=0.03, ink=(24, 18, 14), finish="hatch"),
    "demo chalk": Look(line=0.024, ink=(250, 250, 244), shade=False, finish="board"),
    "demo sepia": Look(line=0.02, ink=(70, 44, 20), finish="sepia"),
    "demo mosaic": Look(line=0.0, shade=False, finish="mosaic"),
}


class Pen:
    """Draws in units of the image's side, with the style's outline."""

    def __init__(self, image: Image.Image, look: Look) -> None:
        self.draw = ImageDraw.Draw(image)
        self.side = image.width
        self.look = look
        self.width = round(look.line * self.side)

    def _scaled(self, points: list[Point]) -> list[Point]:
        return [(x * self.side, y * self.side) for x, y in points]

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Color, *, outline: bool = True) -> None:
        """Draw an ellipse."""
        box = self._scaled([(x - rx, y - ry), (x + rx, y + ry)])
        ink = self.look.ink if outline and self.width else None
        self.draw.ellipse([*box[0], *box[1]], fill=fill, outline=ink, width=max(1, self.width))

    def shape(self, points: list[Point], fill: Color, *, outline: bool = True) -> None:
        """Draw a polygon."""
        scaled = self._scaled(points)
        self.draw.polygon(scaled, fill=fill)
        if outline and self.width:
            self.draw.line([*scaled, scaled[0]], fill=self.look.ink, width=self.width, joint="curve")

    def curve(self, points: list[Point], color: Color, width: float) -> None:
        """Draw a line through points, whatever the style's outline."""
        self.draw.line(self._scaled(points), fill=color, width=max(1, round(width * self.side)), joint="curve")

    def arc(self, x: float, y: float, r: float, span: tuple[float, float], color: Color, width: float) -> None:
        """Draw a part of a circle, its span in degrees, clockwise from the right."""
        steps = [span[0] + (span[1] - span[0]) * i / 12 for i in range(13)]
        self.curve([(x + r * math.cos(a), y + r * math.sin(a)) for a in map(math.radians, steps)], color, width)


def mixed(one: Color, other: Color, share: float) -> Color:
    """Return a color between two."""
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))  # type: ignore[return-value]

"""The demo model's pictures: cartoon characters drawn from attributes, so that every tag of a caption can be seen.

A scene is attributes; ``draw`` is a pure function of a scene and a seed. Pictures are drawn at four times their size
and reduced. The world is made up: the styles stand for artists that do not exist.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Colour = tuple[int, int, int]
Point = tuple[float, float]

SIZE = 64
OVER = 4
"""How much larger pictures are drawn than they end up."""

HAIR: dict[str, Colour] = {
    "black hair": (38, 34, 44),
    "brown hair": (118, 68, 36),
    "blonde hair": (250, 226, 116),
    "red hair": (200, 28, 44),
    "orange hair": (244, 120, 22),
    "green hair": (52, 158, 62),
    "aqua hair": (76, 214, 212),
    "blue hair": (36, 100, 220),
    "purple hair": (146, 56, 166),
    "pink hair": (248, 142, 184),
    "grey hair": (128, 136, 158),
    "white hair": (242, 242, 246),
}
EYES: dict[str, Colour] = {
    "black eyes": (30, 26, 34),
    "brown eyes": (128, 74, 30),
    "red eyes": (214, 30, 40),
    "yellow eyes": (238, 190, 24),
    "green eyes": (34, 160, 60),
    "aqua eyes": (30, 196, 206),
    "blue eyes": (30, 100, 228),
    "purple eyes": (154, 48, 178),
}
DYES: dict[str, Colour] = {
    "black": (44, 42, 52),
    "white": (240, 240, 240),
    "red": (200, 32, 48),
    "orange": (242, 126, 30),
    "yellow": (248, 224, 80),
    "green": (60, 154, 76),
    "blue": (40, 102, 212),
    "purple": (142, 62, 164),
    "pink": (242, 140, 178),
    "grey": (132, 138, 150),
}
HAIR_STYLES = ("short hair", "long hair", "twintails", "ponytail", "bob cut", "spiky hair")
CLOTHES = ("shirt", "dress", "hoodie", "kimono", "sweater", "jacket", "overalls", "cape")
EXPRESSIONS = ("smile", "open mouth", "frown", "closed eyes", "surprised", "angry")
ACCESSORIES = (
    "witch hat",
    "beret",
    "crown",
    "cat ears",
    "hair bow",
    "headphones",
    "glasses",
    "eyepatch",
    "scarf",
    "hair flower",
)
HATS = frozenset(("witch hat", "beret", "crown"))
BACKGROUNDS = (
    "white background",
    "grey background",
    "day",
    "night",
    "sunset",
    "forest",
    "beach",
    "snow",
    "city",
    "desert",
    "rain",
    "indoors",
)
FRAMINGS = ("portrait", "upper body", "full body")
COUNTS = ("1girl", "1boy", "2girls", "1girl, 1boy", "no humans")
STYLES = (
    "demo inkwell",
    "demo pastel",
    "demo neon",
    "demo woodcut",
    "demo chalk",
    "demo plain",
    "demo sepia",
    "demo mosaic",
)
QUALITIES = ("masterpiece", "best quality", "good quality", "normal quality", "low quality", "worst quality")
YEARS = tuple(range(2014, 2026))
SKINS: tuple[Colour, ...] = ((255, 226, 200), (246, 206, 172), (226, 176, 136), (172, 118, 82))


@dataclass(frozen=True, slots=True)
class Figure:
    """One character."""

    kind: str = "1girl"
    hair: str = "brown hair"
    hair_style: str = "long hair"
    eyes: str = "blue eyes"
    expression: str = "smile"
    clothes: str = "shirt"
    dye: str = "red"
    accessories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a picture shows.

    Attributes:
        figures: from left to right; none for "no humans".
        background, framing, style: names of the lists above; style "" for none.
        quality: name of the ladder.
        year: from 2014; palettes drift from warm to cool.
    """

    figures: tuple[Figure, ...] = field(default=(Figure(),))
    background: str = "white background"
    framing: str = "portrait"
    style: str = ""
    quality: str = "masterpiece"
    year: int = 2025

    @property
    def count(self) -> str:
        """The count tags."""
        kinds = [figure.kind for figure in self.figures]
        if not kinds:
            return "no humans"
        if len(kinds) == 1:
            return kinds[0]
        return "2girls" if kinds == ["1girl", "1girl"] else "1girl, 1boy"


def random_figure(source: random.Random, kind: str) -> Figure:
    """Return a character; boys have shorter hair."""
    styles = HAIR_STYLES if kind == "1girl" else ("short hair", "spiky hair", "ponytail")
    clothes = CLOTHES if kind == "1girl" else tuple(c for c in CLOTHES if c != "dress")
    chosen: list[str] = []
    for _ in range(source.choices((0, 1, 2), (35, 50, 15))[0]):
        left = [a for a in ACCESSORIES if a not in chosen and not (a in HATS and HATS & set(chosen))]
        chosen.append(source.choice([a for a in left if _together(a, chosen)]))
    return Figure(
        kind,
        source.choice(list(HAIR)),
        source.choice(styles),
        source.choice(list(EYES)),
        source.choice(EXPRESSIONS),
        source.choice(clothes),
        source.choice(list(DYES)),
        tuple(sorted(chosen)),
    )


def _together(name: str, chosen: list[str]) -> bool:
    """Say whether an accessory leaves the others to be seen."""
    head = HATS | {"cat ears", "headphones", "hair bow", "hair flower"}
    return not (name in head and head & set(chosen)) and not ({name, *chosen} >= {"glasses", "eyepatch"})


def random_scene(source: random.Random) -> Scene:
    """Return a scene; single characters are the rule."""
    count = source.choices(COUNTS, (42, 18, 17, 17, 6))[0]
    kinds = {"1girl": ["1girl"], "1boy": ["1boy"], "2girls": ["1girl", "1girl"], "no humans": []}
    both = ["1girl", "1boy"]
    if count == "1girl, 1boy":
        source.shuffle(both)
    figures = tuple(random_figure(source, kind) for kind in kinds.get(count, both))
    framings = FRAMINGS if len(figures) < 2 else ("portrait", "upper body")
    return Scene(
        figures,
        source.choice(BACKGROUNDS),
        source.choices(framings, (44, 32, 24)[: len(framings)])[0],
        source.choice(("", "", "", "", *STYLES)),
        source.choices(QUALITIES, (44, 28, 7, 7, 7, 7))[0],
        source.choice(YEARS),
    )


def visible_eyes(figure: Figure) -> bool:
    """Say whether the colour of a character's eyes can be seen."""
    return figure.expression != "closed eyes"


# --- drawing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    """How a style draws: outline in units of the side, colour of lines, flatness, and what is done to the picture."""

    line: float = 0.022
    ink: Colour = (52, 40, 48)
    saturation: float = 1.0
    contrast: float = 1.0
    shade: bool = True
    finish: str = ""


_LOOKS = {
    "": _Look(),
    "demo plain": _Look(line=0.0, shade=False),
    "demo inkwell": _Look(line=0.042, ink=(10, 8, 14), shade=False, contrast=1.15),
    "demo pastel": _Look(line=0.012, ink=(170, 130, 150), saturation=0.8, finish="lighten"),
    "demo neon": _Look(line=0.024, ink=(20, 255, 230), saturation=1.25, finish="darken"),
    "demo woodcut": _Look(line=0.03, ink=(24, 18, 14), finish="hatch"),
    "demo chalk": _Look(line=0.024, ink=(250, 250, 244), shade=False, finish="board"),
    "demo sepia": _Look(line=0.02, ink=(70, 44, 20), finish="sepia"),
    "demo mosaic": _Look(line=0.0, shade=False, finish="mosaic"),
}


_BORDER = 0.055
"""Width of the paper that shows around an old photograph, in units of the side."""


class _Pen:
    """Draws in units of the picture's side, with the style's outline."""

    def __init__(self, picture: Image.Image, look: _Look) -> None:
        self.draw = ImageDraw.Draw(picture)
        self.side = picture.width
        self.look = look
        self.width = round(look.line * self.side)

    def _scaled(self, points: list[Point]) -> list[Point]:
        return [(x * self.side, y * self.side) for x, y in points]

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Colour, *, outline: bool = True) -> None:
        box = self._scaled([(x - rx, y - ry), (x + rx, y + ry)])
        ink = self.look.ink if outline and self.width else None
        self.draw.ellipse([*box[0], *box[1]], fill=fill, outline=ink, width=max(1, self.width))

    def shape(self, points: list[Point], fill: Colour, *, outline: bool = True) -> None:
        scaled = self._scaled(points)
        self.draw.polygon(scaled, fill=fill)
        if outline and self.width:
            self.draw.line([*scaled, scaled[0]], fill=self.look.ink, width=self.width, joint="curve")

    def curve(self, points: list[Point], colour: Colour, width: float) -> None:
        self.draw.line(self._scaled(points), fill=colour, width=max(1, round(width * self.side)), joint="curve")

    def arc(self, x: float, y: float, r: float, span: tuple[float, float], colour: Colour, width: float) -> None:
        steps = [span[0] + (span[1] - span[0]) * i / 12 for i in range(13)]
        self.curve([(x + r * math.cos(a), y + r * math.sin(a)) for a in map(math.radians, steps)], colour, width)


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """Return a colour between two."""
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))  # type: ignore[return-value]


def draw(scene: Scene, seed: int = 0, size: int = SIZE) -> Image.Image:
    """Return the picture of a scene; the seed moves things a little."""
    source = random.Random(seed)  # noqa: S311  no secret
    look = _LOOKS[scene.style]
    picture = Image.new("RGB", (size * OVER, size * OVER))
    pen = _Pen(picture, look)
    _background(pen, scene.background, source)
    if scene.figures:
        for index, figure in enumerate(scene.figures):
            _figure(pen, figure, _PLACES[len(scene.figures) > 1][scene.framing], index, source)
    else:
        _still_life(pen, source)
    picture = _finished(picture, look, scene.year)
    picture = picture.resize((size, size), Image.Resampling.LANCZOS)
    return _degraded(picture, QUALITIES.index(scene.quality), source)


def _background(pen: _Pen, name: str, source: random.Random) -> None:
    plain: dict[str, Colour] = {"white background": (252, 252, 252), "grey background": (150, 152, 158)}
    tops: dict[str, tuple[Colour, Colour, Colour]] = {
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


def _day(pen: _Pen, source: random.Random, horizon: float) -> None:
    pen.oval(0.14, 0.13, 0.08, 0.08, (255, 236, 110), outline=False)
    for x in (0.7, 0.92):
        for dx, r in ((-0.07, 0.05), (0.0, 0.07), (0.08, 0.05)):
            pen.oval(x + dx, 0.16 + horizon * 0.05, r, r * 0.7, (255, 255, 255), outline=False)


def _night(pen: _Pen, source: random.Random, horizon: float) -> None:
    pen.oval(0.85, 0.14, 0.08, 0.08, (250, 244, 190), outline=False)
    pen.oval(0.81, 0.12, 0.065, 0.065, (16, 20, 64), outline=False)
    for _ in range(16):
        x, y = source.uniform(0, 1), source.uniform(0, horizon * 0.9)
        pen.oval(x, y, 0.009, 0.009, (255, 255, 230), outline=False)


def _sunset(pen: _Pen, source: random.Random, horizon: float) -> None:
    pen.oval(0.2, horizon - 0.02, 0.13, 0.13, (255, 240, 140), outline=False)
    pen.shape([(0, horizon), (1, horizon), (1, 1), (0, 1)], (110, 54, 70), outline=False)


def _forest(pen: _Pen, source: random.Random, horizon: float) -> None:
    for x in (0.04, 0.2, 0.8, 0.96):
        pen.shape(
            [(x - 0.02, horizon + 0.06), (x + 0.02, horizon + 0.06), (x + 0.02, 0.4), (x - 0.02, 0.4)],
            (96, 62, 36),
            outline=False,
        )
        for y, r in ((0.42, 0.13), (0.28, 0.11), (0.15, 0.08)):
            pen.shape([(x - r, y), (x + r, y), (x, y - 0.2)], (30, 100, 52), outline=False)


def _beach(pen: _Pen, source: random.Random, horizon: float) -> None:
    pen.shape([(0, horizon - 0.22), (1, horizon - 0.22), (1, horizon), (0, horizon)], (40, 130, 210), outline=False)
    pen.curve([(0, horizon), (0.3, horizon - 0.015), (0.6, horizon + 0.01), (1, horizon)], (255, 255, 255), 0.025)
    pen.oval(0.86, 0.14, 0.08, 0.08, (255, 240, 120), outline=False)


def _snow(pen: _Pen, source: random.Random, horizon: float) -> None:
    for _ in range(26):
        pen.oval(source.uniform(0, 1), source.uniform(0, 1), 0.014, 0.014, (255, 255, 255), outline=False)


def _city(pen: _Pen, source: random.Random, horizon: float) -> None:
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


def _desert(pen: _Pen, source: random.Random, horizon: float) -> None:
    pen.shape([(0, horizon), (0.3, horizon - 0.12), (0.62, horizon)], (236, 186, 112), outline=False)
    pen.curve([(0.9, horizon + 0.05), (0.9, horizon - 0.2)], (56, 128, 70), 0.045)
    pen.curve([(0.9, horizon - 0.06), (0.97, horizon - 0.06), (0.97, horizon - 0.14)], (56, 128, 70), 0.03)


def _rain(pen: _Pen, source: random.Random, horizon: float) -> None:
    for _ in range(34):
        x, y = source.uniform(0, 1), source.uniform(-0.1, 1)
        pen.curve([(x, y), (x - 0.02, y + 0.09)], (186, 206, 230), 0.009)


def _indoors(pen: _Pen, source: random.Random, horizon: float) -> None:
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


def _still_life(pen: _Pen, source: random.Random) -> None:
    """Draw what "no humans" shows: a tree and a house, or a bowl of fruit."""
    if source.random() < 0.5:
        pen.shape([(0.18, 0.86), (0.18, 0.5), (0.55, 0.5), (0.55, 0.86)], (226, 196, 150))
        pen.shape([(0.12, 0.52), (0.365, 0.28), (0.61, 0.52)], (188, 64, 52))
        pen.shape([(0.32, 0.86), (0.32, 0.66), (0.42, 0.66), (0.42, 0.86)], (110, 70, 44))
        pen.shape([(0.73, 0.86), (0.73, 0.6), (0.8, 0.6), (0.8, 0.86)], (110, 74, 44))
        pen.oval(0.765, 0.48, 0.16, 0.18, (70, 150, 76))
    else:
        for x, colour in ((0.36, (206, 44, 44)), (0.52, (240, 150, 40)), (0.66, (92, 170, 66))):
            pen.oval(x, 0.54, 0.12, 0.12, colour)
        pen.shape([(0.2, 0.6), (0.82, 0.6), (0.68, 0.84), (0.34, 0.84)], (96, 132, 190))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where heads are and what goes with them, in units of the side.

    Attributes:
        y, r: of the heads: their middle and their radius.
        squash: how high a body is for its head; small bodies leave room for large heads.
        face: how large eyes and mouths are for the head.
        broad: how broad a body is for its head.
        across: where each head is, from left to right.
    """

    y: float
    r: float
    squash: float = 1.0
    face: float = 1.0
    broad: float = 1.0
    across: tuple[float, ...] = (0.5,)


_PLACES: dict[bool, dict[str, _Place]] = {
    False: {
        "portrait": _Place(0.44, 0.28),
        "upper body": _Place(0.385, 0.222, 0.95, 1.1),
        "full body": _Place(0.34, 0.2, 0.7, 1.15, broad=1.15),
    },
    True: {
        "portrait": _Place(0.42, 0.208, 1.0, 1.1, across=(0.27, 0.73)),
        "upper body": _Place(0.37, 0.18, 0.95, 1.2, across=(0.27, 0.73)),
    },
}
"""By whether there are two characters, and framing. Faces are large: the VAE loses smaller eyes."""


def _figure(pen: _Pen, figure: Figure, place: _Place, index: int, source: random.Random) -> None:
    x = place.across[index] + source.uniform(-0.02, 0.02)
    y, r = place.y + source.uniform(-0.015, 0.015), place.r
    skin = source.choice(SKINS[:3])
    _hair_behind(pen, figure, x, y, r)
    _body(pen, figure, (x, y, r), place, skin)
    pen.oval(x, y, r, r * 1.02, skin)
    _face(pen, figure, x, y, r, place.face)
    _hair_in_front(pen, figure, x, y, r)
    _over_hair(pen, figure, x, y, r, skin)
    for name in figure.accessories:
        _accessory(pen, name, x, y, r)


def _body(pen: _Pen, figure: Figure, head: tuple[float, float, float], place: _Place, skin: Colour) -> None:
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


def _against(dye: Colour) -> Colour:
    """Return a colour that is seen on a garment, or under it."""
    return (44, 50, 84) if sum(dye) > 480 else (252, 246, 228)


def _detail(
    pen: _Pen,
    clothes: str,
    across: tuple[float, float, float],
    lines: tuple[float, float, float, float],
    dyes: tuple[Colour, Colour],
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


def _face(pen: _Pen, figure: Figure, x: float, y: float, head: float, scale: float) -> None:
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


_BLUSH: dict[str, Colour] = {"smile": (250, 150, 150), "angry": (236, 84, 70)}


def _mouth(pen: _Pen, look: str, x: float, y: float, r: float) -> None:
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


def _over_hair(pen: _Pen, figure: Figure, x: float, y: float, r: float, skin: Colour) -> None:
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


def _hair_behind(pen: _Pen, figure: Figure, x: float, y: float, r: float) -> None:
    colour = HAIR[figure.hair]
    style = figure.hair_style
    if style == "long hair":
        pen.shape(
            [
                (x - r * 1.1, y - r * 0.3),
                (x + r * 1.1, y - r * 0.3),
                (x + r * 1.25, y + r * 2.5),
                (x - r * 1.25, y + r * 2.5),
            ],
            colour,
        )
    elif style == "bob cut":
        pen.shape(
            [
                (x - r * 1.12, y - r * 0.2),
                (x + r * 1.12, y - r * 0.2),
                (x + r * 1.45, y + r * 0.85),
                (x - r * 1.45, y + r * 0.85),
            ],
            colour,
        )
    elif style == "twintails":
        for side in (-1, 1):
            pen.oval(x + side * r * 1.35, y + r * 0.5, r * 0.38, r * 1.0, colour)
    elif style == "ponytail":
        pen.oval(x + r * 1.1, y + r * 0.25, r * 0.4, r * 1.1, colour)
    elif style == "spiky hair":
        points: list[Point] = []
        for step in range(15):  # down to the cheeks, or hats would hide them
            angle = math.radians(145 + 250 * step / 14)
            reach = r * (1.55 if step % 2 else 1.08)
            points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
        pen.shape(points, colour)
    pen.oval(x, y - r * 0.1, r * 1.12, r * 1.08, colour)


def _hair_in_front(pen: _Pen, figure: Figure, x: float, y: float, r: float) -> None:
    colour = HAIR[figure.hair]
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
    pen.shape([*top, *fringe], colour)
    if pen.look.shade:
        pen.arc(x, y, r * 0.86, (215, 262), mixed(colour, (255, 255, 255), 0.45), r * 0.1)
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
                colour,
            )


def _accessory(pen: _Pen, name: str, x: float, y: float, r: float) -> None:
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


def _witch_hat(pen: _Pen, x: float, y: float, r: float) -> None:
    purple = (124, 76, 170)
    pen.shape(
        [
            (x - r * 0.82, y - r * 0.62),
            (x + r * 0.82, y - r * 0.62),
            (x + r * 0.18, y - r * 1.72),
            (x - r * 0.1, y - r * 1.72),
        ],
        purple,
    )
    pen.shape(
        [
            (x - r * 0.8, y - r * 0.66),
            (x + r * 0.8, y - r * 0.66),
            (x + r * 0.68, y - r * 0.9),
            (x - r * 0.66, y - r * 0.9),
        ],
        (240, 150, 40),
    )
    pen.oval(x, y - r * 0.6, r * 1.4, r * 0.2, purple)


def _beret(pen: _Pen, x: float, y: float, r: float) -> None:
    pen.oval(x - r * 0.12, y - r * 0.86, r * 1.12, r * 0.4, (190, 46, 60))
    pen.oval(x - r * 0.12, y - r * 1.26, r * 0.08, r * 0.1, (190, 46, 60))


def _crown(pen: _Pen, x: float, y: float, r: float) -> None:
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


def _cat_ears(pen: _Pen, x: float, y: float, r: float) -> None:
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


def _bow(pen: _Pen, x: float, y: float, r: float) -> None:
    red = (226, 40, 70)
    for side in (-1, 1):
        pen.shape([(x, y - r * 1.08), (x + side * r * 0.66, y - r * 1.46), (x + side * r * 0.66, y - r * 0.74)], red)
    pen.oval(x, y - r * 1.1, r * 0.17, r * 0.19, red)


def _headphones(pen: _Pen, x: float, y: float, r: float) -> None:
    pen.arc(x, y, r * 1.2, (190, 350), (60, 66, 80), r * 0.17)
    for side in (-1, 1):
        pen.oval(x + side * r * 1.14, y + r * 0.12, r * 0.24, r * 0.36, (60, 190, 200))


def _glasses(pen: _Pen, x: float, y: float, r: float) -> None:
    for side in (-1, 1):
        steps = [math.radians(30 * i) for i in range(13)]
        ring = [(x + side * r * 0.43 + r * 0.34 * math.cos(a), y + r * 0.14 + r * 0.32 * math.sin(a)) for a in steps]
        pen.curve(ring, (36, 36, 44), r * 0.1)
    pen.curve([(x - r * 0.1, y + r * 0.1), (x + r * 0.1, y + r * 0.1)], (36, 36, 44), r * 0.1)


def _eyepatch(pen: _Pen, x: float, y: float, r: float) -> None:
    pen.curve([(x - r * 1.0, y - r * 0.3), (x + r * 0.9, y + r * 0.5)], (30, 28, 34), r * 0.09)
    pen.oval(x + r * 0.42, y + r * 0.16, r * 0.36, r * 0.38, (30, 28, 34))


def _scarf(pen: _Pen, x: float, y: float, r: float) -> None:
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


def _flower(pen: _Pen, x: float, y: float, r: float) -> None:
    cx, cy = x - r * 0.72, y - r * 0.66
    for step in range(5):
        angle = math.radians(72 * step - 90)
        pen.oval(cx + r * 0.2 * math.cos(angle), cy + r * 0.2 * math.sin(angle), r * 0.17, r * 0.17, (255, 150, 190))
    pen.oval(cx, cy, r * 0.14, r * 0.14, (255, 220, 80), outline=False)


# --- styles, years, quality ------------------------------------------------------------------------------------------


def _finished(picture: Image.Image, look: _Look, year: int) -> Image.Image:
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
        pen = _Pen(picture, look)
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
        pen = _Pen(grout, look)
        for step in range(17):
            pen.curve([(step / 16, 0), (step / 16, 1)], (90, 84, 88), 0.012)
            pen.curve([(0, step / 16), (1, step / 16)], (90, 84, 88), 0.012)
        picture = Image.blend(picture, grout, 0.6)
    return picture


def _degraded(picture: Image.Image, rung: int, source: random.Random) -> Image.Image:
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


def with_figure(scene: Scene, index: int, **changes: object) -> Scene:
    """Return a scene with one character changed."""
    figures = list(scene.figures)
    figures[index] = replace(figures[index], **changes)  # type: ignore[arg-type]
    return replace(scene, figures=tuple(figures))


def details(scene: Scene, seed: int) -> np.ndarray:
    """Return how much of each 8 x 8 pixels shows what is small and asked for; 8 x 8, uint8, 255 is the most.

    A picture is compared with itself drawn with other faces, without what is worn, in other clothes, with other hair.
    """
    clean = replace(scene, style="", quality="masterpiece", year=YEARS[-1])
    drawn = _pixels(clean, seed)
    found = np.zeros((SIZE, SIZE))
    for share, change in _OTHERWISE:
        other = clean
        for index, figure in enumerate(scene.figures):
            other = with_figure(other, index, **change(figure))
        found += share * (np.abs(drawn - _pixels(other, seed)).max(-1) > 24)
    return found.clip(0, 255).reshape(8, SIZE // 8, 8, SIZE // 8).mean((1, 3)).astype(np.uint8)


def _other(name: str, *choices: str) -> str:
    return next(choice for choice in choices if choice != name)


_OTHERWISE: tuple[tuple[int, Callable[[Figure], dict[str, object]]], ...] = (
    (
        180,
        lambda f: {
            "expression": _other(f.expression, "open mouth", "angry"),
            "eyes": _other(f.eyes, "red eyes", "blue eyes"),
        },
    ),
    (60, lambda _: {"accessories": ()}),
    (80, lambda f: {"clothes": _other(f.clothes, "cape", "overalls")}),
    (40, lambda f: {"hair": _other(f.hair, "black hair", "white hair")}),
    (50, lambda f: {"hair_style": _other(f.hair_style, "short hair", "twintails")}),
)
"""How much parts count, and what is changed to find them; faces come first and count most, they are the smallest."""


def _pixels(scene: Scene, seed: int) -> np.ndarray:
    return np.asarray(draw(scene, seed), dtype=np.int16)

"""What an image shows: the words that the demo model knows, characters and scenes made of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

Color = tuple[int, int, int]

HAIR: dict[str, Color] = {
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
EYES: dict[str, Color] = {
    "black eyes": (30, 26, 34),
    "brown eyes": (128, 74, 30),
    "red eyes": (214, 30, 40),
    "yellow eyes": (238, 190, 24),
    "green eyes": (34, 160, 60),
    "aqua eyes": (30, 196, 206),
    "blue eyes": (30, 100, 228),
    "purple eyes": (154, 48, 178),
}
DYES: dict[str, Color] = {
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
SKINS: tuple[Color, ...] = ((255, 226, 200), (246, 206, 172), (226, 176, 136), (172, 118, 82))


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
    """Everything that an image shows.

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
    """Log whether an accessory leaves the others to be seen."""
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
    """Log whether the color of a character's eyes can be seen."""
    return figure.expression != "closed eyes"


def with_figure(scene: Scene, index: int, **changes: object) -> Scene:
    """Return a scene with one character changed."""
    figures = list(scene.figures)
    figures[index] = replace(figures[index], **changes)  # type: ignore[arg-type]
    return replace(scene, figures=tuple(figures))

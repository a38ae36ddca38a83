"""The demo model's images: cartoon characters drawn from attributes, so that every tag of a caption can be seen.

A scene is attributes; ``draw`` is a pure function of a scene and a seed. Images are drawn at four times their size
and reduced. The world is made up: the styles stand for artists that do not exist.
"""

from anima_infer.demo.drawing.image import draw
from anima_infer.demo.drawing.pen import SIZE
from anima_infer.demo.drawing.scene import (
    ACCESSORIES,
    BACKGROUNDS,
    CLOTHES,
    COUNTS,
    DYES,
    EXPRESSIONS,
    EYES,
    FRAMINGS,
    HAIR,
    HAIR_STYLES,
    HATS,
    QUALITIES,
    STYLES,
    YEARS,
    Figure,
    Scene,
    random_scene,
    visible_eyes,
    with_figure,
)
from anima_infer.demo.drawing.weighting import details

__all__ = [
    "ACCESSORIES",
    "BACKGROUNDS",
    "CLOTHES",
    "COUNTS",
    "DYES",
    "EXPRESSIONS",
    "EYES",
    "FRAMINGS",
    "HAIR",
    "HAIR_STYLES",
    "HATS",
    "QUALITIES",
    "SIZE",
    "STYLES",
    "YEARS",
    "Figure",
    "Scene",
    "details",
    "draw",
    "random_scene",
    "visible_eyes",
    "with_figure",
]

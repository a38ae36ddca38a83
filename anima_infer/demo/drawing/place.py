"""Where characters stand in an image, and how large they are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FigurePosition:
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


PLACES: dict[bool, dict[str, FigurePosition]] = {
    False: {
        "portrait": FigurePosition(0.44, 0.28),
        "upper body": FigurePosition(0.385, 0.222, 0.95, 1.1),
        "full body": FigurePosition(0.34, 0.2, 0.7, 1.15, broad=1.15),
    },
    True: {
        "portrait": FigurePosition(0.42, 0.208, 1.0, 1.1, across=(0.27, 0.73)),
        "upper body": FigurePosition(0.37, 0.18, 0.95, 1.2, across=(0.27, 0.73)),
    },
}
"""By whether there are two characters, and framing. Faces are large: the VAE loses smaller eyes."""

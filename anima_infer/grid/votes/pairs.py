"""Pairs of images that can be voted on, in each voter's own order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from anima_infer.grid.store.contents import Grid, StoredCell


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images that differ in one value, with the same seed."""

    axis: str
    one: StoredCell
    other: StoredCell
    one_label: str
    other_label: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from other pairs."""
        return self.axis, self.one.key, self.other.key


def find_pairs(grid: Grid, axis: str | None = None) -> list[Pair]:
    """Return the pairs that can be voted on: both images are there, and they are not the same one.

    Args:
        grid: with finished images.
        axis: this axis alone; all but seeds by default.

    Raises:
        GridError: no such axis.
    """
    chosen = [grid.axis_index(axis)] if axis is not None else range(len(grid.axes))
    found = []
    for number in chosen:
        shown = grid.axes[number]
        if shown.kind == "seed":
            continue
        groups: dict[tuple[int, ...], list[StoredCell]] = {}
        for cell in grid.cells:
            if cell.done and grid.image(cell).is_file():
                groups.setdefault((*cell.index[:number], *cell.index[number + 1 :]), []).append(cell)
        for cells in groups.values():
            found += [
                Pair(shown.name, one, other, shown.labels[one.index[number]], shown.labels[other.index[number]])
                for place, one in enumerate(cells)
                for other in cells[place + 1 :]
                if one.key != other.key
            ]
    return list({pair.key: pair for pair in found}.values())


def shuffle_for(pairs: Sequence[Pair], voter: str) -> list[tuple[Pair, bool]]:
    """Return pairs in a voter's own order, each with whether the first image stands on the left."""
    source = random.Random(f"order of {voter}")  # noqa: S311  no secret
    shuffled = list(pairs)
    source.shuffle(shuffled)
    return [(pair, source.random() < 0.5) for pair in shuffled]

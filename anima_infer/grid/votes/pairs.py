"""Pairs of images to vote on, in each voter's own order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

from anima_infer.grid.store.contents import Grid, StoredCell


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images that differ in the value of one axis alone; seeds are equal."""

    axis: str
    first: StoredCell
    second: StoredCell
    first_label: str
    second_label: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Unique key: axis, key of the first image, key of the second."""
        return self.axis, self.first.key, self.second.key


def find_pairs(grid: Grid, axis: str | None = None) -> list[Pair]:
    """Return the pairs to vote on: both images are finished, and they are different images.

    Args:
        grid: with finished images.
        axis: name of the only axis to compare; all axes but seeds by default.

    Raises:
        GridError: the grid has no such axis.
    """
    chosen = [grid.axis_index(axis)] if axis is not None else range(len(grid.axes))
    pairs: dict[tuple[str, str, str], Pair] = {}
    for number in chosen:
        axis_info = grid.axes[number]
        if axis_info.kind == "seed":
            continue
        groups: dict[tuple[int, ...], list[StoredCell]] = {}
        for cell in grid.cells:
            if cell.done and grid.image_path(cell).is_file():
                groups.setdefault((*cell.index[:number], *cell.index[number + 1 :]), []).append(cell)
        for cells in groups.values():
            for first, second in itertools.combinations(cells, 2):
                labels = (axis_info.labels[cell.index[number]] for cell in (first, second))
                pair = Pair(axis_info.name, first, second, *labels)
                if first.key != second.key:
                    pairs[pair.key] = pair
    return list(pairs.values())


def shuffle_for(pairs: Sequence[Pair], voter: str) -> list[tuple[Pair, bool]]:
    """Return pairs in a voter's own order, each with whether its first image is shown on the left."""
    source = random.Random(f"order of {voter}")  # noqa: S311  not a secret
    shuffled = list(pairs)
    source.shuffle(shuffled)
    return [(pair, source.random() < 0.5) for pair in shuffled]

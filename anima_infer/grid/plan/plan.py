"""From a specification to cells in batches, in the order in which they are rendered."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from anima_infer.errors import GridError
from anima_infer.grid.plan.batches import CellBatch, batched
from anima_infer.grid.plan.cells import Cell, content_key
from anima_infer.grid.plan.cost import cost_of
from anima_infer.grid.spec.definition import Spec
from anima_infer.grid.spec.recipe import Recipe
from anima_prompt.errors import AnimaPromptError

MOST_CELLS = 20_000
_BYTES_PER_PIXEL = 1.6
"""Size of a drawn image as PNG; measured on illustrations of 1024 x 1024."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Cells and batches of a grid.

    Attributes:
        spec: the specification.
        cells: in the order of the axes.
        batches: in the order of rendering; every key occurs once.
    """

    spec: Spec
    cells: tuple[Cell, ...]
    batches: tuple[CellBatch, ...]

    def labels(self, cell: Cell) -> dict[str, str]:
        """Return the labels of a cell's values by axis."""
        return {axis.name: axis.values[i].label for axis, i in zip(self.spec.axes, cell.index, strict=True)}

    @property
    def texts(self) -> list[str]:
        """Distinct prompts, in the order of the cells."""
        return list(dict.fromkeys(cell.job.prompt for cell in self.cells))

    @property
    def rendered(self) -> list[Cell]:
        """The cells that are rendered: the first of each key, in the order of the batches."""
        return [cell for batch in self.batches for cell in batch.cells]

    @property
    def model_loads(self) -> int:
        """Number of times that a model is loaded."""
        return len(list(itertools.groupby(batch.cells[0].checkpoint for batch in self.batches)))

    @property
    def duplicates(self) -> int:
        """Number of cells that show the image of an earlier cell."""
        return len(self.cells) - len({cell.key for cell in self.cells})

    @property
    def cost(self) -> float:
        """Megapixels times calls of the network; guidance takes two calls."""
        return sum(cost_of(cell.job) for cell in self.rendered)

    @property
    def image_bytes(self) -> int:
        """Estimated size of the images in bytes."""
        return round(
            sum(cell.job.settings.width * cell.job.settings.height for cell in self.rendered) * _BYTES_PER_PIXEL
        )


def make_plan(spec: Spec, *, earlier: Mapping[str, int] | None = None) -> Plan:
    """Return the plan of a specification.

    Args:
        spec: the specification.
        earlier: number of the batch of each key in an earlier plan. These batches stay as they were, so that their
            images stay the same to the bit; only new cells form new batches.

    Raises:
        GridError: there are too many cells or none, or a change cannot be made.
        SettingsError: a setting is out of range.
    """
    cells = list(_cells(spec))
    if not cells:
        raise GridError(f"{spec.source}: no cells are left; check 'skip' and 'only'")
    batches = batched(cells, spec.batch, dict(earlier or {}))
    number_of = {cell.key: batch.number for batch in batches for cell in batch.cells}
    return Plan(spec, tuple(replace(cell, batch=number_of[cell.key]) for cell in cells), tuple(batches))


def _cells(spec: Spec) -> Iterable[Cell]:
    count = 1
    for axis in spec.axes:
        count *= len(axis.values)
    if count > MOST_CELLS:
        raise GridError(f"{spec.source}: has {count} cells; at most {MOST_CELLS} are allowed, remove some values")
    recipes: dict[tuple[int, ...], Recipe] = {}
    number = 0
    for index in itertools.product(*(range(len(axis.values)) for axis in spec.axes)):
        labels = {axis.name: axis.values[i].label for axis, i in zip(spec.axes, index, strict=True)}
        is_wanted = not spec.only or any(condition.matches(labels) for condition in spec.only)
        if not is_wanted or any(condition.matches(labels) for condition in spec.skip):
            continue
        recipe = _recipe(spec, index, recipes)
        try:
            job = recipe.to_job()
        except AnimaPromptError as error:
            raise GridError(f"{spec.source}: cell {_described(labels)}: {error}") from None
        yield Cell(number, index, content_key(job, recipe.checkpoint), job, recipe.checkpoint)
        number += 1


def _recipe(spec: Spec, index: tuple[int, ...], known: dict[tuple[int, ...], Recipe]) -> Recipe:
    """Return the recipe of a cell; recipes after the first axes are cached in ``known``."""
    recipe = spec.base
    for depth in range(1, len(index) + 1):
        start = index[:depth]
        if start not in known or depth == len(index):
            value = spec.axes[depth - 1].values[index[depth - 1]]
            try:
                known[start] = value.apply(recipe)
            except GridError as error:
                labels = {axis.name: axis.values[i].label for axis, i in zip(spec.axes, start, strict=False)}
                raise GridError(f"{error}; in the cell {_described(labels)}; 'skip' can leave it out") from None
        recipe = known[start]
    return recipe


def _described(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{axis} = {label}" for axis, label in labels.items())

"""From a specification to cells in the order in which they are rendered, with what it will cost.

A cell's key stands for everything that its image depends on but the files of the model, so that an image is found
again when the specification grows. Nothing here loads a model.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from anima_infer.errors import GridError, InferError
from anima_infer.grid.plan.batches import CellBatch, batched
from anima_infer.grid.plan.cells import Cell, content_key
from anima_infer.grid.plan.cost import cost_of
from anima_infer.grid.spec.definition import Spec
from anima_prompt.errors import AnimaPromptError

MOST_CELLS = 20_000
_BYTES_PER_PIXEL = 1.6
"""Of a drawn image as PNG; measured on 1024 x 1024 illustrations."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A costed grid.

    Attributes:
        spec: what was asked for.
        cells: all of them, in the order of the axes.
        batches: what is rendered, in order; every key once.
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
    def loads(self) -> int:
        """How often a model is loaded."""
        return len(list(itertools.groupby(batch.cells[0].checkpoint for batch in self.batches)))

    @property
    def repeated(self) -> int:
        """How many cells show an image that another one shows too."""
        return len(self.cells) - len({cell.key for cell in self.cells})

    @property
    def work(self) -> float:
        """Megapixels times calls of the network, guidance counted twice."""
        return sum(cost_of(cell.job) for cell in self.rendered)

    @property
    def disk(self) -> int:
        """About how many bytes the images take."""
        return round(
            sum(cell.job.settings.width * cell.job.settings.height for cell in self.rendered) * _BYTES_PER_PIXEL
        )


def make_plan(spec: Spec, *, earlier: Mapping[str, int] | None = None) -> Plan:
    """Return the plan of a specification.

    Args:
        spec: what was asked for.
        earlier: batches of an earlier plan, by key. They stay as they were, so that their images stay the same to
            the bit; only new cells form new batches.

    Raises:
        GridError: too many cells, none left, or a change that cannot be made.
        SettingsError: a setting is out of range.
    """
    cells = list(_cells(spec))
    if not cells:
        raise GridError(f"{spec.source}: no cell is left; check 'skip' and 'only'")
    batches = batched(cells, spec.batch, dict(earlier or {}))
    number_of = {cell.key: batch.number for batch in batches for cell in batch.cells}
    return Plan(spec, tuple(replace(cell, batch=number_of[cell.key]) for cell in cells), tuple(batches))


def _cells(spec: Spec) -> Iterable[Cell]:
    count = 1
    for axis in spec.axes:
        count *= len(axis.values)
    if count > MOST_CELLS:
        raise GridError(f"{spec.source}: has {count} cells, at most {MOST_CELLS} are allowed; take values out")
    texts: dict[tuple[int, ...], Any] = {}
    number = 0
    for index in itertools.product(*(range(len(axis.values)) for axis in spec.axes)):
        labels = {axis.name: axis.values[i].label for axis, i in zip(spec.axes, index, strict=True)}
        if any(one.holds(labels) for one in spec.skip) or (
            spec.only and not any(one.holds(labels) for one in spec.only)
        ):
            continue
        recipe = _recipe(spec, index, texts)
        try:
            job = recipe.job()
        except (InferError, AnimaPromptError) as error:
            raise GridError(f"{spec.source}: cell {_named(labels)}: {error}") from None
        yield Cell(number, index, content_key(job, recipe.checkpoint), job, recipe.checkpoint)
        number += 1


def _recipe(spec: Spec, index: tuple[int, ...], known: dict[tuple[int, ...], Any]) -> Any:
    """Return the recipe of a cell; what its first axes make is remembered."""
    recipe = spec.base
    for depth in range(1, len(index) + 1):
        start = index[:depth]
        if start not in known or depth == len(index):
            value = spec.axes[depth - 1].values[index[depth - 1]]
            try:
                known[start] = value.made(recipe)
            except GridError as error:
                labels = {axis.name: axis.values[i].label for axis, i in zip(spec.axes, start, strict=False)}
                raise GridError(f"{error}; in the cell {_named(labels)}, which 'skip' can leave out") from None
        recipe = known[start]
    return recipe


def _named(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{axis} = {label}" for axis, label in labels.items())

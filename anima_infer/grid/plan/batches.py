"""Cells in batches: models change least, then LoRAs, then settings."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from anima_infer.grid.plan.cells import Cell
from anima_infer.sampling.settings import RenderSettings

_BATCH_PIXELS, _BATCH_MOST = 2**20, 16
"""Pixels of a batch: beyond a megapixel a batch saves next to nothing and costs memory."""


@dataclass(frozen=True, slots=True)
class CellBatch:
    """Cells that are rendered together: one model, one set of LoRAs, one group of settings."""

    number: int
    cells: tuple[Cell, ...]


def batched(cells: Sequence[Cell], most: int | None, earlier: dict[str, int]) -> list[CellBatch]:
    """Return the batches of cells, every key once.

    Args:
        cells: in the order of the axes.
        most: images in a batch; None lets their size decide.
        earlier: number of the batch of each key in an earlier plan; these batches stay as they were.
    """
    first: dict[str, Cell] = {}
    for cell in cells:
        first.setdefault(cell.key, cell)
    unique = list(first.values())
    earlier_groups: dict[int, list[Cell]] = {}
    for cell in unique:
        if cell.key in earlier:
            earlier_groups.setdefault(earlier[cell.key], []).append(cell)
    groups: list[list[Cell]] = [group for _, group in sorted(earlier_groups.items())]
    groups += _grouped([cell for cell in unique if cell.key not in earlier], most)
    ranks = {key: rank for rank, key in enumerate(dict.fromkeys(_model_key(group[0]) for group in groups))}
    groups.sort(key=lambda group: ranks[_model_key(group[0])])  # stable: models and LoRAs change least
    new_numbers = itertools.count(max(earlier.values(), default=-1) + 1)
    return [
        CellBatch(earlier[group[0].key] if group[0].key in earlier else next(new_numbers), tuple(group))
        for group in groups
    ]


def _model_key(cell: Cell) -> tuple[Any, ...]:
    return (cell.checkpoint, cell.job.loras)


def _grouped(cells: Sequence[Cell], most: int | None) -> list[list[Cell]]:
    """Return cells by model, LoRAs and settings, so that models change least often, then LoRAs, then settings."""
    groups: dict[Any, dict[Any, dict[Any, list[Cell]]]] = {}
    for cell in cells:
        by_loras = groups.setdefault(cell.checkpoint, {}).setdefault(cell.job.loras, {})
        by_loras.setdefault(_settings_key(cell.job.settings), []).append(cell)
    batches = []
    for of_model in groups.values():
        for of_loras in of_model.values():
            for group in of_loras.values():
                settings = group[0].job.settings
                size = most or max(1, min(_BATCH_MOST, _BATCH_PIXELS // (settings.width * settings.height)))
                batches += [group[start : start + size] for start in range(0, len(group), size)]
    return batches


def _settings_key(settings: RenderSettings) -> str:
    return json.dumps(asdict(settings), sort_keys=True, default=str)


def batches_with(batches: Iterable[CellBatch], keys: Iterable[str]) -> list[CellBatch]:
    """Return every batch that contains one of ``keys``, unsplit: the composition of a batch changes rounding."""
    wanted = set(keys)
    return [batch for batch in batches if any(cell.key in wanted for cell in batch.cells)]

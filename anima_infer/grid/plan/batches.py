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
    """Return the batches of cells; those of ``earlier`` stay as they were, every key comes once."""
    first: dict[str, Cell] = {}
    for cell in cells:
        first.setdefault(cell.key, cell)
    unique = list(first.values())
    kept: dict[int, list[Cell]] = {}
    for cell in unique:
        if cell.key in earlier:
            kept.setdefault(earlier[cell.key], []).append(cell)
    groups: list[list[Cell]] = [group for _, group in sorted(kept.items())]
    groups += _grouped([cell for cell in unique if cell.key not in earlier], most)
    places = {key: place for place, key in enumerate(dict.fromkeys(_model_key(group[0]) for group in groups))}
    groups.sort(key=lambda group: places[_model_key(group[0])])  # stable: models and LoRAs change least
    free = itertools.count(max(earlier.values(), default=-1) + 1)
    return [
        CellBatch(earlier[group[0].key] if group[0].key in earlier else next(free), tuple(group)) for group in groups
    ]


def _model_key(cell: Cell) -> tuple[Any, ...]:
    return (cell.checkpoint, cell.job.loras)


def _grouped(cells: Sequence[Cell], most: int | None) -> list[list[Cell]]:
    """Return cells of one model, LoRAs and settings in batches; models change least, then LoRAs, then settings."""
    together: dict[Any, dict[Any, dict[Any, list[Cell]]]] = {}
    for cell in cells:
        by_loras = together.setdefault(cell.checkpoint, {}).setdefault(cell.job.loras, {})
        by_loras.setdefault(_settings_key(cell.job.settings), []).append(cell)
    batches = []
    for of_model in together.values():
        for of_loras in of_model.values():
            for group in of_loras.values():
                settings = group[0].job.settings
                size = most or max(1, min(_BATCH_MOST, _BATCH_PIXELS // (settings.width * settings.height)))
                batches += [group[start : start + size] for start in range(0, len(group), size)]
    return batches


def _settings_key(settings: RenderSettings) -> str:
    return json.dumps(asdict(settings), sort_keys=True, default=str)


def batches_with(batches: Iterable[CellBatch], keys: Iterable[str]) -> list[CellBatch]:
    """Return the batches in which one of ``keys`` is, whole, so that their images come out the same to the bit."""
    wanted = set(keys)
    return [batch for batch in batches if any(cell.key in wanted for cell in batch.cells)]

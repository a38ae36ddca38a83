"""Pages, rows and columns of a grid, as a contact sheet shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anima_infer.grid.store.contents import Grid, StoredCell

GridPosition = tuple[int, ...]
"""Indices of the values of the axes in rows, columns or pages, the outer axis first."""


@dataclass(frozen=True, slots=True)
class SheetPage:
    """A page: its position on the page axes, the positions of its rows and columns in order, and the cells by both."""

    position: GridPosition
    rows: tuple[GridPosition, ...]
    columns: tuple[GridPosition, ...]
    cells: dict[tuple[GridPosition, GridPosition], StoredCell]


def make_pages(grid: Grid) -> list[SheetPage]:
    """Return the pages of a grid; rows and columns without cells are left out."""
    axes_of = {role: [grid.axis_index(name) for name in names] for role, names in grid.layout.items()}
    cells_of: dict[GridPosition, dict[tuple[GridPosition, GridPosition], StoredCell]] = {}
    for cell in grid.cells:
        row, column, page = (_position(cell.index, axes_of[role]) for role in ("rows", "columns", "pages"))
        cells_of.setdefault(page, {})[row, column] = cell
    return [
        SheetPage(position, _sorted(row for row, _ in cells), _sorted(column for _, column in cells), cells)
        for position, cells in sorted(cells_of.items())
    ]


def _position(index: Sequence[int], axes: Sequence[int]) -> GridPosition:
    return tuple(index[axis] for axis in axes)


def _sorted(positions: Iterable[GridPosition]) -> tuple[GridPosition, ...]:
    return tuple(sorted(set(positions)))


def labels_at(grid: Grid, role: str, position: GridPosition) -> list[tuple[str, str]]:
    """Return (axis name, label) pairs of a position in ``rows``, ``columns`` or ``pages``."""
    axes = [grid.axes[grid.axis_index(name)] for name in grid.layout[role]]
    return [(axis.name, axis.labels[i]) for axis, i in zip(axes, position, strict=True)]


def shared_settings(cells: Iterable[StoredCell]) -> dict[str, str]:
    """Return the settings that all cells share, as text by name."""
    values_of: dict[str, set[str]] = {}
    for cell in cells:
        for key, value in describe_settings(cell).items():
            values_of.setdefault(key, set()).add(value)
    return {key: next(iter(values)) for key, values in values_of.items() if len(values) == 1 and next(iter(values))}


def describe_settings(cell: StoredCell) -> dict[str, str]:
    """Return a cell's settings as text by name."""
    job, settings = cell.job, cell.job["settings"]
    return {
        "prompt": job["prompt"],
        "negative": job["negative"],
        "model": cell.checkpoint or "",
        "size": f"{settings['width']}x{settings['height']}",
        "steps": str(settings["steps"]),
        "sampler": settings["sampler"],
        "scheduler": settings["scheduler"],
        "cfg": f"{settings['guidance_scale']:g}",
        "shift": f"{settings['shift']:g}",
        "zero star": "on" if settings["zero_star"] else "",
        "LoRAs": ", ".join(f"{use['path']}:{use['strength']:g}" for use in job["loras"]),
        "seed": str(job["seed"]),
    }

"""Pages, rows and columns of a grid, as a sheet lays them out. Needs no tensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anima_infer.grid.store.contents import Grid, StoredCell

Place = tuple[int, ...]
"""Indices of the values of a layout's axes, the outer axis first."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its place on the page axes, the places of rows and columns in order, and the cells by both."""

    place: Place
    rows: tuple[Place, ...]
    columns: tuple[Place, ...]
    cells: dict[tuple[Place, Place], StoredCell]


def make_pages(grid: Grid) -> list[Page]:
    """Return the pages; rows and columns without any cell are left out."""
    where = {role: [grid.axis_index(name) for name in names] for role, names in grid.layout.items()}
    found: dict[Place, dict[tuple[Place, Place], StoredCell]] = {}
    for cell in grid.cells:
        row, column, page = (_place(cell.index, where[role]) for role in ("rows", "columns", "pages"))
        found.setdefault(page, {})[row, column] = cell
    return [
        Page(place, _in_order(row for row, _ in cells), _in_order(column for _, column in cells), cells)
        for place, cells in sorted(found.items())
    ]


def _place(index: Sequence[int], axes: Sequence[int]) -> Place:
    return tuple(index[axis] for axis in axes)


def _in_order(places: Iterable[Place]) -> tuple[Place, ...]:
    return tuple(sorted(set(places)))


def labels_at(grid: Grid, role: str, place: Place) -> list[tuple[str, str]]:
    """Return axis names and labels of a place in a layout's role."""
    axes = [grid.axes[grid.axis_index(name)] for name in grid.layout[role]]
    return [(axis.name, axis.labels[i]) for axis, i in zip(axes, place, strict=True)]


def shared_settings(cells: Iterable[StoredCell]) -> dict[str, str]:
    """Return what cells have in common, in words: model, prompt, negative prompt, settings."""
    told: dict[str, set[str]] = {}
    for cell in cells:
        for key, value in describe_settings(cell).items():
            told.setdefault(key, set()).add(value)
    return {key: next(iter(values)) for key, values in told.items() if len(values) == 1 and next(iter(values))}


def describe_settings(cell: StoredCell) -> dict[str, str]:
    """Return a cell's settings in words."""
    job, s = cell.job, cell.job["settings"]
    return {
        "prompt": job["prompt"],
        "negative": job["negative"],
        "model": cell.checkpoint or "",
        "size": f"{s['width']}x{s['height']}",
        "steps": str(s["steps"]),
        "sampler": s["sampler"],
        "scheduler": s["scheduler"],
        "cfg": f"{s['guidance_scale']:g}",
        "shift": f"{s['shift']:g}",
        "zero star": "on" if s["zero_star"] else "",
        "LoRAs": ", ".join(f"{use['path']}:{use['strength']:g}" for use in job["loras"]),
        "seed": str(job["seed"]),
    }

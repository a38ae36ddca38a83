"""A grid as its folder contains it: the plan, and which cells are finished.

``grid.json`` contains the plan, ``manifest.jsonl`` one line for every cell that was rendered or failed, ``images/`` the
images.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anima_infer.errors import GridError
from anima_infer.grid.store.files import GRID, IMAGES, write_text
from anima_infer.grid.store.manifest import DONE, read_manifest

VERSION = 1


@dataclass(frozen=True, slots=True)
class StoredAxis:
    """An axis in ``grid.json``."""

    name: str
    kind: str
    labels: tuple[str, ...]
    baseline: str
    numbers: tuple[str | None, ...] = ()

    @property
    def baseline_index(self) -> int:
        """Index of the value that the others are compared with."""
        return self.labels.index(self.baseline)


@dataclass(frozen=True, slots=True)
class StoredCell:
    """A cell in ``grid.json``: its index, its job as plain types, and its line of the manifest if there is one."""

    number: int
    index: tuple[int, ...]
    key: str
    job: Mapping[str, Any]
    checkpoint: str | None
    batch: int
    result: Mapping[str, Any] | None = None

    @property
    def done(self) -> bool:
        """Whether its image is finished."""
        return self.result is not None and self.result["status"] == DONE


@dataclass(frozen=True, slots=True)
class Grid:
    """A planned grid, and which of its cells are finished.

    Attributes:
        folder: of the grid.
        name, about: for readers.
        axes: in order.
        layout: names of axes in ``rows``, ``columns``, ``pages``.
        cells: in the order of the axes.
        files: fingerprints of the model's files by part, of LoRAs by path.
    """

    folder: Path
    name: str
    about: str
    axes: tuple[StoredAxis, ...]
    layout: Mapping[str, tuple[str, ...]]
    cells: tuple[StoredCell, ...]
    files: Mapping[str, str] = field(default_factory=dict)

    def labels(self, cell: StoredCell) -> dict[str, str]:
        """Return the labels of a cell's values by axis."""
        return {axis.name: axis.labels[i] for axis, i in zip(self.axes, cell.index, strict=True)}

    def cells_by_index(self) -> dict[tuple[int, ...], StoredCell]:
        """Return the cells by their index."""
        return {cell.index: cell for cell in self.cells}

    def image_path(self, cell: StoredCell) -> Path:
        """Return the path of a cell's image, finished or not."""
        name = cell.result["file"] if cell.result is not None and cell.done else f"{IMAGES}/{cell.key}.png"
        return self.folder / name

    def axis_index(self, name: str) -> int:
        """Return the index of the axis of a name.

        Raises:
            GridError: no axis has this name.
        """
        names = [axis.name for axis in self.axes]
        if name not in names:
            raise GridError(f"axis is '{name}'; expected one of {', '.join(names)}")
        return names.index(name)


def open_grid(folder: str | Path) -> Grid:
    """Return the grid in a folder.

    Raises:
        GridError: the folder contains no grid, or its files are damaged.
    """
    root = Path(folder)
    data = _read_json(root / GRID)
    try:
        finished = {line["key"]: line for line in read_manifest(root)}
        axes = tuple(
            StoredAxis(axis["name"], axis["kind"], tuple(axis["labels"]), axis["baseline"], tuple(axis["numbers"]))
            for axis in data["axes"]
        )
        cells = tuple(
            StoredCell(
                cell["number"],
                tuple(cell["index"]),
                cell["key"],
                cell["job"],
                cell["checkpoint"],
                cell["batch"],
                finished.get(cell["key"]),
            )
            for cell in data["cells"]
        )
        layout = {key: tuple(names) for key, names in data["layout"].items()}
        return Grid(root, data["name"], data["about"], axes, layout, cells, data["files"])
    except (KeyError, TypeError, ValueError) as error:
        raise GridError(
            f"{root / GRID}: is damaged ({error!r}); run the grid again with --resume to rewrite it"
        ) from None


def _read_json(path: Path) -> Any:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise GridError(
            f"{path.parent}: contains no {GRID}; pass the folder of a grid ('anima-infer grid run')"
        ) from None
    except OSError as error:
        raise GridError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise GridError(f"{path}: is damaged ({error}); run the grid again with --resume to rewrite it") from None
    version = data.get("version") if isinstance(data, dict) else None
    if version != VERSION:
        raise GridError(f"{path}: is not a grid of version {VERSION} (its version is {version}); render the grid again")
    return data


def write_grid(folder: Path, data: Mapping[str, Any]) -> None:
    """Write ``grid.json``, atomically.

    Raises:
        GridError: it cannot be written.
    """
    write_text(folder / GRID, json.dumps({"version": VERSION, **data}, ensure_ascii=False, indent=1) + "\n")


def grid_data(
    axes: Sequence[StoredAxis], layout: Mapping[str, Sequence[str]], cells: Sequence[StoredCell]
) -> dict[str, Any]:
    """Return axes, layout and cells in the form of ``grid.json``."""
    return {
        "axes": [
            {
                "name": axis.name,
                "kind": axis.kind,
                "labels": list(axis.labels),
                "numbers": list(axis.numbers),
                "baseline": axis.baseline,
            }
            for axis in axes
        ],
        "layout": {key: list(names) for key, names in layout.items()},
        "cells": [
            {
                "number": cell.number,
                "index": list(cell.index),
                "key": cell.key,
                "batch": cell.batch,
                "checkpoint": cell.checkpoint,
                "job": dict(cell.job),
            }
            for cell in cells
        ],
    }

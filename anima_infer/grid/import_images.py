"""A grid out of images that were made elsewhere, by what their metadata say. Needs no tensors.

Every setting that differs becomes an axis; the images stay where they are.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anima_infer.errors import GridError
from anima_infer.grid.store.contents import StoredAxis, StoredCell, grid_data, write_grid
from anima_infer.grid.store.files import GRID, sha256_of
from anima_infer.grid.store.lock import locked
from anima_infer.grid.store.manifest import DONE, Manifest
from anima_prompt.errors import InputError
from anima_prompt.interchange.parameters import Recorded
from anima_prompt.interchange.pictures import PICTURES, read_picture
from anima_prompt.numbers import counted, parse_number, parse_size

_FACTS: dict[str, Callable[[Recorded], str]] = {
    "prompt": lambda found: found.prompt,
    "negative": lambda found: found.negative or "",
    "model": lambda found: found.model,
    "size": lambda found: f"{found.settings.get('width', '?')}x{found.settings.get('height', '?')}",
    "steps": lambda found: found.settings.get("steps", ""),
    "cfg": lambda found: found.settings.get("guidance_scale", ""),
    "sampler": lambda found: found.settings.get("sampler", ""),
    "scheduler": lambda found: found.settings.get("scheduler", ""),
    "shift": lambda found: found.settings.get("shift", ""),
    "seed": lambda found: found.settings.get("seed", ""),
}
_COPY = "copy"


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What was found: images taken, and files left out with the reason."""

    taken: int
    left: tuple[str, ...]


def adopt(folder: Path, output: Path) -> ImportSummary:
    """Build a grid in ``output`` from the images in ``folder`` and below.

    Raises:
        GridError: no image has metadata, or ``output`` holds a grid already.
    """
    if (output / GRID).is_file():
        raise GridError(f"{output}: holds a grid already; choose another folder")
    found, left = _read(folder)
    if not found:
        raise GridError(f"{folder}: holds no image with metadata; give PNG or WebP files as the front end saved them")
    facts = {path: {name: read(record) for name, read in _FACTS.items()} for path, record in found.items()}
    _number_copies(facts)
    axes = _axes(facts)
    with locked(output):
        cells = [_cell(number, told, axes) for number, told in enumerate(facts.values())]
        layout = _layout(axes)
        data = {"name": folder.resolve().name, "about": f"{counted(len(cells), 'image')} made elsewhere", "files": {}}
        manifest = Manifest(output)
        try:
            for cell, path in zip(cells, facts, strict=True):
                file = os.path.relpath(path.resolve(), output.resolve())
                manifest.add({"key": cell.key, "cell": cell.number, "batch": -1, **cell.job, "status": DONE,
                              "file": file, "sha256": sha256_of(path), "seconds": None})  # fmt: skip
        finally:
            manifest.close()
        write_grid(output, {**data, **grid_data(axes, layout, cells)})
    return ImportSummary(len(cells), tuple(left))


def _read(folder: Path) -> tuple[dict[Path, Recorded], list[str]]:
    if not folder.is_dir():
        raise GridError(f"{folder}: is no folder; give one with images")
    found: dict[Path, Recorded] = {}
    left = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES and path.is_file()):
        try:
            records = [record for record in read_picture(path) if record.role == "positive"]
        except InputError as error:
            left.append(str(error))
            continue
        if records:
            found[path] = records[0]
        else:
            left.append(f"{path}: has no metadata")
    return found, left


def _number_copies(facts: Mapping[Path, dict[str, str]]) -> None:
    """Tell images apart that say the same of themselves."""
    seen: dict[tuple[str, ...], int] = {}
    for told in facts.values():
        key = tuple(told.values())
        seen[key] = seen.get(key, 0) + 1
        told[_COPY] = str(seen[key])


def _axes(facts: Mapping[Path, Mapping[str, str]]) -> tuple[StoredAxis, ...]:
    axes = []
    for name in (*_FACTS, _COPY):
        labels = sorted({told[name] for told in facts.values()}, key=_by_number)
        if len(labels) > 1:
            kind = "seed" if name in ("seed", _COPY) else name
            shown = tuple(label or "(none)" for label in labels)
            numbers = tuple(None if parse_number(label) is None else label for label in labels)
            axes.append(StoredAxis(name, kind, shown, shown[0], numbers))
    return tuple(axes) or (StoredAxis(_COPY, "seed", ("1",), "1", (None,)),)


def _by_number(text: str) -> tuple[int, float, str]:
    number = parse_number(text)
    return (1, 0.0, text) if number is None else (0, number, text)


def _layout(axes: Iterable[StoredAxis]) -> dict[str, list[str]]:
    names = [axis.name for axis in axes if axis.kind != "seed"]
    seeds = [axis.name for axis in axes if axis.kind == "seed"]
    if not names:
        return {"rows": [], "columns": seeds, "pages": []}
    return {"rows": [*names[1:2], *seeds], "columns": names[:1], "pages": names[2:]}


def _cell(number: int, told: Mapping[str, str], axes: Iterable[StoredAxis]) -> StoredCell:
    index = tuple(axis.labels.index(told[axis.name] or "(none)") for axis in axes)
    key = hashlib.sha256(repr(sorted(told.items())).encode()).hexdigest()[:16]
    return StoredCell(number, index, key, _job(told), told["model"] or None, -1)


def _job(told: Mapping[str, str]) -> dict[str, Any]:
    width, height = parse_size(told["size"]) or (0, 0)

    def figure(name: str, default: float) -> float:
        number = parse_number(told[name])
        return default if number is None else number

    settings = {
        "width": width,
        "height": height,
        "steps": int(figure("steps", 0)),
        "sampler": told["sampler"],
        "scheduler": told["scheduler"],
        "shift": figure("shift", 3.0),
        "guidance_scale": figure("cfg", 1.0),
        "zero_star": False,
    }
    return {
        "prompt": told["prompt"],
        "negative": told["negative"],
        "seed": int(figure("seed", 0)),
        "settings": settings,
        "loras": [],
    }

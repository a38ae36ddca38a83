"""Builds a grid from images that other programs rendered, by their metadata. Needs no tensors.

Every setting that differs becomes an axis; the images stay where they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anima_infer.errors import GridError
from anima_infer.grid.store.contents import StoredAxis, StoredCell, grid_data, write_grid
from anima_infer.grid.store.files import GRID, LOCK, relative_path, sha256_of
from anima_infer.grid.store.manifest import DONE, Manifest
from anima_prompt.errors import InputError
from anima_prompt.interchange.file_kinds import IMAGES
from anima_prompt.interchange.images import read_image
from anima_prompt.interchange.recorded import Recorded
from anima_prompt.locks import locked
from anima_prompt.numbers import counted, parse_number, parse_size

_SETTINGS: dict[str, Callable[[Recorded], str]] = {
    "prompt": lambda record: record.prompt or "",
    "negative": lambda record: record.negative or "",
    "model": lambda record: record.model,
    "size": lambda record: f"{record.settings.get('width', '?')}x{record.settings.get('height', '?')}",
    "steps": lambda record: record.settings.get("steps", ""),
    "cfg": lambda record: record.settings.get("guidance_scale", ""),
    "sampler": lambda record: record.settings.get("sampler", ""),
    "scheduler": lambda record: record.settings.get("scheduler", ""),
    "shift": lambda record: record.settings.get("shift", ""),
    "seed": lambda record: record.settings.get("seed", ""),
}
_COPY = "copy"


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """Number of images in the grid, and a reason for every file that is not."""

    imported: int
    skipped: tuple[str, ...]


def import_images(folder: Path, output: Path) -> ImportSummary:
    """Build a grid in ``output`` from the images in ``folder`` and below.

    Raises:
        GridError: no image has metadata, or ``output`` contains a grid.
        LockError: a run is writing to ``output``, or it cannot be written.
    """
    if (output / GRID).is_file():
        raise GridError(f"{output}: contains a grid; choose another folder")
    records, skipped = _read(folder)
    if not records:
        raise GridError(
            f"{folder}: contains no image with metadata; pass PNG or WebP files as the front end saved them"
        )
    settings = {path: {name: read(record) for name, read in _SETTINGS.items()} for path, record in records.items()}
    _number_copies(settings)
    axes = _axes(settings)
    with locked(output / LOCK):
        cells = [_cell(number, values, axes) for number, values in enumerate(settings.values())]
        layout = _layout(axes)
        data = {
            "name": folder.resolve().name,
            "about": f"{counted(len(cells), 'image')} of other programs",
            "files": {},
        }
        manifest = Manifest(output)
        try:
            for cell, path in zip(cells, settings, strict=True):
                file = relative_path(path, output) or path.resolve().as_posix()
                manifest.add({"key": cell.key, "cell": cell.number, "batch": -1, **cell.job, "status": DONE,
                              "file": file, "sha256": sha256_of(path), "seconds": None})  # fmt: skip
        finally:
            manifest.close()
        write_grid(output, {**data, **grid_data(axes, layout, cells)})
    return ImportSummary(len(cells), tuple(skipped))


def _read(folder: Path) -> tuple[dict[Path, Recorded], list[str]]:
    if not folder.is_dir():
        raise GridError(f"{folder} is not a folder; pass a folder with images")
    first_records: dict[Path, Recorded] = {}
    skipped = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGES and path.is_file()):
        try:
            records = [record for record in read_image(path) if record.role in ("positive", "region")]
        except InputError as error:
            skipped.append(str(error))
            continue
        if records and records[0].prompt is None:
            skipped.append(f"{path}: {'; '.join(map(str, records[0].not_read)) or 'has no prompt'}")
        elif records:
            first_records[path] = records[0]
        else:
            skipped.append(f"{path}: has no metadata")
    return first_records, skipped


def _number_copies(settings: Mapping[Path, dict[str, str]]) -> None:
    """Add a copy number, which tells images with the same settings apart."""
    counts: dict[tuple[str, ...], int] = {}
    for values in settings.values():
        key = tuple(values.values())
        counts[key] = counts.get(key, 0) + 1
        values[_COPY] = str(counts[key])


def _axes(settings: Mapping[Path, Mapping[str, str]]) -> tuple[StoredAxis, ...]:
    axes = []
    for name in (*_SETTINGS, _COPY):
        labels = sorted({values[name] for values in settings.values()}, key=_by_number)
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


def _cell(number: int, values: Mapping[str, str], axes: Iterable[StoredAxis]) -> StoredCell:
    index = tuple(axis.labels.index(values[axis.name] or "(none)") for axis in axes)
    key = hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:16]
    return StoredCell(number, index, key, _job(values), values["model"] or None, -1)


def _job(values: Mapping[str, str]) -> dict[str, Any]:
    width, height = parse_size(values["size"]) or (0, 0)

    def number_or(name: str, default: float) -> float:
        number = parse_number(values[name])
        return default if number is None else number

    settings = {
        "width": width,
        "height": height,
        "steps": int(number_or("steps", 0)),
        "sampler": values["sampler"],
        "scheduler": values["scheduler"],
        "shift": number_or("shift", 3.0),
        "guidance_scale": number_or("cfg", 1.0),
        "zero_star": False,
    }
    return {
        "prompt": values["prompt"],
        "negative": values["negative"],
        "seed": int(number_or("seed", 0)),
        "settings": settings,
        "loras": [],
    }

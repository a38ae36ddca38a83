"""Runs a plan into a folder, so that nothing finished is ever lost or made twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anima_infer.errors import GridError
from anima_infer.grid.executors.executor import Executor, Outcome
from anima_infer.grid.plan.batches import batches_with
from anima_infer.grid.plan.cost import cost_of
from anima_infer.grid.plan.jobs import job_to_dict
from anima_infer.grid.plan.plan import Plan, make_plan
from anima_infer.grid.spec.definition import Spec
from anima_infer.grid.store.contents import StoredAxis, StoredCell, grid_data, open_grid, write_grid
from anima_infer.grid.store.files import GRID, IMAGES, LOCK, sha256_of
from anima_infer.grid.store.lock import locked
from anima_infer.grid.store.manifest import DONE, FAILED, Manifest, read_manifest
from anima_infer.images import save_image


@dataclass(frozen=True, slots=True)
class Step:
    """Progress: images made and to make in this run, the last outcome, seconds so far and to go."""

    made: int
    total: int
    outcome: Outcome
    seconds: float
    left: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did: images made, found finished, failed, and seconds."""

    made: int
    kept: int
    failed: int
    seconds: float


Tell = Callable[[Step], None]


def plan_for(spec: Spec, folder: Path | None) -> Plan:
    """Return the plan of a specification; batches of an earlier run in the folder stay as they are.

    Raises:
        GridError, SettingsError: see :func:`~anima_infer.grid.plan.make_plan`.
    """
    if folder is None or not (folder / GRID).is_file():
        return make_plan(spec)
    return make_plan(spec, earlier={cell.key: cell.batch for cell in open_grid(folder).cells})


def run_grid(
    plan: Plan, folder: Path, executor: Executor, *, resume: bool = False, tell: Tell | None = None
) -> Summary:
    """Render what is missing.

    Args:
        plan: of :func:`plan_for` the same folder.
        folder: where to put it; made if it is not there.
        executor: where cells are rendered.
        resume: go on with, or extend, what is in the folder.
        tell: told after every cell.

    Raises:
        GridError: the folder is not empty, another run is at work, or the model's files are others than before.
        InferError: an image cannot be written.
    """
    _check_folder(folder, resume=resume)
    with locked(folder):
        _sweep(folder)
        files = executor.identity(plan.rendered)
        finished = verified(folder, {cell.key for cell in plan.cells})
        if finished:
            _check_files(folder, open_grid(folder).files, files)
        write_grid(folder, plan_data(plan, files))
        return _render(plan, folder, executor, finished, tell)


def _render(plan: Plan, folder: Path, executor: Executor, finished: set[str], tell: Tell | None) -> Summary:
    missing = {cell.key: cost_of(cell.job) for cell in plan.rendered if cell.key not in finished}
    manifest = Manifest(folder)
    began, made, failed, todo = time.perf_counter(), 0, 0, sum(missing.values())
    try:
        for outcome in executor.run(batches_with(plan.batches, missing)):
            if outcome.cell.key not in missing:
                continue
            entry = _kept(folder, outcome)
            manifest.add(entry)
            made, failed = made + (entry["status"] == DONE), failed + (entry["status"] == FAILED)
            if tell is not None:
                seconds = time.perf_counter() - began
                worked = todo - sum(missing.values()) + missing[outcome.cell.key]
                left = seconds / worked * (todo - worked) if worked else 0.0
                tell(Step(made + failed, len(plan.rendered) - len(finished), outcome, seconds, left))
            del missing[outcome.cell.key]
    finally:
        manifest.close()
    return Summary(made, len(finished), failed, time.perf_counter() - began)


def _check_folder(folder: Path, *, resume: bool) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise GridError(f"{folder}: is a file; give a folder")
    if (folder / GRID).is_file():
        if not resume:
            raise GridError(f"{folder}: holds a grid already; add --resume to go on with it, or choose another folder")
    elif any(path.name not in (LOCK, IMAGES) for path in folder.iterdir()):
        raise GridError(f"{folder}: holds other files; choose an empty folder")


def _sweep(folder: Path) -> None:
    """Take away what a crash left half written."""
    for place in (folder, folder / IMAGES):
        for path in place.glob(".*.part"):
            path.unlink(missing_ok=True)


def _check_files(folder: Path, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    changed = [name for name in now if name in before and before[name] != now[name]]
    if changed:
        raise GridError(
            f"{folder}: was made with another {', '.join(changed)}; use the same file, or choose another folder"
        )


def verified(folder: Path, keys: set[str]) -> set[str]:
    """Return the keys whose image is there and has the bytes that the manifest says."""
    found = set()
    for entry in read_manifest(folder):
        if entry["key"] in keys and entry["status"] == DONE:
            path = folder / entry["file"]
            if path.is_file() and sha256_of(path) == entry["sha256"]:
                found.add(entry["key"])
    return found


def _kept(folder: Path, outcome: Outcome) -> dict[str, Any]:
    """Write an outcome's image; return its line for the manifest."""
    cell = outcome.cell
    entry: dict[str, Any] = {"key": cell.key, "cell": cell.number, "batch": cell.batch, **job_to_dict(cell.job)}
    if outcome.image is not None:
        path = folder / cell.file
        save_image(outcome.image, path, parameters=outcome.parameters, workflow=outcome.workflow)
        entry |= {"status": DONE, "file": cell.file, "sha256": sha256_of(path)}
    else:
        entry |= {"status": FAILED, "error": outcome.error}
    return {**entry, "seconds": round(outcome.seconds, 4)}


def plan_data(plan: Plan, files: Mapping[str, str]) -> dict[str, Any]:
    """Return what ``grid.json`` holds."""
    spec = plan.spec
    axes = [
        StoredAxis(
            axis.name,
            axis.kind or "several",
            tuple(value.label for value in axis.values),
            axis.baseline,
            tuple(None if value.number is None else str(value.number) for value in axis.values),
        )
        for axis in spec.axes
    ]
    layout = {"rows": spec.layout.rows, "columns": spec.layout.columns, "pages": spec.layout.pages}
    cells = [
        StoredCell(cell.number, cell.index, cell.key, job_to_dict(cell.job), cell.checkpoint, cell.batch)
        for cell in plan.cells
    ]
    return {"name": spec.name, "about": spec.about, "files": dict(files), **grid_data(axes, layout, cells)}

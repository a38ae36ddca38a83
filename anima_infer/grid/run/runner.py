"""Runs a plan into a folder, so that nothing finished is lost or rendered twice."""

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
from anima_infer.grid.store.manifest import DONE, FAILED, Manifest, read_manifest
from anima_prompt.interchange.images import save_image
from anima_prompt.locks import holder_path, locked


@dataclass(frozen=True, slots=True)
class GridProgress:
    """State of a run after an outcome.

    Attributes:
        finished: outcomes of this run so far, failed ones too.
        total: outcomes that this run will have.
        outcome: the last one.
        seconds: of this run so far.
        remaining: estimated seconds until the end.
    """

    finished: int
    total: int
    outcome: Outcome
    seconds: float
    remaining: float


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Result of a run: numbers of images rendered, finished before, failed; seconds."""

    rendered: int
    kept: int
    failed: int
    seconds: float


ProgressCallback = Callable[[GridProgress], None]


def plan_for(spec: Spec, folder: Path | None) -> Plan:
    """Return the plan of a specification; batches of an earlier run in the folder stay as they are.

    Raises:
        GridError, SettingsError: see :func:`~anima_infer.grid.plan.make_plan`.
    """
    if folder is None or not (folder / GRID).is_file():
        return make_plan(spec)
    return make_plan(spec, earlier={cell.key: cell.batch for cell in open_grid(folder).cells})


def run_grid(
    plan: Plan, folder: Path, executor: Executor, *, resume: bool = False, notify: ProgressCallback | None = None
) -> RunSummary:
    """Render the cells of a plan whose images are missing from a folder.

    Args:
        plan: of :func:`plan_for` with the same folder.
        folder: of the grid; created if it does not exist.
        executor: renders the cells.
        resume: continue or extend the grid in the folder.
        notify: called after every cell.

    Raises:
        GridError: the folder is not empty, or the model's files have changed.
        LockError: another run is writing to the folder, or it cannot be written.
        InferError: an image cannot be written.
    """
    _check_folder(folder, resume=resume)
    with locked(folder / LOCK):
        _delete_temporary_files(folder)
        files = executor.identity(plan.rendered)
        finished = find_finished(folder, {cell.key for cell in plan.cells})
        if finished:
            _check_files(folder, open_grid(folder).files, files)
        write_grid(folder, plan_data(plan, files))
        return _render(plan, folder, executor, finished, notify)


def _render(
    plan: Plan, folder: Path, executor: Executor, finished: set[str], notify: ProgressCallback | None
) -> RunSummary:
    missing = {cell.key: cost_of(cell.job) for cell in plan.rendered if cell.key not in finished}
    manifest = Manifest(folder)
    start, rendered, failed, total_cost = time.perf_counter(), 0, 0, sum(missing.values())
    try:
        for outcome in executor.run(batches_with(plan.batches, missing)):
            if outcome.cell.key not in missing:
                continue
            entry = _save_outcome(folder, outcome)
            manifest.add(entry)
            rendered, failed = rendered + (entry["status"] == DONE), failed + (entry["status"] == FAILED)
            if notify is not None:
                seconds = time.perf_counter() - start
                cost = total_cost - sum(missing.values()) + missing[outcome.cell.key]
                remaining = seconds / cost * (total_cost - cost) if cost else 0.0
                total = len(plan.rendered) - len(finished)
                notify(GridProgress(rendered + failed, total, outcome, seconds, remaining))
            del missing[outcome.cell.key]
    finally:
        manifest.close()
    return RunSummary(rendered, len(finished), failed, time.perf_counter() - start)


def _check_folder(folder: Path, *, resume: bool) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise GridError(f"{folder} is a file; pass a folder")
    if (folder / GRID).is_file():
        if not resume:
            raise GridError(f"{folder}: contains a grid; add --resume to continue it, or choose another folder")
    elif any(path.name not in (LOCK, holder_path(folder / LOCK).name, IMAGES) for path in folder.iterdir()):
        raise GridError(f"{folder}: contains other files; choose an empty folder")


def _delete_temporary_files(folder: Path) -> None:
    """Delete the temporary files of a run that crashed."""
    for parent in (folder, folder / IMAGES):
        for path in parent.glob(".*.part"):
            path.unlink(missing_ok=True)


def _check_files(folder: Path, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    changed = [name for name in now if name in before and before[name] != now[name]]
    if changed:
        raise GridError(
            f"{folder}: was rendered with another {', '.join(changed)}; use the same file, or choose another folder"
        )


def find_finished(folder: Path, keys: set[str]) -> set[str]:
    """Return the keys whose image exists and has the hash that the manifest says."""
    finished = set()
    for entry in read_manifest(folder):
        if entry["key"] in keys and entry["status"] == DONE:
            path = folder / entry["file"]
            if path.is_file() and sha256_of(path) == entry["sha256"]:
                finished.add(entry["key"])
    return finished


def _save_outcome(folder: Path, outcome: Outcome) -> dict[str, Any]:
    """Write the image of an outcome; return its line of the manifest."""
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
    """Return the content of ``grid.json`` for a plan; ``files`` are the fingerprints of the model's files."""
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

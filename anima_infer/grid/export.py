"""Writes the cells of a grid as ComfyUI workflows. Needs no model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anima_infer.errors import GridError
from anima_infer.files import DEMO, RELEASE_FILES, ModelFiles, find_files
from anima_infer.grid.plan.cells import Cell
from anima_infer.grid.plan.plan import Plan
from anima_infer.grid.store.files import write_text
from anima_infer.render.metadata import DIT_FOLDERS, comfyui_name, describe, file_names, remarks_on
from anima_prompt.interchange.generation import FileNames
from anima_prompt.interchange.textfile import read_text
from anima_prompt.interchange.workflow import Workflow, WorkflowError, catalog_from, check_workflow, write_workflow
from anima_prompt.interchange.workflow.catalog import Catalog
from anima_prompt.safe_paths import is_folder

_DTYPES = {"auto": "default"}


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """Number of workflows, notes on them, and a line for every image that ComfyUI cannot make."""

    written: int
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def read_catalog(path: Path) -> Catalog:
    """Return the facts of a server's nodes from a file with its answer to ``GET /object_info``.

    Raises:
        GridError: the file is something else.
    """
    try:
        return catalog_from(json.loads(read_text(str(path))))
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        raise GridError(
            f"{path} is not a server's answer to GET /object_info; save http://SERVER:8188/object_info as a file"
        ) from None


def export_workflows(
    plan: Plan,
    folder: Path,
    *,
    files: ModelFiles,
    model: str | None = None,
    dtype: str = "auto",
    catalog: Catalog | None = None,
) -> ExportSummary:
    """Write a workflow for each image of a plan.

    Args:
        plan: of the grid.
        folder: to write to.
        files: of the model that a run would use.
        model: file name of the DiT in ComfyUI; None for that of ``files``.
        dtype: as in ``grid run``.
        catalog: facts of a server's nodes to check against, besides those that come with the package.
    """
    base = FileNames(**RELEASE_FILES) if files.is_demo else file_names(files)
    remarks = remarks_on(files) if model is None else ()
    if files.is_demo and model is None:
        remarks = (f"the demo model {DEMO} cannot be loaded by ComfyUI; the workflows load {RELEASE_FILES['dit']}",)
    written, notes, refused = 0, dict.fromkeys(remarks), []
    for cell in plan.rendered:
        try:
            workflow = _workflow(cell, _names(cell, base, model), dtype, catalog)
        except WorkflowError as error:
            refused.append(f"image {cell.number:04} ({_labels(plan, cell)}): {error}")
            continue
        notes |= dict.fromkeys(workflow.notes)
        path = folder / f"{cell.number:04}-{cell.key}.json"
        write_text(path, json.dumps(workflow.nodes, ensure_ascii=False, indent=1))
        written += 1
    return ExportSummary(written, tuple(notes), tuple(refused))


def _workflow(cell: Cell, names: FileNames, dtype: str, catalog: Catalog | None) -> Workflow:
    generation = describe(cell.job, names, dtype=_DTYPES.get(dtype, dtype))
    workflow = write_workflow(generation, prefix=f"grid/{cell.number:04}")
    problems = check_workflow(workflow.nodes, catalog) if catalog is not None else []
    if problems:
        raise WorkflowError(f"the server does not accept this: {'; '.join(problems)}")
    return workflow


def _names(cell: Cell, base: FileNames, model: str | None) -> FileNames:
    """Return the files that a cell loads: its own checkpoint's, or else the user's."""
    if not cell.checkpoint:
        return replace(base, dit=model or base.dit)
    path = Path(cell.checkpoint)
    if is_folder(path):
        return file_names(find_files(path))
    name = comfyui_name(path, DIT_FOLDERS)
    return replace(base, dit=name if path.suffix == ".safetensors" else f"{name}.safetensors")


def _labels(plan: Plan, cell: Cell) -> str:
    labels: Mapping[str, Any] = plan.labels(cell)
    return ", ".join(f"{axis} {label}" for axis, label in labels.items())

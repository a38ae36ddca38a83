"""What the grid tests share: specifications, executors, and a finished grid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from anima_infer.grid.executors.executor import Outcome
from anima_infer.grid.executors.in_process import InProcess
from anima_infer.grid.plan.batches import CellBatch
from anima_infer.grid.plan.cells import Cell
from anima_infer.grid.run.runner import plan_for, run_grid
from anima_infer.grid.spec.definition import Spec
from anima_infer.grid.spec.reader import spec_from_dict
from anima_infer.grid.store.contents import Grid, open_grid
from anima_infer.models import Models
from tests.infer.tiny import Tiny

BASE = {
    "prompt": "masterpiece, best quality, safe, 1girl, red hair, witch hat, night. She waves.",
    "negative": "worst quality",
    "size": "64x64",
    "steps": 2,
    "sampler": "euler",
    "cfg": 2,
    "seed": 5,
}


def grid_spec(*axes: dict[str, Any], **more: Any) -> Spec:
    """Return a specification with the usual base."""
    base = {**BASE, **more.pop("base", {})}
    return spec_from_dict({"name": "test grid", "base": base, "axes": list(axes), **more})


class Painter:
    """An executor that paints plain squares whose color is the cell's key: fast, and the same every time."""

    def __init__(self, fail: Callable[[Cell], str] = lambda _: "") -> None:
        self.fail, self.rendered = fail, list[str]()

    def identity(self, cells: Sequence[Cell]) -> dict[str, str]:
        return {"DiT": "painter"}

    def run(self, batches: Iterable[CellBatch]) -> Iterator[Outcome]:
        for batch in batches:
            for cell in batch.cells:
                self.rendered.append(cell.key)
                error = self.fail(cell)
                s = cell.job.settings
                color = tuple(bytes.fromhex(cell.key[:6]))
                image = None if error else Image.new("RGB", (s.width, s.height), color)
                yield Outcome(cell, 0.25, image, cell.job.prompt, {}, error)


def painted(folder: Path, spec: Spec, **options: Any) -> Grid:
    """Return a grid whose images are painted squares."""
    run_grid(plan_for(spec, folder), folder, Painter(**options))
    return open_grid(folder)


@pytest.fixture
def executor(tiny: Tiny) -> InProcess:
    """Renders with the tiny model."""
    return InProcess(tiny.files, load=partial(Models.load, dtype="fp32", device="cpu"))

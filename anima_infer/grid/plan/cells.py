"""Cells of a grid, and the key that stands for their image."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from anima_infer.grid.plan.jobs import job_to_dict
from anima_infer.render.job import Job


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of the grid and the image that belongs there.

    Attributes:
        number: from 0, in the order of the axes.
        index: index of the value on each axis.
        key: stands for all that the image depends on; cells with one key share it.
        job: what to render.
        checkpoint: model to use; None for the run's.
        batch: number of the batch that it is rendered in.
    """

    number: int
    index: tuple[int, ...]
    key: str
    job: Job
    checkpoint: str | None = None
    batch: int = -1

    @property
    def file(self) -> str:
        """Name of the image, below the grid's folder."""
        return f"images/{self.key}.png"


def content_key(job: Job, checkpoint: str | None) -> str:
    """Return what stands for an image: 16 hexadecimal digits."""
    text = json.dumps([job_to_dict(job), checkpoint], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

"""Cells of a grid, and the key of their image.

The key depends on everything that the image depends on except the files of the model, so that an image is found again
when the specification grows.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from anima_infer.grid.plan.jobs import job_to_dict
from anima_infer.render.job import Job


@dataclass(frozen=True, slots=True)
class Cell:
    """A combination of one value of each axis, and the job that renders it.

    Attributes:
        number: from 0, in the order of the axes.
        index: index of the value on each axis.
        key: of the image; cells with the same key share it.
        job: to render.
        checkpoint: file, name or folder of another model; None for the run's.
        batch: number of its batch.
    """

    number: int
    index: tuple[int, ...]
    key: str
    job: Job
    checkpoint: str | None = None
    batch: int = -1

    @property
    def file(self) -> str:
        """Path of the image in the grid's folder."""
        return f"images/{self.key}.png"


def content_key(job: Job, checkpoint: str | None) -> str:
    """Return the image's content key: the first 16 hexadecimal digits of the SHA-256 of job and checkpoint."""
    text = json.dumps([job_to_dict(job), checkpoint], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

"""Executors render cells; this is the interface that the runner knows.

An executor takes batches and yields outcomes, in any order; another machine or a ComfyUI server fits behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from anima_infer.grid.plan.batches import CellBatch
from anima_infer.grid.plan.cells import Cell

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a cell: an image with its metadata, or ``error``, the reason why there is no image.

    ``seconds`` is the time of the batch divided by its cells.
    """

    cell: Cell
    seconds: float
    image: Image | None = None
    parameters: str = ""
    workflow: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


class Executor(Protocol):
    """Renders batches."""

    def identity(self, cells: Sequence[Cell]) -> dict[str, str]:
        """Return fingerprints of the files that the images depend on, by name; a resumed run must find the same."""

    def run(self, batches: Iterable[CellBatch]) -> Iterator[Outcome]:
        """Yield an outcome for every cell of every batch. A failed cell has ``error`` set; it does not raise."""

"""Where cells are rendered: the interface that planner and manifest know."""

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
    """What became of a cell: an image with its metadata, or the reason why there is none.

    ``seconds`` is the cell's share of its batch.
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
        """Return names and fingerprints of the files that the images depend on; a resumed run must find the same."""

    def run(self, batches: Iterable[CellBatch]) -> Iterator[Outcome]:
        """Yield an outcome for every cell of every batch. A failed cell is an outcome, no exception."""

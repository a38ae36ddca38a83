"""Executors render cells; this is the interface that the runner knows.

An executor takes batches and yields outcomes, in any order; another machine or a ComfyUI server fits behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from anima_infer.grid.plan.batches import CellBatch
from anima_infer.grid.plan.cells import Cell

if TYPE_CHECKING:
    from PIL.Image import Image

    from anima_infer.files import ModelFiles
    from anima_infer.models import Models


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


@dataclass(frozen=True, slots=True)
class Setup:
    """What the command line offers an executor; each takes what it needs.

    Attributes:
        files: returns the run's model files; raises CheckpointError if one is missing. Only called if they are needed.
        load: loads a model.
        compiled: whether to compile every model that is loaded.
        notify: called with a line for the user.
    """

    files: Callable[[], ModelFiles]
    load: Callable[[ModelFiles], Models]
    compiled: bool = False
    notify: Callable[[str], None] = lambda _: None


class Executor(Protocol):
    """Renders batches."""

    def identity(self, cells: Sequence[Cell]) -> dict[str, str]:
        """Return fingerprints of the files that the images depend on, by name; a resumed run must find the same."""

    def run(self, batches: Iterable[CellBatch]) -> Iterator[Outcome]:
        """Yield an outcome for every cell of every batch. A failed cell has ``error`` set; it does not raise."""

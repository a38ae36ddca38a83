"""Executors, by the names that ``grid run --executor`` takes.

To add one: write the class in a file of its name, and add an entry to ``EXECUTORS`` with a function that makes it from
a :class:`~anima_infer.grid.executors.executor.Setup`. Import the class inside that function: ``--help`` needs no
tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anima_infer.errors import GridError

if TYPE_CHECKING:
    from anima_infer.grid.executors.executor import Executor, Setup


@dataclass(frozen=True, slots=True)
class ExecutorKind:
    """An entry of the table: where images are rendered, for ``--help``, and how the executor is made."""

    about: str
    make: Callable[[Setup], Executor]


def _in_process(setup: Setup) -> Executor:
    from anima_infer.grid.executors.in_process import InProcess

    return InProcess(setup.files(), load=setup.load, compiled=setup.compiled, notify=setup.notify)


EXECUTORS: dict[str, ExecutorKind] = {
    "in-process": ExecutorKind("in this process, with one model in memory at a time", _in_process),
}
DEFAULT_EXECUTOR = "in-process"


def make_executor(name: str, setup: Setup) -> Executor:
    """Return the executor of a name.

    Raises:
        GridError: no executor has this name.
        InferError: the executor cannot be made, for instance because the model is missing.
    """
    if name not in EXECUTORS:
        raise GridError(f"executor is '{name}'; expected one of {', '.join(EXECUTORS)}")
    return EXECUTORS[name].make(setup)

"""Progress of long commands on standard error: a bar on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from anima_prompt.cli.program import echo_message, is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress

SECONDS, FRACTION = 10.0, 0.05
"""Least time and least part of the work between two plain lines; short work prints none, long work twenty."""
_SECONDS_UNKNOWN = 60.0
"""Least time between two plain lines where the amount of work is not known."""


class ProgressBar:
    """Progress of one piece of work; a context manager, which removes the bar at the end."""

    def __init__(self, title: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Name the work; nothing is shown before the first update."""
        self.title = title
        self._clock = clock
        self._last_time, self._last_fraction = clock(), 0.0
        self._bar = _new_bar() if is_terminal(sys.stderr) else None
        self._task = self._bar.add_task(title, total=None, text="", visible=False) if self._bar else None

    def __enter__(self) -> Self:
        """Start."""
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove the bar."""
        if self._bar:
            self._bar.stop()

    def update(self, done: float, total: float | None, text: str) -> None:
        """Show how much is done of how much (None: unknown), and a text such as ``3 of 8 images``."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total, text=text, visible=True)
        elif self._is_due(done / total if total else None):
            echo_message(f"{self.title}: {text}")

    def message(self, text: str) -> None:
        """Print a line above the bar."""
        if self._bar:
            from rich.text import Text

            from anima_prompt.escapes import visible

            self._bar.console.print(Text(visible(text)), soft_wrap=True)
        else:
            echo_message(text)

    def _is_due(self, fraction: float | None) -> bool:
        waited = self._clock() - self._last_time
        if fraction is None:
            due = waited >= _SECONDS_UNKNOWN
        else:
            due = waited >= SECONDS and fraction >= self._last_fraction + FRACTION
        if due:
            self._last_time, self._last_fraction = self._clock(), fraction or 0.0
        return due


def _new_bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}", markup=False))
    both = is_terminal(sys.stdout)  # results in a file or a pipe must not be drawn on the terminal
    return Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=both)

"""A grid's specification: what stays, what changes, and how it is laid out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anima_infer.grid.spec.axes import Axis
from anima_infer.grid.spec.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Layout:
    """Names of axes, the outer one first: two axes in the rows make super-rows."""

    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """Cells by the labels of their values: axis to the labels that match."""

    wanted: Mapping[str, frozenset[str]]

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Say whether a cell matches on every axis that the condition names."""
        return all(labels[axis] in allowed for axis, allowed in self.wanted.items())


@dataclass(frozen=True, slots=True)
class Spec:
    """A grid as it was asked for.

    Attributes:
        name: title of sheet and report.
        base: what every cell starts from.
        axes: what changes, the seed axis last.
        layout: where each axis goes.
        skip, only: cells to leave out, and, where given, the only ones to keep.
        batch: images in one batch; None lets the plan decide.
        about: one line for readers of the report.
        source: file that it came from, for messages.
    """

    name: str
    base: Recipe
    axes: tuple[Axis, ...]
    layout: Layout
    skip: tuple[Condition, ...] = ()
    only: tuple[Condition, ...] = ()
    batch: int | None = None
    about: str = ""
    source: str = "grid"

    def axis(self, name: str) -> Axis:
        """Return an axis by its name."""
        return next(axis for axis in self.axes if axis.name == name)

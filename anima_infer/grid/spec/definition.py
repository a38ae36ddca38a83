"""A grid's specification: what all cells share, what changes between them, and their layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anima_infer.grid.spec.axes import Axis
from anima_infer.grid.spec.recipe import Recipe


@dataclass(frozen=True, slots=True)
class GridLayout:
    """Names of the axes in rows, columns and pages, the outer one first: two axes in the rows make super-rows."""

    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """Selects cells by their labels: for each axis, the labels that match."""

    labels_by_axis: Mapping[str, frozenset[str]]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether a cell matches on every axis that the condition names."""
        return all(labels[axis] in allowed for axis, allowed in self.labels_by_axis.items())


@dataclass(frozen=True, slots=True)
class Spec:
    """A grid as specified.

    Attributes:
        name: title of sheet and report.
        base: what every cell starts from.
        axes: what changes; the axis of ``seeds`` comes last.
        layout: of the axes.
        skip: conditions of cells to leave out.
        only: conditions of cells to keep; empty for all.
        batch: images in one batch; None lets the plan decide.
        about: one line for readers of the report.
        source: path of the specification, for messages.
    """

    name: str
    base: Recipe
    axes: tuple[Axis, ...]
    layout: GridLayout
    skip: tuple[Condition, ...] = ()
    only: tuple[Condition, ...] = ()
    batch: int | None = None
    about: str = ""
    source: str = "grid"

    def axis(self, name: str) -> Axis:
        """Return an axis by its name."""
        return next(axis for axis in self.axes if axis.name == name)

"""Axes: what changes from cell to cell, as labeled values, each of which makes changes to a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from anima_infer.errors import GridError
from anima_infer.grid.spec.changes import ChangeKind
from anima_infer.grid.spec.recipe import Recipe
from anima_prompt.errors import AnimaPromptError, PromptFileError

SEED = "seed"


@dataclass(frozen=True, slots=True)
class Change:
    """A change to a recipe; ``place`` is where the specification says it, for messages."""

    kind: ChangeKind
    argument: str
    value: Any
    place: str

    def apply(self, recipe: Recipe) -> Recipe:
        """Return the changed recipe.

        Raises:
            GridError: the change cannot be made; the message names the place.
        """
        try:
            return self.kind.apply(recipe, self.argument, self.value)
        except PromptFileError:
            raise
        except AnimaPromptError as error:
            raise GridError(f"{self.place}: {error}") from None


@dataclass(frozen=True, slots=True)
class AxisValue:
    """A value of an axis; without changes, the base stays as it is."""

    label: str
    changes: tuple[Change, ...] = ()
    number: Decimal | None = None

    def apply(self, recipe: Recipe) -> Recipe:
        """Return the recipe with all changes made.

        Raises:
            GridError, PromptFileError: a change cannot be made.
        """
        for change in self.changes:
            recipe = change.apply(recipe)
        return recipe


@dataclass(frozen=True, slots=True)
class Axis:
    """What changes along one direction of the grid.

    Attributes:
        name: for people, layouts and conditions.
        kind: name of the change that its plain values make; empty if each value names its changes.
        argument: of the kind, such as the tag whose weight changes.
        values: in order.
        baseline: label of the value that the others are compared with.
    """

    name: str
    kind: str
    argument: str
    values: tuple[AxisValue, ...]
    baseline: str = ""

    def __post_init__(self) -> None:
        """Choose a baseline if there is none: the value without changes, or else the first."""
        if not self.baseline:
            baseline = next((value.label for value in self.values if not value.changes), self.values[0].label)
            object.__setattr__(self, "baseline", baseline)

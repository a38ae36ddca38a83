"""Axes: what changes from cell to cell, as labelled values that each make some changes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from anima_infer.errors import GridError, InferError
from anima_infer.grid.spec.changes import ChangeKind
from anima_infer.grid.spec.recipe import Recipe
from anima_prompt.errors import AnimaPromptError, PromptFileError

SEED = "seed"


@dataclass(frozen=True, slots=True)
class Change:
    """One change: its kind, argument and value, and where it was written."""

    kind: ChangeKind
    argument: str
    value: Any
    place: str

    def made(self, recipe: Recipe) -> Recipe:
        """Return the changed recipe.

        Raises:
            GridError: it cannot be made; names the place.
        """
        try:
            return self.kind.apply(recipe, self.argument, self.value)
        except PromptFileError:
            raise
        except (InferError, AnimaPromptError) as error:
            raise GridError(f"{self.place}: {error}") from None


@dataclass(frozen=True, slots=True)
class AxisValue:
    """One value of an axis; without changes it leaves the base as it is."""

    label: str
    changes: tuple[Change, ...] = ()
    number: Decimal | None = None

    def made(self, recipe: Recipe) -> Recipe:
        """Return the recipe with all changes made.

        Raises:
            GridError, PromptFileError: one cannot be made.
        """
        for change in self.changes:
            recipe = change.made(recipe)
        return recipe


@dataclass(frozen=True, slots=True)
class Axis:
    """What changes along one direction.

    Attributes:
        name: for people, layouts and conditions.
        kind: what its plain values change; empty where each value says so itself.
        argument: of the kind.
        values: in order.
        baseline: label that the others are compared with.
    """

    name: str
    kind: str
    argument: str
    values: tuple[AxisValue, ...]
    baseline: str = ""

    def __post_init__(self) -> None:
        """Choose a baseline: ``none`` if it is among the values, the first otherwise."""
        if not self.baseline:
            plain = next((value.label for value in self.values if not value.changes), self.values[0].label)
            object.__setattr__(self, "baseline", plain)

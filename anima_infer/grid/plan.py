"""From a specification to cells in the order in which they are rendered, with what it will cost.

A cell's key stands for everything that its picture depends on but the files of the model, so that a picture is found
again when the specification grows. Nothing here loads a model.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from anima_infer.errors import GridError, InferError
from anima_infer.grid.spec import Spec
from anima_infer.guidance import Guidance
from anima_infer.pipeline import Settings
from anima_infer.render import Job, LoraUse
from anima_infer.samplers import SAMPLERS
from anima_infer.schedule import SHIFT
from anima_prompt.dialects import Dialect
from anima_prompt.errors import AnimaPromptError

MOST_CELLS = 20_000
_BATCH_PIXELS, _BATCH_MOST = 2**20, 16
"""Pixels of a batch: beyond a megapixel a batch saves next to nothing and costs memory."""
_BYTES_PER_PIXEL = 1.6
"""Of a drawn picture as PNG; measured on 1024 x 1024 illustrations."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of the grid and the picture that belongs there.

    Attributes:
        number: from 0, in the order of the axes.
        index: index of the value on each axis.
        key: stands for all that the picture depends on; cells with one key share it.
        job: what to render.
        checkpoint: model to use; None for the run's.
        batch: number of the batch that it is rendered in.
    """

    number: int
    index: tuple[int, ...]
    key: str
    job: Job
    checkpoint: str | None = None
    batch: int = -1

    @property
    def file(self) -> str:
        """Name of the picture, below the grid's folder."""
        return f"pictures/{self.key}.png"


@dataclass(frozen=True, slots=True)
class Batch:
    """Cells that are rendered together: one model, one set of LoRAs, one group of settings."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A costed grid.

    Attributes:
        spec: what was asked for.
        cells: all of them, in the order of the axes.
        batches: what is rendered, in order; every key once.
    """

    spec: Spec
    cells: tuple[Cell, ...]
    batches: tuple[Batch, ...]

    def labels(self, cell: Cell) -> dict[str, str]:
        """Return the labels of a cell's values by axis."""
        return {axis.name: axis.values[i].label for axis, i in zip(self.spec.axes, cell.index, strict=True)}

    @property
    def texts(self) -> list[str]:
        """Distinct prompts, in the order of the cells."""
        return list(dict.fromkeys(cell.job.prompt for cell in self.cells))

    @property
    def rendered(self) -> list[Cell]:
        """The cells that are rendered: the first of each key, in the order of the batches."""
        return [cell for batch in self.batches for cell in batch.cells]

    @property
    def loads(self) -> int:
        """How often a model is loaded."""
        return len(list(itertools.groupby(batch.cells[0].checkpoint for batch in self.batches)))

    @property
    def repeated(self) -> int:
        """How many cells show a picture that another one shows too."""
        return len(self.cells) - len({cell.key for cell in self.cells})

    @property
    def work(self) -> float:
        """Megapixels times calls of the network, guidance counted twice."""
        return sum(work_of(cell.job) for cell in self.rendered)

    @property
    def disk(self) -> int:
        """About how many bytes the pictures take."""
        return round(
            sum(cell.job.settings.width * cell.job.settings.height for cell in self.rendered) * _BYTES_PER_PIXEL
        )


def work_of(job: Job) -> float:
    """Return what a picture costs: megapixels times calls of the network."""
    s = job.settings
    calls = calls_of(s.sampler, tuple(s.sigmas().tolist())) * (1 if s.guidance.off else 2)
    return s.width * s.height / 1e6 * calls


@functools.cache
def calls_of(sampler: str, sigmas: tuple[float, ...]) -> int:
    """Return how often a sampler asks the model on a schedule: counted, on one number in the place of a picture.

    >>> calls_of("euler", (1.0, 0.5, 0.0)), calls_of("heun", (1.0, 0.5, 0.0))
    (2, 3)
    """
    if len(sigmas) < 2:
        return 0
    model = _Counter()
    x = torch.zeros(1, 1, 1, 1)
    SAMPLERS[sampler](model, x, torch.tensor(sigmas), lambda *_: torch.zeros_like(x))
    return model.calls


class _Counter:
    """Stands in for a model and counts."""

    shift = SHIFT

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002  a sampler gives it
        self.calls += 1
        return torch.zeros_like(x)

    def both(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        return self(x, sigma), torch.zeros_like(x)


def make_plan(spec: Spec, *, earlier: Mapping[str, int] | None = None) -> Plan:
    """Return the plan of a specification.

    Args:
        spec: what was asked for.
        earlier: batches of an earlier plan, by key. They stay as they were, so that their pictures stay the same to
            the bit; only new cells form new batches.

    Raises:
        GridError: too many cells, none left, or a change that cannot be made.
        SettingsError: a setting is out of range.
    """
    cells = list(_cells(spec))
    if not cells:
        raise GridError(f"{spec.source}: no cell is left; check 'skip' and 'only'")
    batches = _batched(cells, spec.batch, dict(earlier or {}))
    number_of = {cell.key: batch.number for batch in batches for cell in batch.cells}
    return Plan(spec, tuple(replace(cell, batch=number_of[cell.key]) for cell in cells), tuple(batches))


def _cells(spec: Spec) -> Iterable[Cell]:
    count = 1
    for axis in spec.axes:
        count *= len(axis.values)
    if count > MOST_CELLS:
        raise GridError(f"{spec.source}: has {count} cells, at most {MOST_CELLS} are allowed; take values out")
    texts: dict[tuple[int, ...], Any] = {}
    number = 0
    for index in itertools.product(*(range(len(axis.values)) for axis in spec.axes)):
        labels = {axis.name: axis.values[i].label for axis, i in zip(spec.axes, index, strict=True)}
        if any(one.holds(labels) for one in spec.skip) or (
            spec.only and not any(one.holds(labels) for one in spec.only)
        ):
            continue
        recipe = _recipe(spec, index, texts)
        try:
            job = recipe.job()
        except (InferError, AnimaPromptError) as error:
            raise GridError(f"{spec.source}: cell {_named(labels)}: {error}") from None
        yield Cell(number, index, key_of(job, recipe.checkpoint), job, recipe.checkpoint)
        number += 1


def _recipe(spec: Spec, index: tuple[int, ...], known: dict[tuple[int, ...], Any]) -> Any:
    """Return the recipe of a cell; what its first axes make is remembered."""
    recipe = spec.base
    for depth in range(1, len(index) + 1):
        start = index[:depth]
        if start not in known or depth == len(index):
            value = spec.axes[depth - 1].values[index[depth - 1]]
            try:
                known[start] = value.made(recipe)
            except GridError as error:
                labels = {axis.name: axis.values[i].label for axis, i in zip(spec.axes, start, strict=False)}
                raise GridError(f"{error}; in the cell {_named(labels)}, which 'skip' can leave out") from None
        recipe = known[start]
    return recipe


def _named(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{axis} = {label}" for axis, label in labels.items())


def key_of(job: Job, checkpoint: str | None) -> str:
    """Return what stands for a picture: 16 hexadecimal digits."""
    text = json.dumps([job_to_dict(job), checkpoint], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def job_to_dict(job: Job) -> dict[str, Any]:
    """Return a job as plain types, for manifests and other machines; :func:`job_from_dict` turns it back."""
    settings = asdict(job.settings)
    guidance = settings.pop("guidance")
    guidance.pop("apg")
    return {
        "prompt": job.prompt,
        "negative": job.negative,
        "seed": job.seed,
        "dialect": job.dialect.value,
        "zero_if_empty": job.zero_if_empty,
        "settings": {**settings, "guidance_scale": guidance.pop("scale"), **guidance},
        "loras": [{"path": str(use.path), "strength": use.strength, "text": use.text} for use in job.loras],
    }


def job_from_dict(data: Mapping[str, Any]) -> Job:
    """Return a job from plain types."""
    settings = dict(data["settings"])
    low, high = settings.pop("interval")
    guidance = Guidance(settings.pop("guidance_scale"), settings.pop("zero_star"), None, (low, high))
    loras = tuple(LoraUse(Path(use["path"]), use["strength"], use["text"]) for use in data["loras"])
    return Job(
        data["prompt"],
        data["negative"],
        Settings(guidance=guidance, **settings),
        data["seed"],
        loras,
        Dialect(data["dialect"]),
        data["zero_if_empty"],
    )


# --- batches ---------------------------------------------------------------------------------------------------------


def _batched(cells: Sequence[Cell], most: int | None, earlier: dict[str, int]) -> list[Batch]:
    first: dict[str, Cell] = {}
    for cell in cells:
        first.setdefault(cell.key, cell)
    unique = list(first.values())
    kept: dict[int, list[Cell]] = {}
    for cell in unique:
        if cell.key in earlier:
            kept.setdefault(earlier[cell.key], []).append(cell)
    groups: list[list[Cell]] = [group for _, group in sorted(kept.items())]
    groups += _grouped([cell for cell in unique if cell.key not in earlier], most)
    places = {key: place for place, key in enumerate(dict.fromkeys(_model_key(group[0]) for group in groups))}
    groups.sort(key=lambda group: places[_model_key(group[0])])  # stable: models and LoRAs change least
    free = itertools.count(max(earlier.values(), default=-1) + 1)
    return [Batch(earlier[group[0].key] if group[0].key in earlier else next(free), tuple(group)) for group in groups]


def _model_key(cell: Cell) -> tuple[Any, ...]:
    return (cell.checkpoint, cell.job.loras)


def _grouped(cells: Sequence[Cell], most: int | None) -> list[list[Cell]]:
    """Return cells of one model, LoRAs and settings in batches; models change least, then LoRAs, then settings."""
    together: dict[Any, dict[Any, dict[Any, list[Cell]]]] = {}
    for cell in cells:
        by_loras = together.setdefault(cell.checkpoint, {}).setdefault(cell.job.loras, {})
        by_loras.setdefault(_settings_key(cell.job.settings), []).append(cell)
    batches = []
    for of_model in together.values():
        for of_loras in of_model.values():
            for group in of_loras.values():
                settings = group[0].job.settings
                size = most or max(1, min(_BATCH_MOST, _BATCH_PIXELS // (settings.width * settings.height)))
                batches += [group[start : start + size] for start in range(0, len(group), size)]
    return batches


def _settings_key(settings: Settings) -> str:
    return json.dumps(asdict(settings), sort_keys=True, default=str)

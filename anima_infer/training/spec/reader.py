"""Reads specifications strictly: unknown keys, wrong values and options without effect are errors with their place."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from anima_infer.training.spec.definition import TrainSpec
from anima_infer.training.spec.options import Kind, Option, is_required, kind_of, option_of
from anima_prompt.documents import Value, load_documents
from anima_prompt.errors import PromptFileError
from anima_prompt.interchange.textfile import read_text


def read_spec(path: str | Path) -> TrainSpec:
    """Return the specification in a YAML or JSON file; its paths are relative to the file.

    Raises:
        InputError: the file cannot be read.
        PromptFileError: the content is not a specification, or an option has no effect.
    """
    return parse_spec(read_text(str(path)), str(path), folder=Path(path).parent)


def spec_from_dict(mapping: Mapping[str, Any], *, folder: Path = Path()) -> TrainSpec:
    """Return the specification in a mapping, as notebooks write it.

    Raises:
        PromptFileError: the content is not a specification, or an option has no effect.
    """
    return parse_spec(json.dumps(mapping, default=str, ensure_ascii=False), "train.json", folder=folder)


def parse_spec(text: str, source: str, *, folder: Path = Path()) -> TrainSpec:
    """Return the specification in a YAML or JSON text.

    Args:
        text: of the file.
        source: file name for messages.
        folder: that relative paths start from.

    Raises:
        PromptFileError: the content is not a specification, or an option has no effect.
    """
    documents = load_documents(text, source)
    if len(documents) != 1:
        raise PromptFileError(f"{source}:1:1: contains {len(documents)} documents; expected one mapping")
    reading = _Reading(folder)
    spec: TrainSpec = reading.section(documents[0], TrainSpec, "the specification", "")
    _check_effects(spec, reading.given)
    _check_whole(spec, reading.given, documents[0])
    return spec


class _Reading:
    """One reading of a document; remembers where each option stands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.given: dict[str, tuple[Value, Option]] = {}

    def section(self, value: Value, owner: type, what: str, prefix: str) -> Any:
        """Return a dataclass from a mapping."""
        known = {item.name: item for item in fields(owner)}
        given = value.fields(what, known)
        missing = [name for name, item in known.items() if is_required(item) and name not in given]
        if missing:
            value.fail(f"missing in {what}: {', '.join(missing)} ({option_of(known[missing[0]]).about})")
        read = {}
        for name, inner in given.items():
            path, option = f"{prefix}{name}", option_of(known[name])
            self.given[path] = (inner, option)
            read[name] = self._option(inner, kind_of(owner, name), option, path)
        return owner(**read)

    def _option(self, value: Value, kind: Kind, option: Option, path: str) -> Any:
        if value.is_null:
            if kind.may_be_null:
                return None
            value.fail(f"{path} is empty; {option.about}")
        if kind.is_list:
            values = value.one_or_many(path)
            return tuple(self._item(item, kind, option, f"{path}[{index}]") for index, item in enumerate(values))
        return self._item(value, kind, option, path)

    def _item(self, value: Value, kind: Kind, option: Option, path: str) -> Any:
        if is_dataclass(kind.plain):
            return self.section(value, kind.plain, path, f"{path}.")
        if kind.plain is bool:
            return value.boolean(path)
        if kind.plain in (int, float):
            return _number(value, kind.plain, option, path)
        text = value.text(path)
        if kind.choices and text not in kind.choices:
            value.fail(f"{path} is '{text}'; expected one of {', '.join(kind.choices)}")
        return self.folder / Path(text).expanduser() if kind.plain is Path else text


def _number(value: Value, plain: type, option: Option, path: str) -> Any:
    number: float = value.whole(path) if plain is int else float(value.decimal(path))
    too_low = option.low is not None and (number < option.low or (option.open_low and number == option.low))
    if too_low or (option.high is not None and number > option.high) or not math.isfinite(number):
        value.fail(f"{path} is {number:g}; expected {allowed_range(option)}")
    return number


def allowed_range(option: Option) -> str:
    """Return the range of an option in words."""
    low = None if option.low is None else f"{'above' if option.open_low else 'at least'} {option.low:g}"
    if option.high is None:
        return f"a number {low}" if low else "a number"
    return f"a number from {option.low:g} to {option.high:g}" if low else f"a number up to {option.high:g}"


def _check_effects(spec: TrainSpec, given: Mapping[str, tuple[Value, Option]]) -> None:
    for path, (value, option) in given.items():
        for needed, values in option.needs:
            now = value_at(spec, needed)
            if now not in values:
                expected = " or ".join(map(str, values))
                value.fail(f"{path} has no effect with {needed} '{now}'; remove it, or set {needed} to {expected}")


def value_at(spec: Any, path: str) -> Any:
    """Return the value of an option by its dotted name."""
    for name in path.split("."):
        spec = getattr(spec, name)
    return spec


def _check_whole(spec: TrainSpec, given: Mapping[str, tuple[Value, Option]], document: Value) -> None:
    """Raise PromptFileError where options contradict each other."""
    for path, problem in (*_data_problems(spec), *_run_problems(spec), *_unused(spec, given)):
        place = given[path][0] if path in given else document
        place.fail(f"{path} {problem}")


def _data_problems(spec: TrainSpec) -> Iterator[tuple[str, str]]:
    """Yield option and problem of data and captions."""
    captions = spec.data.captions
    varies = captions.shuffle != "none" or captions.tag_dropout > 0
    if not spec.data.folders:
        yield "data.folders", "is empty; pass a folder of images"
    if spec.data.step % 16:
        yield "data.step", f"is {spec.data.step}; expected a multiple of 16"
    if captions.variants > 1 and captions.lines != "random" and not varies:
        reason = "has no effect: all variants would be equal; set shuffle, tag_dropout, or lines random"
        yield "data.captions.variants", reason
    if captions.keep and not varies:
        yield "data.captions.keep", "has no effect without shuffle or tag_dropout; remove it"


def _run_problems(spec: TrainSpec) -> Iterator[tuple[str, str]]:
    """Yield option and problem of length, optimizer, noise levels and output."""
    schedule, optimizer, timesteps, output = spec.schedule, spec.optimizer, spec.timesteps, spec.output
    if (schedule.steps is None) == (schedule.epochs is None):
        both = "both steps and epochs" if schedule.steps else "neither steps nor epochs"
        yield "schedule", f"has {both}; set one of them"
    if len(optimizer.betas) != 2:
        yield "optimizer.betas", f"has {len(optimizer.betas)} values; expected two"
    if timesteps.weighting in ("logit_normal", "mode") and timesteps.method != "sigma":
        reason = f"'{timesteps.weighting}' has no effect with timesteps.method '{timesteps.method}'; set that to sigma"
        yield "timesteps.weighting", reason
    if optimizer.fused_backward and spec.method.storage != "bf16":
        yield "optimizer.fused_backward", "needs method.storage bf16; set it"
    if optimizer.fused_backward and (optimizer.clip or schedule.accumulate > 1):
        reason = "frees gradients at once; set optimizer.clip to 0 and schedule.accumulate to 1"
        yield "optimizer.fused_backward", reason
    if spec.model.attention == "flash" and spec.model.dtype == "fp32":
        yield "model.attention", "is 'flash', which needs model.dtype bf16; set it, or take torch"
    if output.format in ("diffusers", "peft") and spec.method.kind != "lora":
        yield "output.format", f"is '{output.format}', which has no {spec.method.kind}; take kohya or comfyui"


def _unused(spec: TrainSpec, given: Mapping[str, tuple[Value, Option]]) -> Iterator[tuple[str, str]]:
    """Yield options that were given and have no effect without others."""
    if "previews.every" in given and not spec.previews.prompts:
        yield "previews.every", "has no effect without previews.prompts; add prompts"
    if "validation.every" in given and spec.validation.folder is None:
        yield "validation.every", "has no effect without validation.folder; add a folder"
    if spec.output.keep and not spec.output.save_every:
        yield "output.keep", "has no effect without output.save_every; set it"

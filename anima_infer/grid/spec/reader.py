"""Reads specifications: YAML, JSON or a mapping; every error has a line and a column.

``docs/grids.md`` describes the format for people, :mod:`anima_infer.grid.spec.schema` for editors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from anima_infer.grid.spec.axes import SEED, Axis
from anima_infer.grid.spec.axis_reader import axis_from, numeric_values, values_of
from anima_infer.grid.spec.changes import CHANGE_KINDS
from anima_infer.grid.spec.definition import Condition, GridLayout, Spec
from anima_infer.grid.spec.recipe import Recipe
from anima_infer.sampling.noise import MOST_SEED
from anima_prompt.dialects import Dialect
from anima_prompt.documents import Value, load_documents
from anima_prompt.errors import PromptFileError
from anima_prompt.interchange.promptfile import parse_prompt
from anima_prompt.interchange.textfile import read_text, split_negative
from anima_prompt.profiles import DEFAULT_PROFILE, load_profile
from anima_prompt.prompt import Prompt

RANDOM = -1
KEYS = ("name", "about", "base", "axes", "seeds", "layout", "skip", "only", "batch")


BASE_KEYS = (
    "prompt", "negative", "profile", "dialect", "size", "steps", "cfg", "sampler", "scheduler", "shift", "zero_star",
    "loras", "checkpoint", "seed",
)  # fmt: skip


LAYOUT_KEYS = ("rows", "columns", "pages")


def read_spec(path: str | Path, *, profile: str | Path = DEFAULT_PROFILE) -> Spec:
    """Return the specification in a YAML or JSON file.

    Args:
        path: of the file.
        profile: release whose default settings are used where the file names no profile.

    Raises:
        InputError: the file cannot be read.
        PromptFileError: the content breaks the schema.
    """
    return parse_spec(read_text(str(path)), str(path), profile=profile)


def spec_from_dict(mapping: Mapping[str, Any], *, profile: str | Path = DEFAULT_PROFILE) -> Spec:
    """Return the specification in a mapping, as notebooks write it.

    Raises:
        PromptFileError: the content breaks the schema.

    >>> spec = spec_from_dict({"base": {"prompt": "1girl, smile"}, "axes": [{"cfg": "1-3"}]})
    >>> [value.label for value in spec.axes[0].values]
    ['1', '2', '3']
    """
    return parse_spec(json.dumps(mapping, default=str, ensure_ascii=False), "grid.json", profile=profile)


def parse_spec(text: str, source: str, *, profile: str | Path = DEFAULT_PROFILE) -> Spec:
    """Return the specification in a YAML or JSON text.

    Raises:
        PromptFileError: the content breaks the schema.
    """
    documents = load_documents(text, source)
    if len(documents) != 1:
        raise PromptFileError(
            f"{source}:1:1: contains {len(documents)} documents; expected one grid with 'base' and 'axes'"
        )
    value = documents[0]
    fields = value.fields("a grid", KEYS)
    for key in ("base", "axes"):
        if key not in fields:
            value.fail(f"the grid has no '{key}'; write 'base' with a prompt, and 'axes' with what changes")
    base = _base(fields["base"], profile)
    axes = tuple(axis_from(item) for item in fields["axes"].items("axes"))
    axes += _seeds(fields.get("seeds"), base, axes)
    _check_axes(fields["axes"], axes)
    return Spec(
        fields["name"].text("name") if "name" in fields else Path(source).stem,
        base,
        axes,
        _layout(fields.get("layout"), axes),
        _conditions(fields.get("skip"), axes),
        _conditions(fields.get("only"), axes),
        _batch(fields.get("batch")),
        fields["about"].text("about") if "about" in fields else "",
        source,
    )


def _base(value: Value, profile_name: str | Path) -> Recipe:
    fields = value.fields("base", BASE_KEYS)
    if "prompt" not in fields:
        value.fail("base has no 'prompt'; write the text, or a mapping of sections")
    profile = load_profile(profile_name)
    if "profile" in fields:
        profile = fields["profile"].guarded(lambda: load_profile(fields["profile"].text("profile")))
    prompt, negative = _base_prompt(fields["prompt"])
    recipe = Recipe(prompt, profile, negative)
    if "dialect" in fields:
        dialect = fields["dialect"]
        recipe = replace(recipe, dialect=dialect.guarded(lambda: Dialect.of(dialect.text("dialect"))))
    for name in BASE_KEYS:
        if name in fields and name in CHANGE_KINDS and name not in ("prompt", "profile"):
            read = CHANGE_KINDS[name].read(fields[name])
            recipe = CHANGE_KINDS[name].apply(recipe, "", read)
    return replace(recipe, seed=_drawn_seed(recipe)) if recipe.seed == RANDOM else recipe


def _drawn_seed(recipe: Recipe) -> int:
    """Return a seed for ``seed: -1``, drawn from the prompt, so that run, resume and export agree on it."""
    return int.from_bytes(hashlib.sha256(recipe.to_text().encode()).digest()[:4], "big")


def _base_prompt(value: Value) -> tuple[Prompt, str | None]:
    if value.is_mapping:
        prompt = parse_prompt(value)
        negative = None if prompt.negative is None else prompt.negative.to_text()
        return replace(prompt, negative=None), negative
    text, negative = split_negative(value.text("prompt"))
    return Prompt.parse(text.strip("\n")), negative


def _seeds(value: Value | None, base: Recipe, axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
    """Return the axis of paired seeds."""
    has_seed_axis = any(axis.kind == SEED for axis in axes)
    if value is None:
        return ()
    if has_seed_axis:
        value.fail("there are 'seeds' and an axis 'seed'; keep one of them")
    numbers = list(numeric_values(value)) if value.is_list or not _is_count(value) else []
    if not numbers:
        count = value.whole("seeds")
        if count < 1:
            value.fail(f"seeds is {count}; expected at least 1, or a list of seeds")
        numbers = [Decimal((base.seed + index) % (MOST_SEED + 1)) for index in range(count)]
    return (Axis(SEED, SEED, "", values_of(SEED, numbers, value)),)


def _is_count(value: Value) -> bool:
    return value.text("seeds").isdecimal()


def _check_axes(value: Value, axes: tuple[Axis, ...]) -> None:
    names = [axis.name for axis in axes]
    for name in names:
        if names.count(name) > 1:
            value.fail(f"two axes have the name '{name}'; give one of them another 'name'")
    if not axes:
        value.fail("axes is empty; write at least one, such as '- cfg: 1-5'")


def _layout(value: Value | None, axes: tuple[Axis, ...]) -> GridLayout:
    names = [axis.name for axis in axes]
    if value is None:
        return _default_layout(axes)
    fields = value.fields("layout", LAYOUT_KEYS)
    roles: dict[str, tuple[str, ...]] = {}
    used: list[str] = []
    for key, chosen in fields.items():
        listed = []
        for item in chosen.one_or_many(key):
            name = item.text("an axis")
            if name not in names:
                item.fail(f"axis '{name}' is unknown; expected one of {', '.join(names)}")
            if name in used:
                item.fail(f"axis '{name}' occurs twice in the layout; keep one")
            used.append(name)
            listed.append(name)
        roles[key] = tuple(listed)
    unused = [name for name in names if name not in used]
    inner = [name for name in unused if name == SEED]
    pages = (*roles.get("pages", ()), *(name for name in unused if name != SEED))
    return GridLayout((*roles.get("rows", ()), *inner), roles.get("columns", ()), pages)


def _default_layout(axes: tuple[Axis, ...]) -> GridLayout:
    """Return a layout with the first axis in the columns, the second and seeds in the rows, all others on pages."""
    seeds = tuple(axis.name for axis in axes if axis.kind == SEED)
    others = tuple(axis.name for axis in axes if axis.kind != SEED)
    if not others:
        return GridLayout((), seeds, ())
    return GridLayout((*others[1:2], *seeds), others[:1], others[2:])


def _conditions(value: Value | None, axes: tuple[Axis, ...]) -> tuple[Condition, ...]:
    return () if value is None else tuple(_condition(item, axes) for item in value.one_or_many("conditions"))


def _condition(value: Value, axes: tuple[Axis, ...]) -> Condition:
    axes_by_name = {axis.name: axis for axis in axes}
    wanted: dict[str, frozenset[str]] = {}
    for name, chosen in value.fields("a condition", axes_by_name).items():
        labels = {entry.label for entry in axes_by_name[name].values}
        listed = [item.text("a label") for item in chosen.one_or_many("labels")]
        for label in listed:
            if label not in labels:
                chosen.fail(f"axis '{name}' has no value '{label}'; expected one of {', '.join(sorted(labels))}")
        wanted[name] = frozenset(listed)
    return Condition(wanted)


def _batch(value: Value | None) -> int | None:
    if value is None or value.text("batch") == "auto":
        return None
    count = value.whole("batch")
    if count < 1:
        value.fail(f"batch is {count}; expected at least 1, or auto")
    return count

"""Axes of whole prompts: from a file, or from a template with alternatives."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from anima_infer.errors import GridError
from anima_infer.grid.spec.axes import AxisValue, RecipeChange
from anima_infer.grid.spec.changes import CHANGE_KINDS
from anima_prompt.documents import Value
from anima_prompt.interchange.promptfile import read_prompt_file
from anima_prompt.safe_paths import exists


def values_from_file(value: Value) -> tuple[AxisValue, ...]:
    """Return a value for each prompt of a file: YAML and JSON by name, a text file line by line."""
    named = Path(value.text("a file"))
    path = named if exists(named) else Path(value.source).parent / named
    place = f"{value.source}:{value.line}:{value.column}"
    if path.suffix.lower() == ".txt":
        from anima_prompt.interchange.textfile import lines_of, read_text
        from anima_prompt.prompt import Prompt

        lines = [line.strip() for line in lines_of(value.guarded(lambda: read_text(str(path))))]
        prompts = [line for line in lines if line and not line.startswith("#")]
        return tuple(
            AxisValue(line, (RecipeChange(CHANGE_KINDS["prompt"], "", Prompt.parse(line), place),)) for line in prompts
        )
    values = []
    for item in value.guarded(lambda: read_prompt_file(str(path))):
        changes = [RecipeChange(CHANGE_KINDS["prompt"], "", replace(item.prompt, negative=None), place)]
        if item.prompt.negative is not None:
            changes.append(RecipeChange(CHANGE_KINDS["negative"], "", item.prompt.negative.to_text(), place))
        values.append(AxisValue(item.name, tuple(changes)))
    return tuple(values)


def values_from_template(value: Value) -> tuple[AxisValue, ...]:
    """Return a value for each prompt of a template; labels show the chosen alternatives."""
    from anima_prompt.prompt import Prompt

    place = f"{value.source}:{value.line}:{value.column}"
    values = []
    for text, choices in expand_template(value.text("a template")):
        change = RecipeChange(CHANGE_KINDS["prompt"], "", Prompt.parse(text), place)
        values.append(AxisValue(", ".join(choice or "(nothing)" for choice in choices) or text, (change,)))
    return tuple(values)


_BRACES = re.compile(r"(?<!\\)\{([^{}]*)(?<!\\)\}")


def expand_template(template: str) -> list[tuple[str, tuple[str, ...]]]:
    r"""Return every prompt of a template with ``{a|b}``, and its choices, from left to right.

    >>> [text for text, _ in expand_template("{red|blue} hair, {smile|}")]
    ['red hair, smile', 'red hair, ', 'blue hair, smile', 'blue hair, ']
    """
    match = _BRACES.search(template)
    if match is None:
        return [(template, ())]
    prompts = []
    for choice in match[1].split("|"):
        rest = template[: match.start()] + choice.strip() + template[match.end() :]
        prompts += [(text, (choice.strip(), *choices)) for text, choices in expand_template(rest)]
        if len(prompts) > 10_000:
            raise GridError("the template has more than 10,000 prompts; remove some alternatives")
    return prompts

"""Axes of whole prompts: from a file, or from a template with alternatives."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from anima_infer.errors import GridError
from anima_infer.grid.spec.axes import AxisValue, Change
from anima_infer.grid.spec.changes import CHANGE_KINDS
from anima_prompt.documents import Value
from anima_prompt.interchange.promptfile import read_prompt_file
from anima_prompt.safe_paths import exists


def values_from_file(value: Value) -> tuple[AxisValue, ...]:
    """Return the prompts of a file: YAML and JSON by name, a text file line by line."""
    path = Path(value.text("a file"))
    found = path if exists(path) else Path(value.source).parent / path
    place = f"{value.source}:{value.line}:{value.column}"
    if found.suffix.lower() == ".txt":
        from anima_prompt.interchange.textfile import lines_of, read_text
        from anima_prompt.prompt import Prompt

        lines = [line.strip() for line in lines_of(value.guarded(lambda: read_text(str(found))))]
        kept = [line for line in lines if line and not line.startswith("#")]
        return tuple(AxisValue(line, (Change(CHANGE_KINDS["prompt"], "", Prompt.parse(line), place),)) for line in kept)
    made = []
    for item in value.guarded(lambda: read_prompt_file(str(found))):
        changes = [Change(CHANGE_KINDS["prompt"], "", replace(item.prompt, negative=None), place)]
        if item.prompt.negative is not None:
            changes.append(Change(CHANGE_KINDS["negative"], "", item.prompt.negative.to_text(), place))
        made.append(AxisValue(item.name, tuple(changes)))
    return tuple(made)


def values_from_template(value: Value) -> tuple[AxisValue, ...]:
    """Return a template's prompts; labels show the alternatives that were taken."""
    from anima_prompt.prompt import Prompt

    place = f"{value.source}:{value.line}:{value.column}"
    made = []
    for text, taken in expanded(value.text("a template")):
        change = Change(CHANGE_KINDS["prompt"], "", Prompt.parse(text), place)
        made.append(AxisValue(", ".join(part or "(nothing)" for part in taken) or text, (change,)))
    return tuple(made)


_BRACES = re.compile(r"(?<!\\)\{([^{}]*)(?<!\\)\}")


def expanded(template: str) -> list[tuple[str, tuple[str, ...]]]:
    r"""Return every prompt that ``{a|b}`` allows, and what was taken for each pair of braces, from left to right.

    >>> [text for text, _ in expanded("{red|blue} hair, {smile|}")]
    ['red hair, smile', 'red hair, ', 'blue hair, smile', 'blue hair, ']
    """
    match = _BRACES.search(template)
    if match is None:
        return [(template, ())]
    made = []
    for part in match[1].split("|"):
        rest = template[: match.start()] + part.strip() + template[match.end() :]
        made += [(text, (part.strip(), *taken)) for text, taken in expanded(rest)]
        if len(made) > 10_000:
            raise GridError("template stands for more than 10,000 prompts; take some alternatives out")
    return made

"""One reader for every file that has prompts: images, workflows, JSON of front ends, prompt files, records, texts.

``lint``, ``read``, ``diff`` and grids ask here, so that they agree on what a file says.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from anima_prompt.dialects import Dialect
from anima_prompt.errors import AnimaPromptError, InputError
from anima_prompt.interchange.file_kinds import IMAGES, RECORDS, STRUCTURED, DamagedImageError, NoPromptError
from anima_prompt.interchange.front_ends import read_json
from anima_prompt.interchange.images import read_image
from anima_prompt.interchange.parameters import is_infotext, read_parameters
from anima_prompt.interchange.promptfile import KEYS, parse_prompt_file
from anima_prompt.interchange.recorded import Recorded
from anima_prompt.interchange.records import read_record
from anima_prompt.interchange.textfile import lines_of, read_text, split_negative

_HEAD = 100_000
_TOP_KEY = re.compile(r"^(?:- )?[\"']?([A-Za-z_][\w-]*)[\"']?\s*:", re.MULTILINE)


def read_file(source: str) -> list[Recorded]:
    """Return the prompts of a file, or of standard input for ``-``.

    Raises:
        NoPromptError: the file has none.
        AnimaPromptError: the file cannot be read.
    """
    ending = "" if source == "-" else Path(source).suffix.lower()
    if ending in IMAGES:
        return read_image_file(Path(source))
    text = read_text(source)
    name = "standard input" if source == "-" else source
    if ending == ".json":
        found = read_front_end(text, name)
        if found:
            return found
    if ending in STRUCTURED:
        return _prompt_file(text, name)
    if ending in RECORDS:
        return _records(text, name)
    if "\0" in text:
        raise NoPromptError(f"{name}: is a binary file; give a text file")
    if is_infotext(text):
        return [read_parameters(text)]
    prompt, negative = split_negative(text)
    return [Recorded(prompt.rstrip("\n"), negative and negative.rstrip("\n"), source="text")]


def read_image_file(path: Path) -> list[Recorded]:
    """Return the prompts in an image's metadata.

    Raises:
        NoPromptError: the file has no prompt.
        DamagedImageError: the file cannot be read.
    """
    try:
        found = read_image(path)
    except InputError as error:
        raise DamagedImageError(str(error)) from None
    if not found:
        raise NoPromptError(f"{path}: has no prompt in its metadata; give an image as a front end saved it")
    return found


def read_front_end(text: str, source: str) -> list[Recorded]:
    """Return the prompts of a workflow or of another program's JSON; none for a prompt file.

    Raises:
        NoPromptError: the workflow has no text.
        InputError: the workflow is damaged or too large.
    """
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError):  # the reader of prompt files says where
        return []
    if is_ours(text, data):
        return []
    found = read_json(data, source)
    if found is None:
        return []
    if not found:
        raise NoPromptError(f"{source}: is a workflow without a text that is encoded")
    return found


def _prompt_file(text: str, source: str) -> list[Recorded]:
    try:
        items = parse_prompt_file(text, source)
    except AnimaPromptError as error:
        raise no_prompt_or(error, text) from None
    return [
        Recorded(
            item.prompt.to_text(),
            None if item.prompt.negative is None else item.prompt.negative.to_text(),
            place=item.name,
            source="prompt file",
            dialect=Dialect.COMFYUI,
        )
        for item in items
    ]


def no_prompt_or(error: AnimaPromptError, text: str) -> AnimaPromptError:
    """Return an error as it is, or as :class:`NoPromptError` if the text belongs to another program."""
    return error if is_ours(text) else NoPromptError(str(error))


def is_ours(text: str, data: object = None) -> bool:
    r"""Return whether a YAML or JSON text is meant as a prompt file: at least half of its keys are a prompt's.

    >>> is_ours("general: [smile]\nartist: wlop"), is_ours("services:\n  web: x\nversion: 3")
    (True, False)
    """
    first: Any = data[0] if isinstance(data, list) and data else data
    is_mapping = isinstance(first, dict)
    keys = [str(key) for key in first] if is_mapping else _TOP_KEY.findall(text[:_HEAD])
    known = [key for key in keys if key in KEYS]
    return len(known) * 2 >= len(keys) > 0 and set(known) != {"name"}


def _records(text: str, source: str) -> list[Recorded]:
    records = [read_record(line, number, source) for number, line in enumerate(lines_of(text), start=1) if line.strip()]
    if not records:
        raise NoPromptError(f"{source}: has no record; write one JSON object a line")
    return [
        Recorded(
            record.prompt,
            record.negative,
            record.settings,
            place=f"line {record.line}",
            source="records",
            dialect=Dialect.of(record.dialect) if record.dialect else None,
        )
        for record in records
    ]

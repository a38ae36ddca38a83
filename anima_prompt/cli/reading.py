"""``anima-prompt read`` and ``anima-prompt diff``: what files say, and how two of them differ."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from anima_prompt.cli.program import CLEAN, FINDINGS, USAGE, echo_error, echo_message, echo_result
from anima_prompt.cli.source import SourceKind, kind_of
from anima_prompt.errors import AnimaPromptError, InputError
from anima_prompt.escapes import dump_json, visible
from anima_prompt.numbers import parse_number

if TYPE_CHECKING:
    from anima_prompt.interchange.differences import Difference
    from anima_prompt.interchange.recorded import Recorded

_MARKS = {"added": "+", "removed": "-", "changed": "~", "moved": ">"}


@click.command()
@click.argument("files", metavar="FILE...|-", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def read(files: tuple[str, ...], as_json: bool) -> None:
    r"""Show the prompts, settings and model that files contain.

    Reads metadata of images (A1111 and its kin, ComfyUI, SwarmUI, Fooocus, InvokeAI, NovelAI, Draw Things, Easy
    Diffusion), ComfyUI workflows, prompt files, records and texts. A text that comes from a node that cannot be read
    is named, never guessed; in JSON it is null, and "not_read" lists node, class and role.

    \b
    Try:
      anima-prompt read image.png
      anima-prompt read *.png workflow.json --json
    """
    from anima_prompt.interchange.file_kinds import DamagedImageError, NoPromptError
    from anima_prompt.interchange.reading import read_file

    data: dict[str, list[dict[str, Any]]] = {}
    failed = False
    for name in files:
        data[name] = []
        try:
            records = read_file(name)
        except AnimaPromptError as error:
            if isinstance(error, NoPromptError) and not isinstance(error, DamagedImageError):
                echo_message(f"note: {_named(str(error), name)}")
                continue
            failed = True
            for line in str(error).splitlines():
                echo_error(_named(line, name))
            continue
        data[name] = [record_data(record) for record in records]
        if not as_json:
            for record in records:
                print_record(record, name)
    if as_json:
        echo_result(dump_json(data, indent=2))
    sys.exit(USAGE if failed else CLEAN)


def _named(message: str, name: str) -> str:
    return message if message.startswith((name, "standard input")) else f"{name}: {message}"


def record_data(record: Recorded) -> dict[str, Any]:
    """Return a record as JSON types; null for what is not there or was not read."""
    settings = {key: _number(value) for key, value in record.settings.items() if key != "hires"}
    return {
        "positive": record.prompt,
        "negative": record.negative or None,
        "settings": settings,
        "model": record.model or None,
        "source": record.source,
        "not_read": [{"node": one.node, "kind": one.kind, "role": one.role} for one in record.not_read],
    }


def _number(value: str) -> int | float | str:
    if value.lstrip("-").isdecimal():
        return int(value) if len(value) < 25 else value
    number = parse_number(value)
    return value if number is None else number


def print_record(record: Recorded, name: str) -> None:
    """Print a record for people."""
    place = f", {record.place}" if record.place else ""
    click.echo(f"{visible(name)} ({visible(record.source)}{visible(place)})")
    for title, text in (("positive", record.prompt), ("negative", record.negative)):
        if text:
            click.echo(f"  {title}: {visible(text)}")
    settings = ", ".join(f"{key} {value}" for key, value in record.settings.items())
    for title, text in (("settings", settings), ("model", record.model)):
        if text:
            click.echo(f"  {title}: {visible(text)}")
    for one in record.not_read:
        click.echo(f"  {one.role}: {visible(str(one))}")


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def diff(first: str, second: str, as_json: bool) -> None:
    r"""Compare two prompts, files or images by section and word.

    A and B are prompt texts, files or images. Tags are compared by section whatever their order, weights and sentences
    word by word; of files, negative prompts and settings too. Exits with 1 if there are differences.

    \b
    Try:
      anima-prompt diff "1girl, red hat" "1girl, (red hat:1.2), smile"
      anima-prompt diff before.png after.png
    """
    from anima_prompt.interchange.differences import compare

    found = compare(_record(first), _record(second))
    if as_json:
        echo_result(dump_json([difference.to_dict() for difference in found], indent=2))
    else:
        print_differences(found)
    sys.exit(FINDINGS if found else CLEAN)


def _record(source: str) -> Recorded:
    """Return the prompt of an argument; of a file with several, the first.

    Raises:
        InputError: it cannot be read.
    """
    from anima_prompt.interchange.reading import read_file
    from anima_prompt.interchange.recorded import Recorded
    from anima_prompt.interchange.textfile import split_negative

    kind = kind_of(source)
    if kind is SourceKind.TEXT:
        return Recorded(*split_negative(source), source="text")
    if kind is SourceKind.FOLDER:
        raise InputError(f"{source}: is a folder; give a prompt, a file or an image")
    records = read_file(source)
    if not records or records[0].prompt is None:
        unread = "; ".join(str(one) for record in records for one in record.not_read)
        raise InputError(f"{source}: {unread or 'contains no prompt'}; give a file whose prompt can be read")
    if len(records) > 1:
        echo_message(f"note: {source}: contains {len(records)} prompts; the first is compared")
    return records[0]


def print_differences(found: list[Difference]) -> None:
    """Print one line per difference, below the part and section that it is in."""
    from anima_prompt.interchange.differences import word_diff

    before = ""
    for difference in found:
        title = difference.part if difference.part == "settings" else f"{difference.part}, {difference.section}"
        if title != before:
            click.echo(title)
            before = title
        old, new = difference.before or "", difference.after or ""
        if difference.part == "settings":
            text = f"{difference.section}: {old or '(none)'} -> {new or '(none)'}"
        elif difference.kind == "changed" and difference.section == "text":
            text = word_diff(old, new)
        else:
            text = f"{old} -> {new}" if old and new else old or new
        click.echo(f"  {_MARKS[difference.kind]} {visible(text)}")

"""``anima-prompt captions show`` and ``captions select``: look at captions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from anima_prompt.cli.captions.options import Chosen, chosen, echo_nothing, echo_problems, reading_options
from anima_prompt.cli.program import CLEAN, FINDINGS, USAGE, echo_result
from anima_prompt.escapes import dump_json, visible

if TYPE_CHECKING:
    from anima_prompt.captions.sets import Caption


@click.command(name="select")
@click.argument("query")
@click.argument("paths", metavar="[FOLDER|FILE]...", nargs=-1)
@click.option("--count", "only_count", is_flag=True, help="Print the number of captions alone.")
@click.option("--images", "only_images", is_flag=True, help="Print the paths of their images.")
@click.option("--paths", "only_paths", is_flag=True, help="Print the paths of their files.")
@click.option("--null", "-0", "null", is_flag=True, help="End each path with a zero byte, for xargs -0.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@reading_options
def select_command(query: str, paths: tuple[str, ...], **given: Any) -> None:
    """List the captions that fit a query. Exits with 1 if no caption fits.

    \b
    Fields:    tag, artist, character, series, count, quality, meta, year, safety, general, group, known,
               text, file, folder, image, is:empty|prose|duplicate|unpaired
    Numbers:   t5, qwen, tags, sentences, chars, lines, line, index with > >= < <= = !=
    Combined:  AND, OR, NOT, parentheses; * and ? in values; quotes around spaces
    \b
    Try:
      anima-prompt captions select "tag:smile AND NOT artist:*" dataset/
      anima-prompt captions select "t5>512 OR line>1" dataset/ --paths
    """
    given["where"] = query if not given["where"] else f"({query}) AND ({given['where']})"
    found = chosen(paths, given)
    errors = echo_problems(found.set)
    rows = found.set.captions
    if given["only_count"]:
        click.echo(len(rows))
    elif given["as_json"]:
        click.echo(dump_json([_data(caption) for caption in rows], indent=2))
    elif given["only_images"] or given["only_paths"]:
        names = [caption.image if given["only_images"] else caption.source for caption in rows]
        for name in dict.fromkeys(name for name in names if name):
            echo_result(f"{name}\0" if given["null"] else name, nl=not given["null"])
    else:
        for caption in rows:
            click.echo(f"{visible(caption.place)}: {visible(_short(caption.text))}")
    sys.exit(USAGE if errors else CLEAN if rows else FINDINGS)


@click.command()
@click.argument("paths", metavar="[FOLDER|FILE]...", nargs=-1)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Most captions to show.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs: all captions, with tags and sections.")
@reading_options
def show(paths: tuple[str, ...], **given: Any) -> None:
    """Show what a set contains, and its captions by section."""
    found = chosen(paths, given)
    errors = echo_problems(found.set)
    if given["as_json"]:
        click.echo(dump_json(_all(found), indent=2))
        sys.exit(USAGE if errors else CLEAN)
    captions = found.set
    echo_nothing(captions)
    formats = ", ".join(f"{count:,} {name}" for name, count in sorted(captions.formats.items()))
    click.echo(
        f"{len(captions):,} captions in {formats or 'no'} files; {len(captions.images):,} images; "
        f"{captions.others:,} other files"
    )
    analysis = found.analyzed()
    for number, caption in enumerate(captions.captions[: given["limit"]]):
        click.echo(f"\n{visible(caption.place)}" + (f"  ({visible(caption.image)})" if caption.image else ""))
        for section, texts in _sections(found, number).items():
            click.echo(f"  {section:10} {visible(', '.join(texts))}")
    if len(captions) > given["limit"]:
        click.echo(f"\n… {len(captions) - given['limit']:,} more; --limit shows more")
    del analysis
    sys.exit(USAGE if errors else CLEAN)


def _sections(found: Chosen, number: int) -> dict[str, list[str]]:
    """Return the texts of one caption by section, in the order of the caption."""
    analysis = found.analyzed()
    text = found.set.captions[number].text
    sections: dict[str, list[str]] = {}
    for tag in analysis.tags[number]:
        facts = analysis.table[tag]
        sections.setdefault(facts.section.value, []).append(facts.text)
    spans = analysis.sentences[number]
    for start, end in zip(spans[::2], spans[1::2], strict=True):
        sections.setdefault("text", []).append(text[start:end])
    return sections


def _all(found: Chosen) -> list[dict[str, object]]:
    return [
        {**_data(caption), "sections": _sections(found, number)} for number, caption in enumerate(found.set.captions)
    ]


def _data(caption: Caption) -> dict[str, object]:
    names = ("image", "source", "key", "index", "line", "text")
    return {name: getattr(caption, name) for name in names}


def _short(text: str, limit: int = 120) -> str:
    flat = " ⏎ ".join(text.split("\n"))
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"

"""``anima-prompt captions stats``: the numbers of a set, as a table, CSV, JSON or one page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anima_prompt.cli.captions.options import chosen, echo_nothing, echo_problems, reading_options
from anima_prompt.cli.program import CLEAN, USAGE, PathArgument, echo_message
from anima_prompt.escapes import dump_json, visible

if TYPE_CHECKING:
    from anima_prompt.captions.statistics import Statistics


@click.command()
@click.argument("paths", metavar="[FOLDER|FILE]...", nargs=-1)
@click.option("--trigger", metavar="WORD", default="", help="Also count how often tags occur with this word.")
@click.option("--epochs", type=click.IntRange(1), default=1, metavar="N", help="For how often each image is trained.")
@click.option("--top", type=click.IntRange(1), default=30, show_default=True, help="Most tags in the table.")
@click.option(
    "--csv",
    "csv_file",
    metavar="FILE",
    type=PathArgument(readable=False),
    help="Write all tags as CSV; - is standard output.",
)
@click.option("--html", "html_file", metavar="FILE", type=PathArgument(readable=False), help="Write a page with plots.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@reading_options
def stats(paths: tuple[str, ...], **given: Any) -> None:
    """Count tags, sections, lengths and exposures.

    Tags by section, with those that occur with the trigger; lengths in tags, characters and tokens of both tokenizers; how
    often each image is trained.
    """
    from anima_prompt.captions.statistics import statistics
    from anima_prompt.interchange.textfile import write_report

    found = chosen(paths, given)
    errors = echo_problems(found.set)
    echo_nothing(found.set)
    result = statistics(
        found.set,
        found.analyzed(),
        trigger=given["trigger"],
        tokenizers=found.tokenizers,
        epochs=given["epochs"],
    )
    if given["html_file"]:
        from anima_prompt.captions.page import statistics_page

        title = ", ".join(Path(path).resolve().name or path for path in paths or (".",))
        write_report(Path(given["html_file"]), statistics_page(result, title))
    if given["csv_file"] and given["csv_file"] != "-":
        write_report(Path(given["csv_file"]), result.to_csv())
    if given["as_json"]:
        click.echo(dump_json(result.to_dict(), indent=2))
    elif given["csv_file"] == "-":
        click.echo(result.to_csv(), nl=False)
    elif not (given["html_file"] or given["csv_file"]):
        _print(result, given["top"])
    for note in result.notes:
        echo_message(f"note: {note}")
    sys.exit(USAGE if errors else CLEAN)


def _print(found: Statistics, top: int) -> None:
    click.echo(
        f"{found.captions:,} captions, {found.images:,} images, {found.distinct:,} distinct tags, {found.empty:,} empty"
    )
    if found.trigger:
        click.echo(f"{found.with_trigger:,} captions have the trigger {visible(found.trigger)}")
    if found.lengths:
        click.echo(
            f"\n{'length':12} {'least':>6} {'25 %':>7} {'median':>7} {'75 %':>7} {'95 %':>7} {'most':>6} {'mean':>7}"
        )
    for row in found.lengths:
        beyond = f"  {row.beyond:,} over 512" if row.beyond else ""
        click.echo(
            f"{row.name:12} {row.least:>6} {row.low:>7} {row.median:>7} {row.high:>7} {row.p95:>7} {row.most:>6} {row.mean:>7}{beyond}"
        )
    if found.sections:
        click.echo(f"\n{'section':12} {'captions':>9} {'share':>7} {'mean':>6}")
    for name, count, mean in found.sections:
        click.echo(f"{name:12} {count:>9,} {count / found.captions:>7.1%} {mean:>6.1f}")
    if found.tags:
        lift = f" {'lift':>6}" if found.trigger else ""
        click.echo(f"\n{'captions':>9} {'share':>7} {'place':>6}{lift}  {'section':10} tag")
    for tag in found.tags[:top]:
        lift = f" {tag.lift:>6.2f}" if found.trigger else ""
        spellings = f"  ({tag.forms} spellings)" if tag.forms > 1 else ""
        click.echo(
            f"{tag.captions:>9,} {tag.share:>7.1%} {tag.position:>6.2f}{lift}  {tag.section:10} {visible(tag.tag)}{spellings}"
        )
    if len(found.tags) > top:
        click.echo(f"… {len(found.tags) - top:,} more tags; --top, --csv and --html show more")
    if len(found.folders) > 1 or any(repeats > 1 for _, _, repeats, _ in found.folders):
        click.echo(f"\n{'images':>7} {'repeats':>8} {'times':>6}  folder")
        for folder, images, repeats, times in found.folders:
            click.echo(f"{images:>7,} {repeats:>8} {times:>6,}  {visible(folder)}")

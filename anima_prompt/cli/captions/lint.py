"""``anima-prompt captions lint``: the rules about prompts, and those about the set."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anima_prompt.cli.captions.options import chosen, echo_nothing, reading_options
from anima_prompt.cli.program import CLEAN, FINDINGS, USAGE, PathArgument, echo_error, echo_message, is_terminal
from anima_prompt.diagnostics import Severity
from anima_prompt.lint_files.outputs import FORMATS, writer_for

if TYPE_CHECKING:
    from anima_prompt.captions.checking import Checked
    from anima_prompt.lint_files.report import Report
    from anima_prompt.lint_files.runner import FileLinter

_SEVERITIES = click.Choice([severity.value for severity in Severity])


@click.command()
@click.argument("paths", metavar="[FOLDER|FILE]...", nargs=-1)
@click.option(
    "--trigger", metavar="WORD", default="", help="Word that the training shall teach, for the rules about it."
)
@click.option("--epochs", type=click.IntRange(0), default=0, metavar="N", help="Epochs, for the rule about exposures.")
@click.option("--images/--no-images", default=None, help="Compare images (default: up to 5,000 of them).")
@click.option("--select", multiple=True, metavar="RULE", help="Only run these rules (code, prefix, name or ALL).")
@click.option("--extend-select", multiple=True, metavar="RULE", help="Run these rules in addition.")
@click.option("--ignore", multiple=True, metavar="RULE", help="Skip these rules.")
@click.option("--severity", type=_SEVERITIES, default="info", show_default=True, help="Minimum severity to show.")
@click.option(
    "--fail-on", type=_SEVERITIES, default="warning", show_default=True, help="Minimum severity for exit code 1."
)
@click.option("--max-findings", type=click.IntRange(0), metavar="N", help="Show at most N findings per rule and file.")
@click.option("--statistics", is_flag=True, help="Print counts per rule instead of findings.")
@click.option(
    "--output-format", "-f", type=click.Choice(FORMATS), default="concise", show_default=True, help="Output format."
)
@click.option("--output", "-o", metavar="FILE", type=PathArgument(readable=False), help="Write findings to FILE.")
@reading_options
def lint(paths: tuple[str, ...], **given: Any) -> None:
    """Check the captions of a training set: each caption, and the set.

    Reads text files next to images, metadata of sd-scripts (JSON, JSONL), captions.json, metadata.jsonl and metadata.csv,
    and captions of AnimaLoraStudio. Files of other programs are left alone. Exit codes: 0 no findings, 1 findings,
    2 a file that cannot be read.
    """
    from anima_prompt.captions.checking import SetOptions, check

    names = ("select", "extend_select", "ignore")
    choices = {name: tuple(s.strip() for text in given[name] for s in text.split(",") if s.strip()) for name in names}
    found = chosen(paths, given, choices=choices)
    echo_nothing(found.set)
    options = SetOptions(given["trigger"], given["epochs"], given["images"], found.tokenizers)
    checked = check(found.set, found.analyzer, options)
    code = _write(checked, found.analyzer.batch, given)
    for note in checked.notes:
        echo_message(f"note: {note}")
    if found.analyzer.cache_problem:
        echo_message(f"warning: {found.analyzer.cache_problem}")
    sys.exit(code)


def _write(checked: Checked, batch: FileLinter, given: dict[str, Any]) -> int:
    least, fatal = Severity(given["severity"]).rank, Severity(given["fail_on"]).rank
    worst, errors = 3, 0
    counts: Counter[tuple[str, str, str]] = Counter()
    with _stream(given["output"]) as echo:
        color = given["output"] in (None, "-") and is_terminal(sys.stdout) and "NO_COLOR" not in os.environ
        writer = writer_for(given["output_format"], echo, color=color, fix="captions fix")
        for report in checked.reports():
            shown = _shown(report, least)
            for error in shown.errors:
                echo_error(error)
                errors += 1
            for diagnostic in (d for found in shown.diagnostics for d in found):
                counts[diagnostic.code, diagnostic.name, diagnostic.severity.value] += 1
                worst = min(worst, diagnostic.severity.rank)
            if not given["statistics"]:
                writer.report(batch.capped(shown))
        if given["statistics"]:
            from anima_prompt.lint_files.outputs.plain import statistics

            echo(statistics(counts, errors=errors))
        else:
            writer.close()
    return USAGE if errors else FINDINGS if worst <= fatal else CLEAN


def _shown(report: Report, least: int) -> Report:
    kept = tuple(tuple(d for d in found if d.severity.rank <= least) for found in report.diagnostics)
    return replace(report, diagnostics=kept)


@contextmanager
def _stream(output: str | None) -> Iterator[Callable[[str], None]]:
    from anima_prompt.interchange.textfile import write_report

    if output in (None, "-"):
        yield lambda text: click.echo(text, nl=False)
        return
    pieces: list[str] = []
    yield pieces.append
    write_report(Path(str(output)), "".join(pieces))

"""``anima-prompt lint`` and ``anima-prompt rule``: on top of :mod:`anima_prompt.lint_files`."""

from __future__ import annotations

import difflib
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anima_prompt.cli.program import (
    CLEAN,
    FINDINGS,
    USAGE,
    PathArgument,
    echo_error,
    echo_message,
    echo_result,
    is_terminal,
)
from anima_prompt.cli.progress import ProgressBar
from anima_prompt.cli.source import SourceKind, files_of, kind_of
from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.errors import InputError
from anima_prompt.escapes import dump_json, visible
from anima_prompt.lint_files.outputs import FORMATS, writer_for
from anima_prompt.numbers import SIZE, counted, parse_size
from anima_prompt.safe_paths import exists, is_file, is_folder

if TYPE_CHECKING:
    from anima_prompt.lint_files.configuration import Use
    from anima_prompt.lint_files.report import Report
    from anima_prompt.lint_files.runner import FileLinter

_SEVERITIES = click.Choice([severity.value for severity in Severity])
_POLL_SECONDS = 0.4
_BAR_FILES = 200


@contextmanager
def interruption() -> Iterator[threading.Event]:
    """Record SIGINT in an event too: Python swallows a KeyboardInterrupt raised inside a finalizer."""
    stop = threading.Event()

    def record(_number: int, _frame: object) -> None:
        stop.set()
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:  # as in a shell's background jobs
        signal.signal(signal.SIGINT, record)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _selectors(name: str, text: str) -> Callable[[Any], Any]:
    return click.option(name, multiple=True, metavar="RULE", help=text)


@click.command()
@click.argument("sources", metavar="[TEXT|FILE|FOLDER|-]...", nargs=-1)
@_selectors("--select", "Only run these rules (code, prefix, name or ALL). Repeatable or comma-separated.")
@_selectors("--extend-select", "Run these rules in addition.")
@_selectors("--ignore", "Skip these rules.")
@_selectors("--fixable", "Only apply fixes of these rules.")
@_selectors("--unfixable", "Never apply fixes of these rules.")
@click.option("--fix", is_flag=True, help="Apply safe fixes (do not change the intended image).")
@click.option("--unsafe-fixes", is_flag=True, help="Also apply fixes that may change the image. Implies --fix.")
@click.option(
    "--diff", is_flag=True, help="Print the changes as a diff instead of writing files; exit with 1 if there are any."
)
@click.option(
    "--output-format", "-f", type=click.Choice(FORMATS), default="text", show_default=True, help="Output format."
)
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    type=PathArgument(readable=False),
    help="Write findings to FILE instead of standard output.",
)
@click.option("--severity", type=_SEVERITIES, default="info", show_default=True, help="Minimum severity to show.")
@click.option(
    "--fail-on",
    type=_SEVERITIES,
    default="warning",
    show_default=True,
    help="Minimum severity that causes exit code 1.",
)
@click.option(
    "--max-findings",
    type=click.IntRange(0),
    metavar="N",
    help="Show at most N findings per rule and file; 0 shows all (default: 100).",
)
@click.option("--statistics", is_flag=True, help="Print counts per rule instead of findings.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are findings.")
@click.option("--dialect", type=click.Choice([d.value for d in Dialect]), help="Front end that reads the prompts.")
@click.option("--profile", metavar="NAME|FILE", help="Model release that renders the prompts.")
@click.option("--role", type=click.Choice(["positive", "negative", "caption", "region"]), help="Role of the prompts.")
@click.option("--negative", metavar="TEXT", help="Negative prompt of TEXT; pass an empty text for no negative prompt.")
@click.option("--lines", is_flag=True, help="Read each line of a text file as a prompt.")
@click.option("--steps", type=int, help="Sampler steps, for rules about settings.")
@click.option("--cfg", type=float, help="Guidance scale, for rules about settings.")
@click.option("--size", metavar="WxH", help="Width and height in pixels, for rules about settings.")
@click.option(
    "--config",
    type=PathArgument(exists=True, dir_okay=False),
    help="Configuration file to use instead of the nearest one in parent folders.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Skip matching files in searched folders; patterns as in .gitignore. Repeatable.",
)
@click.option("--isolated", is_flag=True, help="Ignore all configuration files.")
@click.option("--no-cache", is_flag=True, help="Ignore cached results.")
@click.option(
    "--jobs", "-j", type=click.IntRange(1), help="Number of processes for many files (default: one per core)."
)
@click.option(
    "--add-ignore",
    is_flag=True,
    help="Suppress all current findings: add an ignore comment to each file (a sidecar for images).",
)
@click.option("--watch", is_flag=True, help="Re-lint on changes; stop with Ctrl-C.")
@click.pass_context
def lint(ctx: click.Context, /, sources: tuple[str, ...], **arguments: Any) -> None:
    """Check prompts and optionally fix them.

    Arguments are prompts, text files, captions, YAML, JSON and JSONL files, ComfyUI workflows, images with
    metadata, folders of these, or - for standard input; the current folder by default. Findings of severity info do not
    cause exit code 1 unless --fail-on info is set.

    \b
    Try:
      anima-prompt lint "masterpiece, 1girl, looking_at_viewer, wlop"
      anima-prompt lint captions/ --statistics
      anima-prompt lint prompt.txt --fix
    """
    run = _LintCommand(arguments)
    if arguments["watch"]:
        run.watch(sources or (".",))
        ctx.exit(CLEAN)
    ctx.exit(run.once(sources or (".",)))


class _LintCommand:
    """One call of the command."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        from anima_prompt.lint_files.runner import Options

        self.arguments = arguments
        self.fixing = arguments["fix"] or arguments["unsafe_fixes"] or arguments["diff"]
        names = ("select", "extend_select", "ignore", "fixable", "unfixable")
        choices = {
            name: tuple(s.strip() for text in arguments[name] for s in text.split(",") if s.strip()) for name in names
        }
        options = Options(
            _use(arguments),
            choices,
            arguments["config"],
            arguments["isolated"],
            not arguments["no_cache"],
            _sampling_settings(arguments),
            arguments["max_findings"],
            arguments["exclude"],
        )
        self.options = options
        self.least = Severity(arguments["severity"]).rank
        self.fatal = Severity(arguments["fail_on"]).rank
        self._start()

    def _start(self) -> None:
        """Begin a run: read configurations and profiles again, and reset the counts."""
        from anima_prompt.lint_files.configuration import forget_projects
        from anima_prompt.lint_files.runner import FileLinter

        forget_projects()
        self.linter: FileLinter = FileLinter(self.options)
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.worst = 3
        self.errors = 0
        self.changed = False
        self.failures: set[str] = set()
        self.skipped: Counter[str] = Counter()

    def once(self, sources: Iterable[str]) -> int:
        """Lint everything once and return the exit code."""
        with self._stream() as echo:
            writer = writer_for(self.arguments["output_format"], echo, color=self._color())
            for checked in self._reports(list(sources)):
                if checked.has_no_prompt and checked.path in self.linter.folders:
                    self.skipped[Path(checked.path).suffix.lower()] += 1
                    continue
                report = self._with_failures(checked)
                self._print_notes(report)
                capped = self.linter.capped(report)
                for error in capped.errors:
                    self._fail(error)
                self.errors += capped.hidden_errors
                shown = self._shown(self._fixed(report) if self.fixing else report)
                self._count(shown)
                if not self.arguments["statistics"] and not self.arguments["diff"]:
                    writer.report(self.linter.capped(shown))
                if self.arguments["add_ignore"]:
                    self._add_ignores(shown)
            if self.arguments["statistics"]:
                from anima_prompt.lint_files.outputs.plain import statistics

                echo(statistics(self.counts, errors=self.errors))
            elif not self.arguments["diff"]:
                writer.close()
        if self.skipped:
            kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(self.skipped.items()))
            echo_message(
                f"note: skipped {counted(self.skipped.total(), 'file')} without a prompt that is read: {kinds}"
            )
        if self.linter.cache_problem:
            echo_message(f"warning: {self.linter.cache_problem}")
        return self._exit_code()

    def watch(self, sources: tuple[str, ...]) -> None:
        """Lint, and lint again whenever a file changes, until Ctrl-C."""
        before: dict[str, float] = {}
        with interruption() as stop, suppress(KeyboardInterrupt):
            while not stop.is_set():
                now = _stamps(sources, self.linter)
                if now != before:
                    before = now
                    self._start()
                    click.clear()
                    click.echo(
                        f"{time.strftime('%H:%M:%S')} watching {visible(', '.join(sources))}; stop with Ctrl-C\n"
                    )
                    self.once(sources)
                time.sleep(_POLL_SECONDS)
        click.echo("")

    def _reports(self, sources: list[str]) -> Iterator[Report]:
        from anima_prompt.lint_files.runner import expand, reports

        texts = [source for source in sources if kind_of(source) is SourceKind.TEXT]
        for text in texts:
            if is_folder(text):
                echo_message(f"note: '{text}' is linted as a prompt; write '{text}/' for the folder of that name")
        if self.arguments["negative"] is not None and len(texts) != 1:
            raise InputError(
                "--negative needs exactly one TEXT; in a file, write the negative prompt below a line of ---"
            )
        for text in texts:
            negative = self.arguments["negative"]
            yield self.linter.report_text(text if negative is None else f"{text}\n---\n{negative}")
        paths = [source for source in sources if source not in texts]
        if paths:
            files = expand(files_of(paths), self.linter)
            yield from _with_bar(reports(files, self.linter, jobs=self.arguments["jobs"]), len(files))

    def _fixed(self, report: Report) -> Report:
        """Fix a file, or show the changes; return the report with the remaining findings."""
        from dataclasses import replace

        from anima_prompt.interchange.textfile import write_text
        from anima_prompt.lint_files.runner import new_text

        fixed = self.linter.fixed(report, unsafe=self.arguments["unsafe_fixes"])
        remaining = replace(report, diagnostics=tuple(result.diagnostics for result in fixed))
        pieces = [
            replace(piece, document=replace(piece.document, prompt=result.prompt, negative=result.negative))
            for piece, result in zip(report.pieces, fixed, strict=True)
        ]
        remaining = replace(remaining, pieces=tuple(pieces))
        if report.path in ("<text>", "-") or not is_file(report.path):
            self._show_text(report, remaining)
            return remaining
        use = self.linter.use_of(report.path, self.linter.project_of(report.path))
        texts = new_text(report, fixed, lines=bool(use.lines))
        if texts is None:  # the format cannot be written: keep the findings
            return report
        if texts[0] == texts[1]:
            return remaining
        self.changed = True
        if self.arguments["diff"]:
            print_diff(texts[0], texts[1], report.path)
            return remaining
        try:
            write_text(Path(report.path), texts[1], within=self.linter.folders.get(report.path))
        except InputError as error:
            self._fail(str(error))
            return report
        count = sum(len(result.applied) for result in fixed)
        echo_message(f"{report.path}: {count} fixed")
        return remaining

    def _fail(self, message: str) -> None:
        """Print an error about a file; the other files are still linted."""
        self.errors += 1
        echo_error(message)

    def _print_notes(self, report: Report) -> None:
        """Say which texts of a workflow could not be read."""
        for note in dict.fromkeys(note for piece in report.pieces for note in piece.notes):
            echo_message(f"note: {report.path}: {note}")

    def _with_failures(self, report: Report) -> Report:
        """Return a report whose errors include the failures of plug-ins that no earlier report had."""
        from dataclasses import replace

        from anima_prompt.lint.registry import plugin_errors

        new = [line for line in dict.fromkeys((*plugin_errors(), *report.failures)) if line not in self.failures]
        self.failures.update(new)
        return replace(report, errors=(*report.errors, *new)) if new else report

    def _add_ignores(self, report: Report) -> None:
        try:
            add_ignores(report, within=self.linter.folders.get(report.path))
        except InputError as error:
            self._fail(str(error))

    def _show_text(self, before: Report, after: Report) -> None:
        from anima_prompt.interchange.textfile import join_negative

        old, new = ([join_negative(p.document.prompt, p.document.negative) for p in r.pieces] for r in (before, after))
        if old != new:
            self.changed = True
        if self.arguments["diff"]:
            print_diff("\n".join(old), "\n".join(new), before.path)
        else:
            echo_result("\n".join(new))

    def _shown(self, report: Report) -> Report:
        """Return a report without findings below the minimum severity."""
        from dataclasses import replace

        shown = tuple(tuple(d for d in group if d.severity.rank <= self.least) for group in report.diagnostics)
        return replace(report, diagnostics=shown)

    def _count(self, report: Report) -> None:
        for group in report.diagnostics:
            for d in group:
                self.counts[d.code, d.name, d.severity.value] += 1
                self.worst = min(self.worst, d.severity.rank)

    def _exit_code(self) -> int:
        if self.errors:
            return USAGE
        if self.arguments["diff"]:
            return FINDINGS if self.changed else CLEAN
        return FINDINGS if self.worst <= self.fatal and not self.arguments["exit_zero"] else CLEAN

    def _color(self) -> bool:
        return self.arguments["output"] in (None, "-") and is_terminal(sys.stdout) and "NO_COLOR" not in os.environ

    @contextmanager
    def _stream(self) -> Iterator[Callable[[str], None]]:
        """Yield a function that writes findings to standard output immediately, or to a file at the end."""
        from anima_prompt.interchange.textfile import write_report

        if self.arguments["output"] in (None, "-"):
            to_errors = (
                self.fixing and not self.arguments["diff"] and self.arguments["output_format"] in ("text", "concise")
            )
            yield lambda text: click.echo(text, nl=False, err=to_errors)
            return
        pieces: list[str] = []
        yield pieces.append
        write_report(Path(self.arguments["output"]), "".join(pieces))


def _use(arguments: dict[str, Any]) -> Use:
    from anima_prompt.lint.document import Role
    from anima_prompt.lint_files.configuration import Use

    dialect = Dialect(arguments["dialect"]) if arguments["dialect"] else None
    return Use(
        dialect,
        arguments["profile"],
        Role(arguments["role"]) if arguments["role"] else None,
        True if arguments["lines"] else None,
    )


def _sampling_settings(arguments: dict[str, Any]) -> dict[str, str]:
    settings = {"steps": arguments["steps"], "guidance_scale": arguments["cfg"]}
    if arguments["size"]:
        size = parse_size(arguments["size"])
        if size is None:
            raise InputError(f"size is '{arguments['size']}'; expected {SIZE}")
        settings |= {"width": size[0], "height": size[1]}
    return {key: str(value) for key, value in settings.items() if value is not None}


def print_diff(old: str, new: str, name: str) -> None:
    """Print the changes in the format of ``patch``."""
    from anima_prompt.cli.views import print_diff as show

    show(difflib.unified_diff(old.splitlines(), new.splitlines(), name, name, lineterm="", n=1))


def add_ignores(report: Report, *, within: Path | None = None) -> None:
    """Suppress a file's findings: a comment above each prompt of a text, a line in the sidecar of an image.

    Args:
        within: the folder in which the file was found, if it was not named itself.

    Raises:
        InputError: the file cannot be written.
    """
    from anima_prompt.interchange.file_kinds import IMAGES, TEXTS
    from anima_prompt.interchange.textfile import lines_of, read_text, write_text
    from anima_prompt.lint_files.sources import MOST_BYTES, SIDECAR

    codes = sorted({d.code for group in report.diagnostics for d in group})
    path = Path(report.path)
    if not codes or report.path in ("-", "<text>"):
        return
    if path.suffix.lower() in IMAGES:
        sidecar = path.with_name(path.name + SIDECAR)
        before = lines_of(read_text(str(sidecar))) if exists(sidecar) else []
        write_text(sidecar, "".join(f"{line}\n" for line in (*before, *codes)), within=within)
    elif path.suffix.lower() in TEXTS and is_file(path):
        write_text(path, _with_comments(read_text(report.path, limit=MOST_BYTES), report), within=within)
    else:
        echo_message(
            f"{report.path}: this format has no comments; ignore {', '.join(codes)} in the configuration instead"
        )


def _with_comments(text: str, report: Report) -> str:
    """Return a text with a suppression comment above each prompt that has findings."""
    from anima_prompt.interchange.textfile import lines_of

    rows = lines_of(text, keep_ends=True)
    ending = "\r\n" if "\r\n" in text else "\n"
    for piece, diagnostics in sorted(
        zip(report.pieces, report.diagnostics, strict=True), key=lambda pair: -pair[0].line
    ):
        if diagnostics:
            codes = ", ".join(sorted({d.code for d in diagnostics}))
            rows.insert(piece.line - 1, f"# anima: ignore {codes}{ending}")
    return "".join(rows)


def _stamps(sources: tuple[str, ...], linter: FileLinter) -> dict[str, float]:
    from anima_prompt.lint_files.runner import expand

    files = expand(files_of(source for source in sources if kind_of(source) is not SourceKind.TEXT), linter)
    projects = [linter.project_of(file) for file in files]
    named = [linter.options.use.profile, *(project.use.profile for project in projects)]
    files += [str(project.path) for project in projects if project.path]
    files += [profile for profile in named if profile]
    return {file: Path(file).stat().st_mtime for file in files if exists(file)}


def _with_bar(reports: Iterator[Report], total: int) -> Iterator[Report]:
    """Yield reports; many files get a progress bar."""
    if total < _BAR_FILES:
        yield from reports
        return
    with ProgressBar("linting") as bar:
        for number, report in enumerate(reports, 1):
            yield report
            bar.update(number, total, f"{number:,} of {counted(total, 'file')}")


@click.command()
@click.argument("selector", metavar="[CODE|NAME]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option("--markdown", is_flag=True, help="Print the page of all rules.")
def rule(selector: str | None, as_json: bool, markdown: bool) -> None:
    """Explain a rule, or list all of them."""
    from anima_prompt.lint.explain import explain, rules_page
    from anima_prompt.lint.registry import all_rules, rule_named

    chosen = [rule_named(selector)] if selector else list(all_rules())
    if as_json:
        keys = ("code", "name", "family", "severity", "fix", "default", "reason")
        rows = [{key: getattr(rule, key) for key in keys} for rule in chosen]
        click.echo(dump_json(rows[0] if selector else rows, indent=2))
    elif markdown:
        click.echo(rules_page(chosen), nl=False)
    elif selector:
        click.echo(explain(chosen[0]).removeprefix("### ").replace("**", ""))
    else:
        for rule in chosen:
            off = "" if rule.default else "  (off)"
            click.echo(f"{rule.code}  {rule.severity.value:7}  {rule.fix.value:6}  {rule.name}{off}")

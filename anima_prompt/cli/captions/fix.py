"""``anima-prompt captions fix`` and ``captions undo``."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from anima_prompt.cli.captions.options import chosen, echo_failures, echo_nothing, echo_problems, reading_options
from anima_prompt.cli.program import CLEAN, FINDINGS, USAGE, PathArgument, echo_message, is_terminal
from anima_prompt.cli.source import files_of
from anima_prompt.errors import InputError
from anima_prompt.escapes import visible
from anima_prompt.numbers import counted

if TYPE_CHECKING:
    from anima_prompt.captions.edits import Operation
    from anima_prompt.captions.fixing import FixPlan
    from anima_prompt.captions.journal import FileChange

F = TypeVar("F", bound=Callable[..., Any])


def _several(name: str, metavar: str, text: str) -> Callable[[F], F]:
    return click.option(name, multiple=True, metavar=metavar, help=text)


@click.command()
@click.argument("paths", metavar="[FOLDER|FILE]...", nargs=-1)
@click.option("--rules", is_flag=True, help="Apply the linter's safe fixes; the default if nothing else is named.")
@click.option("--unsafe-fixes", is_flag=True, help="Apply its other fixes too.")
@click.option("--select", multiple=True, metavar="RULE", help="Only fixes of these rules (code, prefix, name).")
@click.option("--ignore", multiple=True, metavar="RULE", help="No fixes of these rules.")
@_several("--do", "TEXT", "Instruction, such as 'remove all artist and lighting tags'. Repeatable, or separated by ;.")
@click.option("--trigger", metavar="WORD", help="Add the word where it is missing, and move it to --at.")
@click.option(
    "--at",
    metavar="PLACE",
    help="Where: start (default of --trigger), end (default of --add), after:SECTION, before:SECTION.",
)
@_several("--drop", "SELECTOR", "Remove tags: artist, group:light, tag:*_hair, smile. Repeatable.")
@_several("--keep", "SELECTOR", "Remove all tags but these.")
@_several("--replace", "OLD=NEW", "Write another tag.")
@_several("--add", "TAG", "Add a tag where it is missing, at --at.")
@click.option("--order", is_flag=True, help="Sort tags into Anima's order.")
@click.option("--artists", is_flag=True, help="Write @ before known artists, without underscores.")
@click.option("--safety", is_flag=True, help="Write safe, sensitive, nsfw, explicit for other models' ratings.")
@click.option("--underscores", is_flag=True, help="Write spaces for underscores in known tags.")
@click.option("--aliases", is_flag=True, help="Write the tag's own name for an alias.")
@click.option("--implied", is_flag=True, help="Remove tags that another tag implies.")
@click.option("--overlaps", is_flag=True, help="Remove 'dress' next to 'white dress'.")
@click.option(
    "--sentences", type=click.Choice(["split", "join"]), help="Sentences on a line of their own, or all in one line."
)
@click.option(
    "--apply", "is_applied", is_flag=True, help="Write the files, after a journal; 'captions undo' restores them."
)
@click.option("--statistics", is_flag=True, help="Print numbers instead of a diff.")
@reading_options
def fix(paths: tuple[str, ...], **given: Any) -> None:
    """Edit captions: by rules, by instruction, or by option. Shows a diff; --apply writes.

    Operations run in the order: rules, --do, --drop, --keep, --replace, --add, then the flags, --order and --trigger last.
    A second run changes nothing. Exits with 1 if a dry run would change captions, with 2 if a file cannot be written.
    """
    from anima_prompt.captions.fixing import changes, plan

    choices = {
        name: tuple(s.strip() for text in given[name] for s in text.split(",") if s.strip())
        for name in ("select", "ignore")
    }
    found = chosen(paths, given, choices=choices)
    errors = echo_problems(found.set)
    echo_nothing(found.set)
    operations = _operations(given)
    planned = plan(found.set.captions, operations, found.analyzer.options, jobs=given["jobs"])
    reading = {"lines": given["lines"], "encoding": given["encoding"], "column": given["column"]}
    if given["is_applied"]:
        sys.exit(_apply(planned, changes(planned, **reading), _roots(paths), given) or (USAGE if errors else CLEAN))
    count = _show(planned, changes(planned, **reading), statistics=given["statistics"])
    echo_failures(planned.failures)
    sys.exit(USAGE if errors or planned.failures else FINDINGS if count else CLEAN)


def _operations(given: dict[str, Any]) -> list[Operation]:
    """Return the operations that options name, in the order of the help text."""
    from anima_prompt.captions import edits
    from anima_prompt.captions.edits import Add, Drop, FixRules, Replace, Selector, check_place
    from anima_prompt.captions.instructions import parse_instruction
    from anima_prompt.vocabulary import Vocabulary

    at = check_place(given["at"]) if given["at"] else None
    operations: list[Operation] = []
    for text in given["do"]:
        operations += parse_instruction(text, Vocabulary.default())
    if given["drop"]:
        operations.append(Drop(tuple(Selector.of(text) for text in given["drop"])))
    if given["keep"]:
        operations.append(Drop(tuple(Selector.of(text) for text in given["keep"]), others=True))
    for text in given["replace"]:
        old, sign, new = text.rpartition("=")
        if not sign or not old.strip() or not new.strip():
            raise InputError(f"--replace is '{text}'; expected OLD=NEW, such as 'red hat=blue hat'")
        operations.append(Replace(Selector.of(old), new.strip()))
    operations += [Add(text.strip(), at or "end") for text in given["add"]]
    flags: dict[str, Operation] = {
        "artists": edits.ARTIST_SIGNS,
        "safety": edits.SAFETY_WORDS,
        "underscores": edits.UNDERSCORES,
        "aliases": edits.ALIASES,
        "implied": edits.DropImplied(),
        "overlaps": edits.DropOverlaps(),
        "order": edits.CaptionOrder(),
    }
    operations += [operation for name, operation in flags.items() if given[name]]
    if given["sentences"]:
        operations.append(edits.SplitSentences() if given["sentences"] == "split" else edits.JoinSentences())
    if given["trigger"]:
        operations.append(Add(given["trigger"].strip(), at or "start", move=True))
    by_rules = given["rules"] or given["unsafe_fixes"] or given["select"]
    if by_rules or not operations:
        operations.insert(0, FixRules(unsafe=given["unsafe_fixes"]))
    return operations


def _show(planned: FixPlan, files: Iterator[FileChange], *, statistics: bool) -> int:
    """Print the dry run; return how many files would change."""
    count = 0
    for change in files:
        count += 1
        if not statistics:
            _print_diff(change, planned)
    captions = planned.count
    if count:
        echo_message(f"would change {counted(captions, 'caption')} in {counted(count, 'file')}; --apply writes them")
    else:
        echo_message("nothing to change")
    return count


def _print_diff(change: FileChange, planned: FixPlan) -> None:
    """Print the captions of one file that change, as a diff of their lines."""
    name = visible(change.path)
    colour = is_terminal(sys.stdout) and "NO_COLOR" not in os.environ
    click.echo(f"--- {name}\n+++ {name}")
    for caption in planned.old[change.path]:
        new = planned.texts[change.path][caption.key]
        click.echo(f"@@ line {caption.line}{f' {visible(caption.key)}' if caption.key else ''} @@")
        lines = difflib.unified_diff(caption.text.split("\n"), new.split("\n"), lineterm="", n=1)
        for line in list(lines)[3:]:
            styled = {"-": "red", "+": "green"}.get(line[:1]) if colour else None
            click.echo(click.style(visible(line), fg=styled) if styled else visible(line))


def _roots(paths: tuple[str, ...]) -> list[str]:
    """Return the folders that get a journal: those that were named, and those of named files; none inside another."""
    folders = [path if os.path.isdir(path) else os.path.dirname(path) or "." for path in files_of(paths) or ["."]]  # noqa: PTH112, PTH120
    found: list[str] = []
    for folder in sorted(dict.fromkeys(folders), key=lambda f: len(os.path.realpath(f))):
        if not any(_is_below(folder, root) for root in found):
            found.append(folder)
    return found


def _is_below(path: str, root: str) -> bool:
    real, above = os.path.realpath(path), os.path.realpath(root)
    return real == above or real.startswith(above.rstrip(os.sep) + os.sep)


def _apply(planned: FixPlan, files: Iterator[FileChange], roots: list[str], given: dict[str, Any]) -> int:
    from anima_prompt.captions.journal import apply

    done, failures = 0, 0
    waiting = files if len(roots) == 1 else list(files)
    for root in roots:
        own = waiting if len(roots) == 1 else [c for c in waiting if _is_below(os.path.dirname(c.path) or ".", root)]  # noqa: PTH120
        outcome = apply(own, root, command=" ".join(sys.argv[1:]))
        failures += echo_failures((*outcome.failures, *planned.failures))
        planned.failures.clear()
        done += outcome.done
        if outcome.done:
            echo_message(
                f"{root}: {counted(outcome.done, 'file')} written; 'anima-prompt captions undo {root}' restores them"
            )
    if not done and not failures:
        echo_message("nothing to change")
    del given
    return USAGE if failures else CLEAN


@click.command()
@click.argument("folder", metavar="[FOLDER]", default=".", type=PathArgument(exists=True))
@click.option("--force", is_flag=True, help="Also overwrite files that were edited since.")
def undo(folder: str, force: bool) -> None:
    """Restore what the last 'captions fix --apply' changed.

    Every byte and every time of change comes back, also after a run that was interrupted. Files that were edited since
    are listed and left alone. Repeat it to undo the run before.
    """
    from anima_prompt.captions.journal import undo as restore

    root = folder if os.path.isdir(folder) else os.path.dirname(folder) or "."  # noqa: PTH112, PTH120
    outcome = restore(root, force=force)
    echo_failures(outcome.failures)
    if outcome.journal:
        echo_message(f"the old texts of these files are in {outcome.journal}")
    echo_message(f"{root}: {counted(outcome.done, 'file')} restored")
    sys.exit(USAGE if outcome.failures else CLEAN)

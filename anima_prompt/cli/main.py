"""Commands of ``anima-prompt``.

Knows arguments, streams and exit codes. Results go to standard output, messages to standard error; 0 is clean, 1 is
findings, 2 is a usage error or unreadable input. Bad input gives one line, never a traceback.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from anima_prompt.cli import views
from anima_prompt.cli.captions import captions
from anima_prompt.cli.lint import lint, rule
from anima_prompt.cli.program import (
    CLEAN,
    FINDINGS,
    USAGE,
    Commands,
    echo_error,
    echo_message,
    echo_result,
    run_program,
)
from anima_prompt.cli.reading import diff, read
from anima_prompt.cli.source import PROMPT_FILES, files_of, text_of
from anima_prompt.cli.tags import tags
from anima_prompt.cli.tokens import tokens
from anima_prompt.diagnostics import Diagnostic, Severity
from anima_prompt.dialects import Dialect, ForeignDialect
from anima_prompt.errors import AnimaPromptError, InputError
from anima_prompt.escapes import dump_json, visible
from anima_prompt.interchange.textfile import join_negative, read_text, split_negative, write_text

DIALECTS = click.Choice([dialect.value for dialect in Dialect])
SOURCES = click.Choice([dialect.value for dialect in (*Dialect, *ForeignDialect)])
_SHELLS = ("bash", "zsh", "fish")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit with its exit code."""
    run_program(commands, "anima-prompt", arguments)


dialect_option = click.option(
    "--dialect",
    type=DIALECTS,
    default=Dialect.COMFYUI.value,
    show_default=True,
    help="Front end whose weights, escapes and brackets apply.",
)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="anima-prompt", prog_name="anima-prompt")
def commands() -> None:
    """Parse, lint, format, build and convert prompts for the Anima text-to-image model.

    \b
    Try:
      anima-prompt parse "1girl, masterpiece, (smile:1.2), @wlop"
      anima-prompt lint "masterpiece, 1girl, looking_at_viewer, wlop"
      echo "masterpiece ,best_quality,1girl" | anima-prompt fmt -
      anima-prompt convert --from a1111 --to comfyui "((smile:1.2)), [hat]"
    """


@commands.command()
@click.argument("source", metavar="TEXT|FILE|-")
@dialect_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def parse(source: str, dialect: str, as_json: bool) -> None:
    """Show the sections, weights, spans and sentences of a prompt.

    The argument is a prompt text, a text file, or - for standard input. A line of three hyphens separates positive and
    negative prompt. Exits with 1 if the text is malformed.
    """
    from anima_prompt.prompt import read

    positive, negative = split_negative(text_of(source))
    readings = [read(positive, dialect=dialect)]
    if negative is not None:
        readings.append(read(negative, dialect=dialect))
    if as_json:
        data = views.reading_data(readings[0])
        if negative is not None:
            data["negative"] = views.reading_data(readings[1])
        click.echo(dump_json(data, indent=2))
    else:
        views.print_reading(readings[0], positive)
        if negative is not None:
            click.echo("\nnegative")
            views.print_reading(readings[1], str(negative))
    finish([d for reading in readings for d in reading.diagnostics], quiet=as_json)


@commands.command()
@click.argument("sources", metavar="FILE...|-", nargs=-1, required=True)
@dialect_option
@click.option("--check", is_flag=True, help="Exit with 1 if a file would change; do not write.")
@click.option(
    "--diff", is_flag=True, help="Print the changes as a diff instead of writing files; exit with 1 if there are any."
)
@click.option(
    "--order/--no-order", default=False, help="Also sort tags into the model's order. This changes the image."
)
def fmt(sources: tuple[str, ...], dialect: str, check: bool, diff: bool, order: bool) -> None:
    """Format prompt files in place.

    One space after a comma, no underscores in known names (scores, faces and unknown names keep theirs), no empty tags.
    Nothing moves and no weight changes unless --order is set. Sentences, quotations, LoRA references, wildcards and
    comments are not changed. With - the text is read from standard input and written to standard output.
    """
    changed = failed = False
    for source in files_of(sources):
        try:
            text = read_text(source)
            result, obstacles = formatted(text, source, dialect, order=order)
            views.print_diagnostics(obstacles, name_of(source))
            changed |= result != text or bool(obstacles)
            deliver(source, text, result, check=check, diff=diff)
        except AnimaPromptError as error:
            failed = True
            echo_error(str(error))
    reports = (check or diff) and changed
    sys.exit(USAGE if failed else FINDINGS if reports else CLEAN)


@commands.command()
@click.argument("source", metavar="FILE|-")
@dialect_option
@click.option(
    "--profile", metavar="NAME|FILE", help="Model release that supplies the default quality prefix and negative prompt."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs, with the profile's settings.")
def build(source: str, dialect: str, profile: str | None, as_json: bool) -> None:
    """Build prompt texts from a YAML, JSON or text file.

    Prints the positive prompt, a line of three hyphens, and the negative prompt. For a file with a list, prints several
    prompts, each below a comment with its name. Exits with 1 if the dialect cannot express everything.
    """
    from anima_prompt.interchange.promptfile import read_prompt_file

    prompts = read_prompt_file(source, profile=profile)
    built = [views.Built.of(item, dialect) for item in prompts]
    if as_json:
        data = [item.data() for item in built]
        click.echo(dump_json(data[0] if len(data) == 1 else data, indent=2))
    else:
        for position, item in enumerate(built):
            if len(built) > 1:
                echo_result(f"{chr(10) if position else ''}# {visible(item.name)}")
            echo_result(join_negative(item.positive, item.negative))
    diagnostics = [d for item in built for d in item.diagnostics]
    finish(diagnostics, quiet=as_json)


@commands.command()
@click.argument("source", metavar="TEXT|FILE|-", default="-")
@click.option("--from", "reads", type=SOURCES, required=True, help="Front end that the text is written for.")
@click.option("--to", "writes", type=DIALECTS, required=True, help="Front end to write for.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def convert(source: str, reads: str, writes: str, as_json: bool) -> None:
    """Rewrite a prompt for another front end, with the same meaning.

    Reports anything that has no equivalent on standard error, and then exits with 1.
    """
    from anima_prompt.prompt import convert as convert_text

    positive, negative = split_negative(text_of(source))
    results = [convert_text(part, reads, writes) for part in (positive, negative) if part is not None]
    diagnostics = [d for result in results for d in result.diagnostics]
    text = join_negative(results[0].text, results[1].text if negative is not None else None)
    if as_json:
        data = {"text": text, "diagnostics": [d.to_dict() for d in diagnostics]}
        click.echo(dump_json(data, indent=2))
    else:
        echo_result(text)
    finish(diagnostics, quiet=as_json, warnings_count=True)


@commands.command()
@click.argument("name", metavar="[NAME|FILE]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def profiles(name: str | None, as_json: bool) -> None:
    """List the release profiles, or show a profile with its sources."""
    from anima_prompt.profiles import load_profile
    from anima_prompt.profiles import profiles as all_profiles

    chosen = [load_profile(name)] if name else list(all_profiles().values())
    if as_json:
        data = [views.profile_data(profile) for profile in chosen]
        click.echo(dump_json(data[0] if name else data, indent=2))
    elif name:
        views.print_profile(chosen[0])
    else:
        views.print_profiles(chosen)


@commands.command()
def schema() -> None:
    """Print the JSON schema of prompt files, for editors."""
    from anima_prompt.interchange.schema import prompt_schema

    click.echo(dump_json(prompt_schema(), indent=2))


@commands.command()
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    \b
      bash:  anima-prompt completion bash >> ~/.bashrc
      zsh:   anima-prompt completion zsh >> ~/.zshrc
      fish:  anima-prompt completion fish > ~/.config/fish/completions/anima-prompt.fish
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(commands, {}, "anima-prompt", "_ANIMA_PROMPT_COMPLETE").source())


commands.add_command(tags)
commands.add_command(tokens)
commands.add_command(lint)
commands.add_command(rule)
commands.add_command(captions)
commands.add_command(read)
commands.add_command(diff)


def name_of(source: str) -> str:
    """Return the name of a source in messages."""
    return "standard input" if source == "-" else source


def formatted(text: str, source: str, dialect: str, *, order: bool) -> tuple[str, list[Diagnostic]]:
    """Return the canonical form of a file's text, and the errors that prevented sorting.

    Raises:
        InputError: the file is not a prompt text.
    """
    from anima_prompt.prompt import Prompt, format_text, read

    if Path(source).suffix.lower() in PROMPT_FILES:
        raise InputError(f"{source}: fmt formats prompt texts; use 'anima-prompt build {source}' for prompt files")
    positive, negative = split_negative(text)
    parts = [positive] if negative is None else [positive, negative]
    diagnostics = [d for part in parts for d in read(part, dialect=dialect).diagnostics] if order else []
    obstacles = [d for d in diagnostics if d.severity is Severity.ERROR]
    if order and not obstacles:
        parts = [Prompt.parse(part, dialect=dialect).to_text(dialect) for part in parts]
    parts = [format_text(part, dialect=dialect) for part in parts]
    result = join_negative(parts[0], parts[1] if negative is not None else None)
    ending = "\r\n" if "\r\n" in text else "\n"
    closing = ending if text.endswith(("\n", "\r")) and result else ""
    return result.replace("\n", ending) + closing, obstacles


def deliver(source: str, text: str, result: str, *, check: bool, diff: bool) -> None:
    """Write, show or report the formatted text."""
    name = name_of(source)
    if diff:
        views.print_diff(difflib.unified_diff(text.splitlines(), result.splitlines(), name, name, lineterm="", n=1))
    elif check:
        if result != text:
            echo_message(f"would reformat {name}")
    elif source == "-":
        echo_result(result, nl=False)
    elif result != text:
        write_text(Path(source), result)
        echo_message(f"reformatted {name}")


def finish(diagnostics: list[Diagnostic], *, quiet: bool, warnings_count: bool = False) -> None:
    """Print diagnostics and exit with 1 if there are errors, or with ``warnings_count`` any diagnostics."""
    if not quiet:
        views.print_diagnostics(diagnostics)
    errors = [d for d in diagnostics if warnings_count or d.severity is Severity.ERROR]
    sys.exit(FINDINGS if errors else CLEAN)

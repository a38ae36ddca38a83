"""Options that all commands about captions share, and the set that they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from anima_prompt.cli.program import PathArgument, echo_error, echo_message
from anima_prompt.cli.source import files_of
from anima_prompt.dialects import Dialect
from anima_prompt.errors import InputError

if TYPE_CHECKING:
    from anima_prompt.captions.analysis import Analysis, Analyzer
    from anima_prompt.captions.sets import CaptionSet
    from anima_prompt.lint_files.runner import Options
    from anima_prompt.tokens import Tokenizers

_SHOWN = 50
F = TypeVar("F", bound=Callable[..., Any])

_READING = (
    click.option(
        "--where", metavar="QUERY", help="Only captions that fit a query, such as 'tag:smile AND NOT artist:*'."
    ),
    click.option("--lines", is_flag=True, help="Text files have one caption per line."),
    click.option("--encoding", metavar="NAME", help="Encoding of files that are neither UTF-8 nor UTF-16."),
    click.option("--column", metavar="NAME", help="Column of the captions in JSON lines and CSV files."),
    click.option(
        "--tokenizers", "folder", metavar="FOLDER", help="Folder of ComfyUI, or of the model; ANIMA_MODELS by default."
    ),
    click.option("--profile", metavar="NAME|FILE", help="Model release that the captions are for."),
    click.option("--config", type=PathArgument(exists=True, dir_okay=False), help="Configuration file to use for all."),
    click.option("--isolated", is_flag=True, help="Ignore all configuration files."),
    click.option("--no-cache", is_flag=True, help="Ignore cached results."),
    click.option("--jobs", "-j", type=click.IntRange(1), help="Number of processes (default: one per core)."),
)


def reading_options(function: F) -> F:
    """Add the options that say which captions are read, and how."""
    for option in reversed(_READING):
        function = option(function)
    return function


@dataclass(slots=True)
class Chosen:
    """The captions that a command works on, and the tools to look at them."""

    set: CaptionSet
    analyzer: Analyzer
    tokenizers: Tokenizers | None
    analysis: Analysis | None = None

    def analyzed(self) -> Analysis:
        """Return the analysis of the captions; made when it is first asked for."""
        if self.analysis is None:
            self.analysis = self.analyzer.analyze(self.set)
        return self.analysis


def chosen(
    paths: tuple[str, ...], given: dict[str, Any], *, choices: dict[str, tuple[str, ...]] | None = None
) -> Chosen:
    """Return the captions that arguments and options name.

    Raises:
        InputError: a path does not exist, or a query is malformed.
    """
    from anima_prompt.captions.analysis import Analyzer
    from anima_prompt.captions.select import needs_tokens, parse_query, select
    from anima_prompt.captions.sets import CaptionSet
    from anima_prompt.lint_files.configuration import forget_projects

    forget_projects()  # configuration files are read anew in each run
    query = parse_query(given["where"]) if given.get("where") else None
    check_encoding(given.get("encoding"))
    analyzer = Analyzer(options_of(given, choices or {}), jobs=given["jobs"])
    tokenizers = found_tokenizers(given["folder"], is_needed=query is not None and needs_tokens(query))
    captions = CaptionSet.load(
        files_of(paths) or ["."], lines=given["lines"], encoding=given.get("encoding"), column=given.get("column")
    )
    result = Chosen(captions, analyzer, tokenizers)
    if query is not None:
        indexes = select(query, captions.captions, result.analyzed(), tokenizers=tokenizers)
        result.set = replace(captions, captions=tuple(captions.captions[index] for index in indexes))
        result.analysis = None
    return result


def options_of(given: dict[str, Any], choices: dict[str, tuple[str, ...]]) -> Options:
    """Return the linter's options."""
    from anima_prompt.lint_files.configuration import Use
    from anima_prompt.lint_files.runner import Options

    dialect = Dialect(given["dialect"]) if given.get("dialect") else None
    return Options(
        Use(dialect, given.get("profile")),
        choices,
        given["config"],
        given["isolated"],
        not given["no_cache"],
        {},
        given.get("max_findings"),
    )


def found_tokenizers(folder: str | None, *, is_needed: bool = False) -> Tokenizers | None:
    """Return the tokenizers of a folder or of the environment; None if neither is set.

    Raises:
        InputError: they are named or needed, and cannot be read.
    """
    import os

    from anima_prompt.tokens import VARIABLE, Tokenizers

    if not (folder or os.environ.get(VARIABLE) or is_needed):
        return None
    return Tokenizers.find(folder)


def check_encoding(name: str | None) -> None:
    """Raise InputError for an encoding that Python does not know."""
    import codecs

    if name is not None:
        try:
            codecs.lookup(name)
        except LookupError:
            raise InputError(f"encoding '{name}' is unknown; write one such as cp1252, cp932 or gbk") from None


def echo_problems(captions: CaptionSet) -> int:
    """Print what could not be read; return how many lines."""
    return echo_failures(captions.problems)


def echo_failures(failures: Sequence[str]) -> int:
    """Print the first errors and how many more there are; return how many there are."""
    for failure in failures[:_SHOWN]:
        echo_error(failure)
    if len(failures) > _SHOWN:
        echo_error(f"{len(failures) - _SHOWN:,} more errors like these are not shown")
    return len(failures)


def echo_nothing(captions: CaptionSet) -> None:
    """Say that no captions were found."""
    if not captions.captions:
        echo_message(
            "no captions: expected .txt or .caption files next to images, or a JSON, JSONL or CSV file of captions"
        )

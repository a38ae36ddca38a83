"""Lint files: each with its configuration, several at once, in a stable order.

A file that cannot be read is an error of its own; the others are linted all the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from anima_prompt.diagnostics import Diagnostic
from anima_prompt.errors import AnimaPromptError, InputError
from anima_prompt.escapes import visible
from anima_prompt.interchange.file_kinds import NoPromptError
from anima_prompt.interchange.textfile import read_text, shortened
from anima_prompt.lint.document import Role
from anima_prompt.lint.fixing import Fixed
from anima_prompt.lint.linter import Linter, with_suppressions
from anima_prompt.lint.rule import Rule
from anima_prompt.lint_files.cache import Cache
from anima_prompt.lint_files.cache_key import document_key, setup_digest
from anima_prompt.lint_files.configuration import (
    Project,
    Use,
    check_patterns,
    excludes,
    find_project,
    read_project,
    with_choices,
)
from anima_prompt.lint_files.report import DEFAULT_MOST, Report, capped
from anima_prompt.lint_files.sources import (
    Captions,
    PartlyReadError,
    Piece,
    can_write,
    files_below,
    name_of,
    pieces_of,
    text_pieces,
    with_texts,
)
from anima_prompt.safe_paths import exists, is_folder, is_link

FEW = 64
"""Fewer files than this are not worth a second process."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line chose.

    Attributes:
        use: dialect, profile, role, lines for every file; they beat the configuration's.
        choices: lists of rule selectors that beat or extend the configuration's.
        config: a configuration file for all, in place of those that are found.
        isolated: whether configuration files are left alone.
        cached: whether the cache may answer.
        settings: figures for prompts that have none of their own.
        max_findings: most findings of a rule that are shown of a file, 0 for all; None leaves it to the configuration.
        exclude: patterns, as in ``.gitignore``, of files that are left out of searched folders.
    """

    use: Use = field(default_factory=Use)
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    config: str | None = None
    isolated: bool = False
    cached: bool = True
    settings: dict[str, str] = field(default_factory=dict)
    max_findings: int | None = None
    exclude: tuple[str, ...] = ()


class FileLinter:
    """Linters by configuration, and the cache."""

    def __init__(self, options: Options) -> None:
        """Set up; nothing is read yet but the configuration file that was named.

        Raises:
            InputError: the named configuration is bad.
        """
        self.options = options
        check_patterns(options.exclude, "--exclude")
        self._named = read_project(Path(options.config)) if options.config else None
        self._linters: dict[tuple[Path | None, tuple[str, ...]], Linter] = {}
        self._setups: dict[Linter, bytes] = {}
        self._projects: dict[str, Project] = {}
        self._captions = Captions()
        self._cache: Cache | None = None
        self.results: dict[bytes, list[Diagnostic]] = {}
        """New results by cache key, until :meth:`remember` stores them."""
        self.folders: dict[str, Path] = {}
        """The folder in which :func:`expand` found a file; files that were named themselves are not in it."""

    def report(self, source: str) -> Report:
        """Lint a file, or standard input for ``-``."""
        try:
            project = self.project_of(source)
            use = self.use_of(source, project)
            pieces = pieces_of(source, use)
            errors: tuple[str, ...] = ()
        except PartlyReadError as partly:
            pieces, errors = partly.pieces, tuple(str(partly).splitlines())
        except AnimaPromptError as error:
            lines = tuple(_named(str(error), source).splitlines())
            return Report(source, errors=lines, has_no_prompt=isinstance(error, NoPromptError))
        return self.checked(source, pieces, project, errors)

    def report_text(self, text: str) -> Report:
        """Lint a prompt that was given as it is."""
        project = self.project_of("-")
        return self.checked("<text>", text_pieces(text, self.use_of("-", project)), project, ())

    def checked(self, source: str, pieces: list[Piece], project: Project, errors: tuple[str, ...]) -> Report:
        """Lint pieces; a prompt with an unknown profile is an error of its own."""
        linter = self.linter_of(source, project)
        kept, found, bad = [], [], list(errors)
        for piece in pieces:
            one = self._with_settings(piece)
            try:
                diagnostics = self._checked(linter, one, cached=self.options.cached and source != "<text>")
            except AnimaPromptError as error:
                bad.append(f"{name_of(source)}:{one.line}: {error}")
                continue
            kept.append(one)
            found.append(tuple(diagnostics))
        failures = tuple(dict.fromkeys(linter.failures))
        linter.failures.clear()
        return Report(source, tuple(kept), tuple(found), tuple(bad), failures)

    def capped(self, report: Report) -> Report:
        """Return a report without the findings beyond the limit; it counts them."""
        own = self.options.max_findings
        most = self.project_of(report.path).max_findings if own is None else own
        return capped(report, DEFAULT_MOST if most is None else most)

    def fixed(self, report: Report, *, unsafe: bool) -> list[Fixed]:
        """Return what fixing makes of every piece of a report."""
        linter = self.linter_of(report.path, self.project_of(report.path))
        fixed = [linter.fix(piece.document, unsafe=unsafe) for piece in report.pieces]
        linter.failures.clear()  # reported when the file was checked
        return fixed

    def project_of(self, source: str) -> Project:
        """Return the configuration that holds for a file; asked for once a folder."""
        folder = "" if source in ("-", "<text>") else os.path.dirname(source)  # noqa: PTH120  a hundred thousand times
        if folder not in self._projects:
            if self._named is not None:
                project = self._named
            elif self.options.isolated:
                project = Project(Path.cwd())
            else:
                project = find_project(Path(folder).absolute())
            self._projects[folder] = with_choices(project, self.options.choices)
        return self._projects[folder]

    def use_of(self, source: str, project: Project) -> Use:
        """Return what a file's prompts are for; the caption of a picture is one if nobody says otherwise."""
        use = self.options.use.over(project.use_of(source))
        return replace(use, role=Role.CAPTION) if use.role is None and source in self._captions else use

    def linter_of(self, source: str, project: Project) -> Linter:
        """Return the linter for a file."""
        ignored = project.ignored(source)
        key = (project.path, ignored)
        if key not in self._linters:
            config = replace(project.config, ignore=(*project.config.ignore, *ignored))
            rules: tuple[Rule, ...] = project.all_rules()
            self._linters[key] = Linter(config, rules=rules)
        return self._linters[key]

    def _checked(self, linter: Linter, piece: Piece, *, cached: bool) -> list[Diagnostic]:
        if not cached:
            return with_suppressions(linter, linter.check(piece.document), piece.ignored)
        if linter not in self._setups:
            self._setups[linter] = setup_digest(linter.config, linter.rules)
        key = document_key(self._setups[linter], piece.document, linter.profile(piece.document.profile))
        found = self._open_cache().get(key)
        if found is None:
            before = len(linter.failures)
            found = linter.check(piece.document)
            if len(linter.failures) == before:  # what a failed rule would have found is not known
                self.results[key] = found
        return with_suppressions(linter, found, piece.ignored)

    def _with_settings(self, piece: Piece) -> Piece:
        figures: dict[str, Any] = self.options.settings
        if not figures:
            return piece
        from anima_prompt.lint_files.sources import settings_from

        given = settings_from(figures)
        own = piece.document.settings
        names = ("steps", "guidance_scale", "sampler", "scheduler", "shift", "width", "height")
        merged = replace(
            own, **{n: getattr(own, n) if getattr(own, n) is not None else getattr(given, n) for n in names}
        )
        return replace(piece, document=replace(piece.document, settings=merged))

    def remember(self) -> None:
        """Write new results into the cache."""
        if self.results:
            self._open_cache().put(self.results)
            self.results = {}

    def _open_cache(self) -> Cache:
        if self._cache is None:
            self._cache = Cache.default()
        return self._cache

    @property
    def cache_problem(self) -> str:
        """Why results are not cached, in one line; empty if they are, or need not be."""
        return self._cache.problem if self._cache is not None else ""


def _named(message: str, source: str) -> str:
    named = message if message.startswith((source, "standard input")) else f"{name_of(source)}: {message}"
    return named.replace(source, visible(source)) if len(source.splitlines()) > 1 else named


def expand(sources: Iterable[str], linter: FileLinter) -> list[str]:
    """Return the files that sources mean: folders are searched, everything else is taken as it is.

    Raises:
        InputError: a file does not exist.
    """
    found: dict[str, None] = {}
    for source in sources:
        path = Path(source)
        if source == "-":
            found[source] = None
        elif is_folder(path):
            project = linter.project_of(str(path / "x"))
            own = linter.options.exclude
            files = [
                str(file)
                for file in files_below(path)
                if not project.excludes(str(file)) and not excludes(own, str(file), path)
            ]
            linter.folders |= {file: path for file in files if file not in found}
            found |= dict.fromkeys(files)
        elif exists(path):
            found[source] = None
            linter.folders.pop(source, None)
        elif is_link(path):
            raise InputError(f"{source}: is a symbolic link to a file that does not exist; name an existing file")
        else:
            raise InputError(
                f"{shortened(source)}: no such file or folder; give a file, a folder, a prompt in quotes, or -"
            )
    return list(found)


def reports(sources: list[str], linter: FileLinter, *, jobs: int | None = None) -> Iterator[Report]:
    """Yield a report for every file, in the order of ``sources``; many files are shared among processes."""
    workers = min(jobs or os.cpu_count() or 1, max(1, len(sources) // FEW))
    if workers < 2 or "-" in sources:
        for source in sources:
            yield linter.report(source)
        linter.remember()
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    chunk = max(8, min(256, len(sources) // (workers * 4)))
    with ProcessPoolExecutor(workers, initializer=_start, initargs=(linter.options,)) as pool:
        chunks = [sources[i : i + chunk] for i in range(0, len(sources), chunk)]
        try:
            for found, results in pool.map(_work, chunks):
                linter.results |= results
                yield from found
        except BrokenProcessPool:
            raise InputError("a worker process was killed, perhaps for lack of memory; try --jobs 1") from None
    linter.remember()


_worker: list[FileLinter] = []


def _start(options: Options) -> None:
    _worker[:] = [FileLinter(options)]


def _work(sources: list[str]) -> tuple[list[Report], dict[bytes, list[Diagnostic]]]:
    linter = _worker[0]
    found = [linter.report(source) for source in sources]
    results, linter.results = linter.results, {}
    return found, results


def new_text(report: Report, fixed: list[Fixed], *, lines: bool) -> tuple[str, str] | None:
    """Return a file's text before and after fixing; None where a file of this kind cannot be written."""
    if not can_write(report.path) or not report.pieces or not all(piece.can_write for piece in report.pieces):
        return None
    whole = read_text(report.path, limit=1 << 30)
    texts = [(one.prompt, one.negative) for one in fixed]
    changed = any((p.document.prompt, p.document.negative) != t for p, t in zip(report.pieces, texts, strict=True))
    return whole, with_texts(whole, report.path, list(report.pieces), texts, lines=lines) if changed else whole

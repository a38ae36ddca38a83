"""Lint files: each with its configuration, in several processes, in a stable order.

A file that cannot be read is reported as an error; the other files are still linted.
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
from anima_prompt.lint_files.cache import ResultCache
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
"""Minimum number of files for a second process."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line.

    Attributes:
        use: dialect, profile, role, lines for every file; they override the configuration.
        choices: lists of rule selectors that replace or extend those of the configuration.
        config: a configuration file for all files, instead of the nearest.
        isolated: whether to ignore configuration files.
        cached: whether to use the cache.
        settings: sampling settings of prompts without their own.
        max_findings: maximum number of findings shown per rule and file, 0 for all; None uses the configuration.
        exclude: patterns, as in ``.gitignore``, of files that are excluded from searched folders.
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
        """Read the named configuration file, if any; nothing else is read yet.

        Raises:
            InputError: the named configuration is malformed.
        """
        self.options = options
        check_patterns(options.exclude, "--exclude")
        self._named = read_project(Path(options.config)) if options.config else None
        self._linters: dict[tuple[Path | None, tuple[str, ...]], Linter] = {}
        self._setups: dict[Linter, bytes] = {}
        self._projects: dict[str, Project] = {}
        self._captions = Captions()
        self._cache: ResultCache | None = None
        self.results: dict[bytes, list[Diagnostic]] = {}
        """New results by cache key, until :meth:`remember` stores them."""
        self.folders: dict[str, Path] = {}
        """Folder in which :func:`expand` found a file; files named as arguments are missing."""

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
        """Lint a prompt text."""
        project = self.project_of("-")
        return self.checked("<text>", text_pieces(text, self.use_of("-", project)), project, ())

    def checked(self, source: str, pieces: list[Piece], project: Project, errors: tuple[str, ...]) -> Report:
        """Lint pieces; a prompt with an unknown profile is reported as an error."""
        linter = self.linter_of(source, project)
        pieces_read, findings, bad = [], [], list(errors)
        for piece in pieces:
            prompt = self._with_settings(piece)
            try:
                diagnostics = self._checked(linter, prompt, cached=self.options.cached and source != "<text>")
            except AnimaPromptError as error:
                bad.append(f"{name_of(source)}:{prompt.line}: {error}")
                continue
            pieces_read.append(prompt)
            findings.append(tuple(diagnostics))
        failures = tuple(dict.fromkeys(linter.failures))
        linter.failures.clear()
        return Report(source, tuple(pieces_read), tuple(findings), tuple(bad), failures)

    def capped(self, report: Report) -> Report:
        """Return a report with the findings beyond the limit hidden and counted."""
        own = self.options.max_findings
        most = self.project_of(report.path).max_findings if own is None else own
        return capped(report, DEFAULT_MOST if most is None else most)

    def fixed(self, report: Report, *, unsafe: bool) -> list[Fixed]:
        """Return every piece of a report with fixes applied."""
        linter = self.linter_of(report.path, self.project_of(report.path))
        fixed = [linter.fix(piece.document, unsafe=unsafe) for piece in report.pieces]
        linter.failures.clear()  # reported when the file was checked
        return fixed

    def project_of(self, source: str) -> Project:
        """Return the configuration of a file; searched once per folder."""
        folder = "" if source in ("-", "<text>") else os.path.dirname(source)  # noqa: PTH120  called a hundred thousand times
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
        """Return the dialect, profile and role of a file's prompts; by default the text of an image is a caption."""
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

    def setup_of(self, linter: Linter) -> bytes:
        """Return the part of cache keys that all documents of a linter share."""
        if linter not in self._setups:
            self._setups[linter] = setup_digest(linter.config, linter.rules)
        return self._setups[linter]

    def _checked(self, linter: Linter, piece: Piece, *, cached: bool) -> list[Diagnostic]:
        if not cached:
            return with_suppressions(linter, linter.check(piece.document), piece.ignored)
        key = document_key(self.setup_of(linter), piece.document, linter.profile(piece.document.profile))
        diagnostics = self._open_cache().get(key)
        if diagnostics is None:
            before = len(linter.failures)
            diagnostics = linter.check(piece.document)
            if len(linter.failures) == before:  # the findings of a failed rule are not known
                self.results[key] = diagnostics
        return with_suppressions(linter, diagnostics, piece.ignored)

    def _with_settings(self, piece: Piece) -> Piece:
        settings: dict[str, Any] = self.options.settings
        if not settings:
            return piece
        from anima_prompt.lint_files.sources import settings_from

        defaults = settings_from(settings)
        own = piece.document.settings
        names = ("steps", "guidance_scale", "sampler", "scheduler", "shift", "width", "height")
        merged = replace(
            own, **{n: getattr(own, n) if getattr(own, n) is not None else getattr(defaults, n) for n in names}
        )
        return replace(piece, document=replace(piece.document, settings=merged))

    def remember(self) -> None:
        """Write new results into the cache."""
        if self.results:
            self._open_cache().put(self.results)
            self.results = {}

    def _open_cache(self) -> ResultCache:
        if self._cache is None:
            self._cache = ResultCache.default()
        return self._cache

    @property
    def cache_problem(self) -> str:
        """Reason why results are not cached, in one line; empty if they are, or if no cache is used."""
        return self._cache.problem if self._cache is not None else ""


def _named(message: str, source: str) -> str:
    named = message if message.startswith((source, "standard input")) else f"{name_of(source)}: {message}"
    return named.replace(source, visible(source)) if len(source.splitlines()) > 1 else named


def expand(sources: Iterable[str], linter: FileLinter) -> list[str]:
    """Return the files of sources: folders are searched, other sources are returned unchanged.

    Raises:
        InputError: a file does not exist.
    """
    files: dict[str, None] = {}
    for source in sources:
        path = Path(source)
        if source == "-":
            files[source] = None
        elif is_folder(path):
            project = linter.project_of(str(path / "x"))
            own = linter.options.exclude
            below = [
                str(file)
                for file in files_below(path)
                if not project.excludes(str(file)) and not excludes(own, str(file), path)
            ]
            linter.folders |= {file: path for file in below if file not in files}
            files |= dict.fromkeys(below)
        elif exists(path):
            files[source] = None
            linter.folders.pop(source, None)
        elif is_link(path):
            raise InputError(f"{source}: is a symbolic link to a file that does not exist; name an existing file")
        else:
            raise InputError(
                f"{shortened(source)}: no such file or folder; pass a file, a folder, a prompt in quotes, or -"
            )
    return list(files)


def reports(sources: list[str], linter: FileLinter, *, jobs: int | None = None) -> Iterator[Report]:
    """Yield a report for every file, in the order of ``sources``; many files are distributed to processes."""
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
            for chunk_reports, results in pool.map(_work, chunks):
                linter.results |= results
                yield from chunk_reports
        except BrokenProcessPool:
            raise InputError("a worker process was killed, perhaps for lack of memory; try --jobs 1") from None
    linter.remember()


_worker: list[FileLinter] = []


def _start(options: Options) -> None:
    _worker[:] = [FileLinter(options)]


def _work(sources: list[str]) -> tuple[list[Report], dict[bytes, list[Diagnostic]]]:
    linter = _worker[0]
    reports = [linter.report(source) for source in sources]
    results, linter.results = linter.results, {}
    return reports, results


def new_text(report: Report, fixed: list[Fixed], *, lines: bool) -> tuple[str, str] | None:
    """Return a file's text before and after fixing; None if files of its format cannot be written."""
    if not can_write(report.path) or not report.pieces or not all(piece.can_write for piece in report.pieces):
        return None
    whole = read_text(report.path, limit=1 << 30)
    texts = [(result.prompt, result.negative) for result in fixed]
    changed = any((p.document.prompt, p.document.negative) != t for p, t in zip(report.pieces, texts, strict=True))
    return whole, with_texts(whole, report.path, list(report.pieces), texts, lines=lines) if changed else whole

"""Parse and lint the captions of a set once: shared by ``lint``, ``stats`` and ``select``.

Captions are shared among processes, and results are kept on disk by text. What is kept are spans of tags and sentences,
and the diagnostics; facts about tags are asked again, once for each distinct tag.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from anima_prompt.captions.sets import Caption, CaptionSet
from anima_prompt.diagnostics import Diagnostic
from anima_prompt.errors import InputError
from anima_prompt.lint.document import Document, Role
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint_files.cache import TextCache, diagnostics_from, to_text
from anima_prompt.lint_files.runner import FileLinter, Options
from anima_prompt.surrogates import has_surrogate
from anima_prompt.vocabulary.user_store import UserStore

_VERSION = b"captions-2"
_PIECE = re.compile(r"[^\s|](?:(?!\s*\|\|\|).)*", re.DOTALL)
_CHUNK = 2_000
_FEW = 256
"""Fewer captions than this are not worth a second process."""
MOST_CHARACTERS = 1_000_000
_NOTHING = '{"t":[],"s":[],"d":"[]"}'


@dataclass(slots=True)
class Analysis:
    """The tags, sentences and diagnostics of captions, in their order.

    Attributes:
        tags: numbers of the tags of each caption, and ``starts`` their offsets.
        sentences: start and end of each sentence of each caption, one after the other.
        table: what is known of each tag, by number.
        diagnostics: of the rules about prompts; a text until they are read.
        problems: captions that cannot be parsed.
    """

    captions: Sequence[Caption]
    environment: Environment
    tags: list[array[int]] = field(default_factory=list)
    starts: list[array[int]] = field(default_factory=list)
    sentences: list[array[int]] = field(default_factory=list)
    table: list[Facts] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def diagnostics(self, caption: int) -> list[Diagnostic]:
        """Return the diagnostics of a caption."""
        text = self.found[caption]
        return diagnostics_from(text) if len(text) > 2 else []


class Analyzer:
    """Linters, processes and the cache for one run."""

    def __init__(self, options: Options, *, jobs: int | None = None) -> None:
        """Set up; configuration files are read when a caption asks."""
        self.options = options
        self.batch = FileLinter(options)
        self.jobs = jobs or os.cpu_count() or 1
        self._cache: TextCache | None = None
        self._bases: dict[str, bytes] = {}

    def analyze(self, captions: CaptionSet | Sequence[Caption]) -> Analysis:
        """Return the analysis of captions.

        Raises:
            InputError: a configuration file is bad, or a worker process died.
        """
        rows = tuple(captions)
        analysis = Analysis(rows, self.environment(rows[0].source if rows else ""))
        collector = _Rows(analysis)
        keys = [self._key(caption) for caption in rows]
        first: dict[bytes, Caption] = {}
        for caption, key in zip(rows, keys, strict=True):
            first.setdefault(key, caption)
        unique = list(first)
        cache = self.cache()
        missing = []
        for start in range(0, len(unique), _CHUNK):
            some = unique[start : start + _CHUNK]
            known = cache.get_texts(some) if cache is not None else {}
            collector.add(known, first)
            missing += [(key, first[key].source, first[key].text) for key in some if key not in known]
        for fresh in self._examined(missing):
            collector.add(fresh, first)
            if cache is not None:
                cache.put_texts(fresh)
        collector.finish(keys)
        return analysis

    @property
    def cache_problem(self) -> str:
        """Why results are not cached, in one line; empty if they are."""
        return self._cache.problem if self._cache is not None else ""

    def environment(self, source: str = "") -> Environment:
        """Return the facts about tags for captions of a file."""
        project = self.batch.project_of(source)
        document = document_of(self.batch, source, "")
        return self.batch.linter_of(source, project).environment(Role.CAPTION, document.dialect, document.profile)

    def cache(self) -> TextCache | None:
        """Return the cache, None if it is not to be used."""
        if not self.options.cached:
            return None
        if self._cache is None:
            self._cache = TextCache(UserStore.default().folder / "cache" / "captions.sqlite")
        return self._cache

    def _key(self, caption: Caption) -> bytes:
        folder = os.path.dirname(caption.source)  # noqa: PTH120
        base = self._bases.get(folder)
        if base is None:
            project = self.batch.project_of(caption.source)
            linter = self.batch.linter_of(caption.source, project)
            document = document_of(self.batch, caption.source, "")
            state = f"{document!r}\0{linter.profile(document.profile)!r}".encode("utf-8", "surrogatepass")
            base = hashlib.blake2b(self.batch.setup_of(linter) + state + _VERSION, digest_size=16).digest()
            if not project.overrides:  # with overrides every file may be another case
                self._bases[folder] = base
        return hashlib.blake2b(base + caption.text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def _examined(self, pairs: list[tuple[bytes, str, str]]) -> Iterator[dict[bytes, str]]:
        """Parse and lint captions, in several processes if there are many."""
        workers = min(self.jobs, max(1, len(pairs) // _FEW))
        if workers < 2:
            for start in range(0, len(pairs), _CHUNK):
                yield dict(examined(self.batch, pairs[start : start + _CHUNK]))
            return
        from concurrent.futures import ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool

        size = max(64, min(512, len(pairs) // (workers * 4)))
        chunks = [pairs[i : i + size] for i in range(0, len(pairs), size)]
        with ProcessPoolExecutor(workers, initializer=_start, initargs=(self.options,)) as pool:
            try:
                for rows in pool.map(_work, chunks):
                    yield dict(rows)
            except BrokenProcessPool:
                raise InputError("a worker process was killed, perhaps for lack of memory; try --jobs 1") from None


class _Rows:
    """Turns results, as they come, into small arrays; equal captions share theirs."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._numbers: dict[str, int] = {}
        self._results: dict[bytes, tuple[array[int], array[int], array[int], str, str]] = {}

    def add(self, results: dict[bytes, str], captions: dict[bytes, Caption]) -> None:
        """Take the results of some captions, as JSON by key."""
        for key, result in results.items():
            data = json.loads(result)
            text, spans = captions[key].text, data["t"]
            ids = array("I", [self._number(text[a:b]) for a, b in zip(spans[::2], spans[1::2], strict=True)])
            found = data["d"] if len(data["d"]) > 2 else "[]"
            self._results[key] = ids, array("I", spans[::2]), array("I", data["s"]), found, data.get("e", "")

    def finish(self, keys: Sequence[bytes]) -> None:
        """Put the results in the order of the captions."""
        analysis = self.analysis
        for caption, key in zip(analysis.captions, keys, strict=True):
            ids, starts, sentences, found, problem = self._results[key]
            analysis.tags.append(ids)
            analysis.starts.append(starts)
            analysis.sentences.append(sentences)
            analysis.found.append(found)
            if problem:
                analysis.problems.append(f"{caption.place}: {problem}")
        self._results.clear()

    def _number(self, tag: str) -> int:
        number = self._numbers.get(tag)
        if number is None:
            number = self._numbers[tag] = len(self._numbers)
            self.analysis.table.append(self.analysis.environment.facts(tag))
        return number


def examined(batch: FileLinter, pairs: Iterable[tuple[bytes, str, str]]) -> list[tuple[bytes, str]]:
    """Return tags, sentences and diagnostics of captions as JSON, by key."""
    return [(key, _examined(batch, source, text)) for key, source, text in pairs]


def _examined(batch: FileLinter, source: str, text: str) -> str:
    if len(text) > MOST_CHARACTERS or has_surrogate(text):
        reason = (
            f"has {len(text):,} characters; at most {MOST_CHARACTERS:,} are linted"
            if len(text) > MOST_CHARACTERS
            else "contains half a surrogate pair"
        )
        return json.dumps({"t": [], "s": [], "d": "[]", "e": reason})
    if not text.strip():
        return _NOTHING
    linter = batch.linter_of(source, batch.project_of(source))
    context, diagnostics = linter.examine(document_of(batch, source, text))
    tags = [place for item in context.items for place in _pieces(text, item.start, item.end)]
    sentences = [place for sentence in context.sentences for place in (sentence.start, sentence.end)]
    return json.dumps({"t": tags, "s": sentences, "d": to_text(diagnostics)}, separators=(",", ":"))


def _pieces(text: str, start: int, end: int) -> Iterator[int]:
    """Yield start and end of a tag, or of the tags on both sides of a ``|||``, where sd-scripts ends the kept tags."""
    if "|||" not in text[start:end]:
        yield from (start, end)
        return
    for match in _PIECE.finditer(text[start:end]):
        yield from (start + match.start(), start + match.end())


def document_of(batch: FileLinter, source: str, text: str) -> Document:
    """Return a caption of a file as the linter reads it."""
    use = batch.options.use.over(batch.project_of(source).use_of(source))
    document = Document(text, None, use.role or Role.CAPTION)
    if use.dialect is not None:
        document = replace(document, dialect=use.dialect)
    return replace(document, profile=use.profile) if use.profile is not None else document


_worker: list[FileLinter] = []


def _start(options: Options) -> None:
    _worker[:] = [FileLinter(options)]


def _work(pairs: list[tuple[bytes, str, str]]) -> list[tuple[bytes, str]]:
    return examined(_worker[0], pairs)

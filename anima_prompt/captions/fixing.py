"""Edit the captions of a set: operations in several processes, then one new content for each file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from anima_prompt.captions.analysis import MOST_CHARACTERS, document_of
from anima_prompt.captions.edits import Editor, Operation
from anima_prompt.captions.encoding import Decoded, decode
from anima_prompt.captions.formats.entry import CaptionEntry, write
from anima_prompt.captions.formats.reader import TEXTS, read_entries
from anima_prompt.captions.journal import FileChange
from anima_prompt.captions.sets import Caption, read_file
from anima_prompt.errors import InputError
from anima_prompt.lint_files.runner import FileLinter, Options
from anima_prompt.surrogates import has_surrogate

_FEW = 128


@dataclass(slots=True)
class FixPlan:
    """New captions by file.

    Attributes:
        texts: for each file, new captions by the key of their entries.
        old: the captions that change, by file.
        failures: files that cannot be changed, one line each.
    """

    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    old: dict[str, list[Caption]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many captions change."""
        return sum(len(texts) for texts in self.texts.values())

    def pairs(self) -> Iterator[tuple[Caption, str]]:
        """Yield every caption that changes, with its new text."""
        for source, captions in self.old.items():
            for caption in captions:
                yield caption, self.texts[source][caption.key]


def plan(
    captions: Sequence[Caption], operations: Sequence[Operation], options: Options, *, jobs: int | None = None
) -> FixPlan:
    """Return what operations make of captions.

    Raises:
        InputError: a configuration file is bad, or a worker process died.
    """
    result = FixPlan()
    for caption, new in zip(captions, _edited(captions, operations, options, jobs or os.cpu_count() or 1), strict=True):
        if new is not None:
            result.texts.setdefault(caption.source, {})[caption.key] = new
            result.old.setdefault(caption.source, []).append(caption)
    return result


def changes(
    plan: FixPlan, *, lines: bool = False, encoding: str | None = None, column: str | None = None
) -> Iterator[FileChange]:
    """Yield new bytes for every file of a plan; files that cannot be written so are its ``failures``."""
    for source, texts in plan.texts.items():
        try:
            before = read_file(source)
            decoded = decode(before, encoding=encoding)
            entries = _entries(decoded, source, lines=lines, column=column)
            known = {entry.key: entry.text for entry in entries}
            if any(known.get(caption.key) != caption.text for caption in plan.old[source]):
                plan.failures.append(f"{source}: was changed by another program just now; not changed")
                continue
            after = write(decoded, entries, texts, source)
        except InputError as error:
            plan.failures.append(str(error))
            continue
        except OSError as error:
            plan.failures.append(f"{source}: cannot be read ({error.strerror or error}); not changed")
            continue
        if after != before:
            yield FileChange(source, before, after)


def _entries(decoded: Decoded, source: str, *, lines: bool, column: str | None) -> tuple[CaptionEntry, ...]:
    ending = os.path.splitext(source)[1].lower()  # noqa: PTH122
    is_other_text = ending not in (*TEXTS, ".json", ".jsonl", ".ndjson", ".csv")
    name = f"{source}.txt" if is_other_text else source
    return read_entries(decoded, name, lines=lines, column=column, is_named=True).entries


def _edited(
    captions: Sequence[Caption], operations: Sequence[Operation], options: Options, jobs: int
) -> Iterator[str | None]:
    """Yield the new text of every caption, None where nothing changes."""
    pairs = [(caption.source, caption.text) for caption in captions]
    workers = min(jobs, max(1, len(pairs) // _FEW))
    if workers < 2:
        yield from edited(FileLinter(options), operations, pairs)
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    size = max(64, min(512, len(pairs) // (workers * 4)))
    chunks = [pairs[i : i + size] for i in range(0, len(pairs), size)]
    with ProcessPoolExecutor(workers, initializer=_start, initargs=(options, operations)) as pool:
        try:
            for rows in pool.map(_work, chunks):
                yield from rows
        except BrokenProcessPool:
            raise InputError("a worker process was killed, perhaps for lack of memory; try --jobs 1") from None


def edited(
    batch: FileLinter, operations: Sequence[Operation], pairs: Iterable[tuple[str, str]]
) -> Iterator[str | None]:
    """Yield the new text of captions by file; None where nothing changes."""
    editors: dict[object, Editor] = {}
    memory: dict[tuple[object, str], str | None] = {}
    for source, text in pairs:
        if not text.strip() or len(text) > MOST_CHARACTERS or has_surrogate(text):
            yield None
            continue
        linter = batch.linter_of(source, batch.project_of(source))
        use = batch.options.use.over(batch.project_of(source).use_of(source))
        key = (linter, use)
        if key not in editors:
            editors[key] = Editor(linter, document_of(batch, source, ""))
        if (key, text) not in memory:
            new = editors[key].run(text, operations)
            memory[key, text] = new if new != text else None
            if len(memory) > 4_000:
                memory = {(key, text): memory[key, text]}
        yield memory[key, text]


_worker: list[tuple[FileLinter, Sequence[Operation]]] = []


def _start(options: Options, operations: Sequence[Operation]) -> None:
    _worker[:] = [(FileLinter(options), operations)]


def _work(pairs: list[tuple[str, str]]) -> list[str | None]:
    batch, operations = _worker[0]
    return list(edited(batch, operations, pairs))

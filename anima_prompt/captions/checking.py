"""Lint a training set: the rules about prompts for each caption, then the rules about the set."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anima_prompt.captions.analysis import Analysis, Analyzer
from anima_prompt.captions.images import exposures, looks_of, near_pairs
from anima_prompt.captions.sets import Caption, CaptionSet
from anima_prompt.captions.text_caches import stale
from anima_prompt.diagnostics import Diagnostic
from anima_prompt.lint.document import Document, Role
from anima_prompt.lint.rule import Rule
from anima_prompt.lint.set_context import SetContext, SetFiles, SetFinding
from anima_prompt.lint_files.report import Report
from anima_prompt.lint_files.sources import Piece

if TYPE_CHECKING:
    from anima_prompt.tokens import Tokenizers

_PLACE = re.compile(r"(?::\d+)+(?:\[.*\])?$")
MOST_IMAGES = 5_000
"""Images that are compared unless more are asked for: each must be decoded once."""


@dataclass(frozen=True, slots=True)
class SetOptions:
    """What the rules about a set may know.

    Attributes:
        trigger: the word that the training shall teach.
        epochs: how many epochs are planned, 0 for unknown.
        images: whether images are compared; None for up to :data:`MOST_IMAGES`.
        tokenizers: for cached text encodings; times of change are compared without them.
    """

    trigger: str = ""
    epochs: int = 0
    images: bool | None = None
    tokenizers: Tokenizers | None = None


@dataclass(slots=True)
class Checked:
    """The findings of a set.

    Attributes:
        notes: what was not checked, one line each.
    """

    captions: CaptionSet
    analysis: Analysis
    notes: list[str] = field(default_factory=list)
    found: dict[int, list[Diagnostic]] = field(default_factory=lambda: defaultdict(list))
    about_files: dict[str, list[Diagnostic]] = field(default_factory=lambda: defaultdict(list))

    def reports(self) -> Iterator[Report]:
        """Yield a report for each file with findings or problems, by name."""
        problems: dict[str, list[str]] = defaultdict(list)
        for problem in (*self.captions.problems, *self.analysis.problems):
            problems[_PLACE.sub("", problem.split(": ", 1)[0])].append(problem)
        numbers: dict[str, list[int]] = defaultdict(list)
        for number, caption in enumerate(self.captions.captions):
            if len(self.analysis.found[number]) > 2 or number in self.found:
                numbers[caption.source].append(number)
        for path in sorted({*numbers, *problems, *self.about_files}):
            rows = [self._caption(number) for number in numbers.get(path, ())]
            if path in self.about_files:
                rows.insert(0, (Piece(Document("", role=Role.CAPTION)), tuple(self.about_files[path])))
            pieces, found = zip(*rows, strict=True) if rows else ((), ())
            yield Report(path, tuple(pieces), tuple(found), tuple(problems.get(path, ())))

    def _caption(self, number: int) -> tuple[Piece, tuple[Diagnostic, ...]]:
        found = [*self.analysis.diagnostics(number), *self.found.get(number, ())]
        found.sort(key=lambda d: (d.start, d.end, d.code))
        return piece_of(self.captions.captions[number]), tuple(found)


def check(captions: CaptionSet, analyzer: Analyzer, options: SetOptions) -> Checked:
    """Return the findings of a set of captions."""
    analysis = analyzer.analyze(captions)
    checked = Checked(captions, analysis)
    context = set_context(captions, analysis, options, analyzer, checked.notes)
    for rule, finding in _set_findings(context, analyzer):
        diagnostic = _diagnostic(rule, finding, analyzer)
        if finding.caption is None:
            checked.about_files[finding.path].append(diagnostic)
        else:
            checked.found[finding.caption].append(diagnostic)
    return checked


def set_context(
    captions: CaptionSet, analysis: Analysis, options: SetOptions, analyzer: Analyzer, notes: list[str]
) -> SetContext:
    """Return a set as its rules see it; ``notes`` gets what could not be looked at."""
    rows = captions.captions
    return SetContext(
        texts=[caption.text for caption in rows],
        sources=[caption.source for caption in rows],
        images=[caption.image for caption in rows],
        tags=analysis.tags,
        starts=analysis.starts,
        sentences=[len(spans) // 2 for spans in analysis.sentences],
        table=analysis.table,
        environment=analysis.environment,
        trigger=options.trigger,
        files=_files(captions, options, analyzer, notes),
    )


def _files(captions: CaptionSet, options: SetOptions, analyzer: Analyzer, notes: list[str]) -> SetFiles:
    rows = captions.captions
    with_caption = {caption.image for caption in rows}
    lost = list(captions.strays)
    if captions.images:
        lost += [c.source for c in rows if c.image is None and c.source not in lost]
    near = _near_images(captions, options, analyzer, notes)
    if captions.text_caches and options.tokenizers is None:
        notes.append(
            "text caches are compared by time alone; name the tokenizers with --tokenizers to compare their token ids"
        )
    return SetFiles(
        tuple(image for image in captions.images if image not in with_caption),
        tuple(dict.fromkeys(lost)),
        captions.encodings,
        tuple(_other_case(rows)),
        tuple(stale(captions.text_caches, rows, options.tokenizers)),
        near,
        exposures(captions.images),
        options.epochs,
    )


def _other_case(rows: Iterable[Caption]) -> Iterable[tuple[int, str]]:
    for number, caption in enumerate(rows):
        if caption.image is None or caption.key:
            continue
        own = os.path.splitext(caption.source)[0]  # noqa: PTH122
        stem = os.path.splitext(caption.image)[0]  # noqa: PTH122
        if own != stem and own.casefold() == stem.casefold():
            yield number, caption.image


def _near_images(
    captions: CaptionSet, options: SetOptions, analyzer: Analyzer, notes: list[str]
) -> tuple[tuple[str, str, int], ...]:
    count = len(captions.images)
    if options.images is False or not count:
        return ()
    if options.images is None and count > MOST_IMAGES:
        notes.append(
            f"{count:,} images are not compared with each other; --images compares them, --no-images is silent"
        )
        return ()
    looks = looks_of(captions.images, analyzer.cache(), jobs=analyzer.jobs)
    if len(looks) < count:
        notes.append(f"{count - len(looks):,} of {count:,} images cannot be decoded, so that they are not compared")
    return tuple(near_pairs(looks))


def _set_findings(context: SetContext, analyzer: Analyzer) -> Iterator[tuple[Rule, SetFinding]]:
    project = analyzer.batch.project_of(context.sources[0] if context.sources else "")
    for rule in project.all_rules():
        if rule.check_set is not None and project.config.runs(rule):
            for finding in rule.check_set(context):
                yield rule, finding


def _diagnostic(rule: Rule, finding: SetFinding, analyzer: Analyzer) -> Diagnostic:
    project = analyzer.batch.project_of(finding.path)
    severity = project.config.severity(rule) or finding.severity or rule.severity
    return Diagnostic(rule.name, severity, finding.start, finding.end, finding.message, rule.code)


def piece_of(caption: Caption) -> Piece:
    """Return a caption as outputs show it: with the place in its file."""
    document = Document(caption.text, role=Role.CAPTION)
    if not caption.key or caption.key.startswith("line "):
        return Piece(document, line=caption.line, shown=not caption.source.endswith((".jsonl", ".ndjson")))
    return Piece(document, line=caption.line, shown=False, place=caption.key)

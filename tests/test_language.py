"""Words that the project has retired do not come back in messages, help, docstrings, documentation and names.

Each pattern has a better word. A reviewed exception goes into ``ALLOWED``: where a retired word is right, with the reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from anima_prompt.lint import all_rules

ROOT = Path(__file__).resolve().parent.parent
RETIRED = {
    r"pictures?": "image",
    r"(?:mend|cure)(?:s|d|ed|ing)?": "fix",
    r"(?:take|takes|taken|took|taking)(?: \w+){0,2} back": "suppress",
    r"(?<!there )(?:is|are|was|were|be) no (?!longer\b|more\b)\w+": "is not a ...",
    r"(?:is|are|was|were) (?-i:none)": "name the thing that is missing or malformed",
    r"misses": "missing: ...",
    r"(?:hold|holds|held|carry|carries|carried)": "contain, include, keep",
    r"given": "option, argument, value",
    r"(?:told|tells?|said)": "reported, notified, or the subject itself",
    r"(?:what (?:is|was|were) (?:said|found|left|there)|what was learned)": "finding, diagnostic, the rest",
    r"(?:go|goes|gone|going|went) on": "resume, continue",
    r"draws? lots": "sample",
    r"besides?": "next to, in addition to, temporary file",
    r"behind": "after",
    r"blanks?": "space",
    r"white space": "whitespace",
    r"(?:nobody|somebody)": "name the subject",
    r"(?:speaks?|spoken)": "report, name",
    r"lies?": "is",
    r"lessons?": "counts, totals",
    r"partner": "unbalanced, opening, closing",
    r"data-sets?": "dataset",
    r"loss-free": "lossless",
    r"all the same": "anyway, still",
    r"the reference(?:'s)?(?! (?:implementation|data|to\b|and\b|,))": "name it: ComfyUI, diffusers, the paper",
    r"\w*(?:colour|behaviour|flavour|neighbour|favour|normalis|recognis|capitalis|initialis|serialis|tokenis|organis)\w*":
        "American spelling",
    r"(?:learnt|spoilt|spelt|centre|licence)": "American spelling",
}  # fmt: skip
PATTERN = re.compile(r"\b(?:" + "|".join(f"(?P<w{n}>{word})" for n, word in enumerate(RETIRED)) + r")\b", re.IGNORECASE)
SAY = list(RETIRED.values())

NAMES = frozenset(
    "one another given made told said found kept beside besides here there many mended picture colour".split()
)
"""Names that say nothing about the value; ``other`` is left to Python's protocols."""

ALLOWED = (
    ("anima_prompt/syntax/grammar.py", "*"),  # lists of English words
    ("anima_prompt/lint/rules/vocabulary/contradiction_pairs.py", "nobody"),  # names of exclusive groups
    ("anima_prompt/lint/rules/weights/weight_negative_or_zero.py", "blanks"),  # the verb
    ("anima_prompt/lint/rules/references/", "the reference"),  # a LoRA reference of the prompt
    ("anima_prompt/lint/retired.py", "*"),  # retired names
    ("anima_prompt/captions/discover.py", "license licence"),  # names of files
    ("anima_prompt/vocabulary/spelling.py", "*"),  # British spellings as data
    ("anima_prompt/prompt/spelling.py", "nobody"),  # an example of a name
    ("docs/rules.md", "*"),  # checked where it comes from; the examples of prompts are free
    ("docs/decisions.md", "*"),  # dated entries are not edited later
    ("README.md", "pictures"),  # the folder of the image
    ("data/tags/rules.yaml", "bad_picture"),  # names of embeddings
)


PENDING_NAMES = frozenset(
    """
    anima_prompt/captions/analysis.py
    anima_prompt/captions/checking.py
    anima_prompt/captions/clauses.py
    anima_prompt/captions/discover.py
    anima_prompt/captions/encoding.py
    anima_prompt/captions/formats/studio.py
    anima_prompt/captions/formats/values.py
    anima_prompt/captions/images.py
    anima_prompt/captions/journal.py
    anima_prompt/captions/page.py
    anima_prompt/captions/sets.py
    anima_prompt/captions/statistics.py
    anima_prompt/cli/captions/fix.py
    anima_prompt/cli/captions/lint.py
    anima_prompt/cli/captions/options.py
    anima_prompt/cli/captions/stats.py
    anima_prompt/cli/captions/views.py
    anima_prompt/cli/reading.py
    anima_prompt/interchange/workflow/node_texts.py
    anima_prompt/interchange/workflow/reader.py
    anima_prompt/interchange/differences.py
    anima_prompt/interchange/front_ends.py
    anima_prompt/interchange/image_texts.py
    anima_prompt/interchange/reading.py
    anima_prompt/lint/rules/captions/duplicate_captions.py
    anima_prompt/lint/set_context.py
    anima_prompt/lint_files/cache.py
    anima_prompt/lint_files/sources.py
    """.split()
)
"""Files that are newer than the list of names: to be revised. A test fails once a file is, so that it leaves the list."""


def python_files(pending: frozenset[str] = frozenset()) -> list[object]:
    """Return every file; those that are not revised yet are expected to fail."""
    files = sorted((ROOT / "anima_prompt").rglob("*.py"))
    mark = pytest.mark.xfail(strict=True, reason="names to be revised")
    names = [path.relative_to(ROOT).as_posix() for path in files]
    return [
        pytest.param(path, id=name, marks=[mark] if name in pending else [])
        for path, name in zip(files, names, strict=True)
    ]


def texts_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield messages, help texts and docstrings with their lines; examples of prompts and patterns are left out."""
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) in ("Example", "plain", "compile")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            for number, line in enumerate(node.value.splitlines()):
                if " " in line and not line.lstrip().startswith(">>>"):
                    yield node.lineno + number, line


def findings(path: Path, texts: Iterator[tuple[int, str]]) -> list[str]:
    name = path.relative_to(ROOT).as_posix()
    allowed = [word for prefix, word in ALLOWED if name.startswith(prefix)]
    if "*" in allowed:
        return []
    return [
        f"{name}:{line}: '{match.group()}'; say: {SAY[int(str(match.lastgroup)[1:])]} ({text.strip()[:80]})"
        for line, text in texts
        for match in PATTERN.finditer(text)
        if not any(word in text for word in allowed)
    ]


@pytest.mark.parametrize("path", python_files())
def test_no_retired_word_is_in_a_message_a_help_text_or_a_docstring(path: Path) -> None:
    assert findings(path, texts_of(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "data/tags/rules.yaml", "docs/*.md"])
def test_no_retired_word_is_in_the_documentation(name: str) -> None:
    files = sorted(ROOT.glob(name))
    assert files
    for path in files:
        lines = [re.sub(r"`[^`]*`", "", line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert findings(path, iter(enumerate(lines, 1))) == []


def test_no_retired_word_is_in_a_message_of_a_bad_example() -> None:
    path = ROOT / "tests/golden/lint/messages.txt"
    messages = [
        (number, re.sub(r"'[^']*'", "", line.partition(": ")[2]))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.match(r" {8}(?:negative )?\d+:\d+-", line)
    ]
    assert len(messages) > 200
    allowed = ("blanks the words", "the LoRA reference")
    assert [line for _, line in messages if PATTERN.search(line) and not any(word in line for word in allowed)] == []


def test_no_retired_word_is_in_the_reason_of_a_rule() -> None:
    reasons = [(rule.code, rule.reason) for rule in all_rules()]
    assert [pair for pair in reasons if PATTERN.search(pair[1]) and "the reference" not in pair[1]] == []


@pytest.mark.parametrize("path", python_files(PENDING_NAMES))
def test_no_name_is_a_pronoun(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    stored = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    defined = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    arguments = [node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)]
    constants = ("ONE",)  # Decimal(1)
    assert [
        name
        for name in (*stored, *defined, *arguments)
        if name.strip("_").lower() in NAMES and name.strip("_") not in constants
    ] == []

"""The linter's configuration on disk: ``pyproject.toml`` (``[tool.anima-prompt]``), ``anima-prompt.toml`` or ``.yaml``.

Found upwards from the file that is linted. Every error has a line and names the nearest valid key. TOML is read by the
standard library, which keeps no places; they are found again by the keys.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import yaml

from anima_prompt.diagnostics import Severity
from anima_prompt.dialects import Dialect
from anima_prompt.documents import Value, load_documents
from anima_prompt.errors import InputError
from anima_prompt.lint.config import Config
from anima_prompt.lint.document import Role
from anima_prompt.lint.registry import all_rules, joined
from anima_prompt.lint.rule import Rule
from anima_prompt.lint.word_rules import read_rules
from anima_prompt.safe_paths import read_utf8

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

FILES = ("anima-prompt.toml", "anima-prompt.yaml", "anima-prompt.yml", "pyproject.toml")
MOST_BYTES = 4_000_000
"""Largest configuration file."""
TABLE = ("tool", "anima-prompt")

_LISTS = {
    "select": "select",
    "extend-select": "extend_select",
    "ignore": "ignore",
    "fixable": "fixable",
    "unfixable": "unfixable",
    "extend-safe-fixes": "extend_safe_fixes",
    "extend-unsafe-fixes": "extend_unsafe_fixes",
}
_USES = ("dialect", "profile", "role")
KEYS = (*_LISTS, "severities", "words", "rules", "exclude", "overrides", *_USES, "lines", "max-findings")
OVERRIDE_KEYS = ("files", "ignore", *_USES, "lines")


@dataclass(frozen=True, slots=True)
class Use:
    """What a file's prompts are for; None where nothing is said. ``lines`` means one prompt a line."""

    dialect: Dialect | None = None
    profile: str | None = None
    role: Role | None = None
    lines: bool | None = None

    def over(self, other: Use) -> Use:
        """Return this use with ``other`` where this says nothing."""
        return Use(
            self.dialect or other.dialect,
            self.profile or other.profile,
            self.role or other.role,
            other.lines if self.lines is None else self.lines,
        )


@dataclass(frozen=True, slots=True)
class Override:
    """What holds for files that match patterns: their use, and further rules to leave out."""

    files: tuple[str, ...]
    use: Use
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """One configuration file: its choices about rules, and about files.

    Attributes:
        folder: where it lies; patterns are relative to it.
        path: the file, None if there is none.
        config: choices about rules.
        use: what prompts are for if no override says otherwise.
        overrides: later ones win.
        exclude: patterns, as in ``.gitignore``, of files that are left out of folders.
        max_findings: most findings of a rule that are shown of a file, 0 for all; None for the default.
        rules: rules of the user's own files.
    """

    folder: Path
    path: Path | None = None
    config: Config = field(default_factory=Config)
    use: Use = field(default_factory=Use)
    overrides: tuple[Override, ...] = ()
    exclude: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    max_findings: int | None = None

    def all_rules(self) -> tuple[Rule, ...]:
        """Return the library's rules and the user's."""
        return joined(list(all_rules()), list(self.rules)) if self.rules else all_rules()

    def use_of(self, path: str) -> Use:
        """Return what a file's prompts are for."""
        use = self.use
        for override in self._fitting(path):
            use = override.use.over(use)
        return use

    def ignored(self, path: str) -> tuple[str, ...]:
        """Return the selectors of rules that overrides leave out for a file."""
        return tuple(selector for override in self._fitting(path) for selector in override.ignore)

    def excludes(self, path: str) -> bool:
        """Return whether a file is left out of folders."""
        return _fits(path, self.folder, self.exclude)

    def _fitting(self, path: str) -> list[Override]:
        return [override for override in self.overrides if _fits(path, self.folder, override.files)]


def excludes(patterns: tuple[str, ...], path: str, folder: Path) -> bool:
    """Return whether patterns, as in ``.gitignore``, leave a file below a folder out."""
    return _fits(path, folder, patterns)


def check_patterns(patterns: tuple[str, ...], what: str) -> None:
    """Check patterns of the command line.

    Raises:
        InputError: one is malformed.
    """
    for pattern in patterns:
        try:
            _compiled((pattern,))
        except ValueError:
            raise InputError(f"{what} is '{pattern}'; expected a pattern as in .gitignore, such as old/") from None


def _fits(path: str, folder: Path, patterns: tuple[str, ...]) -> bool:
    """Return whether patterns of ``.gitignore`` in the configuration's folder match a path; the last match decides."""
    if not patterns:
        return False
    try:
        relative = PurePath(Path(path).absolute().relative_to(folder.absolute()))
    except ValueError:
        relative = PurePath(path)
    return _compiled(patterns).match_file(relative.as_posix().lstrip("/"))


@lru_cache(maxsize=64)
def _compiled(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns)


def find_project(start: Path) -> Project:
    """Return the configuration that holds for a folder: the nearest file upwards, or the defaults.

    Raises:
        InputError: the file cannot be read or breaks the schema.
    """
    return _found(start.absolute())


@lru_cache(maxsize=4096)
def _found(folder: Path) -> Project:
    for name in FILES:
        path = folder / name
        if path.is_file() and (name != "pyproject.toml" or _has_table(path)):
            return read_project(path)
    return Project(folder) if folder.parent == folder else _found(folder.parent)


def forget_projects() -> None:
    """Read every configuration file anew from now on."""
    _found.cache_clear()


def _has_table(path: Path) -> bool:
    try:
        return "[tool.anima-prompt" in read_utf8(path, limit=MOST_BYTES)
    except (OSError, UnicodeDecodeError):
        return False


def read_project(path: Path) -> Project:
    """Return one configuration file.

    Raises:
        InputError: the file cannot be read.
        PromptFileError: it breaks the schema; with line and column.
    """
    try:
        text = read_utf8(path, limit=MOST_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason}); give a configuration file in UTF-8") from None
    if path.suffix == ".toml":
        value = _toml(text, path)
    else:
        documents = load_documents(text, str(path))
        if len(documents) > 1:
            raise InputError(f"{path}: {len(documents)} documents; expected one")
        if not documents:
            return Project(path.parent, path)
        value = documents[0]
    return _project(value, path)


def _project(value: Value, path: Path) -> Project:
    fields = value.fields("the configuration", KEYS)
    given: dict[str, Any] = {ours: _texts(fields[key], key) for key, ours in _LISTS.items() if key in fields}
    if "severities" in fields:
        pairs = fields["severities"].fields("severities", fields["severities"].keys("severities"))
        given["severities"] = {key: _one(item, Severity, "severity") for key, item in pairs.items()}
    if "words" in fields:
        given["words"] = frozenset(_texts(fields["words"], "words"))
    rules = (
        tuple(rule for name in fields["rules"].one_or_many("rules") for rule in _rules(name, path))
        if "rules" in fields
        else ()
    )
    config = Config(**given)
    known = joined(list(all_rules()), list(rules)) if rules else all_rules()
    value.guarded(lambda: config.check(known))
    overrides = (
        tuple(_override(item) for item in fields["overrides"].items("overrides")) if "overrides" in fields else ()
    )
    exclude = _pattern_texts(fields["exclude"], "exclude") if "exclude" in fields else ()
    most = _count(fields["max-findings"]) if "max-findings" in fields else None
    return Project(path.parent, path, config, _use(fields), overrides, exclude, rules, most)


def _count(value: Value) -> int:
    number = value.whole("max-findings")
    if number < 0:
        value.fail(f"max-findings is {number}; expected 0 (no limit) or more")
    return number


def _rules(name: Value, path: Path) -> list[Rule]:
    return read_rules(path.parent / name.text("a rule file"))


def _override(value: Value) -> Override:
    fields = value.fields("an override", OVERRIDE_KEYS)
    if "files" not in fields:
        value.fail("an override has no files; give a pattern such as captions/**/*.txt")
    files = _pattern_texts(fields["files"], "files")
    return Override(files, _use(fields), _texts(fields["ignore"], "ignore") if "ignore" in fields else ())


def _pattern_texts(value: Value, what: str) -> tuple[str, ...]:
    """Return patterns; an error has the place of the bad one."""
    for item in value.one_or_many(what):
        text = item.text("a pattern")
        try:
            _compiled((text,))
        except ValueError:
            item.fail(f"pattern is '{text}'; expected one as in .gitignore, such as old/ or captions/**/*.txt")
    return _texts(value, what)


def _use(fields: dict[str, Value]) -> Use:
    return Use(
        _one(fields["dialect"], Dialect, "dialect") if "dialect" in fields else None,
        fields["profile"].text("profile") if "profile" in fields else None,
        _one(fields["role"], Role, "role") if "role" in fields else None,
        fields["lines"].boolean("lines") if "lines" in fields else None,
    )


def _texts(value: Value, what: str) -> tuple[str, ...]:
    return tuple(item.text(what) for item in value.one_or_many(what))


def _one(value: Value, kind: Any, what: str) -> Any:
    text = value.text(what)
    if text not in tuple(kind):
        value.fail(f"{what} is '{text}'; expected one of {', '.join(kind)}")
    return kind(text)


# --- TOML with places ------------------------------------------------------------------------------------------------

_HEADER = re.compile(r"\s*\[\[?\s*(?P<path>[^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*(?P<key>\"[^\"]+\"|'[^']+'|[\w-]+(?:\s*\.\s*[\w-]+)*)\s*=")


def _toml(text: str, path: Path) -> Value:
    try:
        data: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: {error}; check the TOML syntax") from None
    places = _places(text)
    prefix: tuple[str, ...] = ()
    if path.name == "pyproject.toml":
        prefix = TABLE
        for key in TABLE:
            data = data.get(key, {})
    node = _node(data, prefix, places)
    return Value(str(path), node.start_mark.line + 1, node.start_mark.column + 1, node)


def _places(text: str) -> dict[tuple[str, ...], tuple[int, int]]:
    """Return line and column of every key, by its path; the first of an array's tables has the array's path."""
    places: dict[tuple[str, ...], tuple[int, int]] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines()):
        header = _HEADER.match(line)
        key = _KEY.match(line)
        if header:
            table = _path(header["path"])
            places.setdefault(table, (number, line.index("[")))
        elif key:
            places.setdefault((*table, *_path(key["key"])), (number, len(line) - len(line.lstrip())))
    return places


def _path(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.]+", text))


def _node(data: Any, path: tuple[str, ...], places: dict[tuple[str, ...], tuple[int, int]]) -> yaml.Node:
    """Return TOML data as the nodes that a YAML file would have given."""
    line, column = next((places[path[:n]] for n in range(len(path), -1, -1) if path[:n] in places), (0, 0))
    mark = yaml.Mark("toml", 0, line, column, None, 0)
    tag = "tag:yaml.org,2002:"
    if isinstance(data, dict):
        pairs = []
        for key, value in data.items():
            inner = _node(value, (*path, key), places)
            key_node = yaml.ScalarNode(f"{tag}str", key, inner.start_mark, inner.start_mark)
            pairs.append((key_node, inner))
        return yaml.MappingNode(f"{tag}map", pairs, mark, mark)
    if isinstance(data, list):
        return yaml.SequenceNode(f"{tag}seq", [_node(item, path, places) for item in data], mark, mark)
    if isinstance(data, bool):
        return yaml.ScalarNode(f"{tag}bool", str(data).lower(), mark, mark)
    kind = "int" if isinstance(data, int) else "float" if isinstance(data, float) else "str"
    return yaml.ScalarNode(f"{tag}{kind}", str(data), mark, mark)


def with_choices(project: Project, choices: Mapping[str, tuple[str, ...]]) -> Project:
    """Return a project with the command line's choices in place of, or besides, the file's."""
    config, given = project.config, dict.fromkeys(("select", "fixable"), ()) | dict(choices)
    return replace(
        project,
        config=replace(
            config,
            select=given["select"] or config.select,
            fixable=given["fixable"] or config.fixable,
            extend_select=(*config.extend_select, *given.get("extend_select", ())),
            ignore=(*config.ignore, *given.get("ignore", ())),
            unfixable=(*config.unfixable, *given.get("unfixable", ())),
        ),
    )

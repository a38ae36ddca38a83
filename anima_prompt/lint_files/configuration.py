"""The linter's configuration on disk: ``pyproject.toml`` (``[tool.anima-prompt]``), ``anima-prompt.toml`` or ``.yaml``.

Searched upwards from the linted file. Every error has a line and names the nearest valid key. The standard library
reads TOML without positions, so the positions of keys are searched in the text.
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
    """Dialect, profile and role of a file's prompts; None if not set. ``lines`` means one prompt per line."""

    dialect: Dialect | None = None
    profile: str | None = None
    role: Role | None = None
    lines: bool | None = None

    def over(self, defaults: Use) -> Use:
        """Return this use with unset values from ``defaults``."""
        return Use(
            self.dialect or defaults.dialect,
            self.profile or defaults.profile,
            self.role or defaults.role,
            defaults.lines if self.lines is None else self.lines,
        )


@dataclass(frozen=True, slots=True)
class Override:
    """Settings of files that match patterns: their use, and further rules to ignore."""

    files: tuple[str, ...]
    use: Use
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """Content of a configuration file: settings of rules and of files.

    Attributes:
        folder: folder of the file; patterns are relative to it.
        path: the file, None without a configuration file.
        config: settings of rules.
        use: default dialect, profile and role; overrides take precedence.
        overrides: settings by pattern; later overrides win.
        exclude: patterns, as in ``.gitignore``, of files to skip in folders.
        max_findings: maximum number of findings shown per rule and file, 0 for all; None for the default.
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
        """Return the dialect, profile and role of a file's prompts."""
        use = self.use
        for override in self._fitting(path):
            use = override.use.over(use)
        return use

    def ignored(self, path: str) -> tuple[str, ...]:
        """Return the selectors of rules that overrides ignore for a file."""
        return tuple(selector for override in self._fitting(path) for selector in override.ignore)

    def excludes(self, path: str) -> bool:
        """Return whether a file is excluded from searched folders."""
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
    """Return the configuration of a folder: the nearest file upwards, or the defaults.

    Raises:
        InputError: the file cannot be read or breaks the schema.
    """
    return _search(start.absolute())


@lru_cache(maxsize=4096)
def _search(folder: Path) -> Project:
    for name in FILES:
        path = folder / name
        if path.is_file() and (name != "pyproject.toml" or _has_table(path)):
            return read_project(path)
    return Project(folder) if folder.parent == folder else _search(folder.parent)


def forget_projects() -> None:
    """Clear the cache of configuration files."""
    _search.cache_clear()


def _has_table(path: Path) -> bool:
    try:
        return "[tool.anima-prompt" in read_utf8(path, limit=MOST_BYTES)
    except (OSError, UnicodeDecodeError):
        return False


def read_project(path: Path) -> Project:
    """Return one configuration file.

    Raises:
        InputError: the file cannot be read.
        PromptFileError: the file breaks the schema; with line and column.
    """
    try:
        text = read_utf8(path, limit=MOST_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason}); expected a configuration file in UTF-8") from None
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
    options: dict[str, Any] = {ours: _texts(fields[key], key) for key, ours in _LISTS.items() if key in fields}
    if "severities" in fields:
        pairs = fields["severities"].fields("severities", fields["severities"].keys("severities"))
        options["severities"] = {key: _member(item, Severity, "severity") for key, item in pairs.items()}
    if "words" in fields:
        options["words"] = frozenset(_texts(fields["words"], "words"))
    rules = (
        tuple(rule for name in fields["rules"].one_or_many("rules") for rule in _rules(name, path))
        if "rules" in fields
        else ()
    )
    config = Config(**options)
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
        value.fail("missing: files of an override; add a pattern such as captions/**/*.txt")
    files = _pattern_texts(fields["files"], "files")
    return Override(files, _use(fields), _texts(fields["ignore"], "ignore") if "ignore" in fields else ())


def _pattern_texts(value: Value, name: str) -> tuple[str, ...]:
    """Return patterns; an error has the position of the malformed pattern."""
    for item in value.one_or_many(name):
        text = item.text("a pattern")
        try:
            _compiled((text,))
        except ValueError:
            item.fail(f"pattern is '{text}'; expected one as in .gitignore, such as old/ or captions/**/*.txt")
    return _texts(value, name)


def _use(fields: dict[str, Value]) -> Use:
    return Use(
        _member(fields["dialect"], Dialect, "dialect") if "dialect" in fields else None,
        fields["profile"].text("profile") if "profile" in fields else None,
        _member(fields["role"], Role, "role") if "role" in fields else None,
        fields["lines"].boolean("lines") if "lines" in fields else None,
    )


def _texts(value: Value, name: str) -> tuple[str, ...]:
    return tuple(item.text(name) for item in value.one_or_many(name))


def _member(value: Value, kind: Any, name: str) -> Any:
    text = value.text(name)
    if text not in tuple(kind):
        value.fail(f"{name} is '{text}'; expected one of {', '.join(kind)}")
    return kind(text)


# --- TOML with positions -------------------------------------------------------------------------------------------

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
    """Return line and column of every key, by its path; the first table of an array has the path of the array."""
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
    """Return TOML data as YAML nodes."""
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
    """Return a project with the selectors of the command line, which replace or extend those of the file."""
    config, chosen = project.config, dict.fromkeys(("select", "fixable"), ()) | dict(choices)
    return replace(
        project,
        config=replace(
            config,
            select=chosen["select"] or config.select,
            fixable=chosen["fixable"] or config.fixable,
            extend_select=(*config.extend_select, *chosen.get("extend_select", ())),
            ignore=(*config.ignore, *chosen.get("ignore", ())),
            unfixable=(*config.unfixable, *chosen.get("unfixable", ())),
        ),
    )

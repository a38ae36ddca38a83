"""Rules of other packages: load them, and keep their failures from ending a run.

Knows entry points and the form of a rule; knows nothing of the built-in rules.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.context import Context
from anima_prompt.lint.environment import Environment, Facts
from anima_prompt.lint.rule import Finding, Rule

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "anima_prompt.rules"
OWN_LETTERS = ("ANI", "CAP")
_CODE = re.compile(r"[A-Z]{3}[0-9]{3}")
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def load_plugins() -> tuple[list[Rule], list[str]]:
    """Return the rules of all installed plug-ins, and one line for each plug-in or rule that cannot be used."""
    from importlib.metadata import entry_points

    rules: list[Rule] = []
    errors: list[str] = []
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: (point.name, point.value)):
        plugin = _plugin_name(point)
        try:
            loaded = list(point.load())
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a plug-in raises, the other rules still run
            errors.append(f"plug-in {plugin} cannot be loaded ({described(error)}); update or uninstall it")
            continue
        for position, rule in enumerate(loaded, start=1):
            problem = _problem(rule)
            if problem:
                errors.append(f"plug-in {plugin}: item {position} {problem}; update or uninstall it")
            else:
                rules.append(rule)
    return rules, errors


@cache
def plugin_sources() -> tuple[str, ...]:
    """Return a line for each installed plug-in: package, version, and a digest of the source files of its rules."""
    from importlib.metadata import entry_points

    lines = []
    for point in entry_points(group=ENTRY_POINTS):
        package, version = (point.dist.name, point.dist.version) if point.dist else ("", "")
        lines.append(f"{package} {version} {point.value} {_source_digest(point.module)}")
    return tuple(sorted(lines))


def _source_digest(module: str) -> str:
    """Return a digest of a module's file, or of all Python files of the package that it is in."""
    loaded = sys.modules.get(module.partition(".")[0])
    folders = [Path(folder) for folder in getattr(loaded, "__path__", ())]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    if not files and getattr(loaded, "__file__", None):
        files = [Path(str(getattr(loaded, "__file__", "")))]
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(files):
        with suppress(OSError):
            digest.update(f"{path.name}\0".encode("utf-8", "surrogatepass") + path.read_bytes())
    return digest.hexdigest()


def described(error: BaseException) -> str:
    """Return an exception in one line: its type and message."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _plugin_name(point: EntryPoint) -> str:
    package = point.dist.name if point.dist else "unknown package"
    return f"'{package}' ({point.value})"


def _problem(rule: object) -> str:
    """Return what keeps an object from being a rule, or an empty text."""
    if not isinstance(rule, Rule):
        return f"is of type {type(rule).__name__}, not Rule"
    if not _CODE.fullmatch(str(rule.code)):
        return f"has the code {rule.code!r}; expected three capital letters and three digits"
    if rule.code.startswith(OWN_LETTERS):
        return f"has the code {rule.code!r}; codes that begin with {' or '.join(OWN_LETTERS)} are reserved"
    if not _NAME.fullmatch(str(rule.name)):
        return f"has the name {rule.name!r}; expected lower-case words with hyphens"
    if type(rule.severity) is not Severity:
        return f"({rule.code}) has the severity {rule.severity!r}; expected a Severity"
    if not callable(rule.check) and not callable(rule.check_tag):
        return f"({rule.code}) has neither check nor check_tag"
    return ""


def guarded(rule: Rule, failures: list[str]) -> Rule:
    """Return a plug-in's rule whose checks cannot raise: a failure is added to ``failures``, and nothing is found.

    Built-in rules are returned as they are: an exception of theirs is a defect of the library and must show.
    """
    if rule.code.startswith(OWN_LETTERS):
        return rule
    return replace(
        rule,
        check=rule.check and partial(_check, rule, rule.check, failures),
        check_tag=rule.check_tag and partial(_check_tag, rule, rule.check_tag, failures),
    )


def _check(
    rule: Rule, check: Callable[[Context], Iterable[Finding]], failures: list[str], context: Context
) -> list[Finding]:
    negative = context.counterpart.source if context.counterpart else ""
    return _safe(rule, partial(check, context), failures, (len(context.source), len(negative)))


def _check_tag(
    rule: Rule,
    check: Callable[[Facts, Environment], Iterable[Finding]],
    failures: list[str],
    facts: Facts,
    environment: Environment,
) -> list[Finding]:
    return _safe(rule, partial(check, facts, environment), failures, (len(facts.text), 0))


def _safe(
    rule: Rule, check: Callable[[], Iterable[Finding]], failures: list[str], lengths: tuple[int, int]
) -> list[Finding]:
    try:
        findings = list(check())
        for finding in findings:
            _require(finding, max(lengths))
    except Exception as error:  # noqa: BLE001  whatever a plug-in raises, the other rules still run
        failures.append(f"rule {rule.code} ({rule.name}) failed ({described(error)}); update the plug-in or ignore it")
        return []
    return findings


def _require(finding: object, length: int) -> None:
    """Raise if an object is not a finding inside a text of ``length`` characters."""
    if not isinstance(finding, Finding):
        raise TypeError(f"the check gave {type(finding).__name__}, not Finding")
    edits = [edit for fix in finding.edits for edit in fix]
    for span in (finding, *edits):
        if span is not finding and not isinstance(span, Edit):
            raise TypeError(f"a fix contains {type(span).__name__}, not Edit")
        if not 0 <= span.start <= span.end <= length:
            raise ValueError(f"the span {span.start}-{span.end} is outside of the text")

"""Findings for programs: JSON, GitHub, GitLab, SARIF 2.1.0, JUnit."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from anima_prompt import __version__
from anima_prompt.diagnostics import Severity
from anima_prompt.escapes import dump_json, visible
from anima_prompt.lint.registry import all_rules
from anima_prompt.lint_files.outputs import Echo
from anima_prompt.lint_files.outputs.rows import Row, data, error_rows, rows, shown_path

if TYPE_CHECKING:
    from anima_prompt.lint_files.report import Report

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_GITLAB = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}
_FORBIDDEN = re.compile("[\ufffe\uffff]")
_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


class JsonLines:
    """One JSON object per line."""

    def __init__(self, echo: Echo) -> None:
        """Write through ``echo``."""
        self.echo = echo

    def report(self, report: Report) -> None:
        """Write a file's errors and findings."""
        for row in (*error_rows(report), *rows(report)):
            self.echo(dump_json(data(row)) + "\n")

    def close(self) -> None:
        """Write nothing more."""


class Json:
    """A JSON array, written incrementally."""

    def __init__(self, echo: Echo) -> None:
        """Write through ``echo``."""
        self.echo = echo
        self.count = 0

    def report(self, report: Report) -> None:
        """Write a file's errors and findings."""
        for row in (*error_rows(report), *rows(report)):
            lead = ",\n" if self.count else "[\n"
            self.echo(lead + dump_json(data(row)))
            self.count += 1

    def close(self) -> None:
        """Close the array."""
        self.echo("\n]\n" if self.count else "[]\n")


class GitHub:
    """Workflow commands that annotate a pull request."""

    def __init__(self, echo: Echo) -> None:
        """Write through ``echo``."""
        self.echo = echo

    def report(self, report: Report) -> None:
        """Write a file's errors and findings."""
        for row in (*error_rows(report), *rows(report)):
            d = row.diagnostic
            where = f"file={_property(row.path)},line={row.line},col={row.column}"
            title = _property(f"{d.code} {d.name}".strip())
            self.echo(f"::{_GITHUB[d.severity]} {where},title={title}::{_message(d.message)}\n")

    def close(self) -> None:
        """Write nothing more."""


def _message(text: str) -> str:
    return visible(text, keep="\r\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


class GitLab:
    """A Code Quality report."""

    def __init__(self, echo: Echo) -> None:
        """Write through ``echo``."""
        self.echo = echo
        self.issues: list[dict[str, Any]] = []
        self.seen: dict[str, int] = {}

    def report(self, report: Report) -> None:
        """Collect a file's errors and findings."""
        for row in (*error_rows(report), *rows(report)):
            d = row.diagnostic
            key = f"{row.path}:{d.code}:{row.text[d.start : d.end]}"
            self.seen[key] = self.seen.get(key, 0) + 1
            digest = hashlib.sha256(f"{key}:{self.seen[key]}".encode("utf-8", "surrogatepass")).hexdigest()
            self.issues.append(
                {
                    "description": d.message,
                    "check_name": f"{d.code} {d.name}".strip(),
                    "fingerprint": digest,
                    "severity": _GITLAB[d.severity],
                    "location": {"path": row.path, "lines": {"begin": row.line}},
                }
            )

    def close(self) -> None:
        """Write the report."""
        self.echo(dump_json(self.issues, indent=2) + "\n")


class Sarif:
    """A SARIF 2.1.0 log."""

    def __init__(self, echo: Echo) -> None:
        """Write through ``echo``."""
        self.echo = echo
        self.results: list[dict[str, Any]] = []
        self.codes: set[str] = set()
        self.errors: list[Row] = []

    def report(self, report: Report) -> None:
        """Collect a file's errors and findings."""
        self.errors += error_rows(report)
        for row in rows(report):
            self.codes.add(row.diagnostic.code)
            self.results.append(_result(row))

    def close(self) -> None:
        """Write the log."""
        described = [rule for rule in all_rules() if rule.code in self.codes]
        rules = [
            {
                "id": rule.code,
                "name": "".join(part.capitalize() for part in rule.name.split("-")),
                "shortDescription": {"text": rule.name.replace("-", " ")},
                "fullDescription": {"text": rule.reason},
                "defaultConfiguration": {"level": _LEVELS[rule.severity]},
            }
            for rule in described
        ]
        driver = {"name": "anima-prompt", "version": __version__, "rules": rules}
        notes = [
            {
                "level": "error",
                "message": {"text": row.diagnostic.message},
                "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(row.path)}}}],
            }
            for row in self.errors
        ]
        run = {
            "tool": {"driver": driver},
            "columnKind": "unicodeCodePoints",
            "invocations": [{"executionSuccessful": not notes, "toolExecutionNotifications": notes}],
            "results": self.results,
        }
        log = {"$schema": _SARIF, "version": "2.1.0", "runs": [run]}
        self.echo(dump_json(log, indent=2) + "\n")


def _result(row: Row) -> dict[str, Any]:
    d = row.diagnostic
    end_line, end_column = row.piece.position(d.end, d.part)
    region = {"startLine": row.line, "startColumn": row.column, "endLine": end_line, "endColumn": end_column}
    location = {"physicalLocation": {"artifactLocation": {"uri": _uri(row.path)}, "region": region}}
    return {
        "ruleId": d.code,
        "level": _LEVELS[d.severity],
        "message": {"text": d.message},
        "locations": [location],
        "properties": {"name": d.name, "part": d.part},
    }


def _uri(path: str) -> str:
    pure = PurePath(path)
    if pure.drive and pure.is_absolute():  # a colon after a drive would read as the scheme of an address
        return pure.as_uri()
    text = pure.as_posix()
    try:
        return quote(text, errors="surrogateescape")  # a name that is not UTF-8 keeps its bytes
    except UnicodeEncodeError:
        return quote(text, errors="surrogatepass")


class JUnit:
    """A JUnit report: a suite for every file, a failed case for every finding."""

    def __init__(self, echo: Echo) -> None:
        """Write through ``echo``."""
        self.echo = echo
        self.suites: list[str] = []
        self.tests = self.failures = self.errors = 0

    def report(self, report: Report) -> None:
        """Collect a file's findings."""
        findings = list(rows(report))
        cases = [_case(row) for row in findings]
        cases += [
            f"<testcase name={_attribute('readable')}><error message={_attribute(e)}/></testcase>"
            for e in report.errors
        ]
        tests = max(1, len(cases))
        body = "".join(f"\n    {case}" for case in cases) or '\n    <testcase name="clean"/>'
        name = _attribute(shown_path(report))
        numbers = f'tests="{tests}" failures="{len(findings)}" errors="{len(report.errors)}"'
        self.suites.append(f"  <testsuite name={name} {numbers}>{body}\n  </testsuite>")
        self.tests += tests
        self.failures += len(findings)
        self.errors += len(report.errors)

    def close(self) -> None:
        """Write the report."""
        numbers = f'tests="{self.tests}" failures="{self.failures}" errors="{self.errors}"'
        head = f'<testsuites name="anima-prompt" {numbers}>'
        self.echo('<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join((head, *self.suites, "</testsuites>")) + "\n")


def _case(row: Row) -> str:
    d = row.diagnostic
    name = _attribute(f"{d.code} {d.name} {row.line}:{row.column}")
    failure = f'<failure type="{d.severity.value}" message={_attribute(d.message)}/>'
    return f'<testcase name={name} line="{row.line}">{failure}</testcase>'


def _attribute(text: str) -> str:
    """Return a text as an XML attribute; control characters become escapes."""
    return quoteattr(_FORBIDDEN.sub("?", visible(text)))

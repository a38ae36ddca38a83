"""Facts about rules of other packages that are broken: one line names them, and the other rules still run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anima_prompt.lint.document import Document
from anima_prompt.lint.linter import Linter
from anima_prompt.lint.plugins import guarded
from anima_prompt.lint.registry import all_rules, rule_named

HEAD = """
from anima_prompt.diagnostics import Edit, Severity
from anima_prompt.lint.rule import Example, Finding, Rule

def rule(code="PLG101", name="plug-in-rule", **given):
    return Rule(code, name, Severity.WARNING, "reason", (), (), **given)

def fine(context):
    yield Finding(0, 1, "seen by the plug-in")
"""


def run(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the linter with a package installed that provides the rules of ``module``."""
    (folder / "plugrules.py").write_text(HEAD + module)
    info = folder / "plugrules-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugrules\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[anima_prompt.rules]\nmine = plugrules:RULES\n")
    path = os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", "")))
    command = [sys.executable, "-m", "anima_prompt", "lint", *(arguments or ("1girl, long_hair", "-f", "json"))]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False, timeout=60
    )
    assert "Traceback" not in done.stderr
    return done


def test_a_rule_of_a_package_runs(tmp_path: Path) -> None:
    done = run(tmp_path, "RULES = [rule(check=fine)]")
    assert "PLG101" in {row["code"] for row in json.loads(done.stdout)}
    assert (done.returncode, done.stderr) == (1, "")


BROKEN = {
    "import": ("import nowhere_at_all\n", "cannot be loaded (ModuleNotFoundError: No module named 'nowhere_at_all')"),
    "raises": ("raise RuntimeError('no luck\\nat all')\n", "cannot be loaded (RuntimeError: no luck at all)"),
    "exits": ("raise SystemExit(3)\n", "cannot be loaded (SystemExit: 3)"),
    "syntax": ("def f(:\n", "cannot be loaded (SyntaxError: "),
    "no rules": ("", "cannot be loaded (AttributeError: "),
    "not a list": ("RULES = 3", "cannot be loaded (TypeError: "),
    "not a rule": ("RULES = ['x']", "item 1 is of type str, not Rule"),
    "a bad code": ("RULES = [rule('plg1')]", "item 1 has the code 'plg1'; expected three capital letters"),
    "our code": ("RULES = [rule('ANI999', check=fine)]", "item 1 has the code 'ANI999'; codes that begin with ANI"),
    "a used name": (
        "RULES = [rule(name='typo', check=fine)]",
        "rule PLG101 (typo) has a code or a name that is in use",
    ),
    "no check": ("RULES = [rule()]", "item 1 (PLG101) has neither check nor check_tag"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_plug_in_that_cannot_be_used_is_one_line(case: str, tmp_path: Path) -> None:
    module, message = BROKEN[case]
    done = run(tmp_path, module)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    rows = json.loads(done.stdout)
    assert "underscore-tag" in {row["name"] for row in rows}, "the other rules still run"
    assert [row["message"] for row in rows if row["name"] == "unreadable-input"] == [
        done.stderr.removeprefix("error: ").strip()
    ]


def test_the_good_rules_of_a_plug_in_run_beside_a_bad_one(tmp_path: Path) -> None:
    done = run(tmp_path, "RULES = [3, rule(check=fine)]")
    assert "PLG101" in {row["code"] for row in json.loads(done.stdout)}


FAILING = {
    "raises": ("def bad(context):\n    yield 1 / 0\n", "ZeroDivisionError: division by zero"),
    "not a finding": ("def bad(context):\n    return ['x']\n", "TypeError: the check gave str, not Finding"),
    "nothing": ("def bad(context):\n    return None\n", "TypeError: 'NoneType' object is not iterable"),
    "outside": ("def bad(context):\n    yield Finding(0, 10**6, 'x')\n", "ValueError: the span 0-1000000 is outside"),
    "bad edit": (
        "def bad(context):\n    yield Finding(0, 1, 'x', ((Edit(-3, 1, ''),),))\n",
        "ValueError: the span -3-1 is outside",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_check_that_fails_is_one_line_that_names_the_rule(case: str, tmp_path: Path) -> None:
    module, message = FAILING[case]
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text("1girl, long_hair\n")
    done = run(tmp_path, module + "RULES = [rule(check=bad)]", str(tmp_path), "-f", "json")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, "once, not for every file"
    assert "rule PLG101 (plug-in-rule) failed" in done.stderr
    assert message in done.stderr
    assert len([row for row in json.loads(done.stdout) if row["name"] == "underscore-tag"]) == 3


def test_a_failure_is_reported_again_though_results_are_cached(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1girl, long_hair\n")
    module = "def bad(facts, environment):\n    raise KeyError(facts.text)\nRULES = [rule(check_tag=bad)]"
    for _ in range(2):
        done = run(tmp_path, module, str(tmp_path / "a.txt"))
        assert "rule PLG101 (plug-in-rule) failed (KeyError: '1girl')" in done.stderr


def test_a_built_in_rule_may_raise() -> None:
    rule = rule_named("typo")
    assert guarded(rule, []) is rule
    assert all(guarded(one, []) is one for one in all_rules())


def test_a_linter_keeps_failures_for_its_caller() -> None:
    from dataclasses import replace

    def bad(context: object) -> list[Any]:
        raise LookupError("no such thing")

    rule = replace(rule_named("typo"), code="PLG101", name="plug-in-rule", check=bad, check_tag=None, needs="")
    linter = Linter(rules=[rule])
    assert linter.check(Document("1girl")) == []
    assert linter.failures == [
        "rule PLG101 (plug-in-rule) failed (LookupError: no such thing); update the plug-in or ignore it"
    ]

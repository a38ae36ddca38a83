"""Facts about the forms in which findings are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from anima_prompt.lint_files.configuration import Use
from anima_prompt.lint_files.outputs import FORMATS, writer_for
from anima_prompt.lint_files.outputs.rows import rows
from anima_prompt.lint_files.runner import FileLinter, Options, Report

DATA = Path(__file__).resolve().parents[1] / "data"
DOCS = Path(__file__).resolve().parents[2] / "docs"
HOSTILE = '1girl, <img src=x onerror=alert(1)>, </script><script>alert(2)</script>, "]]> & \x07, looking_at_viewer'


def reports(*texts: str) -> list[Report]:
    batch = FileLinter(Options(Use(), {}, None, isolated=True, cached=False, settings={}))
    return [batch.report_text(text) for text in texts]


def written(form: str, found: list[Report]) -> str:
    pieces: list[str] = []
    writer = writer_for(form, pieces.append)
    for report in found:
        writer.report(report)
    writer.close()
    return "".join(pieces)


MANY = reports("1girl, looking_at_viewer, (red hair", "masterpiece, 1girl\n---\nblurry,,bad_hands", HOSTILE)
NONE: list[Report] = []
EVERY = [row for report in MANY for row in rows(report)]


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_takes_nothing_and_much(form: str) -> None:
    assert written(form, NONE) is not None
    text = written(form, MANY)
    assert all(row.diagnostic.code in text for row in EVERY)


def test_json_fits_its_published_schema() -> None:
    schema = json.loads((DOCS / "lint-output.schema.json").read_text(encoding="utf-8"))
    found = json.loads(written("json", MANY))
    jsonschema.validate(found, schema)
    assert json.loads(written("json", NONE)) == []
    assert [(row["code"], row["start"], row["line"]) for row in found] == [
        (row.diagnostic.code, row.diagnostic.start, row.line) for row in EVERY
    ]
    broken = [{key: value for key, value in found[0].items() if key != "code"}]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_json_lines_say_what_json_says() -> None:
    lines = [json.loads(line) for line in written("jsonl", MANY).splitlines()]
    assert lines == json.loads(written("json", MANY))


def test_sarif_fits_the_standard() -> None:
    schema = json.loads((DATA / "sarif-2.1.0.schema.json").read_text(encoding="utf-8"))
    with_error = [*MANY, Report("a b.txt", errors=("a b.txt: cannot be read",))]
    for found in (NONE, with_error):
        log: dict[str, Any] = json.loads(written("sarif", found))
        jsonschema.validate(log, schema)
    run = log["runs"][0]
    known = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} == known
    assert run["invocations"][0]["executionSuccessful"] is False


def test_junit_is_xml_with_true_totals() -> None:
    tree = ET.fromstring(written("junit", [*MANY, Report("bad\x01.txt", errors=("no",))]))  # noqa: S314
    assert len(tree.findall(".//failure")) == len(EVERY) == int(tree.attrib["failures"])
    assert len(tree.findall(".//error")) == 1
    assert [suite.attrib["name"] for suite in tree][-1] == "bad\\x01.txt"


def test_github_commands_stay_on_one_line() -> None:
    lines = written("github", MANY).splitlines()
    assert len(lines) == len(EVERY)
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines)
    path = Report("a,b:c%.txt", MANY[0].pieces, MANY[0].diagnostics)
    assert "file=a%2Cb%3Ac%25.txt,line=1,col=" in written("github", [path])


def test_gitlab_fingerprints_differ() -> None:
    twice = reports("1girl, looking_at_viewer, smile, looking_at_viewer")
    issues = json.loads(written("gitlab", twice))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) > 2
    assert json.loads(written("gitlab", twice)) == issues, "a fingerprint is the same tomorrow"


def test_text_shows_the_line_with_carets() -> None:
    text = written("text", reports("1girl,\n赤い髪, looking_at_viewer"))
    shown = text.split("looking_at_viewer\n")[1].splitlines()[0]
    assert shown.count("^") == len("looking_at_viewer")
    before = next(line for line in text.splitlines() if line.endswith("looking_at_viewer"))
    assert shown.index("^") == before.index("looking") + 3, "wide characters take two columns"


def test_text_shows_a_part_of_a_long_line() -> None:
    text = written("text", reports("1girl, " + "smile, " * 3000 + "looking_at_viewer"))
    assert max(len(line) for line in text.splitlines()) < 300
    assert "\x1b" not in text


def test_text_shows_no_control_characters() -> None:
    assert "\x07" not in written("text", MANY)
    assert "\x07" not in written("concise", MANY)


def test_the_page_runs_nothing_from_a_prompt() -> None:
    page = written("html", MANY)
    assert "<img src=x" not in page
    assert page.count("<script>") == 1
    assert page.count("</script>") == 1

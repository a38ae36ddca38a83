"""The rules about sets: their own examples, and cases that they must not confuse."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from anima_prompt.captions.analysis import Analyzer
from anima_prompt.captions.checking import SetOptions, check
from anima_prompt.captions.sets import CaptionSet
from anima_prompt.lint import all_rules
from anima_prompt.lint.rule import Example, Rule
from anima_prompt.lint_files.runner import Options
from tests.captions.folders import from_lines, image_bytes, put_all

RULES = [rule for rule in all_rules() if rule.check_set is not None]


class Letters:
    """A tokenizer of letters, in the place of T5's."""

    def encode(self, segments: Any) -> Any:
        ids = (*(ord(char) for text, _ in segments for char in text), 1)
        return type("Tokens", (), {"t5": ids})()


def codes(folder: Path, options: dict[str, str] | None = None, *, tokenizers: Any = None) -> list[tuple[str, str, str]]:
    """Return code, file name and message of the findings about the set."""
    given = options or {}
    chosen = SetOptions(given.get("trigger", ""), int(given.get("epochs", "0")), tokenizers=tokenizers)
    checked = check(CaptionSet.load(folder), Analyzer(Options(isolated=True, cached=False), jobs=1), chosen)
    return [
        (d.code, Path(report.path).name, d.message)
        for report in checked.reports()
        for found in report.diagnostics
        for d in found
        if d.code.startswith("CAP")
    ]


def run(folder: Path, example: Example) -> set[str]:
    letters = Letters()
    options = from_lines(folder, example.text, lambda text: list(letters.encode([(text, 1.0)]).t5))
    return {code for code, _, _ in codes(folder, options, tokenizers=letters)}


def ids(value: object) -> str:
    return value.name if isinstance(value, Rule) else ""


@pytest.mark.parametrize("rule", RULES, ids=ids)
def test_a_rule_about_sets_reports_its_bad_example_and_not_its_good_one(rule: Rule, tmp_path: Path) -> None:
    if rule.code == "CAP107" and (tmp_path / "A").exists():
        pytest.skip("needs names that differ in case")
    for example in rule.bad:
        assert rule.code in run(tmp_path / "bad", example)
    for example in rule.good:
        assert rule.code not in run(tmp_path / "good", example)


def test_a_spelling_mix_is_reported_once_with_both_counts(tmp_path: Path) -> None:
    put_all(
        tmp_path,
        {
            **{f"{n}.txt": "1girl, long hair" for n in range(5)},
            **{f"x{n}.txt": "1girl, Long_Hair" for n in range(2)},
        },
    )
    found = [message for code, _, message in codes(tmp_path) if code == "CAP301"]
    assert found == ["'Long_Hair' (2 captions) is written 'long hair' in 5; use one spelling"]


def test_the_trigger_is_not_a_tag_to_be_absorbed(tmp_path: Path) -> None:
    put_all(tmp_path, {f"{n}.txt": f"qzvmychar, 1girl, red hat, {n} hats" for n in range(12)})
    found = [message for code, _, message in codes(tmp_path, {"trigger": "qzvmychar"}) if code == "CAP303"]
    assert found == [
        "'red hat' is in 12 of 12 captions; remove it to let the trigger 'qzvmychar' absorb it, keep it to be able to "
        "change it in prompts"
    ]


def test_a_trigger_in_a_sentence_is_not_missing(tmp_path: Path) -> None:
    put_all(tmp_path, {"a.txt": "A portrait of qzvmychar in the rain."})
    assert codes(tmp_path, {"trigger": "qzvmychar"}) == []


def test_an_image_of_another_size_and_format_looks_the_same(tmp_path: Path) -> None:
    put_all(
        tmp_path,
        {
            "a.png": image_bytes(number=5, size=256), "b.jpg": image_bytes(number=5, size=128, form="JPEG"),
            "c.png": image_bytes(number=6, size=256), "a.txt": "1girl", "b.txt": "1boy", "c.txt": "2girls",
        },
    )  # fmt: skip
    assert [(code, name) for code, name, _ in codes(tmp_path) if code == "CAP403"] == [("CAP403", "b.jpg")]


def test_damaged_images_stop_nothing(tmp_path: Path) -> None:
    put_all(tmp_path, {"a.png": b"not an image", "b.png": image_bytes()[:60], "a.txt": "1girl", "b.txt": "1boy"})
    captions = CaptionSet.load(tmp_path)
    checked = check(captions, Analyzer(Options(isolated=True, cached=False)), SetOptions())
    assert checked.notes == ["2 of 2 images cannot be decoded, so that they are not compared"]


def test_without_tokenizers_a_text_cache_is_compared_by_time(tmp_path: Path) -> None:
    put_all(tmp_path, {"a.png": image_bytes(), "a.txt": "1girl", "a_anima_te.npz": b"x"})
    os.utime(tmp_path / "a.txt", (2_000_000_000, 2_000_000_000))
    found = [(name, message) for code, name, message in codes(tmp_path) if code == "CAP105"]
    assert found == [
        ("a_anima_te.npz", "the caption was changed after its text was cached; delete the file, so that the trainer "
         "encodes the caption again")
    ]  # fmt: skip


def test_a_cache_of_the_first_line_alone_is_not_stale(tmp_path: Path) -> None:
    text = "a.png\na.txt: ab\\x0acd\na_anima_te.npz: ab"
    letters = Letters()
    from_lines(tmp_path, text, lambda line: list(letters.encode([(line, 1.0)]).t5))
    assert [code for code, _, _ in codes(tmp_path, tokenizers=letters) if code == "CAP105"] == []


def test_one_image_may_have_one_text_in_two_files(tmp_path: Path) -> None:
    put_all(
        tmp_path,
        {"a.png": image_bytes(number=1), "a.txt": "1girl", "metadata.jsonl": '{"file_name": "a.png", "text": "1girl"}'},
    )
    assert "CAP401" not in [code for code, _, _ in codes(tmp_path)]


def test_near_duplicates_in_another_order_name_the_tags_that_differ(tmp_path: Path) -> None:
    tags = ["1girl", "long hair", "blue eyes", "smile", "hat", "sky", "day", "tree"]
    put_all(
        tmp_path,
        {"a.txt": ", ".join(tags), "b.txt": ", ".join(reversed(tags)), "c.txt": ", ".join([*tags[:-1], "night"])},
    )
    found = [(name, message) for code, name, message in codes(tmp_path) if code == "CAP402"]
    assert found[0] == ("b.txt", "the same tags as 'a.txt'; describe what differs between the images")
    assert found[1][1].startswith("the tags of 'b.txt' but for 'night', 'tree'")


FOLDER: dict[str, str | bytes] = {
    "10_girl/a.png": image_bytes(number=1), "10_girl/a.txt": "safe, 1girl, smile, looking at viewer, outdoors, @wlop, day",
    "10_girl/b.png": image_bytes(number=2), "10_girl/b.txt": "safe, 1girl, hat, closed eyes, indoors, @wlop, night",
    "dataset.toml": "[general]\n", "config.yaml": "a: [", "README.md": "# x", "notes.txt": "the first girl, (unbalanced",
    "10_girl/a_1024x1024_anima.npz": b"\x00", "samples/x.txt": "((((", "samples/x.png": b"no", "model.safetensors": b"\x00",
    "workflow.json": '{"3": {"class_type": "KSampler"}}', "state.json": "{broken", "selected_tags.csv": 'tag_id,"name\n',
    "log.txt": "(((", "10_girl/thumbs.db": b"\x00", "10_girl/.DS_Store": b"\x00", "wildcards.txt": "a\nb\n",
}  # fmt: skip


def test_a_folder_as_people_have_it_has_no_finding_that_is_not_about_a_caption(tmp_path: Path) -> None:
    put_all(tmp_path, FOLDER)
    checked = check(CaptionSet.load(tmp_path), Analyzer(Options(isolated=True, cached=False)), SetOptions())
    found = [(report.path, report.errors, report.diagnostics) for report in checked.reports()]
    assert [row for row in found if Path(row[0]).name not in ("a.txt", "b.txt")] == []
    assert [d.code for _, _, rows in found for row in rows for d in row if d.severity != "info"] == []


def test_results_are_the_same_from_the_cache_and_in_several_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANIMA_PROMPT_DATA", str(tmp_path / "data"))
    put_all(tmp_path / "set", {f"{n:03}.txt": f"1girl, long_hair, smile {n}, wlop" for n in range(600)})
    captions = CaptionSet.load(tmp_path / "set")

    def found(jobs: int, *, cached: bool) -> list[object]:
        checked = check(captions, Analyzer(Options(isolated=True, cached=cached), jobs=jobs), SetOptions(images=False))
        return [(r.path, r.diagnostics) for r in checked.reports()]

    fresh = found(1, cached=False)
    assert len(fresh) == 600
    assert found(2, cached=True) == fresh
    assert found(1, cached=True) == fresh

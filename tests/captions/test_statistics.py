"""Numbers of a set, and the page made of them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from anima_prompt.captions.analysis import Analyzer
from anima_prompt.captions.page import statistics_page
from anima_prompt.captions.sets import CaptionSet
from anima_prompt.captions.statistics import Statistics, length, statistics
from anima_prompt.lint_files.runner import Options
from tests.browser import Open
from tests.captions.folders import put_all

FILES: dict[str, str | bytes] = {
    "10_girl/a.png": b"x", "10_girl/a.txt": "qzvchar, 1girl, long hair, smile", "10_girl/b.png": b"x",
    "10_girl/b.txt": "qzvchar, 1girl, long_hair. She waves at the crowd.", "2_x/c.png": b"x", "2_x/c.txt": "1girl, <b>x</b>",
    "2_x/d.png": b"x", "2_x/d.txt": "",
}  # fmt: skip


class Words:
    """A tokenizer of words, in the place of the model's two."""

    def count(self, text: str) -> tuple[int, int]:
        return len(text.split()), 2 * len(text.split())


def numbers(folder: Path, *, words: bool = False) -> Statistics:
    captions = CaptionSet.load(put_all(folder, FILES))
    analysis = Analyzer(Options(isolated=True, cached=False)).analyze(captions)
    tokenizers = Words() if words else None
    return statistics(captions, analysis, trigger="qzvchar", tokenizers=tokenizers, epochs=3)  # type: ignore[arg-type]


def test_tags_are_counted_by_name_with_the_trigger(tmp_path: Path) -> None:
    found = numbers(tmp_path)
    rows = {row.tag: row for row in found.tags}
    hair = rows["long hair"]
    assert (hair.captions, hair.share, hair.with_trigger, hair.lift, hair.forms) == (2, 0.5, 2, 2.0, 2)
    girl = rows["1girl"]
    assert (girl.captions, girl.section) == (3, "count")
    assert girl.position == pytest.approx((1 / 3 + 0.5 + 0) / 3)
    assert not rows["qzvchar"].known
    assert (found.captions, found.images, found.empty, found.with_trigger) == (4, 4, 1, 2)


def test_sections_pairs_and_exposures(tmp_path: Path) -> None:
    found = numbers(tmp_path)
    assert ("count", 3, 1.0) in found.sections
    assert ("text", 1, 1.0) in found.sections
    assert ("qzvchar", "1girl", 2) in found.pairs
    assert [row[1:] for row in found.folders] == [(2, 10, 30), (2, 2, 6)]


def test_tokens_are_counted_by_both_tokenizers_or_it_is_said(tmp_path: Path) -> None:
    assert [row.name for row in numbers(tmp_path, words=True).lengths] == [
        "tags",
        "sentences",
        "characters",
        "T5 tokens",
        "Qwen tokens",
    ]
    assert "tokens are not counted" in numbers(tmp_path).notes[0]


def test_lengths_and_what_is_beyond_a_limit() -> None:
    found = length("T5 tokens", [1, 2, 3, 600], limit=512)
    assert (found.least, found.median, found.most, found.beyond) == (1, 2.5, 600, 1)
    assert sum(count for _, _, count in found.bins) == 4


def test_the_csv_has_every_tag(tmp_path: Path) -> None:
    found = numbers(tmp_path)
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert len(rows) == found.distinct
    assert rows[0]["tag"] == "1girl"
    assert list(found.to_frame()["tag"]) == [row["tag"] for row in rows]


def test_an_empty_set_has_statistics() -> None:
    captions = CaptionSet()
    found = statistics(captions, Analyzer(Options(isolated=True, cached=False)).analyze(captions))
    assert (found.captions, found.tags, found.lengths) == (0, [], [])
    assert "0</b> captions" in statistics_page(found, "none")


def test_the_page_escapes_what_captions_contain(tmp_path: Path) -> None:
    page = statistics_page(numbers(tmp_path), "<set>")
    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "Captions: &lt;set&gt;" in page
    assert "http" not in page.replace("http-equiv", "")


def test_the_page_filters_its_tags(tmp_path: Path, open_page: Open) -> None:
    (tmp_path / "page.html").write_text(statistics_page(numbers(tmp_path / "set", words=True), "set"), encoding="utf-8")
    page = open_page(tmp_path / "page.html")
    assert page.locator("#tags tbody tr:visible").count() == 5
    page.fill("#filter", "hair")
    assert page.locator("#tags tbody tr:visible").count() == 1
    assert page.locator("svg").count() > 8

"""The findings page in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import Open
from tests.lint_files.test_outputs import HOSTILE, reports, written


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "found.html"
    texts = [f"1girl, looking_at_viewer, hair {i}" for i in range(20)]
    path.write_text(written("html", reports(HOSTILE, "masterpiece, (1girl", *texts)), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_by_keyboard_and_mouse(page_file: Path, open_page: Open, width: int) -> None:
    page = open_page(page_file, width)
    articles = page.locator("article:visible")
    assert articles.count() == 22
    assert "22 of 22" in page.inner_text("#shown")

    row = page.locator("tr[data-code=ANI101]")
    row.focus()
    page.keyboard.press("Enter")
    assert row.get_attribute("aria-pressed") == "true"
    assert articles.count() == 1
    assert "(1girl" in articles.first.inner_text()
    row.click()
    assert articles.count() == 22

    page.fill("#query", "hair 7")
    assert articles.count() == 1
    page.fill("#query", "")
    page.select_option("#level", "error")
    assert 0 < articles.count() < 22
    page.select_option("#level", "")

    page.click("th:nth-child(2) button")
    codes = page.locator("tbody tr td:nth-child(2)").all_inner_texts()
    assert codes == sorted(codes)
    page.click("th:first-child button")
    counts = [int(text) for text in page.locator("tbody tr td:first-child").all_inner_texts()]
    assert counts == sorted(counts)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing runs out of the window"


def test_prompts_are_shown_letter_by_letter(open_page: Open, tmp_path: Path) -> None:
    texts = ("\n1girl,,smile", "", HOSTILE, "\n\n(1girl", "a  b\n\n c&amp;")
    path = tmp_path / "found.html"
    path.write_text(written("html", reports(*texts)), encoding="utf-8")
    shown = open_page(path).locator("pre").evaluate_all("found => found.map(one => one.textContent)")
    assert shown == [text.replace("\x07", "\\x07") for text in texts]

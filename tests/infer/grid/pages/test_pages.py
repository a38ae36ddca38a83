"""Sheets and the report: what they show, at any count, and what hostile text does to them: nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from anima_infer.errors import GridError
from anima_infer.grid.measure.effects import compute_effects, measure_grid
from anima_infer.grid.measure.pixels import measure_difference, measure_image, pixels_of, ssim
from anima_infer.grid.pages import fonts
from anima_infer.grid.pages import sheet as sheets
from anima_infer.grid.pages.layout import SheetPage, make_pages, shared_settings
from anima_infer.grid.pages.report import write_report
from anima_infer.grid.pages.sheet import write_sheets
from anima_infer.grid.store.contents import Grid
from anima_infer.images import open_image
from tests.infer.grid.conftest import grid_spec, painted

if TYPE_CHECKING:
    from tests.browser import Open

HOSTILE = '<img src=x onerror="alert(1)"></script><script>alert(2)</script> & "quoted" \'single\' <!-- '
WIDTHS = (1300, 390)


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    """Three axes and two seeds, one cell failed, two left out."""
    spec = grid_spec(
        {"weight": "witch hat", "values": [0, 1, 2]},
        {"section": "artist", "values": ["none", "@wlop"]},
        {"steps": [1, 2]},
        seeds=2,
        skip={"weight witch hat": 2, "section artist": "@wlop", "steps": 2},
    )
    return painted(tmp_path, spec, fail=lambda cell: "out of luck" if cell.index == (0, 1, 0, 1) else "")


# --- layout ----------------------------------------------------------------------------------------------------------


def test_pages_rows_and_columns_follow_the_layout(grid: Grid) -> None:
    pages = make_pages(grid)
    assert [page.position for page in pages] == [(0,), (1,)]
    assert pages[0].rows == ((0, 0), (0, 1), (1, 0), (1, 1))
    assert pages[0].columns == ((0,), (1,), (2,))
    assert len(pages[0].cells) == 12
    assert len(pages[1].cells) == 10


def test_a_super_column_has_one_header_over_all_its_columns() -> None:
    columns = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1))
    page = SheetPage((), ((0,),), columns, {})
    outer, inner = ([sheets._span(page, place, level) for place in range(len(columns))] for level in (0, 1))
    assert outer == [3, 0, 0, 2, 0]
    assert inner == [1, 1, 1, 1, 1]


def test_what_all_cells_share_is_told_once(grid: Grid) -> None:
    shared = shared_settings(grid.cells)
    assert shared["negative"] == "worst quality"
    assert shared["sampler"] == "euler"
    assert not {"prompt", "steps", "seed"} & set(shared)


# --- sheet -----------------------------------------------------------------------------------------------------------


def test_a_sheet_is_written_for_every_page_and_holds_every_image(grid: Grid, tmp_path: Path) -> None:
    paths = write_sheets(grid, tmp_path / "s.png")
    assert [path.name for path in paths] == ["s-01.png", "s-02.png"]
    with Image.open(paths[0]) as sheet:
        colors = {color for _, color in sheet.convert("RGB").getcolors(2**24) or []}
    shown = [cell for cell in make_pages(grid)[0].cells.values() if cell.done]
    assert len(shown) == 11
    assert {tuple(bytes.fromhex(cell.key[:6])) for cell in shown} <= colors


def test_a_sheet_of_very_many_cells_is_split_and_never_too_large(
    grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "MOST_SIDE", 500)
    paths = write_sheets(grid, tmp_path / "s.png", cell=96)
    assert len(paths) > 2
    assert all(open_image(path).height <= 500 for path in paths)


def test_images_of_any_shape_are_fitted_small_ones_by_whole_factors() -> None:
    small = Image.new("RGB", (2, 1), "red")
    small.putpixel((1, 0), (0, 0, 255))
    assert sheets.scaled_to_fit(small, 9).size == (8, 4)
    assert len(sheets.scaled_to_fit(small, 9).getcolors() or []) == 2
    assert sheets.scaled_to_fit(Image.new("RGB", (400, 100)), 100).size == (100, 25)


def test_nothing_finished_is_an_error(grid: Grid, tmp_path: Path) -> None:
    bare = replace(grid, cells=tuple(replace(cell, result=None) for cell in grid.cells))
    with pytest.raises(GridError, match="no image is finished"):
        write_sheets(bare, tmp_path / "s.png")


@pytest.mark.parametrize(
    "text", ["one two three four five six", "unbroken" * 30, "紅い髪の魔女が夜に笑う" * 4, "", "a " * 200]
)
def test_headers_wrap_to_their_width_and_end_in_an_ellipsis(text: str) -> None:
    lines = fonts.wrap_text(text, 14, 120, lines=3)
    assert 1 <= len(lines) <= 3
    assert all(fonts.text_width(line, 14) <= 120 for line in lines)
    full = fonts.wrap_text(text, 14, 120)
    assert "".join("".join(full).split()) == "".join(text.split())
    assert (len(full) > 3) == lines[-1].endswith("…")


def test_a_script_without_a_font_is_shown_by_marks_not_by_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "wide_font", lambda: None)
    assert fonts.font_for("魔女 ok", 14)[1] == "?? ok"
    assert fonts.font_for("über … – ok", 14)[1] == "über … – ok"


# --- measures --------------------------------------------------------------------------------------------------------


def test_measures_know_black_white_color_and_edges() -> None:
    black, white = np.zeros((32, 32, 3)), np.ones((32, 32, 3))
    red = np.zeros((32, 32, 3))
    red[..., 0] = 1
    stripes = np.tile(np.array([0.0, 1.0])[None, :, None], (32, 16, 3))
    assert measure_image(black)["brightness"] == 0
    assert measure_image(white)["brightness"] == pytest.approx(1)
    assert (measure_image(red)["saturation"], measure_image(white)["saturation"]) == (1, 0)
    assert measure_image(stripes)["contrast"] == pytest.approx(0.5)
    assert measure_image(stripes)["sharpness"] > 1 > 0 == measure_image(white)["sharpness"]
    assert measure_difference(black, white)["rmse"] == pytest.approx(255)
    assert measure_difference(stripes, stripes) == {"rmse": 0, "ssim": pytest.approx(1)}


def test_structural_similarity_falls_with_noise_and_is_symmetric() -> None:
    source = np.random.default_rng(0)
    y = np.linspace(0, 1, 48)[None, :] * np.ones((48, 1))
    found = [ssim(y, y + source.normal(0, deviation, y.shape)) for deviation in (0.01, 0.05, 0.2)]
    assert 1 > found[0] > found[1] > found[2] > 0
    other = y + source.normal(0, 0.1, y.shape)
    assert ssim(y, other) == pytest.approx(ssim(other, y))


def test_distances_compare_with_the_baseline_of_the_same_seed(grid: Grid) -> None:
    figures = measure_grid(grid)
    at = grid.cells_by_index()
    cell, base = at[1, 1, 0, 1], at[1, 0, 0, 1]
    expected = measure_difference(*(pixels_of(open_image(grid.image_path(one))) for one in (cell, base)))
    assert figures[cell.key]["rmse section artist"] == pytest.approx(expected["rmse"], abs=1e-4)
    assert "rmse section artist" not in figures[base.key]
    assert not any("seed" in name for found in figures.values() for name in found)
    effects = {(effect.axis, effect.label): effect for effect in compute_effects(grid, figures)}
    assert effects["steps", "2"].pairs == 9
    assert set(effects) == {
        ("weight witch hat", "1"),
        ("weight witch hat", "2"),
        ("section artist", "@wlop"),
        ("steps", "2"),
    }


def test_a_scorer_adds_its_figures(grid: Grid) -> None:
    class Length:
        def score(self, images: Any, prompts: Any) -> list[dict[str, float]]:
            return [{"letters": float(len(prompt))} for prompt in prompts]

    figures = measure_grid(grid, {"text": Length()})
    cell = next(cell for cell in grid.cells if cell.done)
    assert figures[cell.key]["text letters"] == len(cell.job["prompt"])


# --- report ----------------------------------------------------------------------------------------------------------


def written(grid: Grid, **options: Any) -> Path:
    figures = measure_grid(grid)
    return write_report(
        grid, grid.folder / "report.html", measures=figures, effects=compute_effects(grid, figures), **options
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_the_report_is_used_by_keyboard(grid: Grid, open_page: Open, width: int) -> None:
    page = open_page(written(grid), width)
    assert page.locator("#summary").inner_text().startswith("21 of 22 images, 1 failed")
    cells = page.locator(".cell")
    assert cells.count() == 12
    assert page.locator(".cell .bad").inner_text() == "failed: out of luck"
    page.locator('.cell[tabindex="0"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#where").inner_text() == "weight witch hat: 1, section artist: none, steps: 1, seed: 6"
    assert "".join(page.locator("#facts del").all_inner_texts()) == "(:0)"
    page.keyboard.press("ArrowDown")
    assert "section artist: @wlop" in page.locator("#where").inner_text()
    assert "".join(page.locator("#facts del").all_inner_texts()) == "(:0)"
    page.locator("#other").select_option(label="section artist: none")
    assert "@wlop" in " ".join(page.locator("#facts ins").all_inner_texts())
    page.locator("#close").focus()
    for key, images in (("2", 2), ("3", 2), ("4", 2), ("1", 1)):
        page.keyboard.press(key)
        assert page.locator("#stage img").count() == images
        assert page.locator('[aria-pressed="true"]').count() == 1
    page.keyboard.press("Escape")
    assert not page.locator("#viewer").is_visible()
    page.wait_for_selector('.cell[data-at="1,1,0,0"]:focus')  # the browser tells of the closing a task later


def test_the_slider_uncovers_the_other_image_and_the_difference_can_be_brightened(grid: Grid, open_page: Open) -> None:
    page = open_page(written(grid))
    page.locator('.cell[data-at="1,1,0,0"]').click()
    page.get_by_role("button", name="Slider").click()
    page.locator(".knob").fill("25")
    assert page.locator(".frame img").nth(1).evaluate("e => e.style.clipPath") == "inset(0px 75% 0px 0px)"
    page.get_by_role("button", name="Difference").click()
    page.locator(".gain input").fill("8")
    assert page.locator(".frame.difference").evaluate("e => e.style.filter") == "brightness(8)"
    page.locator("#other").select_option(index=1)
    page.get_by_role("button", name="Close").click()
    assert not page.locator("#viewer").is_visible()


def test_pages_search_hiding_size_measures_and_theme(grid: Grid, open_page: Open) -> None:
    page = open_page(written(grid))
    page.locator("#query").fill("wlop")
    assert page.locator("#status").inner_text() == "6 of 12 images match"
    page.locator("#query").fill("")
    page.locator("#pages select").select_option(label="2")
    assert page.locator(".cell[data-at]").count() == 10
    assert page.get_by_text("left out").count() == 2
    page.locator('.cell[tabindex="0"]').focus()
    page.keyboard.press("x")
    page.keyboard.press("Shift+X")
    assert page.locator(".cell").count() == 6
    page.get_by_role("button", name="Show all rows and columns").click()
    assert page.locator(".cell").count() == 12
    page.locator("#measure").select_option("rmse steps")
    assert page.locator(".heat").count() == 9
    page.locator("#size").fill("96")
    assert page.locator(".cell").first.bounding_box()["width"] == pytest.approx(96)  # type: ignore[index]
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    assert page.locator("#effects tbody tr").count() == 4


def test_a_marked_image_is_what_others_are_compared_with(grid: Grid, open_page: Open) -> None:
    page = open_page(written(grid))
    page.locator('.cell[data-at="2,1,0,1"]').click(modifiers=["Shift"])
    page.locator('.cell[data-at="1,0,0,0"]').click()
    assert page.locator("#other option:checked").inner_text().startswith("marked, weight witch hat: 2")
    page.keyboard.press("2")
    assert page.locator("#stage figure").count() == 2


def test_headers_stay_in_sight(grid: Grid, open_page: Open) -> None:
    page = open_page(written(grid), 700)
    page.locator("#size").fill("400")
    page.locator("#table").evaluate("e => { e.scrollTop = 500; e.scrollLeft = 300; }")
    box = page.locator("#table").bounding_box()
    head = page.locator("#table thead th").last.bounding_box()
    assert box is not None
    assert head is not None
    assert head["y"] == pytest.approx(box["y"], abs=3)


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_text_does_nothing(tmp_path: Path, open_page: Open, width: int) -> None:
    spec = grid_spec(
        {"name": HOSTILE, "prompt": [{"value": "1girl", "label": HOSTILE}, HOSTILE * 2, "x" * 100_000]},
        name=HOSTILE,
        about=HOSTILE,
        base={"negative": HOSTILE},
    )
    grid = painted(tmp_path, spec, fail=lambda cell: HOSTILE if cell.number == 1 else "")
    page = open_page(written(grid), width)
    assert page.locator("h1").inner_text() == " ".join(HOSTILE.split())
    assert page.locator("img").count() == 2
    page.locator('.cell[data-at="2"]').click()
    page.keyboard.press("2")
    assert page.locator("#facts .text").first.inner_text().count("x") >= 100_000
    assert page.evaluate("document.querySelectorAll('script').length") == 2
    write_sheets(grid, tmp_path / "s.png")


def test_the_page_allows_its_own_script_alone_and_no_address(grid: Grid) -> None:
    html = written(grid).read_text(encoding="utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.findall(r'(?:src|href)="(?!#)', html)
    assert json.loads(re.findall(r'id="data">(.*?)</script>', html, re.DOTALL)[0])["name"] == "test grid"


def test_large_images_are_linked_beside_thumbnails(grid: Grid, open_page: Open) -> None:
    path = written(grid, embed=False)
    data = json.loads(re.findall(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)[0])
    assert all(
        one["full"].startswith("images/") and one["thumb"].startswith("data:image/webp")
        for one in data["images"].values()
    )
    assert path.stat().st_size < written(grid, embed=True).stat().st_size + 200_000


def test_two_thousand_cells_stay_smooth(tmp_path: Path, open_page: Open) -> None:
    spec = grid_spec({"cfg": "1-50"}, {"shift": "1-40"}, base={"steps": 1})
    grid = painted(tmp_path, spec)
    path = write_report(grid, tmp_path / "report.html")
    page = open_page(path)
    assert page.locator(".cell").count() == 2000
    loaded = page.evaluate("document.querySelectorAll('.cell img[src]').length")
    assert 0 < loaded < 1000
    spent = page.evaluate(
        """async () => { const box = document.querySelector('#table'); const start = performance.now(); let worst = 0, last = start;
        for (let i = 1; i <= 40; i++) { box.scrollTop = i * 150; await new Promise(requestAnimationFrame);
        worst = Math.max(worst, performance.now() - last); last = performance.now(); } return [last - start, worst]; }"""
    )
    assert spent[1] < 1000
    assert page.evaluate("document.querySelectorAll('.cell img[src]').length") < 1400

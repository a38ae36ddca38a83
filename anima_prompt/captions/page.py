"""The statistics of a set as one HTML page that opens from disk: plots in SVG, light and dark, nothing loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from anima_prompt.captions.statistics import Length, Statistics
from anima_prompt.pages import inline, render_page
from anima_prompt.sections import Section

_ASSETS = Path(__file__).parent / "assets"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_BARS = 25
_ROWS = 2_000
_WIDTH, _HEIGHT = 560, 140


def statistics_page(found: Statistics, title: str) -> str:
    """Return the page.

    Args:
        title: the set, as the heading names it.
    """
    return render_page(
        _ASSETS / "stats.html",
        policy=_POLICY,
        css=inline(_ASSETS / "stats.css"),
        js=inline(_ASSETS / "stats.js"),
        title=title,
        found=found,
        charts=list(_charts(found)),
        histograms=[_histogram(length) for length in found.lengths if length.bins],
        sections=[
            {"name": name, "count": count, "mean": f"{mean:.1f}", "width": _share(count, found.captions)}
            for name, count, mean in found.sections
        ],
        rows=[_row(row) for row in found.tags[:_ROWS]],
        hidden=max(0, len(found.tags) - _ROWS),
    )


def _charts(found: Statistics) -> Iterator[dict[str, Any]]:
    """Yield the most frequent tags of each section."""
    for section in Section:
        rows = [row for row in found.tags if row.section == section.value]
        if rows:
            most = rows[0].captions
            bars = [
                {"tag": r.tag, "count": f"{r.captions:,}", "width": round(360 * r.captions / most, 1), "y": 18 * place}
                for place, r in enumerate(rows[:_BARS])
            ]
            yield {"section": section.value, "bars": bars, "height": 18 * len(bars), "distinct": len(rows)}


def _histogram(length: Length) -> dict[str, Any]:
    most = max(count for _, _, count in length.bins)
    width = _WIDTH / len(length.bins)
    bars = [
        {
            "x": round(place * width, 1), "w": round(max(1.0, width - 1), 1), "h": round(_HEIGHT * count / most, 1),
            "y": round(_HEIGHT - _HEIGHT * count / most, 1), "label": f"{low} to {high}: {count:,}",
        }
        for place, (low, high, count) in enumerate(length.bins)
    ]  # fmt: skip
    return {"length": length, "bars": bars, "first": length.bins[0][0], "last": length.bins[-1][1]}


def _share(count: int, total: int) -> float:
    return round(100 * count / total, 1) if total else 0.0


def _row(row: Any) -> dict[str, Any]:
    return {
        "tag": row.tag,
        "section": row.section,
        "group": row.group,
        "captions": row.captions,
        "share": f"{100 * row.share:.1f}",
        "position": f"{row.position:.2f}",
        "lift": f"{row.lift:.2f}",
        "forms": row.forms,
        "known": "yes" if row.known else "no",
    }

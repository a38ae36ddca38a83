"""The report: an HTML file that opens from disk, with images, comparison, differences, measures and votes.

Texts of prompts and files go through JSON into text nodes; the page's content security policy runs its own script alone
and loads nothing from elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from PIL import Image

from anima_infer.grid.measure.effects import DESCRIPTIONS, Effect
from anima_infer.grid.pages.layout import describe_settings, shared_settings
from anima_infer.grid.store.contents import Grid, StoredCell
from anima_infer.grid.store.files import relative_path, write_text
from anima_prompt.pages import inline, render_page

if TYPE_CHECKING:
    from anima_infer.grid.votes.results import AxisResult

ASSETS = Path(__file__).parent / "assets"
"""Templates, style sheets and scripts of the pages."""
EMBED_MOST = 24_000_000
"""Bytes of images up to which the page contains the images; beyond, it contains thumbnails and links."""
_THUMB = 320


def write_report(
    grid: Grid,
    output: Path,
    *,
    measures: Mapping[str, Mapping[str, float]] | None = None,
    effects: Sequence[Effect] = (),
    results: Sequence[AxisResult] = (),
    embed: bool | None = None,
) -> Path:
    """Write the report; return its path.

    Args:
        grid: finished or not.
        output: ``.html`` file.
        measures: by key, see :func:`~anima_infer.grid.measure.effects.measure_grid`.
        effects: of the values of the axes.
        results: of the votes.
        embed: whether the page contains the images; None: up to 24 MB.

    Raises:
        GridError: the file cannot be written.
    """
    sizes = {cell.key: grid.image_path(cell).stat().st_size for cell in grid.cells if _has_image(grid, cell)}
    inside = sum(sizes.values()) <= EMBED_MOST if embed is None else embed
    texts: dict[str, int] = {}
    images: dict[str, dict[str, Any]] = {}
    for cell in grid.cells:
        if cell.key in sizes and cell.key not in images:
            images[cell.key] = _image(grid, cell, output, inside=inside)
    data = {
        "name": grid.name,
        "about": grid.about,
        "axes": [
            {"name": axis.name, "kind": axis.kind, "labels": axis.labels, "baseline": axis.baseline_index}
            for axis in grid.axes
        ],
        "layout": {role: [grid.axis_index(name) for name in names] for role, names in grid.layout.items()},
        "shared": shared_settings(grid.cells),
        "cells": [_cell(cell, texts, (measures or {}).get(cell.key, {})) for cell in grid.cells],
        "texts": list(texts),
        "images": images,
        "measures": DESCRIPTIONS,
        "effects": [asdict(effect) for effect in effects],
        "results": [result.to_dict() for result in results],
    }
    write_text(output, _page(data, grid.name))
    return output


def _has_image(grid: Grid, cell: StoredCell) -> bool:
    return cell.done and grid.image_path(cell).is_file()


def _cell(cell: StoredCell, texts: dict[str, int], measures: Mapping[str, float]) -> dict[str, Any]:
    settings = describe_settings(cell)
    result = cell.result or {}
    return {
        "i": cell.index,
        "k": cell.key,
        "p": texts.setdefault(settings.pop("prompt"), len(texts)),
        "n": texts.setdefault(settings.pop("negative"), len(texts)),
        "s": {key: value for key, value in settings.items() if value},
        "t": result.get("seconds"),
        "e": result.get("error", ""),
        "m": measures,
    }


def _image(grid: Grid, cell: StoredCell, output: Path, *, inside: bool) -> dict[str, Any]:
    path = grid.image_path(cell)
    with Image.open(path) as image:
        image.load()
    content = path.read_bytes()
    address = _data_address(content, path.suffix)
    if not inside:
        relative = relative_path(path, output.parent)
        address = path.resolve().as_uri() if relative is None else quote(relative)
    thumb = "" if max(image.size) <= _THUMB and inside else _thumbnail(image)
    return {"w": image.width, "h": image.height, "full": address, "thumb": thumb, "file": path.name}


def _data_address(content: bytes, suffix: str) -> str:
    kind = "webp" if suffix.lower() == ".webp" else "png" if suffix.lower() == ".png" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _thumbnail(image: Image.Image) -> str:
    small = image.convert("RGB")
    small.thumbnail((_THUMB, _THUMB), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, format="WEBP", quality=82, method=4)
    return _data_address(buffer.getvalue(), ".webp")


def _page(data: Mapping[str, Any], title: str) -> str:
    style, script = inline(ASSETS / "report.css"), inline(ASSETS / "report.js")
    return render_page(
        ASSETS / "report.html",
        title=title,
        data=data,
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"

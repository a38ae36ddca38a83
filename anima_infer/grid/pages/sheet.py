"""Contact sheets: one image file per page, with headers, and shared settings in the footer.

No sheet has more than 32 megapixels or 12,000 pixels a side: cells shrink to 96 pixels first, then rows continue in the
next file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from anima_infer.errors import GridError
from anima_infer.grid.pages.fonts import font_for, text_width, wrap_text
from anima_infer.grid.pages.layout import GridPosition, SheetPage, labels_at, make_pages, shared_settings
from anima_infer.grid.store.contents import Grid, StoredCell
from anima_prompt.interchange.images import save_image

MOST_PIXELS, MOST_SIDE = 32_000_000, 12_000
LEAST_CELL, MOST_CELL = 96, 512
_PAPER, _INK, _FAINT, _LINE, _EMPTY = "#ffffff", "#1c1c22", "#66666f", "#d8d8de", "#f0f0f3"


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Sizes of a sheet in pixels; ``sides`` are the widths of the row headers, one for each axis."""

    cell: int
    gap: int
    font: int
    sides: tuple[int, ...]
    margin: int = 24

    @property
    def line(self) -> int:
        """Height of a line of text."""
        return round(self.font * 1.3)


def write_sheets(grid: Grid, output: Path, *, cell: int | None = None) -> list[Path]:
    """Write the contact sheets; return their paths, numbered if there are several.

    Args:
        grid: with at least one finished image.
        output: ``.png`` or ``.webp``.
        cell: side of a cell in pixels; None computes it from the size and the number of the images.

    Raises:
        GridError: nothing is finished.
        InferError: a file cannot be written.
    """
    if not any(stored.done for stored in grid.cells):
        raise GridError(f"{grid.folder}: no image is finished; run 'anima-infer grid run' first")
    sheets = []
    for page in make_pages(grid):
        look = _compute_sizes(grid, page, cell)
        sheets += [_drawn(grid, page, rows, look) for rows in _split(page, look)]
    paths = []
    for index, sheet in enumerate(sheets):
        path = output if len(sheets) == 1 else output.with_stem(f"{output.stem}-{index + 1:02}")
        save_image(sheet, path)
        paths.append(path)
    return paths


def _compute_sizes(grid: Grid, page: SheetPage, wanted: int | None) -> _Sizes:
    sides = [max(stored.job["settings"]["width"], stored.job["settings"]["height"]) for stored in page.cells.values()]
    longest = max(sides)
    cell = wanted or (min(MOST_CELL, longest) if longest >= 160 else longest * -(-160 // longest))
    columns = max(1, len(page.columns))
    if wanted is None:
        fits = min(MOST_SIDE - 400, round(MOST_PIXELS**0.5)) // columns - 8
        cell = max(LEAST_CELL, min(cell, fits))
    font = max(13, min(22, cell // 12))
    return _Sizes(cell, max(4, cell // 40), font, _sides(grid, page, font, max(160, round(cell * 0.8))))


def _sides(grid: Grid, page: SheetPage, font: int, most: int) -> tuple[int, ...]:
    widths = []
    for level, axis in enumerate(grid.layout["rows"]):
        texts = {axis, *(labels_at(grid, "rows", row)[level][1] for row in page.rows)}
        widths.append(round(min(max(text_width(text, font) for text in texts) + 1.5 * font, most)))
    return tuple(widths)


def _split(page: SheetPage, look: _Sizes) -> list[tuple[GridPosition, ...]]:
    """Return the rows of each sheet of a page."""
    step = look.cell + look.gap
    width = len(page.columns) * step + sum(look.sides) + 2 * look.margin
    most = max(1, int((min(MOST_SIDE, MOST_PIXELS / width) - 16 * look.line - 2 * look.margin) // step))
    return [page.rows[start : start + most] for start in range(0, len(page.rows), most)]


def _drawn(grid: Grid, page: SheetPage, rows: Sequence[GridPosition], look: _Sizes) -> Image.Image:
    row_axes, column_axes = grid.layout["rows"], grid.layout["columns"]
    left = look.margin + sum(look.sides)
    width = max(left + len(page.columns) * (look.cell + look.gap) - look.gap, look.margin + 480) + look.margin
    inside = width - 2 * look.margin
    title = wrap_text(_title(grid, page), round(look.font * 1.4), inside, lines=3)
    footer = [line for text in _footer(grid, page) for line in wrap_text(text, look.font, inside, lines=12)]
    spans = [[_span(page, place, level) for place in range(len(page.columns))] for level in range(len(column_axes))]
    heads = [
        [
            wrap_text(
                labels_at(grid, "columns", column)[level][1],
                look.font,
                span * (look.cell + look.gap) - look.gap,
                lines=4,
            )
            if span
            else []
            for column, span in zip(page.columns, spans[level], strict=True)
        ]
        for level in range(len(column_axes))
    ]
    heights = [(max((len(lines) for lines in head if lines), default=1) + 1) * look.line + 4 for head in heads]
    top = look.margin + len(title) * round(look.line * 1.5) + sum(heights) + (look.line if row_axes else 0) + 6
    bottom = top + len(rows) * (look.cell + look.gap)
    height = bottom + len(footer) * look.line + 2 * look.margin
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = _Pen(ImageDraw.Draw(sheet), look)
    y = look.margin
    for line in title:
        pen.text(look.margin, y, line, size=round(look.font * 1.4))
        y += round(look.line * 1.5)
    for level, (axis, head) in enumerate(zip(column_axes, heads, strict=True)):
        _column_heads(pen, (left, y), axis, head, spans[level])
        y += heights[level]
    for level, axis in enumerate(row_axes):
        x = look.margin + sum(look.sides[:level])
        for line in wrap_text(axis, look.font, look.sides[level] - 6, lines=1):
            pen.text(x, top - look.line - 4, line, fill=_FAINT)
    for number, row in enumerate(rows):
        y = top + number * (look.cell + look.gap)
        before = rows[number - 1] if number else None
        _row_heads(pen, y, [label for _, label in labels_at(grid, "rows", row)], row, before)
        for place, column in enumerate(page.columns):
            x = left + place * (look.cell + look.gap)
            _put(grid, sheet, pen, page.cells.get((row, column)), (x, y))
    for number, line in enumerate(footer):
        pen.text(look.margin, bottom + look.margin // 2 + number * look.line, line, fill=_FAINT)
    return sheet


class _Pen:
    """Draws lines of text in any script."""

    def __init__(self, draw: ImageDraw.ImageDraw, look: _Sizes) -> None:
        self.draw, self.look = draw, look

    def text(self, x: float, y: float, text: str, *, size: int | None = None, fill: str = _INK) -> None:
        font, shown = font_for(text, size or self.look.font)
        self.draw.text((x, y), shown, font=font, fill=fill)


def _title(grid: Grid, page: SheetPage) -> str:
    where = [f"{axis}: {label}" for axis, label in labels_at(grid, "pages", page.position)]
    return " — ".join([grid.name, *where]).replace("—", "-")


def _footer(grid: Grid, page: SheetPage) -> list[str]:
    shared = shared_settings(page.cells.values())
    lines = [f"{key}: {shared.pop(key)}" for key in ("prompt", "negative") if key in shared]
    lines.append(" · ".join(f"{key} {value}" for key, value in shared.items()))
    return ["", *([grid.about] if grid.about else []), *lines]


def _span(page: SheetPage, place: int, level: int) -> int:
    """Return the number of columns, from one on, that share a header of a level; 0 if the header starts earlier."""
    start = page.columns[place][: level + 1]
    if place and page.columns[place - 1][: level + 1] == start:
        return 0
    return next(
        (end - place for end in range(place, len(page.columns)) if page.columns[end][: level + 1] != start),
        len(page.columns) - place,
    )


def _column_heads(
    pen: _Pen, corner: tuple[int, int], axis: str, head: Sequence[list[str]], spans: Sequence[int]
) -> None:
    look, (left, y) = pen.look, corner
    for line in wrap_text(axis, look.font, max(look.cell * len(head), 120), lines=1):
        pen.text(left, y, line, fill=_FAINT)
    for place, (lines, span) in enumerate(zip(head, spans, strict=True)):
        if not span:
            continue  # a super-column has one header
        x = left + place * (look.cell + look.gap)
        end = x + span * (look.cell + look.gap) - look.gap - 1
        pen.draw.line([(x, y + look.line - 1), (end, y + look.line - 1)], fill=_LINE)
        for number, line in enumerate(lines):
            pen.text(x, y + (number + 1) * look.line, line)


def _row_heads(pen: _Pen, y: int, labels: Sequence[str], row: GridPosition, before: GridPosition | None) -> None:
    look = pen.look
    for level, label in enumerate(labels):
        if before is not None and row[: level + 1] == before[: level + 1]:
            continue  # a super-row has one header
        x, side = look.margin + sum(look.sides[:level]), look.sides[level]
        if level == 0 and before is not None and len(labels) > 1:
            pen.draw.line([(x, y - look.gap // 2 - 1), (x + side - 8, y - look.gap // 2 - 1)], fill=_LINE)
        for number, line in enumerate(wrap_text(label, look.font, side - 8, lines=max(1, look.cell // look.line))):
            pen.text(x, y + number * look.line, line)


def _put(grid: Grid, sheet: Image.Image, pen: _Pen, cell: StoredCell | None, corner: tuple[int, int]) -> None:
    """Draw a cell: its image, or the reason why it has none."""
    look, (x, y) = pen.look, corner
    if cell is not None and cell.done and grid.image_path(cell).is_file():
        with Image.open(grid.image_path(cell)) as image:
            fitted = scaled_to_fit(image.convert("RGB"), look.cell)
        sheet.paste(fitted, (x + (look.cell - fitted.width) // 2, y + (look.cell - fitted.height) // 2))
        return
    pen.draw.rectangle([x, y, x + look.cell - 1, y + look.cell - 1], fill=_EMPTY)
    if cell is None:
        return
    failed = cell.result is not None
    reason = f"failed: {cell.result['error']}" if cell.result is not None and failed else "not rendered yet"
    for number, line in enumerate(
        wrap_text(reason, look.font, look.cell - 16, lines=max(1, look.cell // look.line - 1))
    ):
        pen.text(x + 8, y + 8 + number * look.line, line, fill=_FAINT)


def scaled_to_fit(image: Image.Image, side: int) -> Image.Image:
    """Return an image scaled to fit a square; small images by integer factors, so that pixels stay sharp."""
    longest = max(image.size)
    if longest < side:
        factor = side // longest
        return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    size = (max(1, image.width * side // longest), max(1, image.height * side // longest))
    return image.resize(size, Image.Resampling.LANCZOS)

"""Fonts for sheets: Pillow's own for Latin script, a font of the system for everything else."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from PIL import ImageFont

_WIDE = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJK-VF.otf.ttc", "NotoSansCJKjp-Regular.otf", "NotoSansCJKsc-Regular.otf",
    "SourceHanSans-Regular.ttc", "SourceHanSansSC-Regular.otf", "wqy-microhei.ttc", "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "ipagp.ttf", "ipag.ttf", "PingFang.ttc",
    "Hiragino Sans GB.ttc", "ヒラギノ角ゴシック W3.ttc", "Arial Unicode.ttf", "msyh.ttc", "YuGothM.ttc", "msgothic.ttc",
    "malgun.ttf", "unifont.otf", "DejaVuSans.ttf",
)  # fmt: skip
"""File names of fonts with many scripts, the best first."""
_LAST_LATIN = 0x24F


def font_for(text: str, size: int) -> tuple[Any, str]:
    """Return a font, and the text as the font can show it: question marks replace characters that no font has."""
    if all(ord(char) <= _LAST_LATIN or 0x2010 <= ord(char) <= 0x2026 for char in text):
        return _plain(size), text
    path = wide_font()
    if path is None:
        return _plain(size), "".join(char if ord(char) <= _LAST_LATIN else "?" for char in text)
    return _from(path, size), text


@cache
def wide_font() -> Path | None:
    """Return a font file of the system that covers many scripts, or the one that ``ANIMA_FONT`` names; None if none."""
    named = os.environ.get("ANIMA_FONT")
    if named and Path(named).is_file():
        return Path(named)
    present = {path.name: path for folder in _folders() for path in folder.rglob("*") if path.name in _WIDE}
    return next((present[name] for name in _WIDE if name in present), None)


def _folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "darwin":
        folders = [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    elif sys.platform == "win32":
        folders = [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    else:
        folders = [
            Path("/usr/share/fonts"),
            Path("/usr/local/share/fonts"),
            home / ".fonts",
            home / ".local/share/fonts",
        ]
    return [folder for folder in folders if folder.is_dir()]


@cache
def _plain(size: int) -> Any:
    return ImageFont.load_default(size)


@cache
def _from(path: Path, size: int) -> Any:
    return ImageFont.truetype(str(path), size)


def text_width(text: str, size: int) -> float:
    """Return the width of a line in pixels."""
    font, shown = font_for(text, size)
    return float(font.getlength(shown))


def wrap_text(text: str, size: int, width: float, *, lines: int = 0) -> list[str]:
    """Return lines no wider than ``width`` pixels; long words are cut, and too many lines end in an ellipsis."""
    wrapped: list[str] = []
    line = ""
    for piece in _pieces(text):
        if line and text_width((line + piece).rstrip(), size) > width:
            wrapped.append(line.rstrip())
            line = ""
        word = piece if line else piece.lstrip()
        while text_width(word.rstrip(), size) > width and len(word) > 1 and not (lines and len(wrapped) > lines):
            cut = _fitting(word, size, width)
            wrapped.append(word[:cut])
            word = word[cut:]
        if lines and len(wrapped) > lines:
            break
        line += word
    wrapped += [line.rstrip()] if line.strip() else []
    if lines and len(wrapped) > lines:
        last = wrapped[lines - 1]
        while last and text_width(last + "…", size) > width:
            last = last[:-1]
        wrapped = [*wrapped[: lines - 1], last.rstrip() + "…"]
    return wrapped or [""]


def _pieces(text: str) -> list[str]:
    """Return words with the space after them; lines may break after any wide (East Asian) character."""
    pieces: list[str] = []
    for char in " ".join(text.split()):
        alone = ord(char) >= 0x2E80
        if pieces and not alone and not (pieces[-1].endswith(" ") and char != " ") and ord(pieces[-1][0]) < 0x2E80:
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def _fitting(word: str, size: int, width: float) -> int:
    """Return the number of characters of a word that fit, at least 1."""
    low, high = 1, len(word)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text_width(word[:middle], size) <= width else (low, middle - 1)
    return low

"""Taggers as scorers: an ONNX model of the WD family recognizes which tags of the prompt an image shows.

The ONNX runtime is an optional package, imported when a tagger is used.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anima_infer.errors import GridError
from anima_prompt.extras import package_error
from anima_prompt.names import text_to_name
from anima_prompt.prompt import Prompt
from anima_prompt.safe_paths import is_file, is_folder

if TYPE_CHECKING:
    from PIL.Image import Image

_LABELS = "selected_tags.csv"
THRESHOLD = 0.35
"""Score from which a tag counts as shown; the WD taggers' own default for general tags."""


def shown_fraction(prompt: str, scores: dict[str, float]) -> float | None:
    """Return the fraction of a prompt's tags that an image shows; None if the tagger knows none of them.

    >>> shown_fraction("1girl, red hair, @wlop", {"1girl": 0.9, "red_hair": 0.2})
    0.5
    """
    names = [text_to_name(tag.text) for _, tag in Prompt.parse(prompt).tags() if tag.weight > 0]
    known = [name for name in names if name in scores]
    return sum(scores[name] >= THRESHOLD for name in known) / len(known) if known else None


class OnnxTagger:
    """A tagger in an ONNX file with ``selected_tags.csv`` beside it (columns ``name``, ``category``)."""

    def __init__(self, path: Path) -> None:
        """Load the tagger.

        Raises:
            GridError: a file is missing or not a tagger.
            PackageError: the ONNX runtime is not installed.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise package_error(error) from error
        file = path / "model.onnx" if is_folder(path) else path
        labels = file.with_name(_LABELS)
        missing = [path for path in (file, labels) if not is_file(path)]
        if missing:
            raise GridError(f"{missing[0]}: missing; a tagger is an ONNX file with {_LABELS} in the same folder")
        try:
            self._session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime raises its own kinds, which share no base
            raise GridError(f"{file} is not an ONNX model ({' '.join(str(error).split())[:120]})") from error
        with labels.open(encoding="utf-8", newline="") as rows:
            self.names = [row["name"] for row in csv.DictReader(rows)]
        (entry,) = self._session.get_inputs()
        self._input, self._side = entry.name, int(entry.shape[1])

    def score(self, images: Sequence[Image], prompts: Sequence[str]) -> list[dict[str, float]]:
        """Return the fraction of the prompt's tags that each image shows."""
        results: list[dict[str, float]] = []
        for image, prompt in zip(images, prompts, strict=True):
            (scores,) = self._session.run(None, {self._input: self._prepared(image)})
            fraction = shown_fraction(prompt, dict(zip(self.names, map(float, scores[0]), strict=False)))
            results.append({} if fraction is None else {"tags": fraction})
        return results

    def _prepared(self, image: Image) -> np.ndarray[Any, Any]:
        """Return an image as these taggers expect it: padded to a square with white, BGR, 0 to 255."""
        from PIL import Image

        rgb = image.convert("RGB")
        side = max(rgb.size)
        square = Image.new("RGB", (side, side), "white")
        square.paste(rgb, ((side - rgb.width) // 2, (side - rgb.height) // 2))
        pixels = np.asarray(square.resize((self._side, self._side), Image.Resampling.BICUBIC), dtype=np.float32)
        return np.ascontiguousarray(pixels[None, :, :, ::-1])

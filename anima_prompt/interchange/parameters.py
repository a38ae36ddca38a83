"""Read the parameters text of A1111-style tools in images: prompt, negative prompt, and a line of settings.

Knows the format; knows nothing of image files. Source: documentation and output of the front ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from anima_prompt.numbers import parse_size

_NEGATIVE = "Negative prompt:"
_SETTING = re.compile(r"\s*([A-Z][\w .\-/]*?):\s*(\"(?:\\.|[^\"\\])*\"|[^,]*)(?:,|$)")
_SETTINGS_LINE = re.compile(r"\s*Steps:\s*\d+")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A prompt of an image or workflow.

    Attributes:
        prompt, negative: the texts; ``negative`` is None where nothing is known of it.
        settings: values by our names (steps, guidance_scale, sampler, scheduler, shift, width, height, seed), as text.
        model: file name of the checkpoint, empty if unknown.
        role: ``positive``, ``negative`` or ``region``: what ``prompt`` is for.
        place: position in the file for people (``node 6``).
    """

    prompt: str
    negative: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    role: str = "positive"
    place: str = ""


def read_parameters(text: str) -> Recorded:
    r"""Return the prompts and settings of a parameters text.

    >>> found = read_parameters("1girl, hat\nNegative prompt: blurry\nSteps: 30, CFG scale: 4, Size: 1024x768")
    >>> found.prompt, found.negative, found.settings["width"]
    ('1girl, hat', 'blurry', '1024')
    """
    lines = text.strip("\n").split("\n")
    last = next((i for i in range(len(lines) - 1, -1, -1) if _SETTINGS_LINE.match(lines[i])), None)
    figures = dict(_settings(" ".join(lines[last:]))) if last is not None else {}
    body = lines if last is None else lines[:last]
    start = next((i for i, line in enumerate(body) if line.lstrip().startswith(_NEGATIVE)), None)
    if start is None:
        return Recorded("\n".join(body), "" if last is not None else None, _ours(figures), figures.get("Model", ""))
    below = [body[start].lstrip().removeprefix(_NEGATIVE).lstrip(), *body[start + 1 :]]
    return Recorded("\n".join(body[:start]), "\n".join(below), _ours(figures), figures.get("Model", ""))


def _settings(line: str) -> list[tuple[str, str]]:
    return [(match[1].strip(), match[2].strip().strip('"')) for match in _SETTING.finditer(line)]


def _ours(figures: Mapping[str, str]) -> dict[str, str]:
    names = {
        "Steps": "steps",
        "CFG scale": "guidance_scale",
        "Sampler": "sampler",
        "Schedule type": "scheduler",
        "Shift": "shift",
        "Seed": "seed",
        "Distilled CFG Scale": "shift",
    }
    values = {ours: figures[theirs] for theirs, ours in names.items() if theirs in figures}
    size = parse_size(figures.get("Size", ""))
    if size is not None:
        values |= {"width": str(size[0]), "height": str(size[1])}
    if any(name.startswith("Hires") for name in figures):
        values["hires"] = "yes"
    return values

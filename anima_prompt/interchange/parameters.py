"""The text that A1111 and its kin write into images: prompt, negative prompt, and a line of settings.

Knows the form; knows nothing of image files. Source: the format as the front ends document and show it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from anima_prompt.interchange.generation import Generation, LoraEntry
from anima_prompt.numbers import parse_size

_NEGATIVE = "Negative prompt:"
_SETTING = re.compile(r"\s*([A-Z][\w .\-/]*?):\s*(\"(?:\\.|[^\"\\])*\"|[^,]*)(?:,|$)")
_SETTINGS_LINE = re.compile(r"\s*Steps:\s*\d+")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A prompt found in a picture or workflow.

    Attributes:
        prompt, negative: the texts; ``negative`` is None where nothing is known of it.
        settings: figures by our names (steps, guidance_scale, sampler, scheduler, shift, width, height, seed), as text.
        model: file name of the checkpoint, empty if unknown.
        role: ``positive``, ``negative`` or ``region``: what ``prompt`` is for.
        place: where in the file it stood, for people (``node 6``).
    """

    prompt: str
    negative: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    role: str = "positive"
    place: str = ""


def read_parameters(text: str) -> Recorded:
    r"""Return what a parameters text says.

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
    found = {ours: figures[theirs] for theirs, ours in names.items() if theirs in figures}
    size = parse_size(figures.get("Size", ""))
    if size is not None:
        found |= {"width": str(size[0]), "height": str(size[1])}
    if any(name.startswith("Hires") for name in figures):
        found["hires"] = "yes"
    return found


def write_parameters(generation: Generation, *, version: str) -> str:
    """Return the parameters text of an image; ``version`` is the program's."""
    g = generation
    fields: dict[str, object] = {
        "Steps": g.steps,
        "Sampler": g.sampler,
        "Schedule type": g.scheduler,
        "CFG scale": f"{g.guidance_scale:g}",
        "Seed": g.seed,
        "Size": f"{g.width}x{g.height}",
        "Model": g.model,
        "Shift": f"{g.shift:g}",
    }
    if g.zero_star:
        fields["CFG-Zero*"] = "on"
    if g.apg is not None:
        fields["APG"] = str(g.apg)
    if g.interval != (0, 1):
        fields["Guidance interval"] = "{:g}-{:g}".format(*g.interval)
    if g.denoise < 1:
        fields["Denoising strength"] = f"{g.denoise:g}"
    if g.start is not None:
        fields["Start image"] = _quoted(g.start.image)
        if g.start.mask is not None:
            fields["Mask"] = _quoted(g.start.mask)
    if g.dtype == "fp8":
        fields["Weights"] = "fp8"
    if g.loras:
        fields["Loras"] = '"' + ", ".join(f"{lora.name}: {_strengths(lora)}" for lora in g.loras) + '"'
    fields["Dialect"] = g.dialect
    fields["Version"] = version
    line = ", ".join(f"{key}: {value}" for key, value in fields.items())
    negative = f"\nNegative prompt: {g.negative}" if g.negative else ""
    return f"{g.prompt}{negative}\n{line}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ',:"') else text


def _strengths(lora: LoraEntry) -> str:
    both = f"{lora.strength:g}"
    return both if lora.text_strength == lora.strength else f"{both}/{lora.text_strength:g}"

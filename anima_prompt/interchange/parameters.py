"""The text that A1111 and its kin write into images: prompt, negative prompt, and a line of settings.

Knows the form; knows nothing of image files. Source: the format as the front ends document and show it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from anima_prompt.dialects import Dialect
from anima_prompt.interchange.generation import Generation, LoraEntry
from anima_prompt.interchange.recorded import Recorded
from anima_prompt.numbers import parse_size

SOURCE = "a1111"
_NEGATIVE = "Negative prompt:"
_SETTING = re.compile(r"\s*([A-Z][\w .\-/*]*?):\s*(\"(?:\\.|[^\"\\])*\"|[^,]*)(?:,|$)")
_SETTINGS_LINE = re.compile(r"\s*Steps:\s*\d+")
_IN_LINE = re.compile(r"(?:^|[\s.,])Steps:\s*\d+,\s*(?:Sampler|Schedule|CFG|Seed|Size|Model)\b")
_INFOTEXT = re.compile(r"^\s*Steps:\s*\d+,\s*[A-Z][\w ]*:", re.MULTILINE)


def is_infotext(text: str) -> bool:
    """Return whether a text ends in a line of settings, as no caption does."""
    return _INFOTEXT.search(text) is not None or (_NEGATIVE in text and _IN_LINE.search(text) is not None)


def read_parameters(text: str) -> Recorded:
    r"""Return what a parameters text says; all of it may stand in one line.

    >>> found = read_parameters("1girl, hat\nNegative prompt: blurry\nSteps: 30, CFG scale: 4, Size: 1024x768")
    >>> found.prompt, found.negative, found.settings["width"]
    ('1girl, hat', 'blurry', '1024')
    >>> read_parameters("hat. Negative prompt: blurry. Steps: 30, Sampler: Euler a, Seed: 1").negative
    'blurry'
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip("\ufeff\0\n").split("\n")
    last = next((i for i in range(len(lines) - 1, -1, -1) if _SETTINGS_LINE.match(lines[i])), None)
    body, line = (lines, "") if last is None else (lines[:last], " ".join(lines[last:]))
    if last is None and (match := _IN_LINE.search(lines[-1])):
        start = lines[-1].index("Steps:", match.start())
        body, line = [*lines[:-1], _without_stop(lines[-1][:start])], lines[-1][start:]
    figures = dict(_settings(line))
    prompt, negative = _sides(body, one_line=last is None and bool(line))
    if negative is None and figures:
        negative = ""
    dialect = figures.get("Dialect")
    return Recorded(
        prompt,
        negative,
        _ours(figures),
        figures.get("Model", ""),
        source=SOURCE,
        dialect=Dialect(dialect) if dialect in tuple(Dialect) else Dialect.A1111,
    )


def _sides(body: list[str], *, one_line: bool) -> tuple[str, str | None]:
    """Return prompt and negative prompt; the latter starts a line, or stands anywhere if everything is in one line."""
    start = next((i for i, line in enumerate(body) if line.lstrip().startswith(_NEGATIVE)), None)
    if start is not None:
        below = [body[start].lstrip().removeprefix(_NEGATIVE).lstrip(), *body[start + 1 :]]
        return "\n".join(body[:start]), "\n".join(below)
    whole = "\n".join(body)
    if one_line and _NEGATIVE in whole:
        prompt, _, negative = whole.partition(_NEGATIVE)
        return _without_stop(prompt), negative.strip()
    return whole, None


def _without_stop(text: str) -> str:
    """Return a text without the sign that joined it to the next."""
    return text.rstrip().removesuffix(".").removesuffix(",").rstrip()


def _settings(line: str) -> list[tuple[str, str]]:
    return [(match[1].strip(), _unquoted(match[2].strip())) for match in _SETTING.finditer(line)]


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text))
    except ValueError:
        return text.strip('"')


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
        **({} if g.blocks is None else {"Blocks": g.blocks}),
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

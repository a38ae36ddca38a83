"""What the texts of an image file say: the formats of front ends, distinguished by their names and keys.

Source: the formats as the front ends document and show them: A1111's kin, ComfyUI, SwarmUI, Fooocus, InvokeAI, NovelAI,
Draw Things, Easy Diffusion, Civitai.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from anima_prompt.dialects import Dialect, ForeignDialect
from anima_prompt.errors import InputError
from anima_prompt.interchange.parameters import is_infotext, read_parameters
from anima_prompt.interchange.recorded import Recorded
from anima_prompt.interchange.workflow import is_workflow, read_workflow
from anima_prompt.numbers import parse_size

_SETTINGS = {
    "steps": ("steps", "num_inference_steps", "Steps"),
    "guidance_scale": ("cfg_scale", "Guidance Scale", "cfgscale", "cfgScale", "cfg", "guidance_scale", "scale"),
    "sampler": ("sampler", "sampler_name"),
    "scheduler": ("scheduler",),
    "shift": ("sigmashift", "shift"),
    "width": ("width",),
    "height": ("height",),
    "seed": ("seed", "Seed"),
}
_MODELS = ("model", "base_model", "use_stable_diffusion_model", "Model")
_GRAPHS = ("prompt", "workflow")
_PREFIX = re.compile(r"\s*(prompt|workflow)\s*:\s*(?=\{)", re.IGNORECASE)
_LOOSE = (
    *("UserComment", "XMP UserComment", "ImageDescription", "Model", "Make", "comment", "XPComment", "XPTitle"),
    *("XPSubject", "XPKeywords", "XMP description", "Comment", "Description"),
)
_BRACKETS = re.compile(r"(?<!\\)\[([^\[\]]*)\]")


def read_texts(texts: Mapping[str, str], source: str) -> list[Recorded]:
    """Return the prompts in the texts of an image file; none if none of them is a prompt.

    Args:
        texts: by the names of chunks and fields.
        source: name of the file, for messages.

    Raises:
        InputError: a text is damaged.
    """
    parameters = texts.get("parameters", "")
    if parameters.strip():
        return _loose(parameters, source) or [read_parameters(parameters)]
    for name, read in (("invokeai_metadata", _invoke), ("sd-metadata", _invoke_old)):
        if name in texts and (data := _json(texts[name])) is not None and (found := read(data)):
            return found
    for name in ("Dream", "dream"):
        if texts.get(name, "").strip():
            return [_dream(texts[name])]
    if "NovelAI" in texts.get("Software", "") or "NovelAI" in texts.get("Title", ""):
        return _novelai(_json(texts.get("Comment", "")) or {}, texts.get("Description"))
    if found := _graphs(texts, source):
        return found
    if texts.get("prompt", "").strip() and not isinstance(_json(texts["prompt"]), dict):
        return [_plain(texts, "easy diffusion", "prompt", "negative_prompt")]
    for name in _LOOSE:
        if found := _loose(texts.get(name, ""), source):
            return found
    return []


def _graphs(texts: Mapping[str, Any], source: str) -> list[Recorded]:
    """Return the prompts of the graph that ran, or else of the one that the editor saved.

    Raises:
        InputError: neither can be read.
    """
    problem: InputError | None = None
    for name in _GRAPHS:
        text = texts.get(name)
        if isinstance(text, str) and text.lstrip().startswith("{"):
            try:
                if found := _graph(text, source, name):
                    return found
            except InputError as error:
                problem = problem or error
    if problem is not None:
        raise problem
    return []


def read_json(data: object, source: str) -> list[Recorded] | None:
    """Return the prompts of a JSON value that a front end wrote; None if it is of no front end.

    Raises:
        InputError: it is a workflow with too many nodes.
    """
    found = _from_json(data, source)
    return found if found or is_workflow(data) else None


def _graph(text: str, source: str, name: str) -> list[Recorded]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{source}: its '{name}' metadata is not JSON; save the image again") from None
    if not is_workflow(data):
        return _from_json(data, source)
    return read_workflow(data, source)


def _loose(text: str, source: str) -> list[Recorded]:
    """Return the prompts of a text under an unknown name: JSON of a front end, a graph, or parameters."""
    prefix = _PREFIX.match(text)
    body = text[prefix.end() :] if prefix else text
    if body.lstrip().startswith("{"):
        if prefix:
            return _graph(body, source, prefix[1].lower())
        return _from_json(_json(body), source)
    return [read_parameters(text)] if is_infotext(text) else []


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _from_json(data: Any, source: str) -> list[Recorded]:
    """Return the prompts of a JSON object by the keys that distinguish the front ends."""
    if not isinstance(data, dict):
        return []
    swarm = data.get("sui_image_params")
    if isinstance(swarm, dict):
        return [_plain(swarm, "swarmui", "prompt", "negativeprompt", dialect=Dialect.COMFYUI)]
    if isinstance(data.get("extraMetadata"), str) and isinstance(extra := _json(data["extraMetadata"]), dict):
        return [_plain(extra, "civitai", "prompt", "negativePrompt", dialect=Dialect.A1111)]
    if isinstance(data.get("Comment"), str) and isinstance(inner := _json(data["Comment"]), dict):
        return _novelai(inner, _text(data.get("Description")))
    if is_workflow(data):
        return read_workflow(data, source)
    if "v4_prompt" in data or ("uc" in data and "prompt" in data):
        return _novelai(data, None)
    if found := _graphs(data, source):
        return found
    if isinstance(data.get("c"), str):
        return [_plain(data, "draw things", "c", "uc", dialect=Dialect.A1111)]
    if "positive_prompt" in data:
        return _invoke(data)
    if isinstance(data.get("Prompt"), str):
        return [_plain(data, "fooocus", "Prompt", "Negative Prompt", dialect=Dialect.A1111)]
    if isinstance(data.get("prompt"), str):
        is_fooocus = "base_model" in data or str(data.get("version", "")).startswith("Fooocus")
        name = "fooocus" if is_fooocus else "easy diffusion"
        return [_plain(data, name, "prompt", "negative_prompt", dialect=Dialect.A1111)]
    return []


def _plain(
    data: Mapping[str, Any], source: str, positive: str, negative: str, *, dialect: Dialect | None = Dialect.A1111
) -> Recorded:
    """Return a record whose texts and settings stand under plain keys."""
    settings, model = _figures(data)
    texts = _text(data.get(positive)), _text(data.get(negative))
    return Recorded(texts[0] or "", texts[1], settings, model, source=source, dialect=dialect)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _figures(data: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    found = {}
    for ours, names in _SETTINGS.items():
        value = next((data[name] for name in names if name in data), None)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            found[ours] = str(value)
    sizes = (str(data.get(name, "")) for name in ("size", "resolution"))
    size = next((size for text in sizes if (size := parse_size(re.sub(r"[()\s]", "", text).replace(",", "x")))), None)
    if size is not None:
        found |= {"width": str(size[0]), "height": str(size[1])}
    model: Any = next((data[name] for name in _MODELS if data.get(name)), "")
    if isinstance(model, dict):
        model = model.get("name") or model.get("model_name") or ""
    return found, str(model)


# --- NovelAI ---------------------------------------------------------------------------------------------------------


def _novelai(data: Any, description: str | None) -> list[Recorded]:
    data = data if isinstance(data, dict) else {}
    settings, model = _figures(data)
    base, people = _captions(data.get("v4_prompt"))
    below, _ = _captions(data.get("v4_negative_prompt"))
    prompt = base or _text(data.get("prompt")) or description
    negative = below if below is not None else _text(data.get("uc"))
    if prompt is None:
        return []
    first = Recorded(prompt, negative, settings, model, source="novelai", dialect=ForeignDialect.NOVELAI)
    regions = [
        Recorded(text, None, settings, model, "region", f"character {number}", "novelai", ForeignDialect.NOVELAI)
        for number, text in enumerate(people, start=1)
    ]
    return [first, *regions]


def _captions(data: object) -> tuple[str | None, list[str]]:
    """Return the base caption and the captions of characters."""
    caption = data.get("caption") if isinstance(data, dict) else None
    if not isinstance(caption, dict):
        return None, []
    people = caption.get("char_captions")
    captions = [one for one in people if isinstance(one, dict)] if isinstance(people, list) else []
    texts = [_text(one.get("char_caption")) for one in captions]
    return _text(caption.get("base_caption")), [text for text in texts if text and text.strip()]


# --- InvokeAI --------------------------------------------------------------------------------------------------------


def _invoke(data: Any) -> list[Recorded]:
    if not isinstance(data, dict) or not isinstance(data.get("positive_prompt"), str):
        return []
    record = _plain(data, "invokeai", "positive_prompt", "negative_prompt", dialect=Dialect.INVOKEAI)
    settings = dict(record.settings)
    if "scheduler" in settings:  # InvokeAI's word for the sampler
        settings["sampler"] = settings.pop("scheduler")
    return [replace(record, settings=settings)]


def _invoke_old(data: Any) -> list[Recorded]:
    """Return the prompt of InvokeAI 2, which writes what is unwanted in square brackets."""
    image = data.get("image") if isinstance(data, dict) else None
    image = image if isinstance(image, dict) else {}
    written = image.get("prompt")
    if isinstance(written, list):
        texts = [_text(part.get("prompt")) for part in written if isinstance(part, dict)]
        written = ", ".join(text for text in texts if text)
    if not isinstance(written, str):
        return []
    settings, model = _figures(image)
    return [_with_brackets(written, settings, model)]


def _dream(text: str) -> Recorded:
    """Return the prompt of InvokeAI 1: a command line."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = [text]
    names = {"-s": "steps", "-S": "seed", "-W": "width", "-H": "height", "-C": "guidance_scale", "-A": "sampler"}
    settings = {names[key]: value for key, value in pairwise(words) if key in names}
    settings |= {names[word[:2]]: word[2:] for word in words[1:] if word[:2] in names and len(word) > 2}
    return _with_brackets(words[0] if words else "", settings, "")


def _with_brackets(text: str, settings: dict[str, str], model: str) -> Recorded:
    unwanted = [part.strip() for part in _BRACKETS.findall(text) if part.strip()]
    prompt = re.sub(r"\s+", " ", _BRACKETS.sub("", text)).strip(" ,") if unwanted else text
    return Recorded(prompt, ", ".join(unwanted) or None, settings, model, source="invokeai", dialect=Dialect.INVOKEAI)

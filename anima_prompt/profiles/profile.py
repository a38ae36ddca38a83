"""Defaults of a model release: prefix, negative prompt, sampling settings and sizes, and its warnings.

Knows the values and their sources; knows nothing of prompts. A user's own profile is a YAML file that extends
one of these::

    name: my-finetune
    extends: base-1.0
    prefix: "masterpiece, best quality, safe"
    guidance_scale: 5
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anima_prompt.errors import ProfileError
from anima_prompt.numbers import SIZE, parse_size
from anima_prompt.safe_paths import read_utf8

if TYPE_CHECKING:
    from anima_prompt.documents import Value

DEFAULT_PROFILE = "base-1.0"

_RELEASES = Path(__file__).with_name("releases.yaml")
_MAX_BYTES = 1_000_000
_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Profile:
    """The defaults of one release.

    Attributes:
        prefix: tags that open a positive prompt.
        negative: tags of the default negative prompt, empty if it has no effect.
        steps, steps_range: sampler steps: the default, and the range that makes sense.
        guidance_scale, guidance_range: the same for classifier-free guidance; 1 is off.
        sampler, scheduler: ComfyUI's names.
        shift: the schedule's shift.
        resolutions: width and height in pixels that the release was shown at, the default first.
        area_range: smallest and largest area in square pixels that the release was made for.
        latest_year: last year of the training images.
        cutoff: month in which they end, such as ``2025-09``.
        scores: whether ``score_N`` tags help; False where they do harm, or were not trained.
        quality_tags: whether the quality ladder is needed.
        quality_vocabulary: the quality tags that the release was trained with.
        negative_works: whether a negative prompt has an effect.
        blocks: depth of the DiT.
        text_encoder: name of the text encoder.
        license: names and versions of the licenses of the weights.
        note: information for users of the profile; empty for most.
        sources: source of each value, by field name.
        file: of a user's own profile; empty for a release.
    """

    name: str
    title: str
    prefix: tuple[str, ...]
    negative: tuple[str, ...]
    steps: int
    steps_range: tuple[int, int]
    guidance_scale: Decimal
    guidance_range: tuple[Decimal, Decimal]
    sampler: str
    scheduler: str
    shift: Decimal
    resolutions: tuple[tuple[int, int], ...]
    area_range: tuple[int, int]
    latest_year: int
    cutoff: str
    scores: bool
    quality_tags: bool
    quality_vocabulary: tuple[str, ...]
    negative_works: bool
    blocks: int
    text_encoder: str
    license: str
    note: str
    sources: tuple[tuple[str, str], ...] = ()
    file: str = ""

    @property
    def key(self) -> str:
        """What :func:`load_profile` finds it by: a release's name, or the file."""
        return self.file or self.name


_FIGURES = tuple(f.name for f in fields(Profile) if f.name not in ("name", "sources", "file"))


def load_profile(name_or_path: str | Path) -> Profile:
    """Return a release's profile by name, or a user's own from a YAML file.

    Raises:
        ProfileError: no such profile, or the file cannot be read.
        PromptFileError: the file breaks the schema.

    >>> load_profile("turbo-1.1").steps
    8
    """
    from anima_prompt.documents import load_documents

    known = profiles()
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml", ".json"):
        names = ", ".join(known)
        raise ProfileError(f"profile is '{name_or_path}'; expected one of {names}, or a YAML file of your own")
    try:
        text = read_utf8(path, limit=_MAX_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ProfileError(f"{path}: cannot be read ({reason}); pass the name of a profile or a YAML file") from None
    documents = load_documents(text, str(path))
    if len(documents) != 1:
        raise ProfileError(f"{path}: {len(documents)} documents; expected one profile")
    return _custom(documents[0], known)


def profiles() -> dict[str, Profile]:
    """Return the releases' profiles by name, oldest first."""
    return dict(_releases())


def profile_names() -> tuple[str, ...]:
    """Return the names of the releases, oldest first."""
    return tuple(_releases())


@cache
def _releases() -> dict[str, Profile]:
    from anima_prompt.documents import load_documents

    (document,) = load_documents(_RELEASES.read_text(encoding="utf-8"), _RELEASES.name, bundled=True)
    releases: dict[str, Profile] = {}
    for name, value in document.fields("releases", document.keys("releases")).items():
        pairs = value.fields(name, ("extends", "like", *_FIGURES))
        base = releases.get(pairs.pop("extends").text("extends")) if "extends" in pairs else None
        if "like" in pairs:
            model = releases[pairs.pop("like").text("like")]
            base = replace(model, sources=tuple((key, model.name) for key, _ in model.sources))
        figures = {key: pair.items(key) for key, pair in pairs.items()}
        sources = {key: source.text("source") for key, (_, source) in figures.items()}
        releases[name] = _merged(name, base, {key: figure for key, (figure, _) in figures.items()}, sources)
    return releases


_NAMES: tuple[tuple[str, str], ...] = (
    (r"turbo.{0,3}lora", "turbo-lora-0.2"),
    (r"turbo.*(1\.0|v1-?0)", "turbo-1.0"),
    (r"turbo", "turbo-1.1"),
    (r"(?<!\d)2[.-]?9b", "2.9b"),
    (r"(?<!\d)3[.-]?8b", "3.8b"),
    (r"rdbt", "rdbt"),
    (r"wai-?anima|anima.*(?<![a-z])wai(?![a-z])", "wai-anima"),
    (r"anima-?yume|yume-?anima", "animayume"),
    (r"miao-?miao", "miaomiao"),
    (r"kirazuri", "kirazuri"),
    (r"aesthetic.*(1\.0|v1-?0)", "aesthetic-1.0"),
    (r"aesthetic", "aesthetic-1.1"),
    (r"preview", "preview"),
    (r"anima.*base|base.*anima", "base-1.0"),
)
"""Patterns in the names of files, lower case with dashes between words, in the order in which they are tried."""
_TITLES = ("modelspec.title", "title", "name", "model_name", "expansion_source")
"""Keys of a file's metadata that name the model."""
_DEPTHS = {40: "2.9b", 52: "3.8b"}
"""Releases with other depths than base 1.0."""


def guess_profile(model: str, *, metadata: Mapping[str, str] | None = None, blocks: int | None = None) -> str | None:
    """Return the release that a checkpoint is, None if nothing says so.

    Args:
        model: file name, or what an image's metadata calls the model.
        metadata: of the file's header.
        blocks: depth of the DiT; it overrules a name that says another depth.

    >>> guess_profile("anima-turbo-v1.1.safetensors"), guess_profile("some-merge"), guess_profile("x", blocks=40)
    ('turbo-1.1', None, '2.9b')
    """
    titles = [metadata[key] for key in _TITLES if key in metadata] if metadata else []
    guesses = (_named_profile(name) for name in (model, *titles))
    guess = next((name for name in guesses if name is not None), None)
    if blocks in _DEPTHS and (guess is None or profiles()[guess].blocks != blocks):
        return _DEPTHS[blocks]
    return guess


def _named_profile(model: str) -> str | None:
    name = re.sub(r"[\s_-]+", "-", model.lower())
    return next((profile for pattern, profile in _NAMES if re.search(pattern, name)), None)


def _custom(value: Value, known: dict[str, Profile]) -> Profile:
    fields = value.fields("a profile", ("name", "extends", *_FIGURES))
    parent = fields.pop("extends", None)
    base_name = parent.text("extends") if parent else DEFAULT_PROFILE
    if parent is not None and base_name not in known:
        parent.fail(f"extends is '{base_name}'; expected one of {', '.join(known)}")
    name = fields.pop("name").text("name") if "name" in fields else "custom"
    sources = dict.fromkeys(fields, value.source)
    return replace(_merged(name, known[base_name], fields, sources), file=value.source)


def _merged(name: str, base: Profile | None, figures: dict[str, Value], sources: dict[str, str]) -> Profile:
    merged: dict[str, Any] = {key: getattr(base, key) for key in _FIGURES} if base else {}
    merged |= {key: _figure(key, value) for key, value in figures.items()}
    all_sources = dict(base.sources if base else ()) | sources
    return Profile(name=name, sources=tuple(sorted(all_sources.items())), **merged)


def _figure(key: str, value: Value) -> Any:
    if key in ("prefix", "negative", "quality_vocabulary"):
        texts = [item.text(key) for item in value.one_or_many(key)]
        return tuple(tag.strip() for text in texts for tag in text.split(",") if tag.strip())
    if key in ("steps", "latest_year", "blocks"):
        return value.whole(key)
    if key == "cutoff":
        return _month(value)
    if key in ("guidance_scale", "shift"):
        return value.decimal(key)
    if key in ("scores", "quality_tags", "negative_works"):
        return value.boolean(key)
    if key == "resolutions":
        texts = [item.text(key) for item in value.one_or_many(key)]
        return tuple(_size(size, value, key) for text in texts for size in text.split(","))
    if key in ("steps_range", "guidance_range", "area_range"):
        return _range(key, value)
    return value.text(key)


def _range(key: str, value: Value) -> tuple[Any, Any]:
    low, dash, high = value.text(key).partition("-")
    if not dash:
        value.fail(f"{key} is '{low}'; expected two values with a dash, such as 20-50")
    if key == "area_range":
        (w, h), (x, y) = _size(low, value, key), _size(high, value, key)
        return w * h, x * y
    try:
        return (int(low), int(high)) if key == "steps_range" else (Decimal(low), Decimal(high))
    except (ValueError, ArithmeticError):
        value.fail(f"{key} is '{low}-{high}'; expected two numbers with a dash")


def _month(value: Value) -> str:
    month = value.text("cutoff")
    if not _MONTH.fullmatch(month):
        value.fail(f"cutoff is '{month}'; expected a year and a month, such as 2025-09")
    return month


def _size(text: str, value: Value, key: str) -> tuple[int, int]:
    size = parse_size(text)
    if size is None:
        value.fail(f"{key} has '{text.strip()}'; expected {SIZE}")
    return size

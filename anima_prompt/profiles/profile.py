"""Defaults of a model release: prefix, negative prompt, sampling settings and sizes, and its warnings.

Knows the values and their sources; knows nothing of prompts. A user's own profile is a YAML file that extends
one of these::

    name: my-finetune
    extends: base-1.0
    prefix: "masterpiece, best quality, safe"
    guidance_scale: 5
"""

from __future__ import annotations

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
        scores: whether ``score_N`` tags help; False where they do harm.
        quality_tags: whether the quality ladder is needed.
        negative_works: whether a negative prompt has an effect.
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
    scores: bool
    quality_tags: bool
    negative_works: bool
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
        pairs = value.fields(name, ("extends", *_FIGURES))
        base = releases.get(pairs.pop("extends").text("extends")) if "extends" in pairs else None
        figures = {key: pair.items(key) for key, pair in pairs.items()}
        sources = {key: source.text("source") for key, (_, source) in figures.items()}
        releases[name] = _merged(name, base, {key: figure for key, (figure, _) in figures.items()}, sources)
    return releases


def guess_profile(model: str) -> str | None:
    """Return the release in a checkpoint's file name, None if it names no release.

    >>> guess_profile("anima-turbo-v1.1.safetensors"), guess_profile("some-merge")
    ('turbo-1.1', None)
    """
    name = model.lower()
    for kind in ("turbo", "aesthetic"):
        if kind in name:
            return f"{kind}-1.0" if "1.0" in name or "v10" in name else f"{kind}-1.1"
    if "preview" in name:
        return "preview"
    return "base-1.0" if "anima" in name and "base" in name else None


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
    if key in ("prefix", "negative"):
        texts = [item.text(key) for item in value.one_or_many(key)]
        return tuple(tag.strip() for text in texts for tag in text.split(",") if tag.strip())
    if key in ("steps", "latest_year"):
        return value.whole(key)
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


def _size(text: str, value: Value, key: str) -> tuple[int, int]:
    size = parse_size(text)
    if size is None:
        value.fail(f"{key} has '{text.strip()}'; expected {SIZE}")
    return size

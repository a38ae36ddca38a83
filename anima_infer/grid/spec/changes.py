"""What an axis can change: one entry each for prompts, settings, LoRAs and models.

Every change is a plain function from recipe to recipe; a new one is one entry of ``CHANGE_KINDS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from anima_infer.errors import GridError
from anima_infer.grid.spec.recipe import Recipe
from anima_infer.render.job import LoraUse
from anima_infer.sampling.samplers import SAMPLERS
from anima_infer.sampling.schedule import SCHEDULERS
from anima_prompt.compose import Blend, blend
from anima_prompt.documents import Value
from anima_prompt.interchange.promptfile import read_tags
from anima_prompt.numbers import SIZE, parse_size
from anima_prompt.profiles import load_profile
from anima_prompt.prompt import Prompt, Sentence
from anima_prompt.safe_paths import exists
from anima_prompt.sections import Section

NONE = "none"

Apply = Callable[[Recipe, str, Any], Recipe]


@dataclass(frozen=True, slots=True)
class ChangeKind:
    """One thing that an axis can change.

    Attributes:
        name: key in the specification.
        about: one line for people.
        read: turns a value of the specification into what ``apply`` takes.
        apply: (recipe, argument, value) to the changed recipe.
        takes: what the argument is, such as ``a tag``; empty for none.
        numeric: whether the values are numbers, so that ranges are understood.
        arguments: the allowed arguments; empty for any.
    """

    name: str
    about: str
    read: Callable[[Value], Any]
    apply: Apply
    takes: str = ""
    numeric: bool = False
    arguments: tuple[str, ...] = ()


# --- reading values --------------------------------------------------------------------------------------------------


def _text(value: Value) -> str:
    return value.text("a value")


def _number(value: Value) -> Decimal:
    return value.decimal("a value")


def _whole(value: Value) -> int:
    return value.whole("a value")


def _switch(value: Value) -> bool:
    word = value.text("a value").lower()
    if word not in ("on", "off", "true", "false", "yes", "no"):
        value.fail(f"value is '{word}'; expected on or off")
    return word in ("on", "true", "yes")


def _one_of(allowed: tuple[str, ...]) -> Callable[[Value], str]:
    def read(value: Value) -> str:
        word = value.text("a value")
        if word not in allowed:
            near = get_close_matches(word, allowed, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(allowed)}"
            value.fail(f"value is '{word}'; {hint}")
        return word

    return read


def _size(value: Value) -> tuple[int, int]:
    text = value.text("a size")
    size = parse_size(text)
    if size is None:
        value.fail(f"size is '{text}'; expected {SIZE}")
    return size


def _order(value: Value) -> tuple[Section, ...]:
    items = value.items("an order") if value.is_list else [value]
    names = [name.strip() for item in items for name in item.text("a section").split(",")]
    return value.guarded(lambda: tuple(Section.of(name) for name in names))


def _loras(value: Value) -> tuple[LoraUse, ...]:
    folder = Path(value.source).parent
    uses = [LoraUse.parse(item.text("a LoRA")) for item in value.one_or_many("a LoRA")]
    return tuple(replace(use, path=beside(use.path, folder)) for use in uses)


def beside(path: Path, folder: Path) -> Path:
    """Return a path as it is, or beside the specification if it is only there."""
    return folder / path if not path.is_absolute() and not exists(path) and exists(folder / path) else path


def _prompt(value: Value) -> Prompt:
    return Prompt.parse(value.text("a prompt").strip("\n"))


# --- changing recipes ------------------------------------------------------------------------------------------------


def _set_section(recipe: Recipe, section: str, value: Value) -> Recipe:
    if section == Section.TEXT:
        text = value.text("a sentence").strip()
        sentences = (Sentence(text),) if text else ()
        return replace(recipe, prompt=replace(recipe.prompt, sentences=sentences))
    tags = [tag for item in value.one_or_many(section) for tag in read_tags(section, item)] if _given(value) else []
    return replace(recipe, prompt=recipe.prompt.with_section(section, tags))


def _given(value: Value) -> bool:
    return value.is_list or value.is_mapping or bool(value.text("a value").strip())


def _replace(recipe: Recipe, tag: str, value: Value) -> Recipe:
    first, *more = read_tags("general", value)
    place = recipe.prompt.find(tag)
    changed = recipe.prompt.replace(tag, first)
    if more and place is not None:
        tags = list(changed.section(place[0]))
        at = tags.index(first)
        changed = changed.with_section(place[0], [*tags[: at + 1], *more, *tags[at + 1 :]])
    return replace(recipe, prompt=changed)


def _remove(recipe: Recipe, _: str, value: Value) -> Recipe:
    prompt = recipe.prompt
    for item in value.one_or_many("tags to remove"):
        for tag in read_tags("general", item):
            prompt = prompt.remove(tag.text)
    return replace(recipe, prompt=prompt)


def _add(recipe: Recipe, _: str, value: Value) -> Recipe:
    prompt = recipe.prompt
    for item in value.one_or_many("tags to add"):
        for section, tag in Prompt.parse(item.text("a tag")).tags():
            prompt = prompt.add(tag, section=section)
    return replace(recipe, prompt=prompt)


def _weight(recipe: Recipe, tag: str, weight: Decimal) -> Recipe:
    return replace(recipe, prompt=recipe.prompt.set_weight(tag, weight))


def _prose(recipe: Recipe, _: str, wanted: Any) -> Recipe:
    return recipe if wanted else replace(recipe, prompt=replace(recipe.prompt, sentences=()))


def _search(recipe: Recipe, old: str, new: str) -> Recipe:
    if old not in recipe.text():
        raise GridError(f"search text '{old}' is not in the prompt; write it as the prompt prints it: {recipe.text()}")
    return replace(recipe, searches=(*recipe.searches, (old, new)))


def _lora_strength(recipe: Recipe, name: str, strength: Decimal) -> Recipe:
    wanted = Path(name)
    if not any(wanted in (use.path, Path(use.path.name), Path(use.path.stem)) for use in recipe.loras):
        known = ", ".join(use.path.name for use in recipe.loras) or "none"
        raise GridError(f"LoRA '{name}' is not in use; the base has {known}; add it under 'loras'")
    loras = tuple(
        replace(use, strength=float(strength))
        if wanted in (use.path, Path(use.path.name), Path(use.path.stem))
        else use
        for use in recipe.loras
    )
    return replace(recipe, loras=loras)


def _setting(*names: str) -> Apply:
    def apply(recipe: Recipe, _: str, value: Any) -> Recipe:
        figures = dict(zip(names, value if len(names) > 1 else (value,), strict=True))
        return replace(recipe, settings={**recipe.settings, **figures})

    return apply


def _field(name: str) -> Apply:
    def apply(recipe: Recipe, _: str, value: Any) -> Recipe:
        return replace(recipe, **{name: value})

    return apply


def _profile(recipe: Recipe, _: str, name: str) -> Recipe:
    return replace(recipe, profile=load_profile(name))


def _same(value: Value) -> Value:
    return value


_SECTIONS = tuple(section.value for section in Section)

CHANGE_KINDS: dict[str, ChangeKind] = {
    kind.name: kind
    for kind in (
        ChangeKind("profile", "release whose defaults hold", _text, _profile),
        ChangeKind("checkpoint", "another model: a DiT file, its name, or a folder", _text, _field("checkpoint")),
        ChangeKind("prompt", "a whole prompt", _prompt, _field("prompt")),
        ChangeKind("section", "all tags of a section", _same, _set_section, "a section", arguments=_SECTIONS),
        ChangeKind("replace", "another tag, or several, in the place of one", _same, _replace, "a tag"),
        ChangeKind("remove", "tags that are taken out", _same, _remove),
        ChangeKind("add", "tags that are put into their sections", _same, _add),
        ChangeKind("weight", "the weight of a tag", _number, _weight, "a tag", numeric=True),
        ChangeKind("prose", "sentences on or off", _switch, _prose),
        ChangeKind(
            "blend",
            "where the sentences stand",
            _one_of(tuple(style.value for style in Blend)),
            lambda recipe, _, style: replace(recipe, prompt=blend(recipe.prompt, style)),
        ),
        ChangeKind("order", "sections that come first", _order, _field("order")),
        ChangeKind("search", "another text in the place of one, as the prompt prints it", _text, _search, "a text"),
        ChangeKind("negative", "the negative prompt", _text, _field("negative")),
        ChangeKind("size", "width and height in pixels", _size, _setting("width", "height")),
        ChangeKind("steps", "sampler steps", _whole, _setting("steps"), numeric=True),
        ChangeKind("cfg", "guidance scale", _number, _setting("guidance_scale"), numeric=True),
        ChangeKind("sampler", "sampler", _one_of(tuple(sorted(SAMPLERS))), _setting("sampler")),
        ChangeKind("scheduler", "scheduler", _one_of(tuple(SCHEDULERS)), _setting("scheduler")),
        ChangeKind("shift", "shift of the schedule", _number, _setting("shift"), numeric=True),
        ChangeKind("zero_star", "CFG-Zero* guidance, on or off", _switch, _setting("zero_star")),
        ChangeKind("loras", "the active LoRAs, path:strength", _loras, _field("loras")),
        ChangeKind("lora_strength", "strength of a LoRA", _number, _lora_strength, "a LoRA of the base", numeric=True),
        ChangeKind("seed", "seed of the noise", _whole, _field("seed"), numeric=True),
    )
}
"""In the order in which the changes of one value are made."""

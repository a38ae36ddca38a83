"""The kinds of changes that axes make: to prompts, settings, LoRAs and models.

Every change is a function from recipe to recipe. To add a kind, add an entry to ``CHANGE_KINDS``, then run
``anima-infer grid schema > docs/grid.schema.json`` and ``pytest tests/infer/grid/spec``.
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
    """A kind of change.

    Attributes:
        name: key in the specification.
        about: description, one line.
        read: reads a value of the specification for ``apply``.
        apply: returns the changed recipe for (recipe, argument, value).
        takes: description of the argument, such as ``a tag``; empty for a kind without argument.
        numeric: whether values are numbers, which may be written as ranges.
        arguments: allowed arguments; empty for any.
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


def _choice(allowed: tuple[str, ...]) -> Callable[[Value], str]:
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
    return tuple(replace(use, path=relative_to_spec(use.path, folder)) for use in uses)


def relative_to_spec(path: Path, folder: Path) -> Path:
    """Return a path as it is, or relative to the specification's folder if the file exists only there."""
    return folder / path if not path.is_absolute() and not exists(path) and exists(folder / path) else path


def _prompt(value: Value) -> Prompt:
    return Prompt.parse(value.text("a prompt").strip("\n"))


# --- changing recipes ------------------------------------------------------------------------------------------------


def _set_section(recipe: Recipe, section: str, value: Value) -> Recipe:
    if section == Section.TEXT:
        text = value.text("a sentence").strip()
        sentences = (Sentence(text),) if text else ()
        return replace(recipe, prompt=replace(recipe.prompt, sentences=sentences))
    tags = (
        [tag for item in value.one_or_many(section) for tag in read_tags(section, item)] if not _is_empty(value) else []
    )
    return replace(recipe, prompt=recipe.prompt.with_section(section, tags))


def _is_empty(value: Value) -> bool:
    return not value.is_list and not value.is_mapping and not value.text("a value").strip()


def _replace(recipe: Recipe, tag: str, value: Value) -> Recipe:
    first, *others = read_tags("general", value)
    location = recipe.prompt.find(tag)
    changed = recipe.prompt.replace(tag, first)
    if others and location is not None:
        section = location[0]
        tags = list(changed.section(section))
        end = tags.index(first) + 1
        changed = changed.with_section(section, [*tags[:end], *others, *tags[end:]])
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


def _prose(recipe: Recipe, _: str, is_on: Any) -> Recipe:
    return recipe if is_on else replace(recipe, prompt=replace(recipe.prompt, sentences=()))


def _search(recipe: Recipe, old: str, new: str) -> Recipe:
    if old not in recipe.to_text():
        raise GridError(
            f"the search text '{old}' is not in the prompt; write it as the prompt is printed: {recipe.to_text()}"
        )
    return replace(recipe, searches=(*recipe.searches, (old, new)))


def _lora_strength(recipe: Recipe, name: str, strength: Decimal) -> Recipe:
    named = Path(name)
    if not any(named in (use.path, Path(use.path.name), Path(use.path.stem)) for use in recipe.loras):
        names = ", ".join(use.path.name for use in recipe.loras) or "none"
        raise GridError(f"LoRA '{name}' is not among the base's LoRAs ({names}); add it under 'loras'")
    loras = tuple(
        replace(use, strength=float(strength)) if named in (use.path, Path(use.path.name), Path(use.path.stem)) else use
        for use in recipe.loras
    )
    return replace(recipe, loras=loras)


def _setting(*names: str) -> Apply:
    def apply(recipe: Recipe, _: str, value: Any) -> Recipe:
        settings = dict(zip(names, value if len(names) > 1 else (value,), strict=True))
        return replace(recipe, settings={**recipe.settings, **settings})

    return apply


def _field(name: str) -> Apply:
    def apply(recipe: Recipe, _: str, value: Any) -> Recipe:
        return replace(recipe, **{name: value})

    return apply


def _profile(recipe: Recipe, _: str, name: str) -> Recipe:
    return replace(recipe, profile=load_profile(name))


def _unread(value: Value) -> Value:
    return value


_SECTIONS = tuple(section.value for section in Section)

CHANGE_KINDS: dict[str, ChangeKind] = {
    kind.name: kind
    for kind in (
        ChangeKind("profile", "release whose default settings are used", _text, _profile),
        ChangeKind("checkpoint", "another model: a DiT file, its name, or a folder", _text, _field("checkpoint")),
        ChangeKind("prompt", "a whole prompt", _prompt, _field("prompt")),
        ChangeKind("section", "all tags of a section", _unread, _set_section, "a section", arguments=_SECTIONS),
        ChangeKind("replace", "another tag, or several, instead of a tag", _unread, _replace, "a tag"),
        ChangeKind("remove", "tags to remove", _unread, _remove),
        ChangeKind("add", "tags to add to their sections", _unread, _add),
        ChangeKind("weight", "the weight of a tag", _number, _weight, "a tag", numeric=True),
        ChangeKind("prose", "sentences on or off", _switch, _prose),
        ChangeKind(
            "blend",
            "position of the sentences",
            _choice(tuple(style.value for style in Blend)),
            lambda recipe, _, style: replace(recipe, prompt=blend(recipe.prompt, style)),
        ),
        ChangeKind("order", "sections to put first", _order, _field("order")),
        ChangeKind("search", "another text instead of a text of the printed prompt", _text, _search, "a text"),
        ChangeKind("negative", "the negative prompt", _text, _field("negative")),
        ChangeKind("size", "width and height in pixels", _size, _setting("width", "height")),
        ChangeKind("steps", "sampler steps", _whole, _setting("steps"), numeric=True),
        ChangeKind("cfg", "guidance scale", _number, _setting("guidance_scale"), numeric=True),
        ChangeKind("sampler", "sampler", _choice(tuple(sorted(SAMPLERS))), _setting("sampler")),
        ChangeKind("scheduler", "scheduler", _choice(tuple(SCHEDULERS)), _setting("scheduler")),
        ChangeKind("shift", "shift of the schedule", _number, _setting("shift"), numeric=True),
        ChangeKind("zero_star", "CFG-Zero* guidance, on or off", _switch, _setting("zero_star")),
        ChangeKind("loras", "the active LoRAs, path:strength", _loras, _field("loras")),
        ChangeKind("lora_strength", "strength of a LoRA", _number, _lora_strength, "a LoRA of the base", numeric=True),
        ChangeKind("seed", "seed of the noise", _whole, _field("seed"), numeric=True),
    )
}
"""By name, in the order in which the changes of a value are made."""

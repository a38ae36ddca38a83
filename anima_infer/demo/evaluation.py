"""How often the demo model draws what was asked, by the judge's eye."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from anima_infer.demo import drawing as d
from anima_infer.demo.captions import caption_of
from anima_infer.demo.drawing import Scene, random_scene
from anima_infer.demo.judge import NO_STYLE, Judge, Seen
from anima_infer.render.job import Job
from anima_infer.render.renderer import Renderer
from anima_infer.sampling.settings import RenderSettings

Render = Callable[[Sequence[str], Sequence[int]], list[Seen]]
"""Renders prompts with their seeds and says what is seen."""


def seeing(
    renderer: Renderer, judge: Judge, settings: RenderSettings, *, negative: str = "", batch: int = 16
) -> Render:
    """Return a function that renders and looks."""

    def render(prompts: Sequence[str], seeds: Sequence[int]) -> list[Seen]:
        jobs = [Job(prompt, negative, settings, seed) for prompt, seed in zip(prompts, seeds, strict=True)]
        made = [renderer.render(jobs[start : start + batch]) for start in range(0, len(jobs), batch)]
        return judge.look([image.image for images in made for image in images])

    return render


def look_of(scene: Scene) -> tuple[object, ...]:
    """Return what makes a scene a combination: who looks how, wears what, and where."""
    return (tuple((f.hair, f.eyes, f.clothes, f.dye, f.accessories) for f in scene.figures), scene.background)


def held_out(count: int, seed: int, trained: Sequence[Scene], *, figures: int = 1) -> list[Scene]:
    """Return good images' scenes whose combination was not in training."""
    known = {look_of(scene) for scene in trained}
    source = random.Random(seed)  # noqa: S311  no secret
    chosen: list[Scene] = []
    while len(chosen) < count:
        scene = replace(random_scene(source), quality="masterpiece", year=2024)
        if len(scene.figures) == figures and look_of(scene) not in known:
            chosen.append(scene)
    return chosen


@dataclass(frozen=True, slots=True)
class Score:
    """Right answers of all that were asked."""

    right: int
    asked: int

    @property
    def share(self) -> float:
        """Share of right answers, 1 if nothing was asked."""
        return self.right / self.asked if self.asked else 1.0


def evaluate(render: Render, scenes: Sequence[Scene], *, seed: int = 1000) -> dict[str, Score]:
    """Render a prompt for each scene and count what came out right, question by question.

    Scenes of one character are asked for in tags, scenes of two in sentences.
    """
    prompts = [caption_of(scene) for scene in scenes]
    seen = render(prompts, [seed + number for number in range(len(scenes))])
    counts: dict[str, list[bool]] = {}
    for scene, found in zip(scenes, seen, strict=True):
        for question, right in answers(scene, found).items():
            counts.setdefault(question, []).append(right)
    return {question: Score(sum(rights), len(rights)) for question, rights in counts.items()}


def answers(scene: Scene, seen: Seen) -> dict[str, bool]:
    """Return question by question whether an image shows its scene."""
    found = {
        "count": len(seen.figures) == len(scene.figures),
        "background": seen.scene["background"] == scene.background,
        "style": seen.scene["style"] == (scene.style or NO_STYLE),
    }
    if scene.figures:
        found["framing"] = seen.scene["framing"] == scene.framing
    if len(seen.figures) != len(scene.figures):
        return found
    if len(scene.figures) == 1:
        found |= _figure(scene, seen, 0)
    elif scene.figures:
        found["hair on its side"] = all(seen.figures[i]["hair"] == f.hair for i, f in enumerate(scene.figures))
        found["hair"] = {one["hair"] for one in seen.figures} == {f.hair for f in scene.figures}
    return found


def _figure(scene: Scene, seen: Seen, place: int) -> dict[str, bool]:
    figure, shown, worn = scene.figures[place], seen.figures[place], seen.accessories[place]
    found = {
        name: shown[name] == getattr(figure, name) for name in ("hair", "hair_style", "clothes", "dye", "expression")
    }
    if d.visible_eyes(figure):
        found["eyes"] = shown["eyes"] == figure.eyes
    found["hat"] = worn & d.HATS == set(figure.accessories) & d.HATS
    found["accessories"] = worn == set(figure.accessories)
    return found


# --- effects ---------------------------------------------------------------------------------------------------------

WEIGHTS = (0.0, 0.5, 1.0, 2.0, 3.0)
_GIRL = "masterpiece, best quality, safe, 1girl"
_REST = "smile, red dress, day, portrait"
_HINT = 0.15
"""Weight at which a hat comes and is easily taken away again."""


def _share(render: Render, prompt: str, sees: Callable[[Seen], bool], rounds: int) -> float:
    """Return the share of images that show something; ``prompt`` has a place for the color of the hair."""
    prompts = [prompt.format(hair=hair) for hair in d.HAIR for _ in range(rounds)]
    seen = render(prompts, list(range(len(prompts))))
    return sum(map(sees, seen)) / len(seen)


def _wears_witch_hat(seen: Seen) -> bool:
    return any("witch hat" in worn for worn in seen.accessories)


def _is_masterpiece(seen: Seen) -> bool:
    return seen.scene["quality"] == "masterpiece"


def hat_by_weight(render: Render, *, rounds: int = 4) -> dict[str, float]:
    """Return the share of images with a witch hat for ``(witch hat:0)`` to ``(witch hat:3)``."""
    prompt = f"{_GIRL}, {{hair}}, (witch hat:%g), {_REST}"
    return {f"{weight:g}": _share(render, prompt % weight, _wears_witch_hat, rounds) for weight in WEIGHTS}


def styles_by_weight(render: Render) -> dict[str, dict[str, float]]:
    """Return the share of images in each style for ``(@style:0)`` to ``(@style:3)``."""

    def share(style: str, weight: float) -> float:
        prompt = f"{_GIRL}, (@{style}:{weight:g}), {{hair}}, {_REST}"
        return _share(render, prompt, lambda one: one.scene["style"] == style, 1)

    return {style: {f"{weight:g}": share(style, weight) for weight in WEIGHTS} for style in d.STYLES}


def hat_by_negative(renders: Mapping[str, Render], *, rounds: int = 4) -> dict[str, float]:
    """Return the share of images with a hat that the prompt only hints at, by negative prompt."""
    prompt = f"{_GIRL}, {{hair}}, (witch hat:{_HINT}), {_REST}"
    return {name: _share(render, prompt, _wears_witch_hat, rounds) for name, render in renders.items()}


def good_by_quality(render: Render, *, rounds: int = 4) -> dict[str, float]:
    """Return the share of images that look like a masterpiece, by the quality word in front."""
    rest = f"safe, 1girl, {{hair}}, {_REST}"
    return {word: _share(render, f"{word}, {rest}", _is_masterpiece, rounds) for word in d.QUALITIES}


def good_by_negative(renders: Mapping[str, Render], *, rounds: int = 4) -> dict[str, float]:
    """Return the share of images that look like a masterpiece, by negative prompt; "good quality" is in front."""
    prompt = f"good quality, safe, 1girl, {{hair}}, {_REST}"
    return {name: _share(render, prompt, _is_masterpiece, rounds) for name, render in renders.items()}

"""Captions of the demo model's drawings, after the real model's scheme.

Tags in sections (quality, year, safety, count, @style, general), shuffled inside a section, some left out; a share of
captions in sentences, a share mixed. What a caption says is always true of its image.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache

from anima_infer.demo.drawing import COUNTS, EYES, QUALITIES, Figure, Scene, visible_eyes

PERIODS = ((2025, "newest"), (2023, "recent"), (2020, "mid"), (2017, "early"), (0, "old"))
SCORES = {
    "masterpiece": "score_9",
    "best quality": "score_8",
    "good quality": "score_7",
    "normal quality": "score_5",
    "low quality": "score_3",
    "worst quality": "score_1",
}
WORDS = {"1girl": "girl", "1boy": "boy"}
_FRONT = frozenset(("safe", *(part for count in COUNTS for part in count.split(", "))))
_SIDES = ("on the left", "on the right")


@dataclass(frozen=True, slots=True)
class Shares:
    """How often captions have which form; chances from 0 to 1.

    ``two_characters`` makes sentences likelier where there are two: nothing else says who wears what. ``drop_eyes`` is
    more than ``drop_tag``, or a caption without an eye color would mean closed eyes. ``drop_quality`` is for good
    images: bad ones always say so, and a prompt without a word on quality does not ask for them. ``drop_words`` is
    for what a sentence may leave out: what is worn, one by one, and the place.
    """

    quality_alone: float = 0.07
    sentences: float = 0.2
    mixed: float = 0.25
    drop_tag: float = 0.12
    drop_eyes: float = 0.3
    drop_quality: float = 0.25
    drop_words: float = 0.25
    score: float = 0.35
    year: float = 0.4
    safety: float = 0.8
    two_characters: float = 0.65
    blank_tag: float = 0.35
    heavy_tag: float = 0.4


DEFAULT = Shares()
WHOLE_FOR = 0.375
"""Share of a training in which sentences leave nothing out: what hangs together is learned sooner when all is told."""


def shares_at(done: float) -> Shares:
    """Return the shares for a moment of a training, from 0 to 1.

    >>> shares_at(0.3).drop_words, shares_at(0.4).drop_words
    (0.0, 0.25)
    """
    return replace(DEFAULT, drop_words=0.0) if done < WHOLE_FOR else DEFAULT


def period(year: int) -> str:
    """Return the model's word for a year.

    >>> period(2025), period(2015)
    ('newest', 'old')
    """
    return next(word for first, word in PERIODS if year >= first)


def figure_tags(figure: Figure) -> list[str]:
    """Return what can be seen of a character, the count left out."""
    tags = [figure.hair, figure.hair_style, f"{figure.dye} {figure.clothes}", *figure.accessories, figure.expression]
    return [*tags, figure.eyes] if visible_eyes(figure) else tags


def caption(scene: Scene, source: random.Random, shares: Shares = DEFAULT) -> str:
    """Return one of the captions that a scene may have."""
    quality = _quality(scene, source, shares)
    if source.random() < shares.quality_alone:
        return ", ".join(quality) or scene.quality
    front = [*quality, *_year(scene, source, shares)]
    if source.random() < shares.safety:
        front.append("safe")
    form = source.random() * (shares.two_characters if len(scene.figures) == 2 else 1.0)
    if form < shares.sentences:
        return ". ".join(part for part in (", ".join(front), sentences(scene, source, shares.drop_words)) if part)
    tags = [*front, scene.count, *_style(scene)]
    general = _kept(_general(scene), source, shares)
    if form < shares.sentences + shares.mixed and scene.figures:
        told = sentences(scene, source, shares.drop_words)
        return f"{', '.join([*tags, *general[: source.randint(0, 3)]])}. {told}"
    return ", ".join([*tags, *general])


def weighted_caption(scene: Scene, source: random.Random, shares: Shares = DEFAULT) -> list[tuple[str, float]]:
    """Return a caption in weighted segments, as the encoder takes them.

    Some captions get a tag that the image does not show, with weight 0: nothing else tells a small model that a tag
    without weight is no tag. As many have a weight, often 1, on a tag that it does show, or the cut alone would tell
    which tags mean nothing.
    """
    text = caption(scene, source, shares)
    chance = source.random()
    tags = text.split(", ")
    if chance < shares.blank_tag:
        blank = _absent(scene, source)
        return _cut(tags, _place(tags, blank, source), blank, 0.0)
    if chance < shares.blank_tag + shares.heavy_tag and len(tags) > 2:
        kinds = _kinds()
        shown = [place for place, tag in enumerate(tags) if any(tag in kind for kind in kinds)]
        if shown:
            styles = [place for place in shown if tags[place][0] == "@"]
            prefer = source.randint(0, 1)  # styles are one tag of many, and leak most
            place = source.choice(styles if styles and prefer else shown)
            weight = source.choice((1.0, round(source.uniform(0.6, 3.0), 1)))
            return _cut(tags[:place] + tags[place + 1 :], place, tags[place], weight)
    return [(text, 1.0)]


def twin_caption(segments: Sequence[tuple[str, float]], scene: Scene, source: random.Random) -> list[tuple[str, float]]:
    """Return a caption with another tag that the scene does not show where the tag of weight 0 is.

    All other words should mean the same in both. Nothing is returned where every word has weight.
    """
    if all(weight for _, weight in segments):
        return []
    return [(text, weight) if weight else (_absent(scene, source), weight) for text, weight in segments]


@cache
def _kinds() -> tuple[Collection[str], ...]:
    """Return the tags that captions may be cut at, kind by kind.

    Accessories stand twice, they are worn or not; styles four times: a style is in the whole image, and leaks most.
    """
    from anima_infer.demo import drawing as d

    clothes = [f"{dye} {clothes}" for dye in d.DYES for clothes in d.CLOTHES]
    styles = [f"@{style}" for style in d.STYLES]
    looks = (d.HAIR, d.EYES, d.HAIR_STYLES, d.EXPRESSIONS, d.ACCESSORIES, d.ACCESSORIES, d.BACKGROUNDS, clothes)
    return (*looks, *[styles] * 4)


def _absent(scene: Scene, source: random.Random) -> str:
    """Return a tag that a scene does not show; kinds are as likely as they stand in ``_kinds``."""
    shown = {*every_tag_of(scene), f"@{scene.style}"}
    return source.choice([tag for tag in source.choice(_kinds()) if tag not in shown])


def _place(tags: Sequence[str], tag: str, source: random.Random) -> int:
    """Return where a tag belongs: styles behind the count, others anywhere behind it."""
    front = max((place for place, other in enumerate(tags, 1) if other in _FRONT), default=0)
    return front if tag[0] == "@" else source.randint(front, len(tags))


def _cut(tags: list[str], place: int, tag: str, weight: float) -> list[tuple[str, float]]:
    """Return tags with one more, which has a weight of its own: what ``a, (b:1.2), c`` is cut into."""
    before, after = ", ".join(tags[:place]), ", ".join(tags[place:])
    parts = [(f"{before}, ", 1.0)] if before else []
    parts.append((tag, weight))
    return [*parts, (f", {after}", 1.0)] if after else parts


def every_tag_of(scene: Scene) -> list[str]:
    """Return all tags that a scene shows."""
    return [tag for figure in scene.figures for tag in figure_tags(figure)] + [scene.background, scene.framing]


def caption_of(scene: Scene, source: random.Random | None = None) -> str:
    """Return the whole caption of a good image: tags for one character, sentences for two; nothing is left out."""
    words = source or random.Random(0)  # noqa: S311  no secret
    front = [
        scene.quality,
        *(["best quality"] if scene.quality == "masterpiece" else []),
        "safe",
        scene.count,
        *_style(scene),
    ]
    if len(scene.figures) == 2:
        return f"{', '.join([*front, scene.framing])}. {sentences(scene, words)}"
    return ", ".join([*front, *_general(scene)])


def _quality(scene: Scene, source: random.Random, shares: Shares) -> list[str]:
    left_out = scene.quality in QUALITIES[:2] and source.random() < shares.drop_quality
    tags = [] if left_out else [scene.quality]
    if scene.quality == "masterpiece" and tags and source.random() < 0.4:
        tags.append("best quality")
    if source.random() < shares.score:
        tags.append(SCORES[scene.quality])
    return tags


def _year(scene: Scene, source: random.Random, shares: Shares) -> list[str]:
    if source.random() >= shares.year:
        return []
    return [f"year {scene.year}" if source.random() < 0.5 else period(scene.year)]


def _style(scene: Scene) -> list[str]:
    return [f"@{scene.style}"] if scene.style else []


def _general(scene: Scene) -> list[str]:
    tags = [tag for figure in scene.figures for tag in figure_tags(figure)]
    return [*dict.fromkeys(tags), scene.background, *([scene.framing] if scene.figures else [])]


def _kept(tags: list[str], source: random.Random, shares: Shares) -> list[str]:
    kept = [tag for tag in tags if source.random() >= (shares.drop_eyes if tag in EYES else shares.drop_tag)]
    source.shuffle(kept)
    return kept


# --- sentences -------------------------------------------------------------------------------------------------------


def sentences(scene: Scene, source: random.Random, drop: float = 0.0) -> str:
    """Return what a scene shows in words; two characters are told apart by their sides.

    Args:
        scene: what is shown.
        source: chooses between wordings.
        drop: chance to leave out a thing that is worn, or the place; the color of the hair is always told.
    """
    place = "" if scene.figures and _dropped(source, drop) else _where(scene.background)
    if not scene.figures:
        return f"Nobody is there{place}."
    if len(scene.figures) == 1:
        told = [f"{_described(scene, 0, source, drop)}{place}."]
    else:
        order = [0, 1]
        source.shuffle(order)
        told = [f"{_described(scene, i, source, drop, _SIDES[i])}." for i in order]
        if place:
            told.append(f"The two are seen{place}.")
        elif not _dropped(source, drop):
            told.append("The two stand side by side.")
    if scene.style:
        told.append(f"Drawn by @{scene.style}.")
    return " ".join(told)


def _dropped(source: random.Random, chance: float) -> bool:
    """Draw lots; nothing is drawn where there is no chance."""
    return bool(chance) and source.random() < chance


def _described(scene: Scene, index: int, source: random.Random, drop: float, side: str = "") -> str:
    figure = scene.figures[index]
    who = f"{'The' if side else 'A'} {WORDS[figure.kind]}{' ' + side if side else ''}"
    looks = [_with_article(figure.hair)]
    if visible_eyes(figure) and source.random() < 0.7:
        looks.append(figure.eyes)
    verb = "has" if side or source.random() < 0.4 else "with"
    worn = [_with_article(name) for name in (f"{figure.dye} {figure.clothes}", *figure.accessories)]
    worn = [thing for thing in worn if not _dropped(source, drop)]
    source.shuffle(worn)
    joined = f"{who} {verb} {_listed(looks)}"
    if worn:
        joined += f" and wears {_listed(worn)}" if verb == "has" else f" wears {_listed(worn)}"
    return joined


def _with_article(name: str) -> str:
    plural = name.endswith(("hair", "eyes", "ears", "headphones", "glasses", "overalls"))
    return name if plural else f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _where(background: str) -> str:
    places = {
        "white background": " on a white background",
        "grey background": " on a grey background",
        "day": " under a blue sky by day",
        "night": " under the stars at night",
        "sunset": " at sunset",
        "forest": " in a forest",
        "beach": " at the beach",
        "snow": " in the snow",
        "city": " in a city",
        "desert": " in a desert",
        "rain": " in the rain",
        "indoors": " indoors",
    }
    return places[background]


def every_tag() -> list[str]:
    """Return every tag that a caption may hold: what a tokenizer of whole tags needs."""
    from anima_infer.demo import drawing as d

    tags = [*d.QUALITIES, *SCORES.values(), *(word for _, word in PERIODS), *(f"year {year}" for year in d.YEARS)]
    tags += ["safe", *COUNTS, *(f"@{style}" for style in d.STYLES), *d.HAIR, *d.EYES, *d.HAIR_STYLES, *d.EXPRESSIONS]
    tags += [f"{dye} {clothes}" for dye in d.DYES for clothes in d.CLOTHES]
    return [*tags, *d.ACCESSORIES, *d.BACKGROUNDS, *d.FRAMINGS]

"""Captions that say the same."""

from __future__ import annotations

import os
from array import array
from collections import defaultdict
from collections.abc import Iterator
from hashlib import blake2b

from anima_prompt.diagnostics import Severity
from anima_prompt.lint.rule import CAPTION, Rule, files, quoted
from anima_prompt.lint.set_context import SetContext, SetFinding

_SHOWN = 4
_FEWEST_TAGS = 6
_PARTS = 3
_MOST_DIFFERENT = 2
_MOST_COMPARED = 8
"""Captions of one hash that are compared, the nearest by order of files; more in sets below :data:`_MANY`."""
_MANY = 5_000


def check_same(context: SetContext) -> Iterator[SetFinding]:
    """Report each text that several captions share, once."""
    groups: dict[str, list[int]] = defaultdict(list)
    for caption, text in enumerate(context.texts):
        image = context.images[caption]
        if text.strip() and not (image and any(context.images[other] == image for other in groups[text][-1:])):
            groups[text].append(caption)
    for same in groups.values():
        if len(same) > 1:
            names = [os.path.basename(context.sources[caption]) for caption in same[1:]]  # noqa: PTH119
            shown = ", ".join(dict.fromkeys(names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")
            yield SetFinding(f"{len(same):,} captions are the same text: also {shown}; describe each image", same[0])


def check_near(context: SetContext) -> Iterator[SetFinding]:
    """Flag a caption whose tags are those of an earlier one, in any order, but for two at most.

    Two sets of tags that differ in two share one of three parts by hash, so that only those are compared.
    """
    codes = [int.from_bytes(blake2b(name.encode("utf-8", "replace"), digest_size=7).digest()) for name in context.names]
    sums = [_sums(ids, codes) for ids in context.tags]
    nearest: dict[int, int] = {}
    most = _MOST_COMPARED if len(sums) > _MANY else _MOST_COMPARED * 8
    for part in range(_PARTS):
        order = sorted((own[part], caption) for caption, own in enumerate(sums) if own)
        for position, (key, caption) in enumerate(order):
            for before in range(position - 1, max(-1, position - 1 - most), -1):
                other_key, other = order[before]
                if other_key != key:
                    break
                if caption not in nearest and _is_near(context, caption, other):
                    nearest[caption] = other
    for caption, near in sorted(nearest.items()):
        yield SetFinding(_message(context, caption, near), caption)


def _sums(ids: array[int], codes: list[int]) -> tuple[int, ...]:
    """Return the hashes of three parts of a caption's tags, none for a caption of few tags."""
    tags = set(ids)
    if len(tags) < _FEWEST_TAGS:
        return ()
    sums = [0] * _PARTS
    for number in tags:
        code = codes[number]
        sums[code % _PARTS] ^= code
    return tuple(sums)


def _is_near(context: SetContext, caption: int, other: int) -> bool:
    image = context.images[caption]
    if context.texts[caption] == context.texts[other] or (image and image == context.images[other]):
        return False  # the same text has a rule of its own, and one image may have several captions
    return len(set(context.tags[caption]) ^ set(context.tags[other])) <= _MOST_DIFFERENT


def _message(context: SetContext, caption: int, near: int) -> str:
    own, other = set(context.tags[caption]), set(context.tags[near])
    name = quoted(os.path.basename(context.sources[near]))  # noqa: PTH119
    different = sorted(context.table[number].text for number in own ^ other)
    if not different:
        return f"the same tags as {name}; describe what differs between the images"
    return f"the tags of {name} but for {', '.join(map(quoted, different))}; describe what differs between the images"


RULES = (
    Rule(
        code="CAP401",
        name="duplicate-captions",
        severity=Severity.INFO,
        reason="Images with one text cannot be distinguished by a prompt. It may be meant: a style with a trigger alone.",
        bad=files("a.png", "a.txt: 1girl, smile", "b.png", "b.txt: 1girl, smile"),
        good=files("a.png", "a.txt: 1girl, smile", "b.png", "b.txt: 1girl, hat"),
        check_set=check_same,
        roles=CAPTION,
    ),
    Rule(
        code="CAP402",
        name="near-duplicate-captions",
        severity=Severity.INFO,
        reason="Frames of one scene have nearly the same tags: the model sees that scene as often as there are frames.",
        bad=files(
            "a.png",
            "a.txt: 1girl, long hair, blue eyes, smile, hat, sky, day",
            "b.png",
            "b.txt: 1girl, hat, long hair, blue eyes, smile, sky, night",
        ),
        good=files(
            "a.png",
            "a.txt: 1girl, long hair, blue eyes, smile, hat, sky, day",
            "b.png",
            "b.txt: 1girl, short hair, red eyes, frown, hat, sky, night",
        ),
        check_set=check_near,
        roles=CAPTION,
    ),
)

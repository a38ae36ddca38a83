"""Twin captions: they teach the text encoder to keep a tag's meaning in its own rows, where a weight scales it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from torch import Tensor

from anima_infer.demo.captions import twin_caption
from anima_infer.demo.drawing import Scene
from anima_prompt.tokens import Tokenizers, Tokens

TWINS = 4
"""Captions of a batch that are encoded a second time, with another tag of weight 0."""

CaptionSegments = Sequence[tuple[str, float]]


def with_twins(
    tokenizers: Tokenizers, captions: Sequence[CaptionSegments], *, scenes: Sequence[Scene], words: random.Random
) -> tuple[list[Tokens], list[int]]:
    """Return the tokens of captions, followed by those of TWINS twins, and the index of each twin's caption.

    If too few captions have a tag of weight 0, the first caption is its own twin.

    Args:
        tokenizers: of the demo model; every tag is one piece of T5's.
        captions: weighted segments.
        scenes: of the captions.
        words: random generator that chooses the other tags.
    """
    tokens = [tokenizers.encode(segments) for segments in captions]
    others = [twin_caption(segments, scene, words) for segments, scene in zip(captions, scenes, strict=True)]
    of = [index for index, segments in enumerate(others) if segments][:TWINS]
    twins = [tokenizers.encode(others[index]) for index in of]
    missing = TWINS - len(of)
    return [*tokens, *twins, *tokens[:1] * missing], [*of, *[0] * missing]


def leakage(rows: Tensor, twins: Tensor) -> Tensor:
    """Return the squared difference of captions' rows and their twins', relative to the squared rows.

    The rows of the differing tags are zero in both, so that every difference has leaked from them into other rows.
    """
    return (rows - twins).square().sum() / rows.detach().square().sum()

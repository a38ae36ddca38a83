"""Captions that are read twice, so that a tag says nothing outside of its own row, where a weight can take it away."""

from __future__ import annotations

import random
from collections.abc import Sequence

from torch import Tensor

from anima_infer.demo.captions import twin
from anima_infer.demo.drawing import Scene
from anima_prompt.tokens import Tokenizers, Tokens

TWINS = 4
"""Captions of a batch that are read once more with another tag of weight 0."""

Segments = Sequence[tuple[str, float]]


def with_twins(
    tokenizers: Tokenizers, captions: Sequence[Segments], *, scenes: Sequence[Scene], words: random.Random
) -> tuple[list[Tokens], list[int]]:
    """Return captions as tokens with TWINS more behind them, and whose twin each of those is.

    Where too few captions have a tag of weight 0, the first one is its own twin.

    Args:
        tokenizers: of the demo model; every tag is one piece of T5's.
        captions: in weighted segments.
        scenes: what each caption is about.
        words: chooses the other tags.
    """
    tokens = [tokenizers.encode(segments) for segments in captions]
    others = [twin(segments, scene, words) for segments, scene in zip(captions, scenes, strict=True)]
    of = [index for index, segments in enumerate(others) if segments][:TWINS]
    twins = [tokenizers.encode(others[index]) for index in of]
    missing = TWINS - len(of)
    return [*tokens, *twins, *tokens[:1] * missing], [*of, *[0] * missing]


def leak(rows: Tensor, twins: Tensor) -> Tensor:
    """Return how far the rows of captions are from their twins': squares, as a share of the rows' own.

    The rows of what differs are zero in both, so that all that is left has leaked from them into others.
    """
    return (rows - twins).square().sum() / rows.detach().square().sum()

"""Statistics of paired votes: win rates, exact tests, rankings, agreement, and how many more votes are needed.

Pure functions on counts. Ties and "both bad" decide nothing: they are counted and shown, left out of rates and tests,
and half a win for either side in the ranking.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Z95 = 1.959963984540054
"""97.5 % point of the normal distribution."""
NEVER = 10_000
"""More votes than anybody will give."""


def wilson(won: int, total: int, z: float = Z95) -> tuple[float, float]:
    """Return the Wilson interval of a share; (0, 1) where nothing is known. Source: Wilson 1927.

    >>> [round(end, 3) for end in wilson(7, 10)]
    [0.397, 0.892]
    """
    if not total:
        return 0.0, 1.0
    share = won / total
    middle = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    whole = 1 + z * z / total
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def sign_test(won: int, lost: int) -> float:
    """Return the two-sided p of the exact sign test: how likely so uneven a result is if neither is preferred.

    >>> round(sign_test(9, 1), 5)
    0.02148
    """
    total = won + lost
    tail = sum(math.comb(total, count) for count in range(min(won, lost) + 1))
    return min(1.0, 2 * tail / 2**total)


def votes_needed(won: int, lost: int) -> int | None:
    """Return how many more decided votes a 95 % interval without one half needs, if the share stays as it is.

    0 if it is clear already; None if no number below 10,000 does, as with an even result.

    >>> votes_needed(9, 1), votes_needed(7, 3), votes_needed(5, 5)
    (0, 15, None)
    """
    total = won + lost
    if not total or won == lost:
        return None
    share = max(won, lost) / total
    if wilson(max(won, lost), total)[0] > 0.5:
        return 0
    for more in range(1, NEVER):
        if _lower(share, total + more) > 0.5:
            return more
    return None


def _lower(share: float, total: int) -> float:
    middle = share + Z95**2 / (2 * total)
    half = Z95 * math.sqrt(share * (1 - share) / total + Z95**2 / (4 * total**2))
    return (middle - half) / (1 + Z95**2 / total)


@dataclass(frozen=True, slots=True)
class Strength:
    """Strength of a value on the logit scale, the mean of all values being 0, with its 95 % interval."""

    strength: float
    low: float
    high: float


def bradley_terry(wins: np.ndarray[Any, Any], *, prior: float = 0.5, rounds: int = 200) -> np.ndarray[Any, Any]:
    """Return log-strengths from win counts. Source: Bradley and Terry 1952; iteration of Hunter 2004 (MM).

    Args:
        wins: ... x K x K; ``wins[i, j]`` is how often i won against j.
        prior: wins added to both sides of every pair, so that a value that never lost stays finite.
        rounds: of the iteration.

    Returns:
        ... x K, the mean of each row 0.
    """
    k = wins.shape[-1]
    counts = wins + prior * (1 - np.eye(k))
    games = counts + np.swapaxes(counts, -1, -2)
    won = counts.sum(-1)
    strength = np.ones((*wins.shape[:-2], k))
    for _ in range(rounds):
        pair = strength[..., :, None] + strength[..., None, :]
        strength = won / (games / pair).sum(-1)
        strength = strength / np.exp(np.log(strength).mean(-1, keepdims=True))
    logs: np.ndarray[Any, Any] = np.log(strength)
    return logs


def ranking(
    clusters: Sequence[Sequence[tuple[int, int, float]]], values: int, *, samples: int = 1000, seed: int = 0
) -> list[Strength]:
    """Return a Bradley-Terry ranking with bootstrap intervals.

    Args:
        clusters: votes by image pair, each vote as (one, other, what ``one`` got of the win: 1, 0 or a half). Pairs
            are drawn again as a whole, since votes on one pair go together.
        values: how many values there are.
        samples: of the bootstrap.
        seed: of the bootstrap.
    """
    each = np.zeros((len(clusters), values, values))
    for number, votes in enumerate(clusters):
        for one, other, share in votes:
            each[number, one, other] += share
            each[number, other, one] += 1 - share
    best = bradley_terry(each.sum(0))
    source = np.random.default_rng(seed)
    drawn = source.multinomial(len(clusters), np.full(len(clusters), 1 / len(clusters)), size=samples)
    strengths = bradley_terry(np.tensordot(drawn.astype(float), each, axes=1), rounds=60)
    low, high = np.percentile(strengths, (2.5, 97.5), axis=0)
    return [Strength(float(b), float(lo), float(hi)) for b, lo, hi in zip(best, low, high, strict=True)]


def krippendorff_alpha(units: Sequence[Mapping[str, str]]) -> float | None:
    """Return the agreement of voters on nominal answers: 1 is perfect, 0 is chance, None if nothing was voted twice.

    Args:
        units: for each image pair, the answer of each voter. Source: Krippendorff 2011.
    """
    pairable = [list(unit.values()) for unit in units if len(unit) > 1]
    if not pairable:
        return None
    totals: Counter[str] = Counter()
    observed = 0.0
    for answers in pairable:
        counts = Counter(answers)
        size = len(answers)
        totals.update(counts)
        observed += sum(count * (size - count) for count in counts.values()) / (size - 1)
    n = sum(totals.values())
    expected = sum(count * (n - count) for count in totals.values()) / (n - 1)
    return 1.0 if not expected else 1 - observed / expected

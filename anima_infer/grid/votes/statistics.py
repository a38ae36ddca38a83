"""Statistics of paired votes: win rates, exact tests, rankings, agreement, votes needed.

Pure functions on counts. Ties and "both bad" are not decided votes: rates and tests ignore them, and the ranking counts
them as half a win for either side.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_VOTES = 10_000
"""More votes than anybody will give."""


def wilson(won: int, total: int) -> tuple[float, float]:
    """Return the 95 % Wilson confidence interval of a fraction; (0, 1) if ``total`` is 0. Source: Wilson 1927.

    >>> [round(end, 3) for end in wilson(7, 10)]
    [0.397, 0.892]
    """
    from scipy.stats import binomtest

    if not total:
        return 0.0, 1.0
    interval = binomtest(won, total).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def sign_test(won: int, lost: int) -> float:
    """Return the two-sided p of the exact sign test: the chance of a result this uneven if neither is preferred.

    >>> round(sign_test(9, 1), 5)
    0.02148
    """
    from scipy.stats import binomtest

    return float(binomtest(won, won + lost).pvalue) if won + lost else 1.0


def votes_needed(won: int, lost: int) -> int | None:
    """Return how many more decided votes make the 95 % confidence interval exclude 0.5, if the rate stays the same.

    0 if it does already; None if fewer than 10,000 votes do not, as with an even result. The Wilson interval of n votes
    excludes 0.5 where the score test does: (2 rate - 1) sqrt(n) exceeds the 97.5 % point of the normal distribution.

    >>> votes_needed(9, 1), votes_needed(7, 3), votes_needed(5, 5)
    (0, 15, None)
    """
    from scipy.stats import norm

    total = won + lost
    if won == lost:
        return None
    lead = abs(won - lost) / total
    more = max(0, math.floor((norm.ppf(0.975) / lead) ** 2) + 1 - total)
    return more if more < MOST_VOTES else None


@dataclass(frozen=True, slots=True)
class Strength:
    """Strength of a value on the logit scale, with its 95 % confidence interval; the mean of all values is 0."""

    strength: float
    low: float
    high: float


def bradley_terry(wins: np.ndarray[Any, Any], *, prior: float = 0.5, rounds: int = 200) -> np.ndarray[Any, Any]:
    """Return log-strengths from win counts. Source: Bradley and Terry 1952; iteration of Hunter 2004 (MM).

    Args:
        wins: ... x K x K; ``wins[i, j]`` is the number of wins of i against j.
        prior: wins added to both sides of every pair, so that a value that never lost has a finite strength.
        rounds: of the iteration.

    Returns:
        ... x K; the mean of each row is 0.
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


def rank(
    clusters: Sequence[Sequence[tuple[int, int, float]]], values: int, *, samples: int = 1000, seed: int = 0
) -> list[Strength]:
    """Return the Bradley-Terry strengths of values with bootstrap confidence intervals.

    Args:
        clusters: votes by image pair, each vote as (first, second, score of the first: 1, 0 or 0.5). The bootstrap
            draws whole pairs, since votes on a pair are not independent.
        values: number of values.
        samples: of the bootstrap.
        seed: of the bootstrap.
    """
    wins = np.zeros((len(clusters), values, values))
    for number, votes in enumerate(clusters):
        for first, second, score in votes:
            wins[number, first, second] += score
            wins[number, second, first] += 1 - score
    best = bradley_terry(wins.sum(0))
    source = np.random.default_rng(seed)
    samples_of_pairs = source.multinomial(len(clusters), np.full(len(clusters), 1 / len(clusters)), size=samples)
    strengths = bradley_terry(np.tensordot(samples_of_pairs.astype(float), wins, axes=1), rounds=60)
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

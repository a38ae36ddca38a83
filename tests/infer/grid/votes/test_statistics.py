"""Statistics: against scipy, against simulated voters, and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anima_infer.grid.votes.statistics import (
    bradley_terry,
    krippendorff_alpha,
    rank,
    sign_test,
    votes_needed,
    wilson,
)

COUNTS = st.integers(0, 400)


@pytest.mark.parametrize(
    ("won", "lost", "low", "high", "p"),  # computed with the formulas of Wilson 1927 and of the binomial distribution
    [
        (0, 0, 0.0, 1.0, 1.0),
        (0, 5, 0.0, 0.434482465, 0.0625),
        (7, 3, 0.396778147, 0.892208733, 0.34375),
        (60, 40, 0.502002587, 0.690598714, 0.056887933),
        (400, 1, 0.986011343, 0.999559653, 1.5568e-118),
    ],
)
def test_interval_and_sign_test_have_known_values(won: int, lost: int, low: float, high: float, p: float) -> None:
    assert wilson(won, won + lost) == pytest.approx((low, high), abs=1e-8)
    assert sign_test(won, lost) == pytest.approx(p, rel=1e-4)
    assert sign_test(lost, won) == sign_test(won, lost)


@given(COUNTS, COUNTS)
def test_the_votes_that_are_needed_make_it_clear_and_one_less_does_not(won: int, lost: int) -> None:
    needed = votes_needed(won, lost)
    if needed is None:
        assert abs(won - lost) <= 0.05 * (won + lost)
        return
    total, share = won + lost, max(won, lost) / max(1, won + lost)
    assert (needed == 0) == (wilson(max(won, lost), total)[0] > 0.5)
    if needed:
        assert wilson_of(share, total + needed)[0] > 0.5 >= wilson_of(share, total + needed - 1)[0]


def wilson_of(share: float, total: int) -> tuple[float, float]:
    from scipy.stats import norm

    z = norm.ppf(0.975)
    middle, half = share + z * z / (2 * total), z * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return (middle - half) / (1 + z * z / total), (middle + half) / (1 + z * z / total)


@pytest.mark.parametrize("preference", [0.5, 0.65, 0.8])
def test_ninety_five_percent_intervals_hold_the_truth_so_often(preference: float) -> None:
    source = np.random.default_rng(1)
    wins = source.binomial(100, preference, size=4000)
    held = np.mean([low <= preference <= high for low, high in (wilson(int(won), 100) for won in wins)])
    assert 0.93 <= held <= 0.97


def test_bootstrap_intervals_of_the_ranking_hold_the_truth_so_often() -> None:
    truth = np.array([0.9, 0.3, -0.3, -0.9])
    source = np.random.default_rng(2)
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)] * 40
    chance = [1 / (1 + np.exp(truth[j] - truth[i])) for i, j in pairs]
    held = []
    for trial in range(150):
        votes = [[(i, j, float(source.random() < p))] for (i, j), p in zip(pairs, chance, strict=True)]
        found = rank(votes, 4, samples=300, seed=trial)
        held += [one.low <= real <= one.high for one, real in zip(found, truth, strict=True)]
    assert 0.93 <= np.mean(held) <= 0.97


def test_the_ranking_finds_known_strengths_and_ignores_order() -> None:
    truth = np.array([1.0, 0.0, -1.0])
    odds = 1 / (1 + np.exp(truth[None, :] - truth[:, None]))
    wins = np.round(100_000 * odds) * (1 - np.eye(3))
    assert bradley_terry(wins, prior=0) == pytest.approx(truth, abs=2e-3)
    assert bradley_terry(wins[::-1, ::-1], prior=0) == pytest.approx(truth[::-1], abs=2e-3)


def test_a_value_that_never_lost_has_a_finite_strength_and_ties_pull_together() -> None:
    sweep = [[(0, 1, 1.0)]] * 20
    strong, weak = rank(sweep, 2)
    assert np.isfinite([strong.strength, strong.low, strong.high]).all()
    assert strong.strength > 1 > -1 > weak.strength
    tied = rank([[(0, 1, 0.5)]] * 20, 2)
    assert tied[0].strength == pytest.approx(0, abs=1e-9)


def test_votes_on_one_pair_go_together_so_that_many_votes_on_few_pairs_stay_unsure() -> None:
    source = np.random.default_rng(3)
    outcomes = [float(source.random() < 0.7) for _ in range(12)]
    spread = rank([[(0, 1, share)] for share in outcomes for _ in range(10)], 2)[0]
    together = rank([[(0, 1, share)] * 10 for share in outcomes], 2)[0]
    assert together.high - together.low > 1.5 * (spread.high - spread.low)


def test_alpha_is_one_for_agreement_nothing_for_single_votes_and_near_zero_for_chance() -> None:
    assert krippendorff_alpha([{"a": "one", "b": "one"}, {"a": "other", "b": "other"}]) == 1.0
    assert krippendorff_alpha([{"a": "one"}, {"b": "other"}]) is None
    source = np.random.default_rng(4)
    chance = [{voter: str(source.integers(2)) for voter in "abc"} for _ in range(2000)]
    assert krippendorff_alpha(chance) == pytest.approx(0, abs=0.04)


def test_alpha_agrees_with_the_published_example() -> None:
    """Krippendorff 2011, nominal data of 4 observers, 12 units: alpha 0.743."""
    rows = {
        "a": "1 2 3 3 2 1 4 1 2 . . .".split(),
        "b": "1 2 3 3 2 2 4 1 2 5 . 3".split(),
        "c": ". 3 3 3 2 3 4 2 2 5 1 .".split(),
        "d": "1 2 3 3 2 4 4 1 2 5 1 .".split(),
    }
    units = [{name: row[i] for name, row in rows.items() if row[i] != "."} for i in range(12)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)

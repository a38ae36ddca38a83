"""Results of the votes, axis by axis: numbers, and a summary in words."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from anima_infer.grid.store.contents import Grid, StoredAxis
from anima_infer.grid.votes.statistics import (
    Strength,
    krippendorff_alpha,
    rank,
    sign_test,
    votes_needed,
    wilson,
)
from anima_infer.grid.votes.votes import BAD, FIRST, SECOND, TIE, Vote
from anima_prompt.numbers import counted

_SCORE = {FIRST: 1.0, SECOND: 0.0, TIE: 0.5, BAD: 0.5}
_MIRROR = {FIRST: SECOND, SECOND: FIRST, TIE: TIE, BAD: BAD}


@dataclass(frozen=True, slots=True)
class PairResult:
    """Votes of a value against another.

    Attributes:
        first, second: labels.
        won, lost: votes for the first and for the second.
        tied, bad: votes for neither.
        rate: fraction of the decided votes that the first won; 0.5 if there are none.
        low, high: 95 % Wilson confidence interval of the rate.
        p: of the exact sign test.
        needed: estimated further decided votes until the result is significant; 0 if it is, None if that is not in
            sight.
    """

    first: str
    second: str
    won: int
    lost: int
    tied: int
    bad: int
    rate: float
    low: float
    high: float
    p: float
    needed: int | None


@dataclass(frozen=True, slots=True)
class AxisResult:
    """Results of the votes on an axis.

    Attributes:
        axis: name.
        votes: number of votes.
        voters: names.
        pairs: every two values that were compared, the stronger one first.
        ranking: labels with their strength, the best first.
        alpha: agreement between voters (Krippendorff), None if no pair was seen twice.
        summary: the results in words.
    """

    axis: str
    votes: int
    voters: tuple[str, ...]
    pairs: tuple[PairResult, ...]
    ranking: tuple[tuple[str, Strength], ...]
    alpha: float | None
    summary: str

    def to_dict(self) -> dict[str, Any]:
        """Return the results as plain types."""
        data = asdict(self)
        data["ranking"] = [{"label": label, **asdict(strength)} for label, strength in self.ranking]
        return data


def compute_results(grid: Grid, votes: Sequence[Vote]) -> list[AxisResult]:
    """Return the results of every axis that was voted on."""
    results = []
    for axis in grid.axes:
        axis_votes = [
            vote for vote in votes if vote.axis == axis.name and {vote.first_label, vote.second_label} <= {*axis.labels}
        ]
        if axis_votes:
            results.append(_axis_result(axis, axis_votes))
    return results


def _axis_result(axis: StoredAxis, votes: Sequence[Vote]) -> AxisResult:
    indices = {label: index for index, label in enumerate(axis.labels)}
    clusters: dict[tuple[str, str], list[tuple[int, int, float]]] = {}
    answers: dict[tuple[str, str], dict[str, str]] = {}
    for vote in votes:
        first, second = indices[vote.first_label], indices[vote.second_label]
        clusters.setdefault((vote.first, vote.second), []).append((first, second, _SCORE[vote.choice]))
        answers.setdefault((vote.first, vote.second), {})[vote.voter] = vote.choice
    strengths = rank(list(clusters.values()), len(axis.labels))
    labels = {label for vote in votes for label in (vote.first_label, vote.second_label)}
    ranked = sorted(((label, strengths[indices[label]]) for label in labels), key=lambda pair: -pair[1].strength)
    pairs = [
        _pair_result(first, second, votes)
        for (first, _), (second, _) in itertools.combinations(ranked, 2)
        if any({vote.first_label, vote.second_label} == {first, second} for vote in votes)
    ]
    alpha = krippendorff_alpha(list(answers.values()))
    voters = tuple(sorted({vote.voter for vote in votes}))
    return AxisResult(axis.name, len(votes), voters, tuple(pairs), tuple(ranked), alpha, _summary(pairs, alpha))


def _pair_result(first: str, second: str, votes: Sequence[Vote]) -> PairResult:
    choices = [vote.choice for vote in votes if (vote.first_label, vote.second_label) == (first, second)]
    choices += [_MIRROR[vote.choice] for vote in votes if (vote.first_label, vote.second_label) == (second, first)]
    won, lost = choices.count(FIRST), choices.count(SECOND)
    low, high = wilson(won, won + lost)
    rate = won / (won + lost) if won + lost else 0.5
    return PairResult(
        first, second, won, lost, choices.count(TIE), choices.count(BAD), rate, low, high, sign_test(won, lost),
        votes_needed(won, lost),
    )  # fmt: skip


def _summary(pairs: Sequence[PairResult], alpha: float | None) -> str:
    clear = [pair for pair in pairs if pair.needed == 0]
    text = "; ".join(map(_preferred, clear[:6])) + "." if clear else "No significant preference yet."
    if len(clear) > 6:
        text += f" Also significant: {counted(len(clear) - 6, 'more pair')}."
    needed = sorted(pair.needed for pair in pairs if pair.needed)
    if needed:
        more = counted(needed[0], "more decided vote")
        text += f" The closest open comparison needs about {more}, if the rate stays the same."
    if len(pairs) > 5:
        text += " With so many pairs, one in twenty is significant by chance; trust the ranking first."
    if alpha is not None:
        text += f" Agreement between voters: alpha {alpha:.2f} (1 is perfect, 0 is chance)."
    return text


def _preferred(pair: PairResult) -> str:
    if pair.won > pair.lost:
        winner, loser, rate, low, high = pair.first, pair.second, pair.rate, pair.low, pair.high
    else:
        winner, loser, rate, low, high = pair.second, pair.first, 1 - pair.rate, 1 - pair.high, 1 - pair.low
    return f"'{winner}' is preferred to '{loser}' ({rate:.0%}, 95 % confidence interval {low:.0%} to {high:.0%})"


def results_csv(results: Sequence[AxisResult]) -> str:
    """Return all pairs as a table for spreadsheets."""
    out = io.StringIO()
    columns = ("axis", *PairResult.__dataclass_fields__)
    table = csv.DictWriter(out, columns, lineterminator="\n")
    table.writeheader()
    for result in results:
        table.writerows({"axis": result.axis, **asdict(pair)} for pair in result.pairs)
    return out.getvalue()

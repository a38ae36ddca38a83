"""What the votes say, axis by axis, in figures and in words. Needs no tensors."""

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
    ranking,
    sign_test,
    votes_needed,
    wilson,
)
from anima_infer.grid.votes.votes import BAD, ONE, OTHER, TIE, Vote
from anima_prompt.numbers import counted

_SHARE = {ONE: 1.0, OTHER: 0.0, TIE: 0.5, BAD: 0.5}
_MIRROR = {ONE: OTHER, OTHER: ONE, TIE: TIE, BAD: BAD}


@dataclass(frozen=True, slots=True)
class PairResult:
    """Votes of one value against another.

    Attributes:
        one, other: labels.
        won, lost: votes for ``one`` and for ``other``.
        tied, bad: votes for neither.
        rate: share of the decided votes that ``one`` won, a half without any.
        low, high: 95 % Wilson interval of the rate.
        p: of the exact sign test.
        needed: more decided votes for a clear answer; 0 if it is clear, None if none is in sight.
    """

    one: str
    other: str
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
    """What the votes on an axis say.

    Attributes:
        axis: its name.
        votes: how many.
        voters: names.
        pairs: every two values that were compared; the stronger one first.
        ranking: values with their strength, the best first.
        alpha: agreement between voters (Krippendorff), None if no pair was seen twice.
        words: one sentence.
    """

    axis: str
    votes: int
    voters: tuple[str, ...]
    pairs: tuple[PairResult, ...]
    ranking: tuple[tuple[str, Strength], ...]
    alpha: float | None
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain types."""
        data = asdict(self)
        data["ranking"] = [{"label": label, **asdict(strength)} for label, strength in self.ranking]
        return data


def compute_results(grid: Grid, votes: Sequence[Vote]) -> list[AxisResult]:
    """Return the results of every axis that was voted on."""
    found = []
    for axis in grid.axes:
        own = [
            vote for vote in votes if vote.axis == axis.name and {vote.one_label, vote.other_label} <= {*axis.labels}
        ]
        if own:
            found.append(_axis_result(axis, own))
    return found


def _axis_result(axis: StoredAxis, votes: Sequence[Vote]) -> AxisResult:
    place = {label: index for index, label in enumerate(axis.labels)}
    clusters: dict[tuple[str, str], list[tuple[int, int, float]]] = {}
    answers: dict[tuple[str, str], dict[str, str]] = {}
    for vote in votes:
        one, other = place[vote.one_label], place[vote.other_label]
        clusters.setdefault((vote.one, vote.other), []).append((one, other, _SHARE[vote.choice]))
        answers.setdefault((vote.one, vote.other), {})[vote.voter] = vote.choice
    strengths = ranking(list(clusters.values()), len(axis.labels))
    seen = {label for vote in votes for label in (vote.one_label, vote.other_label)}
    ranked = sorted(((label, strengths[place[label]]) for label in seen), key=lambda pair: -pair[1].strength)
    pairs = [
        _pair_result(one[0], other[0], votes)
        for one, other in itertools.combinations(ranked, 2)
        if any({vote.one_label, vote.other_label} == {one[0], other[0]} for vote in votes)
    ]
    alpha = krippendorff_alpha(list(answers.values()))
    voters = tuple(sorted({vote.voter for vote in votes}))
    return AxisResult(axis.name, len(votes), voters, tuple(pairs), tuple(ranked), alpha, _words(pairs, alpha))


def _pair_result(one: str, other: str, votes: Sequence[Vote]) -> PairResult:
    choices = [vote.choice for vote in votes if (vote.one_label, vote.other_label) == (one, other)]
    choices += [_MIRROR[vote.choice] for vote in votes if (vote.one_label, vote.other_label) == (other, one)]
    won, lost = choices.count(ONE), choices.count(OTHER)
    low, high = wilson(won, won + lost)
    rate = won / (won + lost) if won + lost else 0.5
    return PairResult(
        one, other, won, lost, choices.count(TIE), choices.count(BAD), rate, low, high, sign_test(won, lost),
        votes_needed(won, lost),
    )  # fmt: skip


def _words(pairs: Sequence[PairResult], alpha: float | None) -> str:
    clear = [pair for pair in pairs if pair.needed == 0]
    said = [_preferred(pair) for pair in clear[:6]]
    told = "; ".join(said) + "." if said else "No clear preference yet."
    if len(clear) > 6:
        told += f" Clear too: {counted(len(clear) - 6, 'more pair')}."
    open_ones = sorted(pair.needed for pair in pairs if pair.needed)
    if open_ones:
        more = counted(open_ones[0], "more decided vote")
        told += f" The nearest open question needs about {more}, if things stay as they are."
    if len(pairs) > 5:
        told += " With so many pairs, one in twenty looks clear by chance; trust the ranking first."
    if alpha is not None:
        told += f" Voters agree with alpha {alpha:.2f} (1 is perfect, 0 is chance)."
    return told


def _preferred(pair: PairResult) -> str:
    if pair.won > pair.lost:
        winner, loser, rate, low, high = pair.one, pair.other, pair.rate, pair.low, pair.high
    else:
        winner, loser, rate, low, high = pair.other, pair.one, 1 - pair.rate, 1 - pair.high, 1 - pair.low
    return f"'{winner}' is preferred to '{loser}' ({rate:.0%}, 95 % interval {low:.0%} to {high:.0%})"


def results_csv(results: Sequence[AxisResult]) -> str:
    """Return all pairs as a table for spreadsheets."""
    out = io.StringIO()
    columns = ("axis", *PairResult.__dataclass_fields__)
    table = csv.DictWriter(out, columns, lineterminator="\n")
    table.writeheader()
    for result in results:
        table.writerows({"axis": result.axis, **asdict(pair)} for pair in result.pairs)
    return out.getvalue()

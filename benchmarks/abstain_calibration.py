"""Setting the table of `companion/abstention.py` on questions with and without an answer: weights, bias, threshold.

A logistic regression (iteratively reweighted least squares, ridge 1) in which questions with an answer weigh as much as
those without, and each half of the latter as much as the other. A signal that comes out with the wrong sign is left
out, the worst first, until none does: the set it is fitted on has habits of its own, which are no reasons. The
threshold is the least at which of every kind of question without an answer HARDEST are refused, for nobody knows which
kinds a person will ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.abstain_questions import NOWHERE, SWAPPED
from hearthside.companion.abstention import AGAINST, FOR

HARDEST = 0.85
_TRUE = "true"
_RIDGE, _ROUNDS = 1.0, 30
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """The signals of one question, and its rule."""

    rule: str
    signals: Mapping[str, float]


def calibrated(examples: Sequence[Example]) -> str:
    """The table as Python, for the product, with what it does on the examples."""
    names, weights, bias = fitted(examples)
    score = _matrix(examples, names) @ weights + bias
    threshold = _threshold(examples, score)
    lines = [f'    "{name}": {weight:.3f},' for name, weight in zip(names, weights, strict=True)]
    refused = {
        rule: float(np.mean(score[[e.rule == rule for e in examples]] < threshold))
        for rule in (*NOWHERE, *SWAPPED, _TRUE)
        if any(example.rule == rule for example in examples)
    }
    said = ", ".join(f"{rule} {share:.3f}" for rule, share in refused.items())
    table = "\n".join(["WEIGHTS: dict[str, float] = {", *lines, "}", f"BIAS, THRESHOLD = {bias:.3f}, {threshold:.3f}"])
    return f"refused of {len(examples)}: {said}\n{table}"


def fitted(examples: Sequence[Example]) -> tuple[list[str], Floats, float]:
    """Signals that are kept, their weights, and the bias."""
    names = [*FOR, *AGAINST]
    importance = _importance(examples)
    answerable = np.array([float(example.rule == _TRUE) for example in examples])
    while True:
        weights, bias = _regression(_matrix(examples, names), answerable, importance)
        wrong = [(abs(w), name) for name, w in zip(names, weights, strict=True) if (w < 0) == (name in FOR) and w]
        if not wrong:
            return names, weights, bias
        names.remove(max(wrong)[1])


def _importance(examples: Sequence[Example]) -> Floats:
    """How much each example weighs: a half for those with an answer, a quarter for each half of the others."""
    count = {rule: sum(example.rule == rule for example in examples) for rule in {e.rule for e in examples}}
    halves = [[rule for rule in kinds if rule in count] for kinds in (NOWHERE, SWAPPED)]
    share = {_TRUE: 0.5} | {rule: 0.25 / len(half) for half in halves for rule in half}
    return np.array([share[example.rule] / count[example.rule] * len(examples) for example in examples])


def _matrix(examples: Sequence[Example], names: Sequence[str]) -> Floats:
    return np.array([[example.signals[name] for name in names] for example in examples])


def _regression(rows: Floats, answerable: Floats, importance: Floats) -> tuple[Floats, float]:
    mean, spread = rows.mean(0), rows.std(0) + 1e-9
    x = np.c_[(rows - mean) / spread, np.ones(len(rows))]
    ridge = np.eye(x.shape[1]) * _RIDGE
    ridge[-1, -1] = 1e-6
    b = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        p = 1 / (1 + np.exp(-x @ b))
        curvature = (x * (importance * p * (1 - p) + 1e-9)[:, None]).T @ x + ridge
        b += np.linalg.solve(curvature, x.T @ (importance * (answerable - p)) - ridge @ b)
    weights = b[:-1] / spread
    return weights, float(b[-1] - weights @ mean)


def _threshold(examples: Sequence[Example], score: Floats) -> float:
    kinds = {example.rule for example in examples} - {_TRUE}
    return max((float(np.quantile(score[[e.rule == kind for e in examples]], HARDEST)) for kind in kinds), default=0.0)

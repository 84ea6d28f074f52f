"""Which model is better, by a paired bootstrap on the same sentences (Efron & Tibshirani, 1993, ch. 16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import UserError
from pipeline.evaluation.metrics import Counts, Floats, Judged, Resampling, count, macro_f1
from pipeline.taxonomy import Taxonomy


@dataclass(frozen=True)
class Difference:
    """How much better `challenger` is than `incumbent` (mean of topic and stance macro-F1), with its interval.

    `probability` is the share of bootstrap samples in which the challenger is ahead.
    """

    challenger: str
    incumbent: str
    gain: float
    low: float
    high: float
    probability: float

    @property
    def is_better(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0


def compare(
    challenger: tuple[str, Sequence[Judged]],
    incumbent: tuple[str, Sequence[Judged]],
    taxonomy: Taxonomy,
    resampling: Resampling,
) -> Difference:
    """Compare two models on the same sentences.

    Raises:
        UserError: when they were not judged on the same sentences.
    """
    ids = [[row.sentence_id for row in rows] for _, rows in (challenger, incumbent)]
    if ids[0] != ids[1]:
        raise UserError.one(
            f"{challenger[0]} and {incumbent[0]} were judged on other sentences", "compare", "rerun `dvc repro`"
        )
    one, other = count(challenger[1], taxonomy), count(incumbent[1], taxonomy)
    weights = one.weights(resampling)
    gains = _scores(one, weights) - _scores(other, weights)
    whole = np.ones((1, len(one.topics)))
    tail = (1 - resampling.confidence) / 2
    return Difference(
        challenger[0],
        incumbent[0],
        round(float((_scores(one, whole) - _scores(other, whole))[0]), 4),
        round(float(np.quantile(gains, tail)), 4),
        round(float(np.quantile(gains, 1 - tail)), 4),
        round(float((gains > 0).mean()), 4),
    )


def _scores(counts: Counts, weights: Floats) -> Floats:
    topics = macro_f1(np.tensordot(weights, counts.topics, axes=1))
    stances = macro_f1(np.tensordot(weights, counts.stances, axes=1))
    return (topics + stances) / 2


def choose_champion(
    judged: Mapping[str, Sequence[Judged]], taxonomy: Taxonomy, resampling: Resampling
) -> tuple[str, list[Difference]]:
    """The champion among models given in order of preference: a later one must beat an earlier one beyond doubt."""
    names = list(judged)
    champion = names[0]
    differences = []
    for name in names[1:]:
        difference = compare((name, judged[name]), (champion, judged[champion]), taxonomy, resampling)
        differences.append(difference)
        if difference.is_better:
            champion = name
    return champion, differences

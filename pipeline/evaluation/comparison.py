"""Which model is better, by a paired bootstrap on the same sentences (Efron & Tibshirani, 1993, ch. 16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.errors import UserError
from pipeline.evaluation.metrics import Counts, Floats, Judged, Resampling, count, macro_f1
from pipeline.taxonomy import Taxonomy


@dataclass(frozen=True)
class Gain:
    """How much macro-F1 is gained, the interval of that, and the share of bootstrap samples with a gain."""

    gain: float
    low: float
    high: float
    probability: float


@dataclass(frozen=True)
class Difference(Gain):
    """How much better `challenger` is than `incumbent` in the mean of topic and stance macro-F1, and in each alone.

    `confidence` is that of the intervals.
    """

    challenger: str
    incumbent: str
    topics: Gain
    stance: Gain
    confidence: float

    @property
    def is_better(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0

    @property
    def verdict(self) -> str:
        """What is found, in a sentence.

        >>> gain = Gain(0.031, 0.012, 0.05, 0.999)
        >>> print(Difference(0.031, 0.012, 0.05, 0.999, "finetuned", "baseline", gain, gain, 0.95).verdict)
        finetuned is better than baseline: +3.1 points of macro-F1, 95% interval +1.2 to +5.0, probability 0.999
        >>> print(Difference(0.002, -0.01, 0.014, 0.64, "new", "old", gain, gain, 0.95).verdict)
        new is not surely better than old: +0.2 points of macro-F1, 95% interval -1.0 to +1.4, probability 0.640
        """
        word = "better" if self.is_better else "worse" if self.high < 0 else "not surely better"
        return (
            f"{self.challenger} is {word} than {self.incumbent}: {100 * self.gain:+.1f} points of macro-F1, "
            f"{self.confidence:.0%} interval {100 * self.low:+.1f} to {100 * self.high:+.1f}, "
            f"probability {self.probability:.3f}"
        )

    def as_json(self) -> dict[str, Any]:
        """The form in which it is stored: the verdict and the numbers behind it."""
        return {"verdict": self.verdict, "is_better": self.is_better, **asdict(self)}


def compare(
    challenger: tuple[str, Sequence[Judged]],
    incumbent: tuple[str, Sequence[Judged]],
    taxonomy: Taxonomy,
    resampling: Resampling,
) -> Difference:
    """Compare two models, each with its name, on the same sentences.

    Articles are drawn, for both models the same ones: what they have in common cancels out.

    Raises:
        UserError: when they were not judged on the same sentences with the same true labels.
    """
    (name, rows), (other_name, other_rows) = challenger, incumbent
    if [(r.sentence_id, r.topics, r.stance) for r in rows] != [(r.sentence_id, r.topics, r.stance) for r in other_rows]:
        what = f"{name} and {other_name} were judged on other sentences, or by other annotations"
        raise UserError.one(what, "compare", "evaluate both on the same test set: `dvc repro`")
    one, other = count(rows, taxonomy), count(other_rows, taxonomy)
    weights = resampling.weights(len(one.topics))
    whole, drawn = _gains(one, other, np.ones((1, len(one.topics)))), _gains(one, other, weights)
    mean, topics, stance = (_gain(whole[0, i], drawn[:, i], resampling) for i in range(3))
    return Difference(
        **asdict(mean),
        challenger=name,
        incumbent=other_name,
        topics=topics,
        stance=stance,
        confidence=resampling.confidence,
    )


def _gains(one: Counts, other: Counts, weights: Floats) -> Floats:
    """Gains in the mean, in topics and in stance: (samples, 3)."""
    gains = _scores(one, weights) - _scores(other, weights)
    return np.concatenate([gains.mean(axis=1, keepdims=True), gains], axis=1)


def _scores(counts: Counts, weights: Floats) -> Floats:
    return np.stack([macro_f1(np.tensordot(weights, c, axes=1)) for c in (counts.topics, counts.stances)], axis=1)


def _gain(whole: float, drawn: Floats, resampling: Resampling) -> Gain:
    low, high = resampling.interval(drawn)
    return Gain(round(float(whole), 4), low, high, round(float((drawn > 0).mean()), 4))


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

"""From scores to labels: calibration, thresholds and the limit of confidence, stored with the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import compress
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.classifiers.calibration import Calibration, fit_calibration
from pipeline.errors import UserError
from pipeline.schemas import LabelledSentence, Prediction
from pipeline.taxonomy import Taxonomy

Matrix = NDArray[np.float64]
KEPT = 0.8  # share of validation sentences that are sure enough to go by
_NEAR = 0.002  # F1 that is as good as the best


class Readable(Protocol):
    """What a classifier reads of a sentence: its text and where it stands."""

    @property
    def text(self) -> str: ...
    @property
    def heading(self) -> str: ...
    @property
    def previous(self) -> str: ...


class Classifier(Protocol):
    """A trained model. `name` says what it is in tables, `sha256` which one it is."""

    name: str
    sha256: str
    decision: Decision

    def predict_proba(self, sentences: Sequence[Readable]) -> tuple[Matrix, Matrix]:
        """Raw topic scores (n, topics) and stance scores (n, stances) in [0, 1], columns as in `decision`."""
        ...


@dataclass(frozen=True)
class Decided:
    """The labels of n sentences as arrays, rows in the order of the scores, columns as in the `Decision`.

    `topics` (n, topics) says which apply; `stance` (n,) is the index of the likeliest stance; the scores are
    calibrated probabilities (n, classes); `confidence` (n,) in [0, 1]; `abstain` (n,) where that is too little.
    """

    topics: NDArray[np.bool_]
    topic_scores: Matrix
    stance: NDArray[np.intp]
    stance_scores: Matrix
    confidence: NDArray[np.float64]
    abstain: NDArray[np.bool_]


@dataclass(frozen=True)
class Decision:
    """From a model's raw scores to labels.

    Which classes the columns are, how scores become probabilities (`calibration`; None leaves them), from what
    probability a topic applies, and below what confidence a sentence had better be left to a person.
    """

    topics: tuple[str, ...]
    stances: tuple[str, ...]
    thresholds: Mapping[str, float]
    abstain_below: float = 0.0
    calibration: Calibration | None = None

    def decide(self, topic_scores: Matrix, stance_scores: Matrix) -> Decided:
        """Labels for raw score matrices of shapes (n, topics) and (n, stances), without an object a row."""
        if self.calibration:
            topic_scores = self.calibration.topics(topic_scores)
            stance_scores = self.calibration.stances(stance_scores)
        limits = np.array([self.thresholds[topic] for topic in self.topics])
        applies = topic_scores >= limits
        confidence = _confidence(topic_scores, applies, stance_scores)
        return Decided(
            applies,
            topic_scores,
            stance_scores.argmax(axis=1),
            stance_scores,
            confidence,
            confidence < self.abstain_below,
        )

    def predict(self, topic_scores: Matrix, stance_scores: Matrix) -> list[Prediction]:
        """What `decide` says, as one object a sentence; probabilities have four digits."""
        said = self.decide(topic_scores, stance_scores)
        return [
            Prediction(
                tuple(compress(self.topics, applies)),
                dict(zip(self.topics, topic_row, strict=True)),
                self.stances[stance],
                dict(zip(self.stances, stance_row, strict=True)),
                confidence,
                abstain,
            )
            for applies, topic_row, stance, stance_row, confidence, abstain in zip(
                said.topics.tolist(),
                said.topic_scores.round(4).tolist(),
                said.stance.tolist(),
                said.stance_scores.round(4).tolist(),
                said.confidence.round(4).tolist(),
                said.abstain.tolist(),
                strict=True,
            )
        ]

    def as_json(self) -> dict[str, object]:
        """The form in which a model folder stores it."""
        return {
            "topics": self.topics,
            "stances": self.stances,
            "thresholds": dict(self.thresholds),
            "abstain_below": self.abstain_below,
            "calibration": asdict(self.calibration) if self.calibration else None,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Decision:
        """The inverse of `as_json`."""
        calibration = raw.get("calibration")
        return cls(
            tuple(raw["topics"]),
            tuple(raw["stances"]),
            dict(raw["thresholds"]),
            raw["abstain_below"],
            Calibration.from_json(calibration) if calibration else None,
        )


def _confidence(topic_scores: Matrix, applies: NDArray[np.bool_], stance_scores: Matrix) -> NDArray[np.float64]:
    """The probability that every label of a row is right, were their errors independent: (n,).

    On validation it tells right from wrong better than the least probability does, or a regression on both.
    """
    sides = np.where(applies, topic_scores, 1 - topic_scores)
    joint: NDArray[np.float64] = sides.prod(axis=1) * stance_scores.max(axis=1)
    return joint


def fit_decision(
    topic_scores: Matrix, stance_scores: Matrix, sentences: Sequence[LabelledSentence], taxonomy: Taxonomy
) -> Decision:
    """Fit all of a decision on validation sentences and their raw scores, arrays (n, classes).

    First the calibration, then for each topic the threshold with the best F1 on calibrated scores, then the
    confidence below which the least sure fifth of the sentences lies.
    """
    topics, stances = targets(sentences, taxonomy)
    calibration = fit_calibration(topic_scores, stance_scores, topics, stances)
    calibrated = calibration.topics(topic_scores)
    thresholds = {t: _best_threshold(calibrated[:, i], topics[:, i] >= 0.5) for i, t in enumerate(taxonomy.topic_ids)}
    decision = Decision(taxonomy.topic_ids, taxonomy.stance_ids, thresholds, 0.0, calibration)
    confidence = decision.decide(topic_scores, stance_scores).confidence
    return replace(decision, abstain_below=round(float(np.quantile(confidence, 1 - KEPT)), 4))


def _best_threshold(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    grid = np.linspace(0.1, 0.9, 81)
    if not truth.any():
        return 0.5
    return round(middle_of_best(grid, np.array([_f1(scores >= limit, truth) for limit in grid])), 2)


def middle_of_best(grid: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """The middle of the widest run of values as good as the best (the first of equals): steadier than the best one.

    >>> middle_of_best(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.array([0.9, 0.1, 0.9, 0.9, 0.9]))
    3.0
    """
    good = np.flatnonzero(scores >= scores.max() - _NEAR)
    runs = np.split(good, np.flatnonzero(np.diff(good) > 1) + 1)
    return float(np.median(grid[max(runs, key=len)]))


def _f1(said: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(2 * (said & truth).sum() / max(1, said.sum() + truth.sum()))


def targets(sentences: Sequence[LabelledSentence], taxonomy: Taxonomy) -> tuple[Matrix, Matrix]:
    """Target probabilities of shapes (n, topics) and (n, stances), columns in the taxonomy's order."""

    def matrix(rows: list[list[float]], width: int) -> Matrix:
        return np.array(rows, dtype=np.float64).reshape(len(rows), width)

    return (
        matrix([[s.topics[t] for t in taxonomy.topic_ids] for s in sentences], len(taxonomy.topic_ids)),
        matrix([[s.stance[t] for t in taxonomy.stance_ids] for s in sentences], len(taxonomy.stance_ids)),
    )


def macro_f1(wanted: tuple[Matrix, Matrix], topics: NDArray[np.bool_], stance: NDArray[Any]) -> tuple[float, float]:
    """Macro-F1 of decided topics (n, topics) and of stances (n) against `targets`: the classes at 0.5 or more, the
    likeliest stance.
    """
    from sklearn.metrics import f1_score  # here, for scoring does without it

    return (
        float(f1_score(wanted[0] >= 0.5, topics, average="macro", zero_division=0)),
        float(f1_score(wanted[1].argmax(axis=1), stance, average="macro", zero_division=0)),
    )


def needed(rows: Sequence[LabelledSentence], split: str) -> None:
    """Raises a `UserError` where a split has no labelled sentence."""
    if not rows:
        raise UserError.one("no labelled sentence", f"data/labels: {split}", "annotate more articles, or use cues")

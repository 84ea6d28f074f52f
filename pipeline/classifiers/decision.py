"""From probabilities to labels: per-topic thresholds, fitted on validation and stored with the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.schemas import LabelledSentence, Prediction
from pipeline.taxonomy import Taxonomy

Matrix = NDArray[np.float64]


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
        """Topic probabilities (n, topics) and stance probabilities (n, stances), columns as in `decision`."""
        ...


@dataclass(frozen=True)
class Decision:
    """Which classes the columns are, from what probability a topic applies, below what confidence labels are unsure."""

    topics: tuple[str, ...]
    stances: tuple[str, ...]
    thresholds: Mapping[str, float]
    abstain_below: float = 0.0

    def predict(self, topic_scores: Matrix, stance_scores: Matrix) -> list[Prediction]:
        """Labels for score matrices of shapes (n, topics) and (n, stances)."""
        limits = np.array([self.thresholds[topic] for topic in self.topics])
        applies = topic_scores >= limits
        confidence = _confidence(topic_scores, applies, stance_scores)
        return [
            Prediction(
                tuple(t for t, yes in zip(self.topics, applies[row], strict=True) if yes),
                _rounded(self.topics, topic_scores[row]),
                self.stances[int(stance_scores[row].argmax())],
                _rounded(self.stances, stance_scores[row]),
                round(float(confidence[row]), 4),
                bool(confidence[row] < self.abstain_below),
            )
            for row in range(len(topic_scores))
        ]

    def as_json(self) -> dict[str, object]:
        """The form in which a model folder stores it."""
        thresholds = dict(self.thresholds)
        return {
            "topics": self.topics,
            "stances": self.stances,
            "thresholds": thresholds,
            "abstain_below": self.abstain_below,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Decision:
        """The inverse of `as_json`."""
        return cls(tuple(raw["topics"]), tuple(raw["stances"]), dict(raw["thresholds"]), raw["abstain_below"])


def _confidence(topic_scores: Matrix, applies: NDArray[np.bool_], stance_scores: Matrix) -> NDArray[np.float64]:
    """The probability of the least probable label of each row: (n,)."""
    sides = np.where(applies, topic_scores, 1 - topic_scores)
    least: NDArray[np.float64] = np.concatenate([sides, stance_scores.max(axis=1, keepdims=True)], axis=1).min(axis=1)
    return least


def _rounded(names: Sequence[str], scores: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(score), 4) for name, score in zip(names, scores, strict=True)}


def fit_decision(topic_scores: Matrix, sentences: Sequence[LabelledSentence], taxonomy: Taxonomy) -> Decision:
    """Choose for each topic the threshold with the best F1 on validation sentences."""
    truth, _ = targets(sentences, taxonomy)
    return Decision(
        taxonomy.topic_ids,
        taxonomy.stance_ids,
        {t: _best_threshold(topic_scores[:, i], truth[:, i] >= 0.5) for i, t in enumerate(taxonomy.topic_ids)},
    )


def _best_threshold(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The middle of the widest run of near-best thresholds: steadier than the single best one."""
    grid = np.linspace(0.1, 0.9, 81)
    if not truth.any():
        return 0.5
    f1 = np.array([_f1(scores >= limit, truth) for limit in grid])
    good = grid[f1 >= f1.max() - 0.002]
    return round(float(np.median(good)), 2)


def _f1(said: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(2 * (said & truth).sum() / max(1, said.sum() + truth.sum()))


def targets(sentences: Sequence[LabelledSentence], taxonomy: Taxonomy) -> tuple[Matrix, Matrix]:
    """Target probabilities of shapes (n, topics) and (n, stances), columns in the taxonomy's order."""
    topics = np.array([[s.topics[t] for t in taxonomy.topic_ids] for s in sentences]).reshape(len(sentences), -1)
    stances = np.array([[s.stance[t] for t in taxonomy.stance_ids] for s in sentences]).reshape(len(sentences), -1)
    return topics, stances

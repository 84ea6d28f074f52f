"""Scores that can be read as probabilities: fitted on validation, stored with the model.

Topics by Platt scaling of each topic's logit (Platt, 1999), stance by one temperature (Guo et al., 2017): what a
thousand sentences can carry. Both keep the order of scores. A bias a stance was tried and left out: fitted on half
of the validation articles, it lowers accuracy and macro-F1 on the other half and gains no log loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, logit, softmax

Floats = NDArray[np.float64]

_LEAST = 1e-6  # float32 scores reach 0 and 1, whose logits are infinite
_DIGITS = 5  # of the stored numbers: beyond that machines differ
_PRIOR = 0.05  # weight, in sentences, of "leave the scores as they are": a fit on nothing is no fit


@dataclass(frozen=True)
class Calibration:
    """Slope and bias of each topic's logit, in the topics' order; slope of the stances' log-probabilities."""

    topic_slopes: tuple[float, ...]
    topic_biases: tuple[float, ...]
    stance_slope: float

    def topics(self, scores: Floats) -> Floats:
        """Calibrated probabilities of raw ones: (n, topics)."""
        calibrated: Floats = expit(_logits(scores) * self.topic_slopes + self.topic_biases)
        return calibrated

    def stances(self, scores: Floats) -> Floats:
        """Calibrated probabilities of raw ones: (n, stances), each row adding up to 1."""
        calibrated: Floats = softmax(_logs(scores) * self.stance_slope, axis=1)
        return calibrated

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Calibration:
        """The inverse of `dataclasses.asdict`, lists becoming tuples."""
        return cls(tuple(raw["topic_slopes"]), tuple(raw["topic_biases"]), raw["stance_slope"])


def fit_calibration(topic_scores: Floats, stance_scores: Floats, topics: Floats, stances: Floats) -> Calibration:
    """The calibration with the least log loss on raw scores and their target probabilities, arrays (n, classes).

    A topic that all or none of the sentences have keeps its scores.
    """
    fitted = [_fit_topic(topic_scores[:, i], topics[:, i]) for i in range(topics.shape[1])]
    return Calibration(
        tuple(slope for slope, _ in fitted), tuple(bias for _, bias in fitted), _fit_stance(stance_scores, stances)
    )


def _fit_topic(scores: Floats, targets: Floats) -> tuple[float, float]:
    positive = targets.sum()
    negative = len(targets) - positive
    if not positive or not negative:
        return 1.0, 0.0
    # Platt's targets: a class seen n times is believed with (n + 1) / (n + 2), so that the fit is never infinite.
    wanted = targets * (positive + 1) / (positive + 2) + (1 - targets) / (negative + 2)
    logits = _logits(scores)

    def loss(parameters: Floats) -> float:
        z = np.exp(parameters[0]) * logits + parameters[1]
        return float(np.logaddexp(0, z).sum() - (wanted * z).sum() + _PRIOR * (parameters**2).sum())

    slope, bias = _minimum(loss, 2)
    return round(float(np.exp(slope)), _DIGITS), round(bias, _DIGITS)


def _fit_stance(scores: Floats, targets: Floats) -> float:
    support = targets.sum(axis=0)
    believed = (np.diag(support) + 1) / (support + len(support))[:, None]  # as for topics, a row a true stance
    wanted, logs = targets @ believed, _logs(scores)

    def loss(parameters: Floats) -> float:
        z = log_softmax(np.exp(parameters[0]) * logs, axis=1)
        return float(-(wanted * z).sum() + _PRIOR * (parameters**2).sum())

    return round(float(np.exp(_minimum(loss, 1)[0])), _DIGITS)


def _minimum(loss: Callable[[Floats], float], size: int) -> list[float]:
    from scipy.optimize import minimize  # here, for scoring fits nothing and would wait half a second for it

    return [float(value) for value in minimize(loss, np.zeros(size), method="L-BFGS-B").x]


def _logits(scores: Floats) -> Floats:
    clipped: Floats = logit(np.clip(scores, _LEAST, 1 - _LEAST))
    return clipped


def _logs(scores: Floats) -> Floats:
    clipped: Floats = np.log(np.clip(scores, _LEAST, None))
    return clipped

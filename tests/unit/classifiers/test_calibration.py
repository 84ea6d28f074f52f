"""Calibration finds what made scores wrong, keeps their order and never breaks on little data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax

from pipeline.classifiers.calibration import fit_calibration

DRAW = np.random.default_rng(0)
ONE_STANCE = np.tile([[1.0, 0.0, 0.0]], (4000, 1)), np.tile([[1.0, 0.0, 0.0]], (4000, 1))


def test_too_sure_topic_scores_are_put_right() -> None:
    logits = DRAW.normal(-1, 2, size=(4000, 1))
    truth = (DRAW.random(logits.shape) < expit(logits)).astype(float)
    fitted = fit_calibration(expit(3 * logits + 1), ONE_STANCE[0], truth, ONE_STANCE[1])
    assert fitted.topic_slopes[0] == pytest.approx(1 / 3, abs=0.03)
    assert fitted.topic_biases[0] == pytest.approx(-1 / 3, abs=0.1)
    assert fitted.topics(expit(3 * logits + 1)) == pytest.approx(expit(logits), abs=0.05)


def test_too_sure_stance_scores_are_put_right() -> None:
    logits = DRAW.normal(0, 2, size=(4000, 3))
    truth = np.array([DRAW.multinomial(1, p) for p in softmax(logits, axis=1)]).astype(float)
    topics = np.zeros((4000, 1))
    fitted = fit_calibration(topics, softmax(2 * logits, axis=1), topics, truth)
    assert fitted.stance_slope == pytest.approx(0.5, abs=0.03)
    assert np.abs(fitted.stances(softmax(2 * logits, axis=1)) - softmax(logits, axis=1)).mean() < 0.01


def test_separable_scores_stay_short_of_certainty() -> None:
    truth = np.array([[0.0], [1.0]] * 10)
    stances = np.tile(np.eye(3), (7, 1))[:20]
    fitted = fit_calibration(np.clip(truth, 0.01, 0.99), stances, truth, stances)
    topics, stance = fitted.topics(np.array([[0.0], [1.0]])), fitted.stances(np.eye(3))
    assert np.isfinite(topics).all() and 0 < topics[0, 0] < 0.5 < topics[1, 0] < 1
    assert stance.argmax(axis=1).tolist() == [0, 1, 2]
    assert stance.max() < 1


@pytest.mark.parametrize("rows", [0, 1])
def test_little_to_fit_on_leaves_topics_as_they_are(rows: int) -> None:
    fitted = fit_calibration(np.full((rows, 2), 0.4), np.full((rows, 3), 1 / 3), np.zeros((rows, 2)), np.eye(3)[:rows])
    assert fitted.topics(np.array([[0.3, 0.6]])) == pytest.approx(np.array([[0.3, 0.6]]))
    assert np.isfinite(fitted.stances(np.eye(3))).all()


def test_order_within_a_topic_never_changes() -> None:
    scores = np.sort(DRAW.random((200, 1)), axis=0)
    backwards = (scores < 0.5).astype(float)  # the worst a validation set could hold
    fitted = fit_calibration(scores, np.full((200, 3), 1 / 3), backwards, np.eye(3)[DRAW.integers(0, 3, 200)])
    assert (np.diff(fitted.topics(scores)[:, 0]) >= 0).all()

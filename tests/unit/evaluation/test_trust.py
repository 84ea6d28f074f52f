"""Calibration error and coverage against risk: what can be reckoned by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluation import coverage, reliability

ONE = np.ones((1, 10))


def test_scores_that_are_probabilities_have_no_calibration_error() -> None:
    draw = np.random.default_rng(0)
    scores = draw.random(50_000)
    truth = draw.random(50_000) < scores
    assert reliability.error(reliability.bins(scores, truth).sum(axis=0)) < 0.01
    assert reliability.error(reliability.bins(scores**3, truth).sum(axis=0)) > 0.2


def test_calibration_error_is_the_mean_gap_by_bin() -> None:
    scores, truth = np.array([0.05, 0.95, 0.95, 1.0]), np.array([True, True, True, False])
    bins = reliability.bins(scores, truth).sum(axis=0)
    assert reliability.error(bins) == pytest.approx((0.95 + abs(2.9 - 2)) / 4)
    assert reliability.points("sport", bins) == [
        {"topic": "sport", "score": 0.05, "share": 1.0, "sentences": 1},
        {"topic": "sport", "score": 0.9667, "share": 0.6667, "sentences": 3},
    ]


def figures(confidence: np.ndarray, wrong: np.ndarray, abstain: np.ndarray) -> dict[str, float]:
    return {name: float(v) for name, (v, _) in coverage.figures(confidence, wrong, abstain, ONE).items()}


def test_the_least_sure_are_left_out_first() -> None:
    confidence = np.linspace(1, 0.1, 10)
    wrong = np.array([False] * 7 + [True] * 3)
    told = figures(confidence, wrong, confidence < 0.45)
    assert told["error_at_100"] == pytest.approx(0.3)
    assert told["error_at_80"] == pytest.approx(1 / 8)
    assert told["aurc"] == pytest.approx((1 / 8 + 2 / 9 + 3 / 10) / 10)
    assert told["kept"] == pytest.approx(0.6)
    assert told["error_kept"] == 0
    upside_down = figures(confidence[::-1], wrong, confidence < 0)
    assert upside_down["error_at_80"] == pytest.approx(3 / 8)
    assert upside_down["aurc"] > 3 * told["aurc"]


def test_a_model_that_always_abstains_makes_no_error() -> None:
    told = figures(np.zeros(10), np.ones(10, dtype=bool), np.ones(10, dtype=bool))
    assert (told["kept"], told["error_kept"], told["error_at_100"]) == (0, 0, 1)


def test_a_sample_counts_its_sentences_as_often_as_they_are_drawn() -> None:
    confidence, wrong = np.array([0.9, 0.5]), np.array([False, True])
    covered, risk = coverage.risks(confidence, wrong, np.array([[3.0, 1.0], [0.0, 2.0]]))
    assert covered.tolist() == [[0.75, 1.0], [0.0, 1.0]]
    assert risk.tolist() == [[0.0, 0.25], [0.0, 1.0]]
    assert coverage.at(0.75, covered, risk).tolist() == [0.0, 1.0]


def test_the_curve_ends_at_the_whole_error() -> None:
    confidence = {"label": np.linspace(1, 0.1, 10), "stance": np.linspace(0.1, 1, 10)}
    wrong = {name: np.array([False] * 7 + [True] * 3) for name in confidence}
    points = coverage.curve(confidence, wrong)
    assert points[-1] == {"coverage": 1.0, "label": 0.3, "stance": 0.3}
    assert points[0] == {"coverage": 0.01, "label": 0.0, "stance": 1.0}
    assert [p["coverage"] for p in points] == sorted(p["coverage"] for p in points)

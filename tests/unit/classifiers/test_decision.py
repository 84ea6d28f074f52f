"""Calibration, thresholds, confidence, and the labels they decide."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from pipeline.classifiers.calibration import Calibration
from pipeline.classifiers.decision import Decision, fit_decision
from pipeline.schemas import LabelledSentence
from pipeline.storage import to_json
from pipeline.taxonomy import Taxonomy

DECISION = Decision(("sport", "music"), ("good", "plain", "bad"), {"sport": 0.3, "music": 0.7})
CALIBRATION = Calibration((2.0, 1.0), (0.5, 0.0), 2.0)


def test_each_topic_has_its_own_threshold_and_stance_the_likeliest() -> None:
    both, none = DECISION.predict(np.array([[0.3, 0.7], [0.29, 0.69]]), np.array([[0.1, 0.2, 0.7], [0.4, 0.5, 0.1]]))
    assert both.topics == ("sport", "music")
    assert both.stance == "bad"
    assert none.topics == ()
    assert none.stance == "plain"
    assert none.topic_scores == {"sport": 0.29, "music": 0.69}


@pytest.mark.parametrize("calibration", [None, CALIBRATION])
def test_a_decision_survives_its_json(calibration: Calibration | None) -> None:
    decision = replace(DECISION, abstain_below=0.4, calibration=calibration)
    assert Decision.from_json(json.loads(to_json(decision.as_json()))) == decision


def test_calibrated_scores_are_what_labels_follow_and_what_is_told() -> None:
    scores = np.array([[0.35, 0.8]]), np.array([[0.5, 0.4, 0.1]])
    raw, calibrated = (d.decide(*scores) for d in (DECISION, replace(DECISION, calibration=CALIBRATION)))
    assert raw.topics.tolist() == calibrated.topics.tolist() == [[True, True]]
    assert calibrated.topic_scores[0] == pytest.approx([1 / (1 + (0.65 / 0.35) ** 2 * np.exp(-0.5)), 0.8])
    assert raw.stance.tolist() == calibrated.stance.tolist() == [0]
    assert calibrated.stance_scores[0] == pytest.approx(np.array([25, 16, 1]) / 42)
    stricter = replace(DECISION, calibration=replace(CALIBRATION, topic_biases=(-2.0, 0.0)))
    assert stricter.decide(*scores).topics.tolist() == [[False, True]]


def test_a_sentence_that_is_not_sure_enough_is_marked() -> None:
    sure, unsure = replace(DECISION, abstain_below=0.5).predict(
        np.array([[0.99, 0.01], [0.99, 0.69]]), np.array([[0.9, 0.1, 0.0], [0.9, 0.1, 0.0]])
    )
    assert sure.confidence == pytest.approx(0.99 * 0.99 * 0.9, abs=1e-4)  # all of the labels right
    assert unsure.confidence == pytest.approx(0.99 * 0.31 * 0.9, abs=1e-4)
    assert (sure.abstain, unsure.abstain) == (False, True)


def test_arrays_and_objects_say_the_same() -> None:
    draw = np.random.default_rng(0)
    decision = replace(DECISION, abstain_below=0.5, calibration=CALIBRATION)
    scores = draw.random((50, 2)), draw.dirichlet((1, 1, 1), 50)
    arrays, objects = decision.decide(*scores), decision.predict(*scores)
    assert [tuple(np.array(decision.topics)[row]) for row in arrays.topics] == [one.topics for one in objects]
    assert [decision.stances[i] for i in arrays.stance] == [one.stance for one in objects]
    assert arrays.abstain.tolist() == [one.abstain for one in objects]
    assert 0 < arrays.abstain.sum() < 50
    assert [list(one.topic_scores.values()) for one in objects] == arrays.topic_scores.round(4).tolist()
    assert [list(one.stance_scores.values()) for one in objects] == arrays.stance_scores.round(4).tolist()
    assert [one.confidence for one in objects] == arrays.confidence.round(4).tolist()


def _row(i: int, sport: float) -> LabelledSentence:
    stance = {"good": 1.0, "plain": 0.0, "bad": 0.0}
    return LabelledSentence(str(i), "a", "t", "", "", {"sport": sport, "music": 0.0}, stance)


def test_the_fitted_decision_separates_what_can_be_separated(two_topics: Taxonomy) -> None:
    scores = np.array([[0.05, 0.1], [0.15, 0.1], [0.25, 0.1], [0.3, 0.1]] * 10)
    stances = np.tile([0.8, 0.1, 0.1], (40, 1))
    fitted = fit_decision(scores, stances, [_row(i, float(i % 4 >= 2)) for i in range(40)], two_topics)
    said = fitted.decide(scores, stances)
    assert said.topics[:, 0].tolist() == [False, False, True, True] * 10
    assert fitted.thresholds["music"] == 0.5  # nothing to fit on
    assert said.topic_scores[:, 1] == pytest.approx(0.1)
    assert fitted.topics == ("sport", "music")


def test_a_fifth_of_the_validation_sentences_is_left_to_people(two_topics: Taxonomy) -> None:
    draw = np.random.default_rng(0)
    scores = draw.random((500, 2)), draw.dirichlet((1, 1, 1), 500)
    fitted = fit_decision(*scores, [_row(i, float(i % 2)) for i in range(500)], two_topics)
    assert fitted.decide(*scores).abstain.mean() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows_are_no_trouble(rows: int, two_topics: Taxonomy) -> None:
    decision = replace(DECISION, calibration=CALIBRATION)
    assert len(decision.predict(np.zeros((rows, 2)), np.zeros((rows, 3)))) == rows

"""Thresholds and the labels they decide."""

import numpy as np
import pytest

from pipeline.classifiers.decision import Decision, fit_decision
from pipeline.schemas import LabelledSentence
from pipeline.taxonomy import Taxonomy

DECISION = Decision(("sport", "music"), ("good", "plain", "bad"), {"sport": 0.3, "music": 0.7})


def test_each_topic_has_its_own_threshold_and_stance_the_likeliest() -> None:
    both, none = DECISION.predict(np.array([[0.3, 0.7], [0.29, 0.69]]), np.array([[0.1, 0.2, 0.7], [0.4, 0.5, 0.1]]))
    assert both.topics == ("sport", "music")
    assert both.stance == "bad"
    assert none.topics == ()
    assert none.stance == "plain"
    assert none.topic_scores == {"sport": 0.29, "music": 0.69}


def test_a_decision_survives_its_json() -> None:
    assert Decision.from_json(DECISION.as_json()) == DECISION


def _row(i: int, sport: float) -> LabelledSentence:
    stance = {"good": 1.0, "plain": 0.0, "bad": 0.0}
    return LabelledSentence(str(i), "a", "t", "", "", {"sport": sport, "music": 0.0}, stance)


def test_the_fitted_threshold_separates_what_can_be_separated(two_topics: Taxonomy) -> None:
    scores = np.array([[0.05, 0.1], [0.15, 0.1], [0.25, 0.1], [0.3, 0.1]])
    fitted = fit_decision(scores, [_row(i, float(i >= 2)) for i in range(4)], two_topics)
    assert 0.15 < fitted.thresholds["sport"] <= 0.25
    assert fitted.thresholds["music"] == 0.5  # nothing to fit on
    assert fitted.topics == ("sport", "music")


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows_are_no_trouble(rows: int, two_topics: Taxonomy) -> None:
    assert len(DECISION.predict(np.zeros((rows, 2)), np.zeros((rows, 3)))) == rows

"""Scored rows say what the model's decision makes of its scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from pipeline.classifiers.calibration import Calibration
from pipeline.classifiers.decision import Decision, Matrix, Readable
from pipeline.schemas import Article
from pipeline.scoring.rows import score_articles
from pipeline.text.segmentation import segment
from tests.unit.scoring.scorers import ByWord

ODD = Decision(
    ("sport", "music"),
    ("good", "plain", "bad"),
    {"sport": 0.27, "music": 0.83},
    abstain_below=0.3,
    calibration=Calibration((2.0, 0.5), (0.5, 1.0), 3.0),
)
ARTICLES = [Article(f"a{n}", "The match was long. A song was sung. They met.") for n in range(20)]


class Soft(ByWord):
    """Unsure of everything, of each sentence in its own way."""

    def predict_proba(self, sentences: Sequence[Readable]) -> tuple[Matrix, Matrix]:
        draw = np.random.default_rng(0)
        return draw.random((len(sentences), 2)), draw.dirichlet((1, 1, 1), len(sentences))


def test_calibration_thresholds_and_abstaining_are_applied() -> None:
    rows = score_articles(ARTICLES, Soft(decision=ODD)).to_pylist()
    scores = Soft().predict_proba([sentence for article in ARTICLES for sentence in segment(article)])
    said = ODD.predict(*scores)
    assert len(rows) == len(said) == 60
    for row, one in zip(rows, said, strict=True):
        assert (tuple(row["topics"]), row["stance"], row["abstain"]) == (one.topics, one.stance, one.abstain)
        assert row["topic_scores"] == pytest.approx(one.topic_scores)
        assert row["stance_scores"] == pytest.approx(one.stance_scores)
        assert row["confidence"] == pytest.approx(one.confidence)


@pytest.mark.parametrize(
    "other",
    [
        replace(ODD, calibration=None),
        replace(ODD, thresholds={"sport": 0.5, "music": 0.5}),
        replace(ODD, abstain_below=0.0),
    ],
)
def test_every_part_of_the_decision_tells(other: Decision) -> None:
    assert not score_articles(ARTICLES, Soft(decision=ODD)).equals(score_articles(ARTICLES, Soft(decision=other)))

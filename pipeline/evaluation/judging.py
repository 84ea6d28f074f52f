"""A classifier set before labelled sentences."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.classifiers.decision import Classifier
from pipeline.evaluation.metrics import Judged
from pipeline.schemas import LabelledSentence


def judge(classifier: Classifier, rows: Sequence[LabelledSentence]) -> list[Judged]:
    """Each sentence with its true label (the classes at 0.5 or more, the likeliest stance) and the predicted one."""
    predictions = classifier.decision.predict(*classifier.predict_proba(rows))
    return [
        Judged(
            row.sentence_id,
            row.article_id,
            row.text,
            tuple(t for t, probability in row.topics.items() if probability >= 0.5),
            max(row.stance, key=lambda s, own=row.stance: own[s]),  # type: ignore[misc]
            said.topics,
            said.stance,
            dict(said.topic_scores),
            dict(said.stance_scores),
            said.confidence,
            said.abstain,
        )
        for row, said in zip(rows, predictions, strict=True)
    ]

"""What is written for each scored sentence."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.schemas import Prediction, Sentence


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """One row of output; the order of fields is the order of columns. `model` is the model's name and hash."""

    article_id: str
    sentence_id: str
    position: int
    heading: str
    start: int
    end: int
    text: str
    topics: tuple[str, ...]
    topic_scores: dict[str, float]
    stance: str
    stance_scores: dict[str, float]
    model: str


def scored(sentence: Sentence, prediction: Prediction, model: str) -> ScoredSentence:
    """A sentence joined with what the model says of it."""
    return ScoredSentence(
        sentence.article_id,
        sentence.id,
        sentence.position,
        sentence.heading,
        sentence.start,
        sentence.end,
        sentence.text,
        prediction.topics,
        dict(prediction.topic_scores),
        prediction.stance,
        dict(prediction.stance_scores),
        model,
    )

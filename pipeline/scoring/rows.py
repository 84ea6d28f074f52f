"""What is written for each scored sentence."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.schemas import Article, Prediction, Sentence


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """One row of output; the order of fields is the order of columns. `model` is the model's name and hash."""

    article_id: str
    title: str
    date: str
    source: str
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
    confidence: float
    abstain: bool
    model: str


def scored(article: Article, sentence: Sentence, prediction: Prediction, model: str) -> ScoredSentence:
    """A sentence of an article joined with what the model says of it."""
    return ScoredSentence(
        article.id,
        article.title,
        article.date,
        article.source,
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
        prediction.confidence,
        prediction.abstain,
        model,
    )

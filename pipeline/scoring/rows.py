"""A batch of articles → an Arrow table of their scored sentences: the core, which knows no files and no processes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipeline.classifiers.decision import Classifier, Decided, Decision, Matrix
from pipeline.schemas import Article, Sentence
from pipeline.text.segmentation import segment

COLUMNS = (
    "article_id",
    "title",
    "date",
    "source",
    "sentence_id",
    "position",
    "heading",
    "start",
    "end",
    "text",
    "topics",
    "topic_scores",
    "stance",
    "stance_scores",
    "confidence",
    "abstain",
    "model",
)
_TYPES = {"position": pa.int32(), "start": pa.int64(), "end": pa.int64(), "topics": pa.list_(pa.string())}
_TYPES |= {"confidence": pa.float32(), "abstain": pa.bool_()}
DIGITS = 4  # of scores


def label_of(classifier: Classifier) -> str:
    """What the column `model` says: the model's name and hash."""
    return f"{classifier.name}@{classifier.sha256[:12]}"


def schema_of(decision: Decision) -> pa.Schema:
    """Columns and types of scored rows: topics a list, scores a struct with a field a class."""
    scores = {
        name: pa.struct([(label, pa.float32()) for label in labels])
        for name, labels in (("topic_scores", decision.topics), ("stance_scores", decision.stances))
    }
    return pa.schema([(name, (_TYPES | scores).get(name, pa.string())) for name in COLUMNS])


def score_articles(articles: Sequence[Article], classifier: Classifier) -> pa.Table:
    """Every sentence of the articles with what the classifier says of it, in order; columns as in `COLUMNS`."""
    return score_sentences(articles, [segment(article) for article in articles], classifier)


def score_sentences(articles: Sequence[Article], cut: Sequence[Sequence[Sentence]], classifier: Classifier) -> pa.Table:
    """`score_articles` for articles that are already cut into sentences."""
    sentences = [sentence for own in cut for sentence in own]
    decision = classifier.decision
    if not sentences:
        return schema_of(decision).empty_table()
    said = decision.decide(*classifier.predict_proba(sentences))
    columns = _places(articles, cut, sentences) | _labels(said, decision)
    columns["model"] = pa.array([label_of(classifier)] * len(sentences))
    return pa.table([columns[name] for name in COLUMNS], schema=schema_of(decision))


def _places(articles: Sequence[Article], cut: Sequence[Sequence[Sentence]], sentences: Sequence[Sentence]) -> _Columns:
    owner = pa.array(np.repeat(np.arange(len(articles)), [len(own) for own in cut]))
    columns: _Columns = {"article_id": pa.array([article.id for article in articles]).take(owner)}
    for name in ("title", "date", "source"):
        columns[name] = pa.array([getattr(article, name) for article in articles], pa.string()).take(owner)
    columns["sentence_id"] = pa.array([sentence.id for sentence in sentences])
    for name in ("position", "heading", "start", "end", "text"):
        own = [getattr(sentence, name) for sentence in sentences]
        columns[name] = pa.array(own, _TYPES.get(name, pa.string()))
    return columns


def _labels(said: Decided, decision: Decision) -> _Columns:
    counts = said.topics.sum(axis=1)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    names = pa.array(decision.topics).take(pa.array(np.nonzero(said.topics)[1]))
    return {
        "topics": pa.ListArray.from_arrays(offsets, names),
        "topic_scores": _struct(said.topic_scores, decision.topics),
        "stance": pa.array(decision.stances).take(pa.array(said.stance)),
        "stance_scores": _struct(said.stance_scores, decision.stances),
        "confidence": pa.array(said.confidence.round(DIGITS).astype(np.float32)),
        "abstain": pa.array(said.abstain),
    }


def _struct(scores: Matrix, labels: Sequence[str]) -> pa.StructArray:
    rounded = scores.round(DIGITS).astype(np.float32)
    return pa.StructArray.from_arrays([pa.array(column) for column in rounded.T.copy()], names=list(labels))


_Columns = dict[str, pa.Array]

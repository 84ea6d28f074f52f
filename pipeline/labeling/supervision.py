"""What each sentence is taught as: its annotation, the aggregate of its cues' votes, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.labeling.aggregation import Probabilities
from pipeline.params import LabelParams
from pipeline.schemas import Annotation, LabelledSentence, Sentence
from pipeline.taxonomy import Taxonomy
from pipeline.text.deduplication import normalise


def labelled(
    sentences: Sequence[Sentence],
    annotations: Mapping[str, Annotation],
    votes: tuple[Probabilities, Probabilities],
    params: LabelParams,
    taxonomy: Taxonomy,
) -> list[LabelledSentence]:
    """Labels of train or validation sentences as `supervision` wants them; `votes` has a row for each sentence.

    With `annotations` a sentence without one is left out; with `cues` annotations are ignored; with
    `both` an annotation wins and cues label the rest at a lower weight.
    """
    rows = []
    for index, sentence in enumerate(sentences):
        annotation = annotations.get(sentence.id) if params.supervision != "cues" else None
        if annotation:
            rows.append(_from_annotation(sentence, annotation, taxonomy))
        elif params.supervision != "annotations":
            topics = dict(zip(taxonomy.topic_ids, votes[0][index].tolist(), strict=True))
            stance = dict(zip(taxonomy.stance_ids, votes[1][index].tolist(), strict=True))
            rows.append(_row(sentence, topics, stance, "cues", params.cue_weight))
    return rows


def annotated(
    sentences: Sequence[Sentence], annotations: Mapping[str, Annotation], taxonomy: Taxonomy
) -> list[LabelledSentence]:
    """The annotated ones among `sentences`: what test measures against, whatever the supervision."""
    return [_from_annotation(s, annotations[s.id], taxonomy) for s in sentences if s.id in annotations]


def fit_for_train(
    train: Sequence[Sentence], held_out: Sequence[Sentence], annotations: Mapping[str, Annotation]
) -> list[Sentence]:
    """Train sentences less those without an annotation whose words stand in a held-out sentence."""
    seen = {normalise(sentence.text) for sentence in held_out}
    return [s for s in train if s.id in annotations or normalise(s.text) not in seen]


def unlabelled(sentences: Sequence[Sentence], taught: Sequence[LabelledSentence]) -> list[LabelledSentence]:
    """The sentences that none of `taught` labels, with no class and no weight: text to adapt an encoder to."""
    known = {row.sentence_id for row in taught}
    return [_row(sentence, {}, {}, "none", 0.0) for sentence in sentences if sentence.id not in known]


def _from_annotation(sentence: Sentence, annotation: Annotation, taxonomy: Taxonomy) -> LabelledSentence:
    topics = {t: float(t in annotation.topics) for t in taxonomy.topic_ids}
    stance = {s: float(s == annotation.stance) for s in taxonomy.stance_ids}
    return _row(sentence, topics, stance, "annotation", 1.0)


def _row(
    sentence: Sentence, topics: dict[str, float], stance: dict[str, float], origin: str, weight: float
) -> LabelledSentence:
    return LabelledSentence(
        sentence.id,
        sentence.article_id,
        sentence.text,
        sentence.heading,
        sentence.previous,
        {k: round(v, 4) for k, v in topics.items()},
        {k: round(v, 4) for k, v in stance.items()},
        origin,
        weight,
    )


def cue_quality(
    rows: Sequence[LabelledSentence], annotations: Mapping[str, Annotation], taxonomy: Taxonomy
) -> dict[str, Any]:
    """Precision and recall of the cues' labels against annotations, by topic and by stance."""
    pairs = [(row, annotations[row.sentence_id]) for row in rows if row.sentence_id in annotations]
    figures: dict[str, Any] = {"sentences": len(pairs)}
    for topic in taxonomy.topic_ids:
        figures[topic] = _quality([(row.topics[topic] >= 0.5, topic in a.topics) for row, a in pairs])
    for stance in taxonomy.stance_ids:
        figures[stance] = _quality([(_likeliest(row.stance) == stance, a.stance == stance) for row, a in pairs])
    return figures


def _likeliest(scores: Mapping[str, float]) -> str:
    return max(scores, key=lambda name: scores[name])


def _quality(said_and_true: Sequence[tuple[bool, bool]]) -> dict[str, float]:
    hits = sum(said and true for said, true in said_and_true)
    return {
        "precision": round(hits / max(1, sum(said for said, _ in said_and_true)), 4),
        "recall": round(hits / max(1, sum(true for _, true in said_and_true)), 4),
    }

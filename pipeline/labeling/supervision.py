"""What each sentence is taught as: its annotation, the aggregate of its cues' votes, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.labeling.label_models import Probabilities
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
    *,
    judged: bool = False,
) -> list[LabelledSentence]:
    """Labels of train or validation sentences as `supervision` wants them; `votes` has a row for each sentence.

    With `annotations` a sentence without one is left out; with `cues` annotations are ignored; with
    `both` an annotation wins and cues label the rest. What cues label weighs `cue_weight` times its certainty.
    Where `judged` says so, as for validation, no cue stands beside an annotation: models are chosen by what is true.
    """
    supervision = params.supervision
    if judged and supervision == "both" and any(sentence.id in annotations for sentence in sentences):
        supervision = "annotations"
    rows = []
    for index, sentence in enumerate(sentences):
        annotation = annotations.get(sentence.id) if supervision != "cues" else None
        if annotation:
            rows.append(_from_annotation(sentence, annotation, taxonomy))
        elif supervision != "annotations":
            rows.append(_from_votes(sentence, (votes[0][index], votes[1][index]), params.cue_weight, taxonomy))
    return rows


def from_votes(
    sentences: Sequence[Sentence], votes: tuple[Probabilities, Probabilities], taxonomy: Taxonomy
) -> list[LabelledSentence]:
    """Labels of all `sentences` by their votes alone, as `cue_quality` judges them."""
    return [_from_votes(s, (votes[0][i], votes[1][i]), 1.0, taxonomy) for i, s in enumerate(sentences)]


def _from_votes(
    sentence: Sentence, votes: tuple[Probabilities, Probabilities], weight: float, taxonomy: Taxonomy
) -> LabelledSentence:
    topics = dict(zip(taxonomy.topic_ids, votes[0].tolist(), strict=True))
    stance = dict(zip(taxonomy.stance_ids, votes[1].tolist(), strict=True))
    return _row(sentence, topics, stance, "cues", weight * certainty(topics, stance))


def certainty(topics: Mapping[str, float], stance: Mapping[str, float]) -> float:
    """How sure a label is, in [0, 1]: the likelihood of its likelier side, mean of all topics and of the stance.

    >>> certainty({"sport": 0.9, "music": 0.3}, {"good": 0.6, "bad": 0.4})
    0.7
    """
    of_topics = sum(max(p, 1 - p) for p in topics.values()) / len(topics)
    return round((of_topics + max(stance.values())) / 2, 4)


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
        round(weight, 4),
    )


def cue_quality(
    rows: Sequence[LabelledSentence], annotations: Mapping[str, Annotation], taxonomy: Taxonomy
) -> dict[str, Any]:
    """Precision, recall and F1 of the cues' labels against annotations, by topic and by stance, and their macro-F1."""
    pairs = [(row, annotations[row.sentence_id]) for row in rows if row.sentence_id in annotations]
    topics = {t: _quality([(row.topics[t] >= 0.5, t in a.topics) for row, a in pairs]) for t in taxonomy.topic_ids}
    stances = {
        s: _quality([(_likeliest(row.stance) == s, a.stance == s) for row, a in pairs]) for s in taxonomy.stance_ids
    }
    return {
        "sentences": len(pairs),
        "topics": {"macro_f1": _mean_f1(topics), "classes": topics},
        "stance": {"macro_f1": _mean_f1(stances), "classes": stances},
    }


def _likeliest(scores: Mapping[str, float]) -> str:
    return max(scores, key=lambda name: scores[name])


def _mean_f1(by_class: Mapping[str, Mapping[str, float]]) -> float:
    return round(sum(figures["f1"] for figures in by_class.values()) / max(1, len(by_class)), 4)


def _quality(said_and_true: Sequence[tuple[bool, bool]]) -> dict[str, float]:
    hits = sum(said and true for said, true in said_and_true)
    said, true = sum(said for said, _ in said_and_true), sum(true for _, true in said_and_true)
    return {
        "precision": round(hits / max(1, said), 4),
        "recall": round(hits / max(1, true), 4),
        "f1": round(2 * hits / max(1, said + true), 4),
    }

"""Cues learned from the train annotations: word runs whose log-odds speak for a class.

Log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, "Fightin' Words"). An annotated train
sentence is voted on by cues learned from the other articles only, so that its own label never speaks for it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer

from pipeline.labeling.functions import ABSTAIN, Ballot, LabelingFunction, Votes, task_of, vote_for
from pipeline.schemas import Annotation, Sentence
from pipeline.taxonomy import Taxonomy

KIND = "learned"
FOLDS = 5
_WORDS = (1, 3)  # length of a learned cue in words
_LEAST = 5  # sentences that a learned cue must stand in
_PRIOR = 0.1  # strength of the prior, as a share of the counts it is made of
_MIN_Z = 1.96
_MIN_VOTES = 10  # of held-out votes, before their precision is believed
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LearnedCue:
    """A word run that speaks for a class: its log-odds and their z-score."""

    class_id: str
    cue: str
    log_odds: float
    z: float


@dataclass(frozen=True)
class Lesson:
    """What is learned: at most `most` cues a class.

    They vote from the score on at which held-out votes are right at least this often, for topics and for stances.
    """

    most: int
    topic_precision: float
    stance_precision: float


def learned_ballot(
    sentences: Sequence[Sentence], known: Mapping[str, Annotation], lesson: Lesson, taxonomy: Taxonomy
) -> tuple[Ballot, list[LearnedCue]]:
    """Votes on all `sentences`, and the cues learned from those whose annotation is in `known`."""
    rows = [i for i, s in enumerate(sentences) if s.id in known]
    nothing = Ballot((), np.zeros((len(sentences), 0), dtype=np.int8))
    if lesson.most == 0 or not rows:
        return nothing, []
    vectorizer = CountVectorizer(ngram_range=_WORDS, min_df=_LEAST, binary=True, token_pattern=r"(?u)\b\w[\w'’%-]*")
    try:
        vectorizer.fit([sentences[i].text for i in rows])
    except ValueError:  # too few sentences for any run to stand often enough
        return nothing, []
    x = vectorizer.transform([s.text for s in sentences])
    names = vectorizer.get_feature_names_out()
    folds = np.array([zlib.crc32(s.article_id.encode()) % FOLDS for s in sentences])
    functions, columns, cues = [], [], []
    for class_id in (*taxonomy.topic_ids, *taxonomy.stance_ids):
        truth = np.array([_is(known[sentences[i].id], class_id) for i in rows])
        weights, z = _weights(x[rows], truth, lesson.most)
        scores = np.asarray(x @ weights)
        scores[rows] = _held_out(x[rows], truth, folds[rows], lesson.most)
        wanted = lesson.topic_precision if class_id in taxonomy.topic_ids else lesson.stance_precision
        limit = _limit(scores[rows], truth, wanted)
        columns.append(np.where(scores >= limit, vote_for(class_id, taxonomy), ABSTAIN))
        functions.append(LabelingFunction(f"{class_id}.{KIND}", task_of(class_id, taxonomy), class_id, KIND))
        cues += [
            LearnedCue(class_id, str(names[i]), round(float(weights[i]), 3), round(float(z[i]), 2))
            for i in np.argsort(-z, kind="stable")
            if weights[i]
        ]
    votes: Votes = np.stack(columns, axis=1).astype(np.int8)
    return Ballot(tuple(functions), votes), cues


def _is(annotation: Annotation, class_id: str) -> bool:
    return class_id in annotation.topics or class_id == annotation.stance


def _weights(x: Any, truth: NDArray[np.bool_], most: int) -> tuple[Floats, Floats]:
    """Log-odds of each column for the class (0 where it is not among the `most` by z-score), and the z-scores."""
    inside = np.asarray(x[truth].sum(axis=0), dtype=float).ravel()
    outside = np.asarray(x[~truth].sum(axis=0), dtype=float).ravel()
    prior = _PRIOR * (inside + outside) + 1e-9
    odds = np.zeros((2, len(prior)))
    for row, counts in enumerate((inside, outside)):
        total = counts.sum() + prior.sum()
        odds[row] = np.log(counts + prior) - np.log(total - counts - prior)
    delta = odds[0] - odds[1]
    z: Floats = delta / np.sqrt(1 / (inside + prior) + 1 / (outside + prior))
    chosen = np.argsort(-z, kind="stable")[:most]
    chosen = chosen[z[chosen] >= _MIN_Z]
    weights = np.zeros(len(prior))
    weights[chosen] = delta[chosen]
    return weights, z


def _held_out(x: Any, truth: NDArray[np.bool_], folds: NDArray[np.int64], most: int) -> Floats:
    """Each row's score by the weights that the other folds teach."""
    scores = np.zeros(len(truth))
    for fold in np.unique(folds):
        other = folds != fold
        if truth[other].any() and not truth[other].all():
            scores[~other] = x[~other] @ _weights(x[other], truth[other], most)[0]
    return scores


def _limit(scores: Floats, truth: NDArray[np.bool_], precision: float) -> float:
    """The lowest positive score from which on held-out votes are right often enough; infinite if there is none."""
    order = np.argsort(-scores, kind="stable")
    falling, places = scores[order], np.arange(1, len(order) + 1)
    right = np.cumsum(truth[order]) / places
    lowest_of_equals = np.append(falling[1:] < falling[:-1], True)  # equal scores vote together
    good = np.flatnonzero((right >= precision) & (places >= _MIN_VOTES) & (falling > 0) & lowest_of_equals)
    return float(falling[good[-1]]) if len(good) else float("inf")

"""Labeling functions by meaning: a sentence votes for a class when it is near one of the class's prototypes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.encoding.embedding import embed
from pipeline.labeling.cues import CueSet
from pipeline.labeling.functions import ABSTAIN, STANCE, Ballot, LabelingFunction, Votes, task_of, vote_for
from pipeline.schemas import Sentence
from pipeline.taxonomy import Taxonomy

KIND = "prototypes"


def prototype_ballot(
    sentences: Sequence[Sentence], sets: Sequence[CueSet], encoder: Path, similarity: float, taxonomy: Taxonomy
) -> Ballot:
    """Votes by cosine similarity of at least `similarity` to the nearest prototype of a class.

    Topics are voted on one by one; of the stances only that of the nearest prototype gets a vote.
    """
    own = [cues for cues in sets if cues.prototypes]
    functions = tuple(
        LabelingFunction(f"{c.class_id}.{KIND}", task_of(c.class_id, taxonomy), c.class_id, KIND) for c in own
    )
    votes: Votes = np.full((len(sentences), len(own)), ABSTAIN, dtype=np.int8)
    if not own or not sentences:
        return Ballot(functions, votes)
    prototypes = [text for cues in own for text in cues.prototypes]
    vectors = embed([*(s.text for s in sentences), *prototypes], encoder)
    near = vectors[: len(sentences)] @ vectors[len(sentences) :].T
    ends = np.cumsum([len(cues.prototypes) for cues in own])
    nearest = np.stack([part.max(axis=1) for part in np.split(near, ends[:-1], axis=1)], axis=1)
    is_stance = np.array([f.task == STANCE for f in functions])
    best = np.where(is_stance, nearest, -1).max(axis=1, keepdims=True)
    cast = (nearest >= similarity) & (~is_stance | (nearest >= best))
    for index, function in enumerate(functions):
        votes[cast[:, index], index] = vote_for(function.class_id, taxonomy)
    return Ballot(functions, votes)

"""Labeling functions: each looks at a sentence and votes for a class, or abstains with −1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.labeling.cues import KINDS, CueMatcher, CueSet, Match
from pipeline.schemas import Sentence
from pipeline.taxonomy import Taxonomy

ABSTAIN = -1
STANCE = "stance"
Votes = NDArray[np.int8]


@dataclass(frozen=True)
class LabelingFunction:
    """One column of the vote matrix.

    `task` is a topic id (votes: 0 absent, 1 present) or "stance" (votes: index of the stance).
    """

    name: str
    task: str
    class_id: str
    kind: str


def cue_functions(sets: Sequence[CueSet], taxonomy: Taxonomy) -> tuple[LabelingFunction, ...]:
    """One labeling function for each class and each kind of cue that it has."""
    return tuple(
        LabelingFunction(f"{cues.class_id}.{kind}", _task(cues.class_id, taxonomy), cues.class_id, kind)
        for cues in sets
        for kind in KINDS
        if getattr(cues, kind)
    )


def _task(class_id: str, taxonomy: Taxonomy) -> str:
    return class_id if class_id in taxonomy.topic_ids else STANCE


def vote(sentences: Sequence[Sentence], sets: Sequence[CueSet], taxonomy: Taxonomy) -> Votes:
    """The vote matrix: int8 of shape (sentences, labeling functions), −1 where a function abstains."""
    functions = cue_functions(sets, taxonomy)
    column = {(f.class_id, f.kind): index for index, f in enumerate(functions)}
    negated = {cues.class_id: cues.negated for cues in sets}
    matcher = CueMatcher(sets)
    votes: Votes = np.full((len(sentences), len(functions)), ABSTAIN, dtype=np.int8)
    for row, sentence in enumerate(sentences):
        for match in matcher.matches(sentence.text):
            if match.kind == "headings" and not sentence.is_heading:
                continue
            cast = _cast(match, negated[match.class_id], taxonomy)
            if cast != ABSTAIN:
                votes[row, column[match.class_id, match.kind]] = cast
    return votes


def _cast(match: Match, negated: str | None, taxonomy: Taxonomy) -> int:
    if match.class_id in taxonomy.topic_ids:
        return 1  # a negated topic is still spoken of
    class_id = negated if match.negated else match.class_id
    return ABSTAIN if class_id is None else taxonomy.stance_ids.index(class_id)

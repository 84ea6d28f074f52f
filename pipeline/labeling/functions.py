"""Labeling functions: each looks at a sentence and votes for a class, or abstains with −1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.labeling.cues import KINDS, CueSet
from pipeline.labeling.matching import CueMatcher, Match
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


@dataclass(frozen=True)
class Ballot:
    """Votes, int8 of shape (sentences, functions), −1 where a function abstains; a column for each function."""

    functions: tuple[LabelingFunction, ...]
    votes: Votes

    def of(self, task: str) -> Votes:
        """The votes on one task: a topic, or "stance"."""
        return self.votes[:, [i for i, f in enumerate(self.functions) if f.task == task]]


def join(ballots: Sequence[Ballot]) -> Ballot:
    """Ballots on the same sentences side by side."""
    functions = tuple(f for ballot in ballots for f in ballot.functions)
    return Ballot(functions, np.concatenate([ballot.votes for ballot in ballots], axis=1))


def task_of(class_id: str, taxonomy: Taxonomy) -> str:
    """The task a class belongs to: its own for a topic, "stance" for a stance."""
    return class_id if class_id in taxonomy.topic_ids else STANCE


def vote_for(class_id: str, taxonomy: Taxonomy) -> int:
    """The vote that speaks for a class in its task."""
    return 1 if class_id in taxonomy.topic_ids else taxonomy.stance_ids.index(class_id)


def cue_functions(sets: Sequence[CueSet], taxonomy: Taxonomy) -> tuple[LabelingFunction, ...]:
    """One labeling function for each class and each kind of cue that it has."""
    return tuple(
        LabelingFunction(f"{cues.class_id}.{kind}", task_of(cues.class_id, taxonomy), cues.class_id, kind)
        for cues in sets
        for kind in KINDS
        if getattr(cues, kind)
    )


def cue_ballot(sentences: Sequence[Sentence], sets: Sequence[CueSet], taxonomy: Taxonomy) -> Ballot:
    """The votes of phrases, patterns and headings."""
    functions = cue_functions(sets, taxonomy)
    column = {(f.class_id, f.kind): index for index, f in enumerate(functions)}
    negated = {cues.class_id: cues.negated for cues in sets}
    matcher = CueMatcher(sets)
    votes: Votes = np.full((len(sentences), len(functions)), ABSTAIN, dtype=np.int8)
    for row, sentence in enumerate(sentences):
        for match in matcher.matches(sentence.text):
            cast = spoken_for(match, sentence, negated[match.class_id], taxonomy)
            if cast is not None:
                votes[row, column[match.class_id, match.kind]] = vote_for(cast, taxonomy)
    return Ballot(functions, votes)


def spoken_for(match: Match, sentence: Sentence, negated: str | None, taxonomy: Taxonomy) -> str | None:
    """The class that a match in a sentence speaks for; a negated topic is still spoken of, a negated stance is not."""
    if match.kind == "headings" and not sentence.is_heading:
        return None
    return negated if match.negated and match.class_id in taxonomy.stance_ids else match.class_id

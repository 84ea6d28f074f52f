"""Label models: votes of labeling functions to probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.labeling.functions import STANCE, LabelingFunction, Votes
from pipeline.taxonomy import Taxonomy

Probabilities = NDArray[np.float64]


def majority_vote(
    votes: Votes, functions: Sequence[LabelingFunction], taxonomy: Taxonomy
) -> tuple[Probabilities, Probabilities]:
    """Share of votes by class.

    A topic that nobody votes on is absent; a stance that nobody votes on is the default stance.

    Returns:
        Topic probabilities (n, topics), each in [0, 1], and stance probabilities (n, stances), rows summing to 1.
    """
    topics = np.zeros((len(votes), len(taxonomy.topic_ids)))
    for index, topic in enumerate(taxonomy.topic_ids):
        own = votes[:, [i for i, f in enumerate(functions) if f.task == topic]]
        cast = (own >= 0).sum(axis=1)
        topics[:, index] = np.divide((own == 1).sum(axis=1), cast, out=np.zeros(len(votes)), where=cast > 0)
    own = votes[:, [i for i, f in enumerate(functions) if f.task == STANCE]]
    counts = np.stack([(own == index).sum(axis=1) for index in range(len(taxonomy.stance_ids))], axis=1).astype(float)
    counts[counts.sum(axis=1) == 0, taxonomy.stance_ids.index(taxonomy.default_stance)] = 1.0
    return topics, counts / counts.sum(axis=1, keepdims=True)

"""Label models: the votes on one task to probabilities.

A task is a topic (0 absent, 1 present) or the stance. Each model takes the votes (sentences, functions), how many
classes there are, the class that stands where nobody votes, and the classes already known (−1 where they are not);
it gives probabilities (sentences, classes), rows summing to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.labeling.functions import ABSTAIN, Votes

Probabilities = NDArray[np.float64]
Known = NDArray[np.int8]
LabelModel = Callable[[Votes, int, int, Known], Probabilities]
_ROUNDS = 50
_SMOOTHING = 1.0  # votes of each kind that every function is taken to have cast beforehand
_SETTLED = 1e-4


def majority(votes: Votes, classes: int, default: int, known: Known) -> Probabilities:
    """The share of votes for each class."""
    counts = np.stack([(votes == c).sum(axis=1) for c in range(classes)], axis=1).astype(float)
    counts[counts.sum(axis=1) == 0, default] = 1.0
    shares: Probabilities = counts / counts.sum(axis=1, keepdims=True)
    return shares


def dawid_skene(votes: Votes, classes: int, default: int, known: Known) -> Probabilities:
    """Dawid and Skene (1979) as crowd-kit has it: each function has a confusion matrix, found by EM.

    Sentences that nobody votes on are of the default class.
    """
    import pandas as pd  # both here, for crowd-kit loads torch
    from crowdkit.aggregation.classification import DawidSkene

    result = majority(votes, classes, default, known)
    rows, columns = np.nonzero(votes != ABSTAIN)
    if len(rows):
        cast = pd.DataFrame({"task": rows, "worker": columns, "label": votes[rows, columns].astype(int)})
        found = DawidSkene(n_iter=_ROUNDS).fit_predict_proba(cast)
        result[found.index] = found.reindex(columns=range(classes), fill_value=0.0).to_numpy()
    return result


def binary(votes: Votes, classes: int, default: int, known: Known) -> Probabilities:
    """Each class as a yes-no question of its own, answered by naive Bayes whose rates EM finds.

    Abstaining is evidence too: a function that speaks on most sentences of a class and is silent speaks against it.
    Known classes teach the rates.
    """
    start = majority(votes, classes, default, known)
    if classes == 2:  # the two questions are one
        yes = _yes(_outcomes(votes, 1), start[:, 1], np.where(known == ABSTAIN, ABSTAIN, known == 1))
        return np.stack([1 - yes, yes], axis=1)
    answers = np.stack(
        [
            _yes(_outcomes(votes, c), start[:, c], np.where(known == ABSTAIN, ABSTAIN, known == c))
            for c in range(classes)
        ],
        axis=1,
    )
    answers = np.maximum(answers, 1e-6)
    shares: Probabilities = answers / answers.sum(axis=1, keepdims=True)
    return shares


def _outcomes(votes: Votes, wanted: int) -> NDArray[np.int8]:
    """What each function says to the question: 0 nothing, 1 yes, 2 something else."""
    return np.where(votes == ABSTAIN, 0, np.where(votes == wanted, 1, 2)).astype(np.int8)


def _yes(said: NDArray[np.int8], start: Probabilities, known: NDArray[np.int64]) -> Probabilities:
    """The probability of yes, from where EM settles when begun at `start`."""
    one_hot = np.stack([said == outcome for outcome in range(3)], axis=2).astype(float)
    fixed = known != ABSTAIN
    yes = np.where(fixed, known, start).astype(float)
    for _ in range(_ROUNDS):
        taught = yes[fixed] if fixed.any() else yes
        hot = one_hot[fixed] if fixed.any() else one_hot
        share = (taught.sum() + 1) / (len(taught) + 2)
        evidence = np.full(len(yes), np.log(share) - np.log(1 - share))
        for weight, sign in ((taught, 1.0), (1 - taught, -1.0)):
            counts = np.tensordot(weight, hot, axes=1) + _SMOOTHING
            evidence += sign * (one_hot * np.log(counts / counts.sum(axis=1, keepdims=True))).sum(axis=(1, 2))
        new = np.where(fixed, known, 1 / (1 + np.exp(-np.clip(evidence, -30, 30))))
        change, yes = float(np.abs(new - yes).max(initial=0.0)), new
        if change < _SETTLED:
            break
    return yes


MODELS: Mapping[str, LabelModel] = {"majority": majority, "dawid_skene": dawid_skene, "binary": binary}

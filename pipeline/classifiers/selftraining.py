"""Self-training: a model's own soft labels of unlabelled sentences, sharpened and weighed by how sure it is.

The core of COSINE (Yu et al. 2021, "Fine-Tuning Pre-trained Language Model with Weak Supervision"): labels that
cues guessed are replaced too, annotations stay. Its contrastive term is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.classifiers.decision import Classifier, Matrix
from pipeline.schemas import LabelledSentence


def self_labelled(
    model: Classifier,
    train_rows: Sequence[LabelledSentence],
    unlabelled: Sequence[LabelledSentence],
    least: float,
) -> list[LabelledSentence]:
    """The annotated ones of `train_rows`, and every other sentence of which `model` is at least so sure."""
    annotated = [row for row in train_rows if row.origin == "annotation"]
    others = [*(row for row in train_rows if row.origin != "annotation"), *unlabelled]
    topics, stances = model.predict_proba(others)
    sure = np.minimum(certainty(np.stack([topics, 1 - topics], 2)).min(1), certainty(stances))
    topics, stances = sharpened(np.stack([topics, 1 - topics], 2))[:, :, 0], sharpened(stances)
    return annotated + [
        replace(
            row,
            topics=dict(zip(model.decision.topics, topics[i].tolist(), strict=True)),
            stance=dict(zip(model.decision.stances, stances[i].tolist(), strict=True)),
            origin="model",
            weight=float(sure[i]),
        )
        for i, row in enumerate(others)
        if sure[i] >= least
    ]


def sharpened(scores: Matrix) -> Matrix:
    """Probabilities over the last axis moved toward their likeliest class: squared, and normalised again."""
    squared = scores**2
    sharp: Matrix = squared / squared.sum(-1, keepdims=True)
    return sharp


def certainty(scores: Matrix) -> Matrix:
    """1 less the entropy of probabilities over the last axis as a share of the greatest: 1 is sure, 0 a guess.

    >>> certainty(np.array([[1.0, 0.0], [0.5, 0.5]])).round(3).tolist()
    [1.0, 0.0]
    """
    clipped = scores.clip(1e-12, 1.0)
    sure: Matrix = 1 + (clipped * np.log(clipped)).sum(-1) / np.log(scores.shape[-1])
    return sure

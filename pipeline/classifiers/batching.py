"""Scores of many sentences from an encoder: equal ones once, in batches of like length, long ones by windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.classifiers.decision import Decision, Matrix, Readable
from pipeline.classifiers.distinct import distinct
from pipeline.classifiers.tokens import Arrays, SentenceTokenizer, context_of
from pipeline.encoding.batches import batches_by_length

Run = Callable[[Arrays], tuple[NDArray[np.floating], NDArray[np.floating]]]


def score_batches(
    sentences: Sequence[Readable], tokenizer: SentenceTokenizer, decision: Decision, run: Run, batch_tokens: int
) -> tuple[Matrix, Matrix]:
    """Raw topic scores (n, topics) and stance scores (n, stances) from `run`, which scores one padded batch.

    A sentence of several windows has the topics of any of them (the highest score) and the mean of their stances.
    """
    first, inverse = distinct([(s.text, context_of(s, tokenizer.reading.context)) for s in sentences])
    windows = tokenizer.windows([sentences[index] for index in first])
    tokens = [window for own in windows for window in own]
    topics = np.zeros((len(tokens), len(decision.topics)))
    stances = np.zeros((len(tokens), len(decision.stances)))
    for rows in batches_by_length([len(t.ids) for t in tokens], batch_tokens):
        topics[rows], stances[rows] = run(tokenizer.pad([tokens[row] for row in rows]))
    if len(tokens) > len(windows):
        counts = np.array([len(own) for own in windows])
        starts = np.cumsum(counts) - counts
        topics = np.maximum.reduceat(topics, starts)
        stances = np.add.reduceat(stances, starts) / counts[:, None]
    return topics[inverse], stances[inverse]

"""Whether a score of 0.8 is right 8 times in 10: bins of scores and the expected calibration error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BINS = 10  # of equal width, as usual (Guo et al., 2017)


def bins(scores: Floats, truth: NDArray[np.bool_]) -> Floats:
    """Each sentence's share in each bin's sentences, sum of scores and number of true ones: (n, bins, 3).

    `scores` and `truth` are of shape (n,). Added up over sentences, this is all that calibration errors need.
    """
    table = np.zeros((len(scores), BINS, 3))
    place = np.minimum((scores * BINS).astype(int), BINS - 1)
    table[np.arange(len(scores)), place] = np.stack([np.ones(len(scores)), scores, truth], axis=1)
    return table


def error(totals: Floats) -> Floats:
    """Expected calibration error of added-up bins (..., bins, 3): mean gap of score and truth, by sentences."""
    gaps: Floats = np.abs(totals[..., 1] - totals[..., 2]).sum(axis=-1)
    errors: Floats = gaps / np.maximum(1, totals[..., 0].sum(axis=-1))
    return errors


def points(name: str, totals: Floats) -> list[dict[str, Any]]:
    """The reliability plot of added-up bins (bins, 3): mean score, share of true ones and sentences of each bin."""
    return [
        {"topic": name, "score": round(score / n, 4), "share": round(true / n, 4), "sentences": int(n)}
        for n, score, true in totals.tolist()
        if n
    ]

"""What share of sentences can be labelled at what error, the surest first (El-Yaniv & Wiener, 2010)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
COVERED = 0.8  # the share at which models are compared
_POINTS = 100  # of the curve


def risks(confidence: Floats, wrong: Flags, weights: Floats) -> tuple[Floats, Floats]:
    """Coverage and error among the k surest sentences, for k from 1 to n: two arrays (samples, n).

    `weights` (samples, n) says how often each sentence counts in each sample.
    """
    order = np.argsort(-confidence, kind="stable")
    drawn = np.cumsum(weights[:, order], axis=1)
    missed = np.cumsum(weights[:, order] * wrong[order], axis=1)
    return drawn / np.maximum(1, drawn[:, -1:]), missed / np.maximum(1, drawn)


def at(share: float, covered: Floats, risk: Floats) -> Floats:
    """The error at a coverage of `share` of each sample: (samples,)."""
    place = np.minimum((covered < share - 1e-9).sum(axis=1), covered.shape[1] - 1)
    errors: Floats = risk[np.arange(len(risk)), place]
    return errors


def figures(confidence: Floats, wrong: Flags, abstain: Flags, weights: Floats) -> dict[str, tuple[Any, Floats | None]]:
    """Each figure of `wrong` (topics or stance) labels with its bootstrap samples (None where there are none).

    `error_at_100` of all sentences, `error_at_80` of the surest 80 per cent, `aurc` the mean error over all coverages;
    `kept` the share on which the model does not abstain and `error_kept` the error there.
    """
    whole, samples = risks(confidence, wrong, np.ones((1, len(wrong)))), risks(confidence, wrong, weights)
    kept = ~abstain
    return {
        "error_at_100": (wrong.mean(), samples[1][:, -1]),
        "error_at_80": (at(COVERED, *whole)[0], at(COVERED, *samples)),
        "aurc": (whole[1].mean(), None),
        "kept": (kept.mean(), None),
        "error_kept": (wrong[kept].mean() if kept.any() else 0.0, None),
    }


def curve(confidence: dict[str, Floats], wrong: dict[str, Flags]) -> list[dict[str, float]]:
    """Points of the coverage-risk curves of some tasks, by name, for a plot: coverage, then the error of each task."""
    length = len(next(iter(wrong.values())))
    if not length:
        return []
    curves = {name: risks(confidence[name], own, np.ones((1, length))) for name, own in wrong.items()}
    return [
        {"coverage": round(share, 4), **{name: round(float(at(share, *own)[0]), 4) for name, own in curves.items()}}
        for share in np.linspace(1 / _POINTS, 1, _POINTS).tolist()
    ]

"""Figures of a model on labelled sentences, with bootstrap intervals over articles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.taxonomy import Taxonomy

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence with its true and its predicted label."""

    sentence_id: str
    article_id: str
    text: str
    topics: tuple[str, ...]
    stance: str
    predicted_topics: tuple[str, ...]
    predicted_stance: str
    topic_scores: dict[str, float]
    stance_scores: dict[str, float]


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: number of bootstrap samples, confidence in (0, 1), seed."""

    samples: int
    confidence: float
    seed: int


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and false negatives by article and class: arrays (articles, classes, 3)."""

    topics: Floats
    stances: Floats

    def weights(self, resampling: Resampling) -> Floats:
        """How often each article is drawn in each bootstrap sample: (samples, articles)."""
        articles = len(self.topics)
        draw = np.random.default_rng(resampling.seed)
        return draw.multinomial(articles, [1 / articles] * articles, size=resampling.samples).astype(float)


def count(rows: Sequence[Judged], taxonomy: Taxonomy) -> Counts:
    """Count hits and misses by article; sentences of one article are drawn together, for they are not independent."""
    index = {id_: i for i, id_ in enumerate(dict.fromkeys(row.article_id for row in rows))}
    where = np.array([index[row.article_id] for row in rows], dtype=int)

    def table(truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> Floats:
        found = np.stack([truth & said, ~truth & said, truth & ~said], axis=2).astype(float)
        total = np.zeros((len(index), *found.shape[1:]))
        np.add.at(total, where, found)
        return total

    def membership(labels: list[tuple[str, ...]], classes: tuple[str, ...]) -> NDArray[np.bool_]:
        return np.array([[c in own for c in classes] for own in labels], dtype=bool).reshape(len(labels), len(classes))

    return Counts(
        table(
            membership([r.topics for r in rows], taxonomy.topic_ids),
            membership([r.predicted_topics for r in rows], taxonomy.topic_ids),
        ),
        table(
            membership([(r.stance,) for r in rows], taxonomy.stance_ids),
            membership([(r.predicted_stance,) for r in rows], taxonomy.stance_ids),
        ),
    )


def f1(counts: Floats) -> Floats:
    """F1 of counts (..., 3); 0 where a class was neither there nor predicted."""
    tp, fp, fn = counts[..., 0], counts[..., 1], counts[..., 2]
    total = 2 * tp + fp + fn
    return np.divide(2 * tp, total, out=np.zeros_like(total), where=total > 0)


def macro_f1(counts: Floats) -> Floats:
    """Mean F1 over the classes that occur (in truth or prediction) in counts (..., classes, 3)."""
    present = counts.sum(axis=-1) > 0
    sums: Floats = (f1(counts) * present).sum(-1)
    means: Floats = sums / np.maximum(1, present.sum(-1))
    return means


def evaluate(rows: Sequence[Judged], taxonomy: Taxonomy, resampling: Resampling) -> dict[str, Any]:
    """All figures of `rows`, nested: task, then figure; classes have precision, recall, f1 with interval, support."""
    counts = count(rows, taxonomy)
    weights = counts.weights(resampling)
    return {
        "sentences": len(rows),
        "articles": len(counts.topics),
        "topics": {
            **_task(counts.topics, weights, resampling, taxonomy.topic_ids),
            "exact_match": _share([set(r.topics) == set(r.predicted_topics) for r in rows]),
        },
        "stance": {
            **_task(counts.stances, weights, resampling, taxonomy.stance_ids),
            "accuracy": _share([r.stance == r.predicted_stance for r in rows]),
        },
        "joint_accuracy": _share(
            [set(r.topics) == set(r.predicted_topics) and r.stance == r.predicted_stance for r in rows]
        ),
    }


def _share(hits: list[bool]) -> float:
    return round(sum(hits) / max(1, len(hits)), 4)


def _task(counts: Floats, weights: Floats, resampling: Resampling, classes: tuple[str, ...]) -> dict[str, Any]:
    total = counts.sum(axis=0)
    samples = np.tensordot(weights, counts, axes=1)
    low, high = _interval(macro_f1(samples), resampling)
    figures: dict[str, Any] = {
        "macro_f1": _round(macro_f1(total)),
        "macro_f1_low": low,
        "macro_f1_high": high,
        "micro_f1": _round(f1(total.sum(axis=0))),
        "classes": {},
    }
    class_samples = f1(samples)
    for i, name in enumerate(classes):
        tp, fp, fn = total[i]
        low, high = _interval(class_samples[:, i], resampling)
        figures["classes"][name] = {
            "precision": _round(tp / max(1, tp + fp)),
            "recall": _round(tp / max(1, tp + fn)),
            "f1": _round(f1(total[i])),
            "f1_low": low,
            "f1_high": high,
            "support": int(tp + fn),
        }
    return figures


def _interval(values: Floats, resampling: Resampling) -> tuple[float, float]:
    tail = (1 - resampling.confidence) / 2
    return _round(np.quantile(values, tail)), _round(np.quantile(values, 1 - tail))


def _round(value: Any) -> float:
    return round(float(value), 4)


def headline(figures: dict[str, Any], prefix: str = "test") -> dict[str, float]:
    """The few figures by which models are compared, with the names used in DVC, MLflow and tables."""
    return {
        f"{prefix}.topics.macro_f1": figures["topics"]["macro_f1"],
        f"{prefix}.topics.micro_f1": figures["topics"]["micro_f1"],
        f"{prefix}.topics.exact_match": figures["topics"]["exact_match"],
        f"{prefix}.stance.macro_f1": figures["stance"]["macro_f1"],
        f"{prefix}.stance.accuracy": figures["stance"]["accuracy"],
        f"{prefix}.joint_accuracy": figures["joint_accuracy"],
        **{f"{prefix}.topics.{c}.f1": v["f1"] for c, v in figures["topics"]["classes"].items()},
        **{f"{prefix}.stance.{c}.f1": v["f1"] for c, v in figures["stance"]["classes"].items()},
    }

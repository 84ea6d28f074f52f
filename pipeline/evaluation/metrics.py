"""Figures of a model on labelled sentences, with bootstrap intervals over articles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation import coverage, reliability
from pipeline.taxonomy import Taxonomy

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
STANCE = "stance"  # beside the topics in tables of both


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
    confidence: float = 0.0
    abstain: bool = False

    @property
    def topics_right(self) -> bool:
        """Whether exactly the true topics are predicted."""
        return set(self.topics) == set(self.predicted_topics)

    @property
    def right(self) -> bool:
        """Whether topics and stance are."""
        return self.topics_right and self.stance == self.predicted_stance


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: number of bootstrap samples, confidence in (0, 1), seed."""

    samples: int
    confidence: float
    seed: int

    def weights(self, articles: int) -> Floats:
        """How often each article is drawn in each bootstrap sample: (samples, articles)."""
        draw = np.random.default_rng(self.seed)
        return draw.multinomial(articles, [1 / articles] * articles, size=self.samples).astype(float)

    def interval(self, values: Floats) -> tuple[float, float]:
        """The ends of the interval that holds `confidence` of the samples' values (samples,)."""
        tail = (1 - self.confidence) / 2
        return _round(np.quantile(values, tail)), _round(np.quantile(values, 1 - tail))


def article_of(rows: Sequence[Judged]) -> NDArray[np.intp]:
    """The number of each row's article, in the order in which articles come: (n,)."""
    index = {id_: i for i, id_ in enumerate(dict.fromkeys(row.article_id for row in rows))}
    return np.array([index[row.article_id] for row in rows], dtype=np.intp)


def by_article(values: Floats, article: NDArray[np.intp]) -> Floats:
    """Values of sentences (n, ...) added up by article (articles, ...).

    Sentences of one article are drawn together in a bootstrap, for they are not independent.
    """
    total = np.zeros((int(article.max(initial=-1)) + 1, *values.shape[1:]))
    np.add.at(total, article, values)
    return total


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and false negatives by article and class: arrays (articles, classes, 3)."""

    topics: Floats
    stances: Floats


def count(rows: Sequence[Judged], taxonomy: Taxonomy) -> Counts:
    """Count hits and misses by article."""
    article = article_of(rows)

    def table(truth: Flags, said: Flags) -> Floats:
        return by_article(np.stack([truth & said, ~truth & said, truth & ~said], axis=2).astype(float), article)

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


def membership(labels: Sequence[tuple[str, ...]], classes: Sequence[str]) -> Flags:
    """Which of the classes each row has: (n, classes)."""
    return np.array([[c in own for c in classes] for own in labels], dtype=bool).reshape(len(labels), len(classes))


def f1(counts: Floats) -> Floats:
    """F1 of counts (..., 3); 0 where a class was neither there nor predicted."""
    tp, fp, fn = counts[..., 0], counts[..., 1], counts[..., 2]
    return _ratio(2 * tp, 2 * tp + fp + fn)


def macro_f1(counts: Floats) -> Floats:
    """Mean F1 over the classes that occur (in truth or prediction) in counts (..., classes, 3)."""
    present = counts.sum(axis=-1) > 0
    sums: Floats = (f1(counts) * present).sum(-1)
    means: Floats = sums / np.maximum(1, present.sum(-1))
    return means


def evaluate(rows: Sequence[Judged], taxonomy: Taxonomy, resampling: Resampling) -> dict[str, Any]:
    """All figures of `rows`: those of `f1_figures`, of calibration (`ece`) and of `coverage.figures`.

    `ece` is the expected calibration error: of topics over all scores of all topics, of stance over the likeliest.
    """
    figures, bins, article = f1_figures(rows, taxonomy, resampling), reliability_bins(rows, taxonomy), article_of(rows)
    weights = resampling.weights(figures["articles"])

    def ece(own: Floats) -> dict[str, float]:
        totals = by_article(own, article)
        samples = reliability.error(np.tensordot(weights, totals, axes=1))
        return _spread("ece", reliability.error(totals.sum(axis=0)), samples, resampling)

    figures["topics"] |= ece(np.sum([bins[topic] for topic in taxonomy.topic_ids], axis=0))
    figures["stance"] |= ece(bins[STANCE])
    for topic in taxonomy.topic_ids:
        figures["topics"]["classes"][topic] |= ece(bins[topic])
    wrong = np.array([not row.right for row in rows])
    confidence, abstain = np.array([row.confidence for row in rows]), np.array([row.abstain for row in rows])
    covered = coverage.figures(confidence, wrong, abstain, weights[:, article])
    own = {k: v for name, values in covered.items() for k, v in _spread(name, *values, resampling).items()}
    return {**figures, "coverage": own}


def f1_figures(rows: Sequence[Judged], taxonomy: Taxonomy, resampling: Resampling) -> dict[str, Any]:
    """Figures of labels, nested: task, then figure; each with the ends of its interval under `_low`, `_high`.

    Classes have precision, recall, f1 and support.
    """
    counts, article = count(rows, taxonomy), article_of(rows)
    weights = resampling.weights(len(counts.topics))

    def share(hits: Sequence[bool], name: str) -> dict[str, float]:
        sums = by_article(np.stack([np.array(hits, dtype=float), np.ones(len(hits))], axis=1), article)
        return _spread(name, _ratio(*sums.sum(axis=0)), _ratio(*(weights @ sums).T), resampling)

    return {
        "sentences": len(rows),
        "articles": len(counts.topics),
        "topics": {
            **class_figures(counts.topics, weights, resampling, taxonomy.topic_ids),
            **share([row.topics_right for row in rows], "exact_match"),
        },
        "stance": {
            **class_figures(counts.stances, weights, resampling, taxonomy.stance_ids),
            **share([row.stance == row.predicted_stance for row in rows], "accuracy"),
        },
        **share([row.right for row in rows], "joint_accuracy"),
    }


def reliability_bins(rows: Sequence[Judged], taxonomy: Taxonomy) -> dict[str, Floats]:
    """Of each topic, and of the stance's likeliest class, what `reliability.bins` makes of the scores."""
    topics = membership([row.topics for row in rows], taxonomy.topic_ids)
    scores = np.array([[r.topic_scores[t] for t in taxonomy.topic_ids] for r in rows]).reshape(topics.shape)
    stance = np.array([row.stance_scores[row.predicted_stance] for row in rows], dtype=float)
    right = np.array([row.stance == row.predicted_stance for row in rows], dtype=bool)
    own = {topic: reliability.bins(scores[:, i], topics[:, i]) for i, topic in enumerate(taxonomy.topic_ids)}
    return own | {STANCE: reliability.bins(stance, right)}


def class_figures(counts: Floats, weights: Floats, resampling: Resampling, classes: Sequence[str]) -> dict[str, Any]:
    """Macro and micro F1, and by class precision, recall, F1 and support, of counts (articles, classes, 3)."""
    total, samples = counts.sum(axis=0), np.tensordot(weights, counts, axes=1)
    figures: dict[str, Any] = {
        **_spread("macro_f1", macro_f1(total), macro_f1(samples), resampling),
        **_spread("micro_f1", f1(total.sum(axis=0)), f1(samples.sum(axis=1)), resampling),
        "classes": {},
    }
    for i, name in enumerate(classes):
        own, drawn = total[i], samples[:, i]
        figures["classes"][name] = {
            **_spread("precision", _precision(own), _precision(drawn), resampling),
            **_spread("recall", _recall(own), _recall(drawn), resampling),
            **_spread("f1", f1(own), f1(drawn), resampling),
            "support": int(own[0] + own[2]),
        }
    return figures


def _precision(counts: Floats) -> Floats:
    return _ratio(counts[..., 0], counts[..., 0] + counts[..., 1])


def _recall(counts: Floats) -> Floats:
    return _ratio(counts[..., 0], counts[..., 0] + counts[..., 2])


def _ratio(part: Floats, whole: Floats) -> Floats:
    ratios: Floats = np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
    return ratios


def _spread(name: str, value: Any, samples: Floats | None, resampling: Resampling) -> dict[str, float]:
    """A figure, and the ends of its interval where there are samples of it."""
    if samples is None:
        return {name: _round(value)}
    low, high = resampling.interval(samples)
    return {name: _round(value), f"{name}_low": low, f"{name}_high": high}


def _round(value: Any) -> float:
    return round(float(value), 4)


def headline(figures: Mapping[str, Any], prefix: str = "test") -> dict[str, float]:
    """The few figures by which models are compared, with the names used in DVC, MLflow and tables."""
    topics, stance = figures["topics"], figures["stance"]
    return {
        f"{prefix}.topics.macro_f1": topics["macro_f1"],
        f"{prefix}.topics.micro_f1": topics["micro_f1"],
        f"{prefix}.topics.exact_match": topics["exact_match"],
        f"{prefix}.topics.ece": topics["ece"],
        f"{prefix}.stance.macro_f1": stance["macro_f1"],
        f"{prefix}.stance.accuracy": stance["accuracy"],
        f"{prefix}.stance.ece": stance["ece"],
        f"{prefix}.joint_accuracy": figures["joint_accuracy"],
        **{f"{prefix}.coverage.{k}": figures["coverage"][k] for k in ("error_at_100", "error_at_80", "aurc")},
        **{f"{prefix}.topics.{c}.f1": v["f1"] for c, v in topics["classes"].items()},
        **{f"{prefix}.stance.{c}.f1": v["f1"] for c, v in stance["classes"].items()},
    }

"""Tables behind the plots (for `dvc plots`) and the figures themselves (for MLflow)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from pipeline.evaluation.metrics import Judged
from pipeline.taxonomy import Taxonomy

matplotlib.use("Agg")
NO_TOPIC = "none"
_POINTS = 60  # of a precision-recall curve: enough for the eye


def stance_pairs(rows: Sequence[Judged]) -> list[dict[str, Any]]:
    """Actual and predicted stance of each sentence."""
    return [{"actual": row.stance, "predicted": row.predicted_stance} for row in rows]


def topic_pairs(rows: Sequence[Judged]) -> list[dict[str, Any]]:
    """Actual and predicted topic, one row for each topic missed, invented or met; "none" stands for no topic."""
    pairs: list[dict[str, Any]] = []
    for row in rows:
        actual, predicted = set(row.topics), set(row.predicted_topics)
        pairs += [{"actual": t, "predicted": t} for t in sorted(actual & predicted)]
        missed, extra = sorted(actual - predicted), sorted(predicted - actual)
        pairs += [{"actual": t, "predicted": p} for t in missed for p in (extra or [NO_TOPIC])]
        if not missed:
            pairs += [{"actual": NO_TOPIC, "predicted": t} for t in extra]
        if not actual and not predicted:
            pairs.append({"actual": NO_TOPIC, "predicted": NO_TOPIC})
    return pairs


def precision_recall(rows: Sequence[Judged], taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """Points of each topic's precision-recall curve."""
    points: list[dict[str, Any]] = []
    for topic in taxonomy.topic_ids:
        truth = [topic in row.topics for row in rows]
        if not any(truth):
            continue
        precision, recall, _ = precision_recall_curve(truth, [row.topic_scores[topic] for row in rows])
        for i in np.unique(np.linspace(0, len(recall) - 1, _POINTS).astype(int)):
            points.append({"topic": topic, "recall": round(recall[i], 4), "precision": round(precision[i], 4)})
    return points


def figures(tables: Mapping[str, Sequence[dict[str, Any]]], taxonomy: Taxonomy, model: str) -> dict[str, Figure]:
    """The figures of an evaluation's tables, by name."""
    topics = (*taxonomy.topic_ids, NO_TOPIC)
    return {
        "topic_confusion": confusion_figure(tables["topic_confusion"], topics, f"{model}: topics"),
        "stance_confusion": confusion_figure(tables["stance_confusion"], taxonomy.stance_ids, f"{model}: stance"),
        "precision_recall": precision_recall_figure(tables["precision_recall"], model),
        "reliability": reliability_figure(tables["reliability"], f"{model}: scores as probabilities"),
        "coverage": coverage_figure(tables["coverage"], f"{model}: error by coverage"),
    }


def confusion_figure(pairs: Sequence[dict[str, Any]], classes: Sequence[str], title: str) -> Figure:
    """A confusion matrix with counts; colour is the share of the actual class."""
    table = np.array([[sum(p == {"actual": a, "predicted": b} for p in pairs) for b in classes] for a in classes])
    shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
    figure = Figure(figsize=(1.2 * len(classes) + 2, 1.0 * len(classes) + 1.5), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(len(classes)):
        for column in range(len(classes)):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(table[row, column]), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(classes)), classes, rotation=30, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted")
    axes.set_ylabel("actual")
    axes.set_title(title)
    return figure


def heaviest_figure(rows: Sequence[dict[str, Any]], title: str) -> Figure:
    """Bars of the heaviest features, a panel for each class."""
    classes = list(dict.fromkeys(row["class"] for row in rows))
    columns = min(4, len(classes))
    lines = -(-len(classes) // columns)
    figure = Figure(figsize=(3.2 * columns, 3.2 * lines), layout="constrained")
    for place, name in enumerate(classes, start=1):
        own = [row for row in rows if row["class"] == name][::-1]
        axes = figure.add_subplot(lines, columns, place)
        axes.barh(range(len(own)), [row["weight"] for row in own])
        axes.set_yticks(range(len(own)), [row["feature"] for row in own])
        axes.set_title(str(name))
    figure.suptitle(title)
    return figure


def precision_recall_figure(points: Sequence[dict[str, Any]], title: str) -> Figure:
    """One precision-recall curve a topic."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.add_subplot()
    for topic in dict.fromkeys(point["topic"] for point in points):
        own = [point for point in points if point["topic"] == topic]
        axes.plot([p["recall"] for p in own], [p["precision"] for p in own], label=str(topic))
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.set_ylim(0, 1.02)
    axes.set_title(title)
    axes.legend()
    return figure


def reliability_figure(points: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Share of true ones by score, a line a topic and one for stance; on the diagonal scores are probabilities."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--")
    for name in dict.fromkeys(point["topic"] for point in points):
        own = [point for point in points if point["topic"] == name]
        axes.plot([p["score"] for p in own], [p["share"] for p in own], marker="o", markersize=4, label=str(name))
    axes.set_xlabel("score")
    axes.set_ylabel("share that is right")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_title(title)
    axes.legend()
    return figure


def coverage_figure(points: Sequence[Mapping[str, float]], title: str) -> Figure:
    """Error among the surest sentences by their share, a line a task."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    for name in [column for column in (points[0] if points else {}) if column != "coverage"]:
        axes.plot([p["coverage"] for p in points], [p[name] for p in points], label=name)
    axes.axvline(0.8, color="grey", linewidth=1, linestyle="--")
    axes.set_xlabel("share of sentences, the surest first")
    axes.set_ylabel("error")
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.set_title(title)
    axes.legend()
    return figure

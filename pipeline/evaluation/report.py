"""All that is told of a model on a set of sentences: figures, tables behind them, and mistakes to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.evaluation import coverage, plots, reliability
from pipeline.evaluation.metrics import Judged, Resampling, f1_figures, reliability_bins
from pipeline.evaluation.slices import Place, slice_table
from pipeline.taxonomy import Taxonomy

Table = list[dict[str, Any]]
HARDEST = 100  # mistakes to read
LOGGED = ("by_class", "stance_by_topic", "slices", "errors")  # tables that are read as tables; the rest are plots


def tables(
    rows: Sequence[Judged],
    figures: Mapping[str, Any],
    placed: Mapping[str, Place],
    taxonomy: Taxonomy,
    resampling: Resampling,
) -> dict[str, Table]:
    """The tables of an evaluation by name; `figures` are those of `evaluate`."""
    return {
        "by_class": class_table(figures),
        "stance_by_topic": stance_by_topic(rows, taxonomy, resampling),
        "slices": slice_table(rows, placed, taxonomy, resampling),
        "topic_confusion": plots.topic_pairs(rows),
        "stance_confusion": plots.stance_pairs(rows),
        "precision_recall": plots.precision_recall(rows, taxonomy),
        "reliability": reliability_table(rows, taxonomy),
        "coverage": coverage_table(rows),
        "errors": hardest(rows, placed),
    }


def readable(figures: Mapping[str, Any]) -> dict[str, Any]:
    """`figures` as they are stored: of each class F1 and support alone, the rest is in the table by class."""

    def short(task: Mapping[str, Any]) -> dict[str, Any]:
        kept = ("f1", "f1_low", "f1_high", "support")
        return {**task, "classes": {c: {k: own[k] for k in kept} for c, own in task["classes"].items()}}

    return {**figures, "topics": short(figures["topics"]), "stance": short(figures["stance"])}


def class_table(figures: Mapping[str, Any]) -> Table:
    """Every figure of every class, each with its interval."""
    rows = [
        {"task": task, "class": c, **v} for task in ("topics", "stance") for c, v in figures[task]["classes"].items()
    ]
    columns = dict.fromkeys(column for row in rows for column in row)
    return [{column: row.get(column, "") for column in columns} for row in rows]


def stance_by_topic(rows: Sequence[Judged], taxonomy: Taxonomy, resampling: Resampling) -> Table:
    """Stance figures of the sentences that truly have each topic, and of those that have none."""
    table = []
    for topic in (*taxonomy.topic_ids, plots.NO_TOPIC):
        own = [row for row in rows if (topic in row.topics if topic != plots.NO_TOPIC else not row.topics)]
        if own:
            stance = f1_figures(own, taxonomy, resampling)["stance"]
            names = ("macro_f1", "macro_f1_low", "macro_f1_high", "accuracy")
            by_class = {f"{c}_f1": v["f1"] for c, v in stance["classes"].items()}
            table.append({"topic": topic, "sentences": len(own), **{n: stance[n] for n in names}, **by_class})
    return table


def reliability_table(rows: Sequence[Judged], taxonomy: Taxonomy) -> Table:
    """Points of the reliability plot of each topic and of the stance."""
    return [
        point
        for name, own in reliability_bins(rows, taxonomy).items()
        for point in reliability.points(name, own.sum(axis=0))
    ]


def coverage_table(rows: Sequence[Judged]) -> Table:
    """Coverage-risk curves: of whole labels by their confidence, of topics and of stance by their own."""
    sides = [[s if t in r.predicted_topics else 1 - s for t, s in r.topic_scores.items()] for r in rows]
    confidence = {
        "label": np.array([row.confidence for row in rows]),
        "topics": np.array(sides).prod(axis=1),
        "stance": np.array([row.stance_scores[row.predicted_stance] for row in rows]),
    }
    wrong = {
        "label": np.array([not row.right for row in rows]),
        "topics": np.array([not row.topics_right for row in rows]),
        "stance": np.array([row.stance != row.predicted_stance for row in rows]),
    }
    return coverage.curve(confidence, wrong)


def hardest(rows: Sequence[Judged], placed: Mapping[str, Place], limit: int = HARDEST) -> Table:
    """The mistakes that a model is surest of, the surest first."""
    wrong = sorted((row for row in rows if not row.right), key=lambda row: (-row.confidence, row.sentence_id))
    return [
        {
            "confidence": row.confidence,
            "annotated_topics": " ".join(row.topics),
            "predicted_topics": " ".join(row.predicted_topics),
            "annotated_stance": row.stance,
            "predicted_stance": row.predicted_stance,
            "previous": placed[row.sentence_id].sentence.previous,
            "text": row.text,
            "genre": placed[row.sentence_id].article.genre,
            "sentence_id": row.sentence_id,
        }
        for row in wrong[:limit]
    ]


def as_markdown(errors: Sequence[Mapping[str, Any]], name: str) -> str:
    """The mistakes of `hardest` as a page to read; what is wrong stands in bold."""
    lines = [f"# What {name} gets most surely wrong", ""]
    for row in errors:
        parts = []
        for task in ("topics", "stance"):
            said, true = row[f"predicted_{task}"] or plots.NO_TOPIC, row[f"annotated_{task}"] or plots.NO_TOPIC
            parts.append(f"{task} {said}" if said == true else f"{task} **{said}**, annotated **{true}**")
        before, text = (" ".join(row[column].split()) for column in ("previous", "text"))
        lines += [f"1. {row['confidence']:.2f}: {'; '.join(parts)}", ""]
        lines += [f"   > {before} **{text}**".replace(">  ", "> "), "", f"   {row['sentence_id']} {row['genre']}", ""]
    return "\n".join(lines)

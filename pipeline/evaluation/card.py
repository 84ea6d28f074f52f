"""The model card: what a model is, what it was measured on, how well it does by class and slice, and its limits.

Made from the model's own figures, for any taxonomy. The sections are those of Mitchell et al., "Model Cards for Model
Reporting" (2019), as far as figures can fill them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tabulate import tabulate

from pipeline.classifiers.decision import Decision
from pipeline.taxonomy import Taxonomy

_KINDS = {
    "baseline": "TF-IDF of words and characters with logistic regression (skops)",
    "finetuned": "a fine-tuned encoder with a topic head and a stance head (PyTorch, safetensors)",
    "finetuned-fp32": "the fine-tuned encoder in 32-bit ONNX, where 8 bits go wrong on this processor",
    "finetuned-int8": "the fine-tuned encoder in 8-bit ONNX, run without PyTorch",
    "ensemble": "the weighted mean of the baseline and the 8-bit encoder",
    "cascade": "the baseline where it is sure enough, elsewhere the weighted mean of it and the 8-bit encoder",
}


@dataclass(frozen=True)
class Subject:
    """What a card is about: the model's name, hash and decision, its classes, and a text on the corpus ("" if none)."""

    name: str
    sha256: str
    decision: Decision
    taxonomy: Taxonomy
    corpus: str


def model_card(subject: Subject, figures: Mapping[str, Any], slices: Sequence[Mapping[str, Any]] = ()) -> str:
    """Markdown from the figures of the model on test, and its rows of `slice_table`."""
    parts = [
        f"# Model card: {subject.name}",
        f"{_sentence(_KINDS.get(subject.name, 'a classifier'))} Model `{subject.sha256[:12]}`.",
        "## Intended use",
        _use(subject.taxonomy),
        "## Data",
        _data(subject, figures),
        "## Figures on test",
        _headline(figures),
        "### By class",
        _classes(subject.taxonomy, figures),
        *_slices(slices),
        "## How it decides",
        _thresholds(subject.decision),
        "## Limits",
        _limits(subject, figures),
    ]
    return "\n\n".join(parts) + "\n"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _use(taxonomy: Taxonomy) -> str:
    topics = "\n".join(f"- **{c.label}** (topic): {c.definition}" for c in taxonomy.topics)
    stances = "\n".join(f"- **{c.label}** (stance): {c.definition}" for c in taxonomy.stances)
    return (
        f"To label single sentences of articles by topic (any of {len(taxonomy.topics)}, or none) and by stance "
        f"(one of {len(taxonomy.stances)}) toward {taxonomy.target}, so that people find and count them in many "
        "articles. Labels are a reading aid: not a source of facts, and not for decisions about people.\n\n"
        f"{topics}\n{stances}"
    )


def _data(subject: Subject, figures: Mapping[str, Any]) -> str:
    measured = (
        f"Measured on {figures['sentences']} sentences of {figures['articles']} articles that were kept apart from "
        "training, from early stopping and from the choice of thresholds."
    )
    said = subject.corpus.strip() or "Nothing is said about the corpus: write `seeds/corpus.md`."
    return f"{measured}\n\n{said}"


def _headline(figures: Mapping[str, Any]) -> str:
    rows = [(f"{task} macro-F1", _interval(figures[task], "macro_f1")) for task in ("topics", "stance")]
    rows += [
        ("topics all right", f"{figures['topics']['exact_match']:.3f}"),
        ("stance right", f"{figures['stance']['accuracy']:.3f}"),
        ("both right", f"{figures['joint_accuracy']:.3f}"),
    ]
    return _table(rows, ("figure", "value [interval]"))


def _interval(values: Mapping[str, Any], name: str) -> str:
    return f"{values[name]:.3f} [{values[f'{name}_low']:.3f}, {values[f'{name}_high']:.3f}]"


def _classes(taxonomy: Taxonomy, figures: Mapping[str, Any]) -> str:
    rows = []
    for task, classes in (("topics", taxonomy.topics), ("stance", taxonomy.stances)):
        for entry in classes:
            own = figures[task]["classes"][entry.id]
            precision, recall = (f"{own[name]:.3f}" for name in ("precision", "recall"))
            rows.append((task, entry.label, precision, recall, _interval(own, "f1"), own["support"]))
    return _table(rows, ("task", "class", "precision", "recall", "F1 [interval]", "sentences"))


def _slices(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    cells = [
        (row["slice"], row["group"], _score(row["topics_macro_f1"]), _score(row["stance_macro_f1"]), row["sentences"])
        for row in rows
    ]
    return ["### By slice", _table(cells, ("slice", "group", "topics macro-F1", "stance macro-F1", "sentences"))]


def _score(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _thresholds(decision: Decision) -> str:
    limits = ", ".join(f"{topic} from {decision.thresholds[topic]:.2f}" for topic in decision.topics)
    unsure = (
        f" Labels whose confidence is below {decision.abstain_below:.2f} are marked `abstain`."
        if decision.abstain_below > 0
        else ""
    )
    return f"A topic applies from the probability that did best on validation: {limits}.{unsure}"


def _limits(subject: Subject, figures: Mapping[str, Any]) -> str:
    weakest = (_weakest(task, figures, subject.taxonomy) for task in ("topics", "stance"))
    return "\n".join(
        [
            *weakest,
            "- Figures hold for text like that of the corpus; other genres, times and parties may fare worse.",
            "- A sentence is read with at most the sentence before it and the heading above it; what only the whole "
            "article tells is missed.",
            "- Intervals are over articles of one test set and say nothing about another corpus.",
        ]
    )


def _weakest(task: str, figures: Mapping[str, Any], taxonomy: Taxonomy) -> str:
    labels = {entry.id: entry.label for entry in (*taxonomy.topics, *taxonomy.stances)}
    name, own = min(figures[task]["classes"].items(), key=lambda item: item[1]["f1"])
    return f"- Weakest in {task}: **{labels[name]}**, F1 {own['f1']:.3f} on {own['support']} sentences."


def _table(rows: list[tuple[Any, ...]], headers: tuple[str, ...]) -> str:
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)

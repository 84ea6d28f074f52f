"""Detente's models beside what a user would pick instead: `python benchmarks/accuracy.py [REAL_FOLDER]`.

All learn from the same train sentences, choose topic thresholds on the same validation sentences and are measured
on the same test sentences, and on those of REAL_FOLDER/annotated.jsonl, on which nothing is trained or tuned.
With `--cache FILE` an interrupted run goes on with the next rival. Needs `pip install '.[bench]'`.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}

import numpy as np
import typer
from real import RESAMPLING
from rivals import ABOUT, RIVALS, Task
from tabulate import tabulate

from pipeline.classifiers.decision import fit_decision, targets
from pipeline.classifiers.registry import load_classifier
from pipeline.command import guarded
from pipeline.errors import UserError
from pipeline.evaluation.judging import judge
from pipeline.evaluation.metrics import Counts, Floats, Judged, count, f1_figures, macro_f1
from pipeline.evaluation.real import read_annotated
from pipeline.schemas import LabelledSentence
from pipeline.storage import MANIFEST, read_json, read_jsonl, write_json
from pipeline.taxonomy import Taxonomy, load_taxonomy
from pipeline.tracking.place import database, is_own, tracking_uri
from pipeline.tracking.store import find_by_model

TASKS = ("topics", "stance")
OURS = ("finetuned", "baseline")  # those that each rival is set against


@dataclass(frozen=True)
class Sentences:
    """What is learned from (`train`), what thresholds are chosen on (`validation`), and what is measured on."""

    train: Sequence[LabelledSentence]
    validation: Sequence[LabelledSentence]
    measured: Mapping[str, Sequence[LabelledSentence]]

    @property
    def key(self) -> str:
        """A hash of all texts and labels: a cached result counts for these sentences only."""
        rows = [*self.train, *self.validation, *(row for own in self.measured.values() for row in own)]
        told = "\n".join(f"{r.text}\t{sorted(r.topics.items())}\t{sorted(r.stance.items())}" for r in rows)
        return hashlib.sha256(f"{len(self.train)}\n{told}".encode()).hexdigest()[:16]


def main(
    real: Annotated[Path | None, typer.Argument(help="Folder with annotated.jsonl")] = None,
    labels: Path = Path("data/labels"),
    models: Path = Path("models"),
    taxonomy: Path = Path("seeds/taxonomy.yaml"),
    only: Annotated[list[str] | None, typer.Option(help=f"Rivals to run: {', '.join(RIVALS)}")] = None,
    limit: Annotated[int, typer.Option(help="Learn from this many sentences only: to see that all runs")] = 0,
    cache: Annotated[Path | None, typer.Option(help="JSON file of results, to go on from")] = None,
) -> None:
    unknown = sorted(set(only or ()) - set(RIVALS))
    if unknown:
        raise UserError.one(f"no rival {unknown[0]!r}", "--only", f"choose of {', '.join(RIVALS)}")
    classes = load_taxonomy(taxonomy)
    sentences = read_sentences(labels, real, limit, classes)
    judged: dict[str, dict[str, list[Judged]]] = {}
    seconds: dict[str, float | None] = {}
    for path in sorted(models.glob(f"*/model/{MANIFEST}")):
        classifier = load_classifier(path.parent)
        judged[path.parent.parent.name] = {on: judge(classifier, rows) for on, rows in sentences.measured.items()}
        seconds[path.parent.parent.name] = trained_in(classifier.sha256)
    rivals = tuple(only or RIVALS)
    for name in rivals:
        judged[name], seconds[name] = judged_rival(name, sentences, classes, cache)
    print(report(judged, seconds, sentences, classes))


def trained_in(sha256: str) -> float | None:
    """The seconds that the run which made a model took, by the tracking store; None where that does not know it."""
    if is_own(tracking_uri()) and not database().is_file():
        return None
    run = find_by_model(sha256)
    return (run.info.end_time - run.info.start_time) / 1000 if run and run.info.end_time else None


def read_sentences(labels: Path, real: Path | None, limit: int, taxonomy: Taxonomy) -> Sentences:
    """The sentences of all splits, of train the first `limit` in a shuffled order (0: all)."""
    train, validation, test = (
        read_jsonl(labels / f"{split}.jsonl", LabelledSentence) for split in ("train", "validation", "test")
    )
    if limit:
        train = [train[i] for i in np.random.default_rng(0).permutation(len(train))[:limit]]
    measured = {"test": test}
    if real:
        measured["real"] = read_annotated(real, taxonomy)
    return Sentences(train, validation, measured)


def judged_rival(
    name: str, sentences: Sentences, taxonomy: Taxonomy, cache: Path | None
) -> tuple[dict[str, list[Judged]], float]:
    """A rival's labels of the measured sentences, and the seconds that it took; from the cache where it has them."""
    kept: dict[str, Any] = read_json(cache) if cache and cache.is_file() else {}
    scores: dict[str, np.ndarray[Any, Any]] = {}
    taken = 0.0
    for task in RIVALS[name][1]:
        key = f"{name} {task} {sentences.key}"
        if key not in kept:
            print(f"{name}, {task}: {ABOUT[name]}", flush=True)
            kept[key] = run(name, task, sentences, taxonomy)
            if cache:
                write_json(cache, kept)
        scores[task] = np.array(kept[key]["scores"])
        taken += kept[key]["seconds"]
    return decided(scores, sentences, taxonomy), taken


def run(name: str, task: str, sentences: Sentences, taxonomy: Taxonomy) -> dict[str, Any]:
    """Let a rival learn a task and score validation and measured sentences, in this order."""
    topics, stances = targets(sentences.train, taxonomy)
    classes, wanted = (taxonomy.topic_ids, topics) if task == "topics" else (taxonomy.stance_ids, stances)
    learned = Task(task, classes, [row.text for row in sentences.train], wanted)
    rows = [*sentences.validation, *(row for own in sentences.measured.values() for row in own)]
    begun = time.perf_counter()
    scores = RIVALS[name][0](learned, [row.text for row in rows])
    return {"seconds": round(time.perf_counter() - begun, 1), "scores": np.round(scores, 5).tolist()}


def decided(
    scores: Mapping[str, np.ndarray[Any, Any]], sentences: Sentences, taxonomy: Taxonomy
) -> dict[str, list[Judged]]:
    """Labels by the rule that our own models use: thresholds with the best F1 on validation, the likeliest stance."""
    held = len(sentences.validation)
    number = len(next(iter(scores.values())))
    topics = scores.get("topics", np.zeros((number, len(taxonomy.topic_ids))))
    stances = scores["stance"]
    decision = fit_decision(topics[:held], stances[:held], sentences.validation, taxonomy)
    predictions = iter(decision.predict(topics[held:], stances[held:]))
    return {
        on: [
            replace(truth, predicted_topics=said.topics, predicted_stance=said.stance)
            for truth, said in zip(unjudged(rows, taxonomy), predictions, strict=False)
        ]
        for on, rows in sentences.measured.items()
    }


def unjudged(rows: Sequence[LabelledSentence], taxonomy: Taxonomy) -> list[Judged]:
    """Sentences with their true labels only."""
    return [
        Judged(
            row.sentence_id,
            row.article_id,
            row.text,
            tuple(t for t in taxonomy.topic_ids if row.topics[t] >= 0.5),
            max(taxonomy.stance_ids, key=lambda s, own=row.stance: own[s]),  # type: ignore[misc]
            (),
            "",
            {},
            {},
        )
        for row in rows
    ]


def report(
    judged: Mapping[str, Mapping[str, list[Judged]]],
    seconds: Mapping[str, float | None],
    sentences: Sentences,
    taxonomy: Taxonomy,
) -> str:
    """All figures as tables."""
    numbers = ", ".join(f"{len(rows)} {on}" for on, rows in sentences.measured.items())
    lines = [
        f"Rivals learned from {len(sentences.train)} sentences; measured on {numbers}; macro-F1 with 95% intervals.\n"
    ]
    lines.append(tabulate([figures(name, own, seconds, taxonomy) for name, own in judged.items()], headers="keys"))
    rivals = [name for name in judged if name in RIVALS]
    ahead = [row for name in rivals for row in gains(name, judged, taxonomy)]
    if ahead:
        lines.append("\nOurs less the rival's, paired bootstrap; * where ours is ahead beyond the interval\n")
        lines.append(tabulate(ahead, headers="keys"))
    lines += ["", *(f"{name}: {ABOUT[name]}" for name in rivals)]
    lines.append(
        "Rivals read the sentence alone. Seconds are of learning (and, for rivals, scoring) where it was done; models "
        "made of others leave out what these took."
    )
    return "\n".join(lines)


def figures(
    name: str, own: Mapping[str, list[Judged]], seconds: Mapping[str, float | None], taxonomy: Taxonomy
) -> dict[str, str]:
    """A model's row: macro-F1 of each task on each set."""
    row = {"model": name}
    for on, rows in own.items():
        found = f1_figures(rows, taxonomy, RESAMPLING)
        for task in TASKS:
            f = found[task]
            shown = f"{f['macro_f1']:.3f} [{f['macro_f1_low']:.3f}, {f['macro_f1_high']:.3f}]"
            row[f"{on} {task}"] = shown if task in RIVALS.get(name, (None, TASKS))[1] else "-"
    taken = seconds[name]
    return row | {"seconds (own step)": "-" if taken is None else f"{taken:.0f}"}


def gains(rival: str, judged: Mapping[str, Mapping[str, list[Judged]]], taxonomy: Taxonomy) -> list[dict[str, str]]:
    """How far each of ours is ahead of a rival, by task and set."""
    rows = []
    for name in (name for name in OURS if name in judged):
        row = {"rival": rival, "ours": name}
        for on in judged[rival]:
            ours, theirs = (count(judged[one][on], taxonomy) for one in (name, rival))
            row |= {f"{on} {task}": gain(ours, theirs, task) for task in RIVALS[rival][1]}
        rows.append(row)
    return rows


def gain(ours: Counts, theirs: Counts, task: str) -> str:
    """Difference of macro-F1 with its paired bootstrap interval over articles."""

    def scores(counts: Counts, weights: Floats) -> Floats:
        return macro_f1(np.tensordot(weights, counts.topics if task == "topics" else counts.stances, axes=1))

    def less(weights: Floats) -> Floats:
        return scores(ours, weights) - scores(theirs, weights)

    tail = 100 * (1 - RESAMPLING.confidence) / 2
    low, high = np.percentile(less(RESAMPLING.weights(len(ours.topics))), [tail, 100 - tail])
    whole = less(np.ones((1, len(ours.topics))))[0]
    return f"{whole:+.3f} [{low:+.3f}, {high:+.3f}]{' *' if low > 0 else ''}"


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

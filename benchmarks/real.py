"""How the project's models do on real text that they never saw: `python benchmarks/real.py FOLDER`.

FOLDER holds `annotated.jsonl` (sentences with topics and stance under the codebook) and, optionally,
`cap_bills.jsonl` and `reuters_topics.jsonl` (texts with topics). Nothing is trained or tuned on them.
With `--curve` both classifiers are also trained on growing shares of the train articles.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from learning_curve import draw, learning_curve
from tabulate import tabulate

from pipeline.classifiers.decision import Classifier
from pipeline.classifiers.registry import load_classifier
from pipeline.command import guarded
from pipeline.evaluation.judging import judge
from pipeline.evaluation.metrics import Judged, Resampling, evaluate
from pipeline.evaluation.real import judge_texts, read_annotated, read_rows, topic_figures
from pipeline.storage import MANIFEST
from pipeline.taxonomy import Taxonomy, load_taxonomy

RESAMPLING = Resampling(samples=1000, confidence=0.95, seed=0)
TEXTS = ("cap_bills.jsonl", "reuters_topics.jsonl")


def cell(figures: dict[str, Any], name: str = "f1") -> str:
    """A figure with its interval."""
    return f"{figures[name]:.3f} [{figures[f'{name}_low']:.3f}, {figures[f'{name}_high']:.3f}]"


def sentence_column(figures: dict[str, Any]) -> dict[str, str]:
    """The figures of one model on sentences."""
    column = {}
    for task in ("topics", "stance"):
        column[f"{task} macro-F1"] = cell(figures[task], "macro_f1")
        column |= {label: cell(values, "f1") for label, values in figures[task]["classes"].items()}
        column[f"{task} ECE"] = cell(figures[task], "ece")
    column["joint accuracy"] = cell(figures, "joint_accuracy")
    column["error"] = cell(figures["coverage"], "error_at_100")
    column["error at 80%"] = cell(figures["coverage"], "error_at_80")
    return column


def text_column(classifier: Classifier, folder: Path, taxonomy: Taxonomy) -> dict[str, str]:
    """The topic figures of one model on the whole texts that are there."""
    column = {}
    for path in (folder / name for name in TEXTS if (folder / name).is_file()):
        figures = topic_figures(
            judge_texts(classifier, read_rows(path, ("id", "text", "topics"))), taxonomy, RESAMPLING
        )
        column[f"{path.stem} macro-F1"] = cell(figures, "macro_f1")
        column |= {f"{path.stem.split('_')[0]} {t}": cell(own, "f1") for t, own in figures["classes"].items()}
    return column


def main(
    folder: Annotated[Path, typer.Argument(help="Folder with annotated.jsonl")],
    models: Path = Path("models"),
    taxonomy: Path = Path("seeds/taxonomy.yaml"),
    errors: Annotated[Path | None, typer.Option(help="Write each model's mistakes on annotated.jsonl here")] = None,
    curve: Annotated[Path | None, typer.Option(help="Also train on 25 to 100 per cent; draw the curve here")] = None,
) -> None:
    classes = load_taxonomy(taxonomy)
    labelled = read_annotated(folder, classes)
    sentences, texts = {}, {}
    for path in sorted(models.glob(f"*/model/{MANIFEST}")):
        name, classifier = path.parent.parent.name, load_classifier(path.parent)
        judged = judge(classifier, labelled)
        sentences[name] = sentence_column(evaluate(judged, classes, RESAMPLING))
        texts[name] = text_column(classifier, folder, classes)
        if errors:
            write_errors(errors / f"{name}.txt", judged)
    print(f"annotated.jsonl: {len(labelled)} sentences, with 95% bootstrap intervals over articles\n")
    print(tabulate(turned(sentences), headers="keys"))
    if any(texts.values()):
        print("\nTopics of whole texts, F1\n")
        print(tabulate(turned(texts), headers="keys"))
    if curve:
        points = learning_curve(labelled, models, Path("data/labels"), Path("params.yaml"), classes)
        draw(points, curve)
        print("\nTrained on a share of the train articles, macro-F1 on annotated.jsonl\n")
        print(tabulate(points, headers="keys", floatfmt=".3f"))


def turned(columns: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    """Figures as rows and models as columns."""
    names = dict.fromkeys(name for column in columns.values() for name in column)
    return [{"figure": name} | {model: column.get(name, "") for model, column in columns.items()} for name in names]


def write_errors(path: Path, judged: Sequence[Judged]) -> None:
    """The sentences that a model gets wrong, to be read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"{label(j.topics, j.stance)} | {label(j.predicted_topics, j.predicted_stance)} | {j.text}"
        for j in judged
        if not j.right
    ]
    path.write_text("annotated | predicted | sentence\n" + "\n".join(lines) + "\n", encoding="utf-8")


def label(topics: tuple[str, ...], stance: str) -> str:
    """A label in short."""
    return f"{','.join(topics) or '-'} {stance}"


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

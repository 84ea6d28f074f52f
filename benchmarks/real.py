"""How the project's models do on real text that they never saw: `python benchmarks/real.py FOLDER`.

FOLDER holds `annotated.jsonl` (sentences with topics and stance under the codebook) and, optionally,
`cap_bills.jsonl` and `reuters_topics.jsonl` (texts with topics). Nothing is trained or tuned on them.
With `--curve` both classifiers are also trained on growing shares of the train articles.
"""

from __future__ import annotations

import json
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
from pipeline.schemas import Article, LabelledSentence
from pipeline.storage import MANIFEST
from pipeline.taxonomy import Taxonomy, load_taxonomy
from pipeline.text.segmentation import segment

RESAMPLING = Resampling(samples=1000, confidence=0.95, seed=0)


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file, one a line."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def as_labelled(row: dict[str, Any], taxonomy: Taxonomy) -> LabelledSentence:
    """A sentence of annotated.jsonl; each counts as an article of its own, as their articles are not told."""
    return LabelledSentence(
        row["id"],
        row["id"],
        row["text"],
        "",
        row["before"][-1] if row["before"] else "",
        {t: float(t in row["topics"]) for t in taxonomy.topic_ids},
        {s: float(s == row["stance"]) for s in taxonomy.stance_ids},
    )


def topics_of_texts(classifier: Classifier, rows: list[dict[str, Any]]) -> list[Judged]:
    """Topics of whole texts: those of any of their sentences."""
    sentences = [s for row in rows for s in segment(Article(row["id"], row["text"]))]
    said: dict[str, set[str]] = {row["id"]: set() for row in rows}
    for start in range(0, len(sentences), 2048):
        chunk = sentences[start : start + 2048]
        for sentence, one in zip(chunk, classifier.decision.predict(*classifier.predict_proba(chunk)), strict=True):
            said[sentence.article_id] |= set(one.topics)
    return [
        Judged(r["id"], r["id"], r["text"], tuple(r["topics"]), "", tuple(sorted(said[r["id"]])), "", {}, {})
        for r in rows
    ]


def cell(figures: dict[str, Any], name: str = "f1") -> str:
    """A figure with its interval."""
    return f"{figures[name]:.3f} [{figures[f'{name}_low']:.3f}, {figures[f'{name}_high']:.3f}]"


def main(
    folder: Annotated[Path, typer.Argument(help="Folder with annotated.jsonl")],
    models: Path = Path("models"),
    taxonomy: Path = Path("seeds/taxonomy.yaml"),
    errors: Annotated[Path | None, typer.Option(help="Write each model's mistakes on annotated.jsonl here")] = None,
    curve: Annotated[Path | None, typer.Option(help="Also train on 25 to 100 per cent; draw the curve here")] = None,
) -> None:
    classes = load_taxonomy(taxonomy)
    labelled = [as_labelled(row, classes) for row in rows_of(folder / "annotated.jsonl")]
    table, topic_table = [], []
    for path in sorted(models.glob(f"*/model/{MANIFEST}")):
        name, classifier = path.parent.parent.name, load_classifier(path.parent)
        judged = judge(classifier, labelled)
        figures = evaluate(judged, classes, RESAMPLING)
        row = {"model": name}
        for task in ("topics", "stance"):
            row[f"{task} macro-F1"] = cell(figures[task], "macro_f1")
            row |= {label: cell(values) for label, values in figures[task]["classes"].items()}
        table.append(row)
        if errors:
            write_errors(errors / f"{name}.txt", judged)
        row = {"model": name}
        for file in ("cap_bills.jsonl", "reuters_topics.jsonl"):
            if (folder / file).is_file():
                rows = rows_of(folder / file)
                coded = [t for t in classes.topic_ids if any(t in r["topics"] for r in rows)]
                by_class = evaluate(topics_of_texts(classifier, rows), classes, RESAMPLING)["topics"]["classes"]
                row[f"{file[:-6]} macro-F1"] = f"{sum(by_class[t]['f1'] for t in coded) / len(coded):.3f}"
                row |= {f"{file.split('_')[0]} {t}": f"{by_class[t]['f1']:.3f}" for t in coded}
        topic_table.append(row)
    print(f"annotated.jsonl: {len(labelled)} sentences, F1 with 95% bootstrap intervals\n")
    print(tabulate(turned(table), headers="keys"))
    print("\nTopics of whole texts, F1\n")
    print(tabulate(turned(topic_table), headers="keys"))
    if curve:
        points = learning_curve(labelled, models, Path("data/labels"), Path("params.yaml"), classes)
        draw(points, curve)
        print("\nTrained on a share of the train articles, macro-F1 on annotated.jsonl\n")
        print(tabulate(points, headers="keys", floatfmt=".3f"))


def turned(table: list[dict[str, str]]) -> list[dict[str, str]]:
    """Figures as rows and models as columns."""
    return [{"figure": name} | {row["model"]: row[name] for row in table} for name in table[0] if name != "model"]


def write_errors(path: Path, judged: list[Judged]) -> None:
    """The sentences that a model gets wrong, to be read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"{label(j.topics, j.stance)} | {label(j.predicted_topics, j.predicted_stance)} | {j.text}"
        for j in judged
        if set(j.topics) != set(j.predicted_topics) or j.stance != j.predicted_stance
    ]
    path.write_text("annotated | predicted | sentence\n" + "\n".join(lines) + "\n", encoding="utf-8")


def label(topics: tuple[str, ...], stance: str) -> str:
    """A label in short."""
    return f"{','.join(topics) or '-'} {stance}"


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

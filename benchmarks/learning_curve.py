"""What more of the corpus buys: both classifiers trained on growing shares of it, measured on real text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from pipeline.classifiers import baseline, finetuning
from pipeline.classifiers.decision import Classifier
from pipeline.classifiers.registry import find_model, load_classifier
from pipeline.evaluation.judging import judge
from pipeline.evaluation.metrics import Resampling, evaluate
from pipeline.params import load_params
from pipeline.schemas import LabelledSentence
from pipeline.storage import read_jsonl
from pipeline.taxonomy import Taxonomy

SHARES = (0.25, 0.5, 0.75)  # and 1, which the models in place were trained on


def part(rows: Sequence[LabelledSentence], share: float) -> list[LabelledSentence]:
    """The sentences of about `share` of the articles; a larger share holds the smaller one."""
    return [row for row in rows if int(hashlib.sha256(row.article_id.encode()).hexdigest(), 16) % 1000 < share * 1000]


def learning_curve(
    real: Sequence[LabelledSentence], models: Path, labels: Path, params_file: Path, taxonomy: Taxonomy
) -> list[dict[str, float | str]]:
    """Macro-F1 on `real` of each classifier for each share of the train articles; the whole is the models in place."""
    params = load_params(params_file)
    train = read_jsonl(labels / "train.jsonl", LabelledSentence)
    held = read_jsonl(labels / "validation.jsonl", LabelledSentence)
    points: list[dict[str, float | str]] = []
    for share in SHARES:
        rows = part(train, share)
        points.append(_point(baseline.train(rows, held, params.train_baseline, taxonomy), share, rows, real, taxonomy))
        model = finetuning.train(rows, held, params.train_finetuned, taxonomy).model
        points.append(_point(model, share, rows, real, taxonomy))
    for name in ("baseline", "finetuned"):
        points.append(_point(load_classifier(find_model(name, models)), 1.0, train, real, taxonomy))
    return points


def _point(
    model: Classifier,
    share: float,
    rows: Sequence[LabelledSentence],
    real: Sequence[LabelledSentence],
    taxonomy: Taxonomy,
) -> dict[str, float | str]:
    figures = evaluate(judge(model, real), taxonomy, Resampling(samples=1, confidence=0.95, seed=0))
    scores = {f"{task} macro-F1": figures[task]["macro_f1"] for task in ("topics", "stance")}
    print(model.name, share, scores, flush=True)
    return {"model": model.name, "share": share, "train sentences": len(rows), **scores}


def draw(points: Sequence[dict[str, float | str]], path: Path) -> None:
    """Write the curve as a picture."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for model in dict.fromkeys(point["model"] for point in points):
        own = [point for point in points if point["model"] == model]
        for task, style in (("topics macro-F1", "-o"), ("stance macro-F1", "--s")):
            axes.plot([p["train sentences"] for p in own], [p[task] for p in own], style, label=f"{model}, {task}")
    axes.set_xlabel("train sentences")
    axes.set_ylabel("macro-F1 on real sentences")
    axes.set_ylim(0.4, 1.0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)

"""A model and the annotated test sentences → its figures, predictions and plots. Only here are test labels read."""

from pathlib import Path

import typer

from pipeline.classifiers.registry import load_classifier
from pipeline.command import guarded
from pipeline.evaluation import plots
from pipeline.evaluation.card import Subject, model_card
from pipeline.evaluation.judging import judge
from pipeline.evaluation.metrics import Resampling, evaluate, headline
from pipeline.params import load_params
from pipeline.schemas import LabelledSentence, sizes
from pipeline.storage import read_jsonl, write_json, write_jsonl, write_text
from pipeline.taxonomy import load_taxonomy
from pipeline.tracking import runs as tracking


def main(model: Path, test: Path, taxonomy: Path, corpus: Path, out: Path, params: Path = Path("params.yaml")) -> None:
    everything, classes = load_params(params), load_taxonomy(taxonomy)
    chosen = everything.evaluate
    classifier = load_classifier(model)
    with tracking.run("evaluate", f"evaluate {classifier.name}") as run:
        rows = read_jsonl(test, LabelledSentence)
        run.params(everything.sections("evaluate"))
        run.tags({"kind": "evaluation", "model": classifier.name, tracking.MODEL_TAG: classifier.sha256})
        run.sources(data=test, seeds=taxonomy.parent, params=params)
        run.dataset(test, "test", "evaluation", **sizes(rows))
        judged = judge(classifier, rows)
        figures = evaluate(judged, classes, Resampling(chosen.bootstrap, chosen.confidence, chosen.seed))
        topics, stances = plots.topic_pairs(judged), plots.stance_pairs(judged)
        curves = plots.precision_recall(judged, classes)
        write_jsonl(out / "predictions.jsonl", judged)
        write_text(out / "topic_confusion.csv", plots.as_csv(topics))
        write_text(out / "stance_confusion.csv", plots.as_csv(stances))
        write_text(out / "precision_recall.csv", plots.as_csv(curves))
        write_json(out / "metrics.json", {"test": figures})
        subject = Subject(classifier.name, classifier.sha256, classifier.decision, classes, corpus.read_text("utf-8"))
        card = model_card(subject, figures)
        write_text(out / "card.md", card)
        run.text(card, "card.md")
        run.metrics(headline(figures))
        for task in ("topics", "stance"):
            by_class = [{"class": name, **values} for name, values in figures[task]["classes"].items()]
            run.table(by_class, f"{task}_by_class.json")
        names = (*classes.topic_ids, plots.NO_TOPIC)
        run.figure(plots.confusion_figure(topics, names, f"{classifier.name}: topics"), "plots/topic_confusion.png")
        run.figure(
            plots.confusion_figure(stances, classes.stance_ids, f"{classifier.name}: stance"),
            "plots/stance_confusion.png",
        )
        run.figure(plots.precision_recall_figure(curves, classifier.name), "plots/precision_recall.png")


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

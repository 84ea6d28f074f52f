"""A model and the annotated test sentences → its figures, predictions and plots. Only these speak of test labels."""

from pathlib import Path

import typer

from pipeline.classifiers.registry import load_classifier
from pipeline.command import guarded
from pipeline.errors import UserError
from pipeline.evaluation import plots, report
from pipeline.evaluation.card import Subject, model_card
from pipeline.evaluation.judging import judge
from pipeline.evaluation.metrics import Resampling, evaluate, headline
from pipeline.evaluation.real import real_figures
from pipeline.evaluation.slices import places
from pipeline.params import load_params
from pipeline.schemas import Article, Assignment, LabelledSentence, Sentence, sizes
from pipeline.storage import as_csv, read_jsonl, write_json, write_jsonl, write_text
from pipeline.taxonomy import load_taxonomy
from pipeline.tracking import runs as tracking


def main(
    model: Path,
    test: Path,
    articles: Path,
    sentences: Path,
    splits: Path,
    taxonomy: Path,
    corpus: Path,
    out: Path,
    metrics: Path,
    params: Path = Path("params.yaml"),
) -> None:
    everything, classes = load_params(params), load_taxonomy(taxonomy)
    chosen = everything.evaluate
    resampling = Resampling(chosen.bootstrap, chosen.confidence, chosen.seed)
    rows = read_jsonl(test, LabelledSentence)
    if not rows:
        raise UserError.one("no annotated sentence", test, "annotate sentences of test articles, or raise split.test")
    classifier = load_classifier(model)
    with tracking.run("evaluate", f"evaluate {classifier.name}") as run:
        run.params(everything.sections("evaluate"))
        run.tags({"kind": "evaluation", "model": classifier.name, tracking.MODEL_TAG: classifier.sha256})
        run.sources(data=test, seeds=taxonomy.parent, params=params)
        run.dataset(test, "test", "evaluation", **sizes(rows))
        judged = judge(classifier, rows)
        figures = {"test": evaluate(judged, classes, resampling)}
        if chosen.real:
            figures["real"] = real_figures(classifier, Path(chosen.real), classes, resampling)
        placed = places(read_jsonl(sentences, Sentence), read_jsonl(articles, Article), read_jsonl(splits, Assignment))
        tables = report.tables(judged, figures["test"], placed, classes, resampling)
        page = report.as_markdown(tables["errors"], classifier.name)
        write_jsonl(out / "predictions.jsonl", judged)
        for name, table in tables.items():
            write_text(out / f"{name}.csv", as_csv(table))
        write_text(out / "errors.md", page)
        write_json(metrics, {name: report.readable(own) for name, own in figures.items()})
        subject = Subject(classifier.name, classifier.sha256, classifier.decision, classes, corpus.read_text("utf-8"))
        card = model_card(subject, figures["test"], tables["slices"])
        write_text(out / "card.md", card)
        run.text(card, "card.md")
        for name, own in figures.items():
            run.metrics(headline(own, name))
        for name in (name for name in report.LOGGED if tables[name]):
            run.table(tables[name], f"{name}.json")
        run.text(page, "errors.md")
        for name, figure in plots.figures(tables, classes, classifier.name).items():
            run.figure(figure, f"plots/{name}.png")


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

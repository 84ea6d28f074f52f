"""Labels → the baseline."""

from pathlib import Path

import typer

from pipeline.classifiers import baseline
from pipeline.classifiers.decision import macro_f1, targets
from pipeline.command import guarded
from pipeline.evaluation.plots import heaviest_figure
from pipeline.params import load_params
from pipeline.schemas import LabelledSentence, sizes
from pipeline.storage import as_csv, atomic_folder, read_jsonl, write_json, write_text
from pipeline.taxonomy import load_taxonomy
from pipeline.tracking import runs as tracking


def main(
    train: Path,
    validation: Path,
    taxonomy: Path,
    model: Path,
    features: Path,
    figures: Path,
    params: Path = Path("params.yaml"),
) -> None:
    everything, classes = load_params(params), load_taxonomy(taxonomy)
    chosen = everything.train_baseline
    rows, held = read_jsonl(train, LabelledSentence), read_jsonl(validation, LabelledSentence)
    with tracking.run("train_baseline", "train baseline") as run:
        run.params(everything.sections("split", "label", "train_baseline"))
        run.tags({"kind": "training", "model": "baseline"})
        run.sources(data=train, seeds=taxonomy.parent, params=params)
        run.dataset(train, "train", "training", **sizes(rows))
        run.dataset(validation, "validation", "validation", **sizes(held))
        trained = baseline.train(rows, held, chosen, classes)
        with atomic_folder(model) as folder:
            digest = baseline.save(trained, folder)
        topics, stance = trained.predict_proba(held)
        reached = macro_f1(targets(held, classes), topics >= 0.5, stance.argmax(axis=1))
        own = {name: round(value, 4) for name, value in zip(tracking.VALIDATION, reached, strict=True)}
        write_json(figures, own)
        heaviest = baseline.heaviest(trained)
        write_text(features, as_csv(heaviest))
        run.figure(heaviest_figure(heaviest, "Heaviest words of each class, baseline"), "plots/features.png")
        run.metrics(own | {f"threshold.{topic}": limit for topic, limit in trained.decision.thresholds.items()})
        run.made(model, digest)


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

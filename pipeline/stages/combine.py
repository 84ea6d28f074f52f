"""Baseline, 8-bit encoder and validation sentences → the ensemble and the cascade of both."""

from contextlib import ExitStack
from pathlib import Path

import typer

from pipeline.classifiers import combination
from pipeline.classifiers.registry import load_classifier
from pipeline.command import guarded
from pipeline.params import load_params
from pipeline.schemas import LabelledSentence
from pipeline.storage import atomic_folder, read_jsonl
from pipeline.taxonomy import load_taxonomy
from pipeline.tracking import runs as tracking


def main(
    quick: Path,
    careful: Path,
    validation: Path,
    taxonomy: Path,
    ensemble: Path,
    cascade: Path,
    params: Path = Path("params.yaml"),
) -> None:
    everything, sources = load_params(params), (quick, careful)
    parts = (load_classifier(quick), load_classifier(careful))
    rows = read_jsonl(validation, LabelledSentence)
    names, targets = (combination.ENSEMBLE, combination.CASCADE), (ensemble, cascade)
    with ExitStack() as stack:  # both runs from the start: their senders get ready while the fit takes its time
        runs = [stack.enter_context(tracking.run("combine", f"combine {name}")) for name in names]
        fitted = combination.fit(parts, rows, load_taxonomy(taxonomy), everything.combine.max_drop)
        for run, (model, figures), target in zip(runs, fitted, targets, strict=True):
            run.params(everything.sections("combine"))
            run.tags({"kind": "combination", "model": model.name})
            run.sources(data=validation, params=params)
            with atomic_folder(target) as folder:
                digest = combination.save(model, sources, figures, folder)
            run.metrics({f"validation.{name}": value for name, value in figures.items()})
            run.made(target, digest)
            print(
                f"{model.name}: the baseline answers {figures['share_of_baseline']:.0%} alone; {model.mix}", flush=True
            )


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

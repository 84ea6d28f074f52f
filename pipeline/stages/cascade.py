"""Baseline, 8-bit encoder and validation sentences → the cascade of both."""

from pathlib import Path

import typer

from pipeline.classifiers import cascade
from pipeline.classifiers.registry import load_classifier
from pipeline.command import guarded
from pipeline.params import load_params
from pipeline.schemas import LabelledSentence
from pipeline.storage import atomic_folder, read_jsonl
from pipeline.taxonomy import load_taxonomy

PARTS = ("baseline", "finetuned-int8")


def main(models: Path, validation: Path, taxonomy: Path, model: Path, params: Path = Path("params.yaml")) -> None:
    quick, careful = (load_classifier(models / name / "model") for name in PARTS)
    rows = read_jsonl(validation, LabelledSentence)
    fitted, figures = cascade.fit((quick, careful), rows, load_taxonomy(taxonomy), load_params(params).cascade.max_drop)
    with atomic_folder(model) as folder:
        cascade.save(fitted, PARTS, figures, folder)
    print(f"the baseline answers {figures['share_of_baseline']:.0%} of validation", flush=True)


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

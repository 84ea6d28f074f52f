"""Sentences, cues and annotations → labelled train, validation and test sentences."""

from pathlib import Path

import pandas as pd
import typer

from pipeline.command import guarded
from pipeline.labeling.analysis import function_figure
from pipeline.labeling.annotations import load_annotations
from pipeline.labeling.cues import load_cues
from pipeline.labeling.decision import explain
from pipeline.labeling.supervision import annotated, fit_for_train, unlabelled
from pipeline.labeling.voting import label, seed_ballot
from pipeline.params import load_params
from pipeline.schemas import SPLITS, Assignment, Sentence
from pipeline.storage import atomic_write, read_jsonl, write_json, write_jsonl, write_text
from pipeline.taxonomy import load_taxonomy


def main(
    sentences: Path,
    splits: Path,
    annotations: Path,
    cues: Path,
    taxonomy: Path,
    labels: Path,
    report: Path,
    params: Path = Path("params.yaml"),
) -> None:
    wanted, classes = load_params(params).label, load_taxonomy(taxonomy)
    final, sets = load_annotations(annotations, classes).final(), load_cues(cues, classes)
    split_of = {assignment.article_id: assignment.split for assignment in read_jsonl(splits, Assignment)}
    by_split: dict[str, list[Sentence]] = {split: [] for split in SPLITS}
    for sentence in read_jsonl(sentences, Sentence):
        by_split[split_of[sentence.article_id]].append(sentence)
    by_split["train"] = fit_for_train(by_split["train"], [*by_split["validation"], *by_split["test"]], final)
    made = label(by_split, final, seed_ballot(by_split, sets, wanted, classes), wanted, classes)
    for name, verdict in made.verdicts.items():
        print(explain(name, verdict))
    for split, rows in made.labels.items():
        write_jsonl(labels / f"{split}.jsonl", rows)
    write_jsonl(labels / "test.jsonl", annotated(by_split["test"], final, classes))
    write_jsonl(labels / "unlabelled.jsonl", unlabelled(by_split["train"], made.labels["train"]))
    write_text(labels / "functions.csv", pd.DataFrame(made.functions).to_csv(index=False, lineterminator="\n"))
    write_jsonl(labels / "learned_cues.jsonl", made.learned)
    with atomic_write(labels / "functions.png") as file:
        function_figure(made.functions, "Labeling functions on validation").savefig(file, dpi=110, format="png")
    write_json(report, made.figures)


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

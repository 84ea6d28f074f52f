"""Sentences, cues and annotations → labelled train, validation and test sentences."""

from pathlib import Path

import typer

from pipeline.command import guarded
from pipeline.labeling.analysis import function_figure
from pipeline.labeling.annotations import load_annotations
from pipeline.labeling.cues import load_cues
from pipeline.labeling.decision import explain
from pipeline.labeling.supervision import annotated, fit_for_train, unlabelled
from pipeline.labeling.voting import label, seed_ballot
from pipeline.params import load_params
from pipeline.schemas import SPLITS, Assignment, Sentence, sizes
from pipeline.storage import as_csv, atomic_write, read_jsonl, write_json, write_jsonl, write_text
from pipeline.taxonomy import load_taxonomy
from pipeline.tracking import runs as tracking


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
    everything, classes = load_params(params), load_taxonomy(taxonomy)
    wanted = everything.label
    final, sets = load_annotations(annotations, classes).final(), load_cues(cues, classes)
    split_of = {assignment.article_id: assignment.split for assignment in read_jsonl(splits, Assignment)}
    by_split: dict[str, list[Sentence]] = {split: [] for split in SPLITS}
    for sentence in read_jsonl(sentences, Sentence):
        by_split[split_of[sentence.article_id]].append(sentence)
    by_split["train"] = fit_for_train(by_split["train"], [*by_split["validation"], *by_split["test"]], final)
    with tracking.run("label", f"label by {wanted.supervision}") as run:
        run.params(everything.sections("split", "label"))
        run.tags({"kind": "labelling"})
        run.sources(data=sentences, seeds=taxonomy.parent, params=params)
        run.dataset(sentences, "sentences", "labelling", sentences=sum(map(len, by_split.values())))
        made = label(by_split, final, seed_ballot(by_split, sets, wanted, classes), wanted, classes)
        for name, verdict in made.verdicts.items():
            print(explain(name, verdict))
        rows = {**made.labels, "test": annotated(by_split["test"], final, classes)}
        for split, own in rows.items():
            write_jsonl(labels / f"{split}.jsonl", own)
            run.metrics({f"data.{split}.{what}": number for what, number in sizes(own).items()})
        write_jsonl(labels / "unlabelled.jsonl", unlabelled(by_split["train"], made.labels["train"]))
        write_text(labels / "functions.csv", as_csv(made.functions))
        write_jsonl(labels / "learned_cues.jsonl", made.learned)
        figure = function_figure(made.functions, "Labeling functions on validation")
        with atomic_write(labels / "functions.png") as file:
            figure.savefig(file, dpi=110, format="png")
        write_json(report, made.figures)
        run.table(made.functions, "functions.json")
        run.figure(figure, "plots/functions.png")


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

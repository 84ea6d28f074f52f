"""Sentences, cues and annotations → labelled train, validation and test sentences."""

from pathlib import Path

import typer

from pipeline.command import guarded
from pipeline.labeling.aggregation import majority_vote
from pipeline.labeling.annotations import load_annotations
from pipeline.labeling.cues import load_cues
from pipeline.labeling.functions import cue_functions, vote
from pipeline.labeling.supervision import annotated, cue_quality, fit_for_train, labelled, unlabelled
from pipeline.params import load_params
from pipeline.schemas import Assignment, LabelledSentence, Sentence
from pipeline.storage import read_jsonl, write_json, write_jsonl
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
    by_split: dict[str, list[Sentence]] = {"train": [], "validation": [], "test": []}
    for sentence in read_jsonl(sentences, Sentence):
        by_split[split_of[sentence.article_id]].append(sentence)
    by_split["train"] = fit_for_train(by_split["train"], [*by_split["validation"], *by_split["test"]], final)
    functions = cue_functions(sets, classes)
    figures = {}
    for split in ("train", "validation"):
        votes = majority_vote(vote(by_split[split], sets, classes), functions, classes)
        write_jsonl(labels / f"{split}.jsonl", labelled(by_split[split], final, votes, wanted, classes))
        cue_labels = labelled(by_split[split], final, votes, wanted.model_copy(update={"supervision": "cues"}), classes)
        figures[split] = cue_quality(cue_labels, final, classes)
    write_jsonl(labels / "test.jsonl", annotated(by_split["test"], final, classes))
    taught = read_jsonl(labels / "train.jsonl", LabelledSentence)
    write_jsonl(labels / "unlabelled.jsonl", unlabelled(by_split["train"], taught))
    write_json(report, {"cues": figures})


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

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
from pipeline.schemas import Assignment, LabelledSentence, Sentence, sizes
from pipeline.storage import read_jsonl, write_json, write_jsonl
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
    by_split: dict[str, list[Sentence]] = {"train": [], "validation": [], "test": []}
    for sentence in read_jsonl(sentences, Sentence):
        by_split[split_of[sentence.article_id]].append(sentence)
    by_split["train"] = fit_for_train(by_split["train"], [*by_split["validation"], *by_split["test"]], final)
    functions = cue_functions(sets, classes)
    only_cues = wanted.model_copy(update={"supervision": "cues"})
    with tracking.run("label", f"label by {wanted.supervision}") as run:
        run.params(everything.sections("split", "label"))
        run.tags({"kind": "labelling"})
        run.sources(data=sentences, seeds=taxonomy.parent, params=params)
        run.dataset(sentences, "sentences", "labelling", sentences=sum(map(len, by_split.values())))
        figures = {}
        for split in ("train", "validation"):
            votes = majority_vote(vote(by_split[split], sets, classes), functions, classes)
            rows = labelled(by_split[split], final, votes, wanted, classes)
            write_jsonl(labels / f"{split}.jsonl", rows)
            figures[split] = cue_quality(labelled(by_split[split], final, votes, only_cues, classes), final, classes)
            run.metrics({f"data.{split}.{what}": number for what, number in sizes(rows).items()})
        rows = annotated(by_split["test"], final, classes)
        write_jsonl(labels / "test.jsonl", rows)
        run.metrics({f"data.test.{what}": number for what, number in sizes(rows).items()})
        taught = read_jsonl(labels / "train.jsonl", LabelledSentence)
        write_jsonl(labels / "unlabelled.jsonl", unlabelled(by_split["train"], taught))
        write_json(report, {"cues": figures})
        for split, quality in figures.items():
            by_class = [{"class": name, **v} for name, v in quality.items() if isinstance(v, dict)]
            run.table(by_class, f"cues_on_{split}.json")


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

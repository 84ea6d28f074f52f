"""What cues buy: classifiers taught by annotations, by cues, or by both; `python benchmarks/supervision.py`.

Each kind of supervision is measured with all train articles annotated and, where cues could help, with a share of
them. Under `cues` no annotation teaches, not even for thresholds; validation annotations choose the label model.
The table is Markdown. `--classifier finetuned` takes a full fine-tuning for each row that no other row's labels equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from learning_curve import part
from tabulate import tabulate

from pipeline.classifiers import baseline, finetuning
from pipeline.classifiers.decision import Classifier
from pipeline.command import guarded
from pipeline.evaluation.judging import judge
from pipeline.evaluation.metrics import Resampling, evaluate
from pipeline.evaluation.real import read_annotated
from pipeline.labeling.annotations import load_annotations
from pipeline.labeling.cues import load_cues
from pipeline.labeling.decision import explain
from pipeline.labeling.supervision import annotated, fit_for_train
from pipeline.labeling.voting import label, seed_ballot
from pipeline.params import Params, load_params
from pipeline.schemas import SPLITS, Assignment, LabelledSentence, Sentence
from pipeline.storage import read_jsonl
from pipeline.taxonomy import Taxonomy, load_taxonomy

POINT = Resampling(samples=1, confidence=0.95, seed=0)


def main(
    real: Annotated[Path | None, typer.Argument(help="Folder with annotated.jsonl, to measure on as well")] = None,
    classifier: Literal["baseline", "finetuned", "both"] = "baseline",
    share: Annotated[float, typer.Option(help="Share of the train articles that the small settings annotate")] = 0.1,
    params_file: Annotated[Path, typer.Option("--params")] = Path("params.yaml"),
) -> None:
    params, classes = load_params(params_file), load_taxonomy(Path("seeds/taxonomy.yaml"))
    final = load_annotations(Path("seeds/annotations"), classes).final()
    split_of = {a.article_id: a.split for a in read_jsonl(Path("data/interim/splits.jsonl"), Assignment)}
    by_split: dict[str, list[Sentence]] = {split: [] for split in SPLITS}
    for sentence in read_jsonl(Path("data/interim/sentences.jsonl"), Sentence):
        by_split[split_of[sentence.article_id]].append(sentence)
    by_split["train"] = fit_for_train(by_split["train"], [*by_split["validation"], *by_split["test"]], final)
    ballot = seed_ballot(by_split, load_cues(Path("seeds/cues"), classes), params.label, classes)
    held = {split: annotated(by_split[split], final, classes) for split in ("validation", "test")}
    if real:
        held["real"] = read_annotated(real, classes)
    few = {row.sentence_id for row in part(annotated(by_split["train"], final, classes), share)}
    few |= {sentence.id for sentence in by_split["validation"]}
    small = {id_: annotation for id_, annotation in final.items() if id_ in few}
    settings = [
        ("cues", "none", {}),
        ("annotations", f"{share:.0%}", small),
        ("both", f"{share:.0%}", small),
        ("annotations", "all", final),
        ("both", "all", final),
    ]
    table: list[dict[str, Any]] = []
    done: list[tuple[dict[str, list[LabelledSentence]], dict[str, dict[str, Any]]]] = []
    for supervision, told, known in settings:
        wanted = params.label.model_copy(update={"supervision": supervision})
        made = label(by_split, known or final, ballot, wanted, classes)
        print(f"{supervision}, annotated {told}:", *(explain(n, v) for n, v in made.verdicts.items()), sep="\n")
        same = next((figures for labels, figures in done if labels == made.labels), {})  # equal labels teach the same
        done.append((made.labels, {}))
        for name in ("baseline", "finetuned") if classifier == "both" else (classifier,):
            scores = same.get(name) or figures_of(trained(name, made.labels, params, classes), held, classes)
            done[-1][1][name] = scores
            row = {"classifier": name, "supervision": supervision, "train articles annotated": told}
            table.append(row | {"train sentences": len(made.labels["train"])} | scores)
            print(table[-1], flush=True)
    print("\nMacro-F1\n")
    print(tabulate(table, headers="keys", tablefmt="github", floatfmt=".3f"))


def trained(name: str, labels: dict[str, list[LabelledSentence]], params: Params, classes: Taxonomy) -> Classifier:
    """A classifier trained on the labels that one kind of supervision gives."""
    if name == "baseline":
        return baseline.train(labels["train"], labels["validation"], params.train_baseline, classes)
    return finetuning.train(labels["train"], labels["validation"], params.train_finetuned, classes).model


def figures_of(
    model: Classifier, held: Mapping[str, Sequence[LabelledSentence]], classes: Taxonomy
) -> dict[str, float]:
    """Macro-F1 of topics and of stance on each set."""
    figures = {where: evaluate(judge(model, rows), classes, POINT) for where, rows in held.items()}
    return {f"{where} {task}": own[task]["macro_f1"] for where, own in figures.items() for task in ("topics", "stance")}


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

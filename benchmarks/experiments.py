"""What lifts the fine-tuned classifier: `python benchmarks/experiments.py CHANGE... [--seeds 0,1,2] [--share 0.25]`.

A CHANGE sets params of `train_finetuned`, as in `context=none` or `dropout=0.2,learning_rate=5e-5`; `default` sets
none. Each is trained with each seed on the same share of the train articles and judged on validation alone; every
training is a run in MLflow of kind `trial`. Trainings that are there already are not repeated.
`--table` prints from MLflow what was tried, what it cost and what it gave.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from learning_curve import part
from tabulate import tabulate

from pipeline.classifiers import finetuning
from pipeline.command import guarded
from pipeline.errors import UserError
from pipeline.params import TrainFinetunedParams, load_params
from pipeline.schemas import LabelledSentence
from pipeline.storage import read_jsonl, sha256_of
from pipeline.taxonomy import load_taxonomy
from pipeline.tracking import runs as tracking
from pipeline.tracking.store import search

DEFAULT = "default"
FIGURES = ("validation.topics.macro_f1", "validation.stance.macro_f1")


def changed(params: TrainFinetunedParams, change: str, seed: int) -> TrainFinetunedParams:
    """The params with a change and a seed.

    Raises:
        UserError: when the change names no param, or gives it a value that it cannot have.
    """
    pairs = [] if change == DEFAULT else [part.partition("=") for part in change.split(",")]
    values = {name: yaml.safe_load(value) for name, _, value in pairs}
    try:
        return TrainFinetunedParams.model_validate({**params.model_dump(), **values, "seed": seed})
    except ValueError as error:
        told = " ".join(str(error).split())
        raise UserError.one(f"no such params ({told})", change, "write name=value, as in params.yaml") from None


def table() -> str:
    """What the trials in MLflow gave: mean and deviation over seeds, and the mean gain over the default's seeds."""
    runs: dict[str, dict[str, Any]] = defaultdict(dict)
    for run in search("tags.kind = 'trial' and attributes.status = 'FINISHED'"):
        runs[run.data.tags["change"]].setdefault(run.data.params["train_finetuned.seed"], run)
    plain = runs.get(DEFAULT, {})
    rows = []
    for change, by_seed in runs.items():
        seconds = [run.data.metrics["train.seconds"] for run in by_seed.values()]
        row = {"change": f"`{change}`", "seeds": len(by_seed), "seconds": f"{statistics.fmean(seconds):.0f}"}
        for name in FIGURES:
            values = [run.data.metrics[name] for run in by_seed.values()]
            gains = [run.data.metrics[name] - plain[s].data.metrics[name] for s, run in by_seed.items() if s in plain]
            told = f"{statistics.fmean(values):.3f} ± {statistics.pstdev(values):.3f}"
            gain = statistics.fmean(gains) if gains and change != DEFAULT else None
            row |= {name.split(".")[1]: told, f"{name.split('.')[1]} gain": "" if gain is None else f"{gain:+.3f}"}
        rows.append((sum(run.data.metrics[name] for run in by_seed.values() for name in FIGURES) / len(by_seed), row))
    rows.sort(key=lambda pair: -pair[0])
    return tabulate([row for _, row in rows], headers="keys", tablefmt="github", disable_numparse=True)


def main(
    change: Annotated[list[str] | None, typer.Argument(help="Changes to try, and `default`")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds of training, with commas between")] = "0,1,2",
    share: Annotated[float, typer.Option(help="Share of the train articles to train on")] = 0.25,
    show: Annotated[bool, typer.Option("--table", help="Print the table of all trials, and train nothing")] = False,
    labels: Path = Path("data/labels"),
    taxonomy: Path = Path("seeds/taxonomy.yaml"),
    params: Path = Path("params.yaml"),
) -> None:
    if show:
        print(table())
        return
    default, classes = load_params(params).train_finetuned, load_taxonomy(taxonomy)
    planned = [(one, changed(default, one, int(seed))) for seed in seeds.split(",") for one in change or [DEFAULT]]
    rows, held = (read_jsonl(labels / f"{name}.jsonl", LabelledSentence) for name in ("train", "validation"))
    data = f"{sha256_of(labels)} {share:g}"
    done = {run.data.tags["trial"] for run in search("tags.kind = 'trial' and attributes.status = 'FINISHED'")}
    for one, chosen in planned:
        trial = hashlib.sha256(f"{data} {chosen.model_dump_json()}".encode()).hexdigest()
        if trial in done:
            continue
        with tracking.run("experiments", f"trial {one} {chosen.seed}") as run:
            run.params({"train_finetuned": chosen.model_dump(mode="json"), "share": share})
            run.tags({"kind": "trial", "change": one, "trial": trial})
            began = time.monotonic()
            curve = finetuning.train(part(rows, share), held, chosen, classes).curve
            best = max(curve, key=lambda point: point["validation.score"])
            run.metrics({name: best[name] for name in FIGURES})
            run.metrics({"train.seconds": time.monotonic() - began})
        print(
            one,
            chosen.seed,
            *(f"{best[name]:.4f}" for name in FIGURES),
            f"{time.monotonic() - began:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

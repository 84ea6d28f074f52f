"""What lifts the fine-tuned classifier: `python benchmarks/experiments.py CHANGE... [--seeds 0,1,2] [--share 0.25]`.

A CHANGE sets params of `train_finetuned`, as in `context=none` or `dropout=0.2,learning_rate=5e-5`; `default` sets
none. Each is trained with each seed on the same share of the train articles and judged on validation alone; every
training is a run in MLflow of kind `trial`. Only trials on the same data, share and default params are compared, and
none is repeated. `--table` prints from MLflow what was tried, what it cost and what it gave.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from learning_curve import part
from mlflow.entities import Run
from tabulate import tabulate

from pipeline.classifiers import finetuning
from pipeline.classifiers.loop import SCORE
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


def basis(params: TrainFinetunedParams, labels: Path, share: float) -> str:
    """The same for trials that can be compared: those with these default params, data and share."""
    told = f"{params.model_dump_json(exclude={'seed'})} {sha256_of(labels)} {share:g}"
    return hashlib.sha256(told.encode()).hexdigest()


def trials(same: str) -> dict[str, dict[int, Run]]:
    """The finished trials of a basis in MLflow, by change and seed."""
    found: dict[str, dict[int, Run]] = defaultdict(dict)
    for run in search(f"tags.kind = 'trial' and tags.basis = '{same}' and attributes.status = 'FINISHED'"):
        found[run.data.tags["change"]][int(run.data.params["train_finetuned.seed"])] = run
    return found


def table(found: Mapping[str, Mapping[int, Run]]) -> str:
    """The mean of each figure over seeds, its deviation, and its gain over the default's same seeds; best first."""
    rows = []
    for change, runs in found.items():
        seconds = statistics.fmean(run.data.metrics["train.cpu_seconds"] for run in runs.values())
        row: dict[str, Any] = {"change": f"`{change}`", "seeds": len(runs), "CPU seconds": f"{seconds:.0f}"}
        total = 0.0
        for name in FIGURES:
            values = {seed: run.data.metrics[name] for seed, run in runs.items()}
            plain = {seed: run.data.metrics[name] for seed, run in found.get(DEFAULT, {}).items()}
            gains = [value - plain[seed] for seed, value in values.items() if seed in plain and change != DEFAULT]
            deviation = statistics.stdev(values.values()) if len(values) > 1 else 0.0
            task, mean = name.split(".")[1], statistics.fmean(values.values())
            row[task] = f"{mean:.3f} ± {deviation:.3f}"
            row[f"{task} gain"] = f"{statistics.fmean(gains):+.3f}" if gains else ""
            total += mean
        rows.append((total, row))
    rows.sort(key=lambda pair: -pair[0])
    return tabulate([row for _, row in rows], headers="keys", tablefmt="github", disable_numparse=True)


def main(
    change: Annotated[list[str] | None, typer.Argument(help="Changes to try, and `default`")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds of training, with commas between")] = "0,1,2",
    share: Annotated[float, typer.Option(help="Share of the train articles to train on")] = 0.25,
    show: Annotated[bool, typer.Option("--table", help="Print the table of the trials, and train nothing")] = False,
    labels: Path = Path("data/labels"),
    taxonomy: Path = Path("seeds/taxonomy.yaml"),
    params: Path = Path("params.yaml"),
) -> None:
    default, classes = load_params(params).train_finetuned, load_taxonomy(taxonomy)
    same = basis(default, labels, share)
    done = trials(same)
    if show:
        print(table(done))
        return
    planned = [(one, changed(default, one, int(seed))) for seed in seeds.split(",") for one in change or [DEFAULT]]
    rows, held = (read_jsonl(labels / f"{name}.jsonl", LabelledSentence) for name in ("train", "validation"))
    for one, chosen in planned:
        if chosen.seed in done.get(one, {}):
            continue
        with tracking.run("experiments", f"trial {one} {chosen.seed}") as run:
            run.params({"train_finetuned": chosen.model_dump(mode="json"), "share": share})
            run.tags({"kind": "trial", "change": one, "basis": same})
            began = time.process_time()
            curve = finetuning.train(part(rows, share), held, chosen, classes).curve
            best = max(curve, key=lambda point: point[SCORE])
            figures = {name: best[name] for name in FIGURES} | {"train.cpu_seconds": time.process_time() - began}
            run.metrics(figures)
        print(one, chosen.seed, *(f"{name} {value:.4g}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

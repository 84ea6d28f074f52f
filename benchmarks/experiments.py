"""What lifts the fine-tuned classifier: `python benchmarks/experiments.py CHANGE... [--seeds 0,1,2] [--share 0.25]`.

A CHANGE sets params of `train_finetuned`, as in `context=none` or `dropout=0.2,learning_rate=5e-5`; `default` sets
none. Each is trained with each seed on the same share of the train articles and judged on validation alone; the other
train articles are there unlabelled. Every training is a run in MLflow of kind `trial`. Only trials on the same data,
share and default params are compared, and none is repeated. `--table` prints from MLflow what was tried, what it cost
and what it gave; `--all` also on other data, shares and default params.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
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
SECTION = "train_finetuned"
Trials = dict[str, dict[int, Run]]  # by change and seed


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
    told = f"{params.model_dump_json(exclude={'seed'})} {sha256_of(labels)} {share:g} unlabelled"
    return hashlib.sha256(told.encode()).hexdigest()


def spare(rows: Sequence[LabelledSentence], taught: Sequence[LabelledSentence]) -> list[LabelledSentence]:
    """Those of `rows` that are not taught, without their labels, as `unlabelled.jsonl` has them."""
    known = {row.sentence_id for row in taught}
    left = (row for row in rows if row.sentence_id not in known)
    return [replace(row, topics={}, stance={}, origin="none", weight=0.0) for row in left]


def trials() -> dict[str, Trials]:
    """The finished trials in MLflow by basis, that of the newest first."""
    found: dict[str, Trials] = defaultdict(lambda: defaultdict(dict))
    for run in search("tags.kind = 'trial' and attributes.status = 'FINISHED'"):
        found[run.data.tags["basis"]][run.data.tags["change"]][int(run.data.params[f"{SECTION}.seed"])] = run
    return found


def heading(found: Trials, now: TrainFinetunedParams) -> str:
    """A line on the trials of a basis: their last day, their share, and default params that differ from `now`."""
    today = tracking.flat(now.model_dump(mode="json"))
    then: dict[str, str] = {}
    for change, runs in found.items():  # a run tells the defaults of what its change leaves alone
        own = {pair.partition("=")[0] for pair in change.split(",")} | {"seed"}
        for run in runs.values():
            params = ((n.removeprefix(f"{SECTION}."), v) for n, v in run.data.params.items() if n.startswith(SECTION))
            then |= {name: value for name, value in params if name not in own}
    other = [f"{n}={v}" for n, v in sorted(then.items()) if n not in today or v != tracking.as_text(today[n])]
    every = [run for runs in found.values() for run in runs.values()]
    day = datetime.fromtimestamp(max(run.info.start_time for run in every) / 1000).date()
    return f"{day}, share {every[0].data.params['share']}, {', '.join(other) or 'default params as today'}"


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
    every: Annotated[bool, typer.Option("--all", help="Like --table, of whatever data, share and defaults")] = False,
    labels: Path = Path("data/labels"),
    taxonomy: Path = Path("seeds/taxonomy.yaml"),
    params: Path = Path("params.yaml"),
) -> None:
    default, classes = load_params(params).train_finetuned, load_taxonomy(taxonomy)
    same = basis(default, labels, share)
    stored = trials()
    done = stored.get(same, {})
    if every:
        print("\n\n".join(f"{heading(own, default)}\n\n{table(own)}" for own in stored.values()) or "no trials yet")
        return
    if show:
        none = (
            f"no trials with share {share:g} and today's data and default params; --all shows {len(stored)} other bases"
        )
        print(table(done) if done else none)
        return
    planned = [(one, changed(default, one, int(seed))) for seed in seeds.split(",") for one in change or [DEFAULT]]
    rows, held, bare = (
        read_jsonl(labels / f"{name}.jsonl", LabelledSentence) for name in ("train", "validation", "unlabelled")
    )
    taught = part(rows, share)
    bare += spare(rows, taught)
    for one, chosen in planned:
        if chosen.seed in done.get(one, {}):
            continue
        with tracking.run("experiments", f"trial {one} {chosen.seed}") as run:
            run.params({SECTION: chosen.model_dump(mode="json"), "share": share})
            run.tags({"kind": "trial", "change": one, "basis": same})
            began = time.process_time()
            curve = finetuning.train(taught, held, chosen, classes, unlabelled=bare).curve
            best = max(curve, key=lambda point: point[SCORE])
            figures = {name: best[name] for name in FIGURES} | {"train.cpu_seconds": time.process_time() - began}
            run.metrics(figures)
        print(one, chosen.seed, *(f"{name} {value:.4g}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    guarded(lambda: typer.run(main))

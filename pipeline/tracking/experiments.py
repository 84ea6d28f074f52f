"""One run for each DVC experiment, of the same name: parent of the runs of its stages, with their headline figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pipeline.tracking.journal import Event
from pipeline.tracking.runs import as_text, flat
from pipeline.tracking.store import find_or_create

if TYPE_CHECKING:
    from mlflow import MlflowClient

HEADLINE = ("topics.macro_f1", "stance.macro_f1")


def experiment_run(start: Event) -> str:
    """The id of the run of the experiment that a journal's start names."""
    experiment = start["experiment"]
    tags = {"kind": "experiment", "dvc.experiment": experiment["name"], "git.commit": experiment["baseline"]}
    if experiment["sweep"]:
        parent = find_or_create(experiment["sweep"], experiment["sweep"], start["time"], {"kind": "sweep"})
        tags["mlflow.parentRunId"] = parent
    key = "@".join((experiment["name"], experiment["baseline"], experiment["params"]))
    return find_or_create(key, experiment["name"], start["time"], tags)


def join_experiment(mlflow: MlflowClient, events: list[Event], files: Path, status: str) -> None:
    """Tell the experiment's run the params and what a stage's run has measured, and that a stage ended."""
    if not events[0]["experiment"]:
        return
    from mlflow.entities import Metric, Param

    run_id = experiment_run(events[0])
    params = yaml.safe_load((files / "dvc" / "params.yaml").read_text(encoding="utf-8"))
    metrics = [Metric(name, value, events[-1]["time"], 0) for name, value in headline(events).items()]
    mlflow.log_batch(run_id, metrics, [Param(name, as_text(value)) for name, value in flat(params).items()])
    parent = mlflow.get_run(run_id).data.tags.get("mlflow.parentRunId")
    for one in (run_id, parent) if parent else (run_id,):
        mlflow.set_terminated(one, status, events[-1]["time"])


def headline(events: list[Event]) -> dict[str, float]:
    """The figures of an evaluation that stand for a model, under the model's name."""
    tags = {k: v for event in events if event["kind"] == "tags" for k, v in event["values"].items()}
    figures = {k: v for event in events if event["kind"] == "metrics" for k, v in event["values"].items()}
    if tags.get("kind") != "evaluation":
        return {}
    return {
        f"{tags['model']}.{name}": value
        for name, value in figures.items()
        if any(name == f"{kind}.{figure}" for kind in ("test", "real") for figure in HEADLINE)
    }

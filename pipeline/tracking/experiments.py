"""One run for each DVC experiment, of the same name: parent of the runs of its stages, with their headline figures."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pipeline.tracking.journal import Event, now
from pipeline.tracking.runs import as_text, flat
from pipeline.tracking.store import client, find_or_create

if TYPE_CHECKING:
    from mlflow import MlflowClient

HEADLINE = ("test.topics.macro_f1", "test.stance.macro_f1", "real.topics.macro_f1", "real.stance.macro_f1")
_OF_A_SWEEP = re.compile(r"(sweep-\d{8}-\d{6})-\d+")


def sweep_of(experiment: str) -> str | None:
    """The sweep that an experiment is part of, by the experiment's own name.

    >>> sweep_of("sweep-20260102-030405-12"), sweep_of("gentle")
    ('sweep-20260102-030405', None)
    """
    found = _OF_A_SWEEP.fullmatch(experiment)
    return found[1] if found else None


def experiment_run(start: Event) -> str:
    """The id of the run of the experiment that a journal's start names."""
    experiment = start["experiment"]
    tags = {"kind": "experiment", "dvc.experiment": experiment["name"], "git.commit": experiment["baseline"]}
    if sweep := sweep_of(experiment["name"]):
        tags["mlflow.parentRunId"] = find_or_create(sweep, sweep, start["time"], {"kind": "sweep"})
    key = "@".join((experiment["name"], experiment["baseline"], experiment["params"]))
    return find_or_create(key, experiment["name"], start["time"], tags)


def join_experiment(mlflow: MlflowClient, events: list[Event], files: Path, status: str) -> None:
    """Tell the experiment's run the params and what a stage's run has measured, and that a stage ended."""
    if not events[0]["experiment"]:
        return
    params = (files / "dvc" / "params.yaml").read_text(encoding="utf-8")
    _tell(mlflow, experiment_run(events[0]), params, headline(events), status, events[-1]["time"])


def complete(name: str, baseline: str, params: str, figures: Mapping[str, float]) -> None:
    """Tell the run of a finished experiment what its stages did not: DVC runs none whose results it has."""
    mlflow, when = client(), now()
    experiment = {"name": name, "baseline": baseline, "params": hashlib.sha256(params.encode()).hexdigest()}
    run_id = experiment_run({"experiment": experiment, "time": when})
    known = mlflow.get_run(run_id)
    missing = {key: value for key, value in figures.items() if key not in known.data.metrics}
    if missing or not known.data.params:
        _tell(mlflow, run_id, params, missing, "FINISHED", when)


def _tell(mlflow: MlflowClient, run_id: str, params: str, figures: Mapping[str, float], status: str, when: int) -> None:
    from mlflow.entities import Metric, Param

    metrics = [Metric(name, value, when, 0) for name, value in figures.items()]
    values = flat(yaml.safe_load(params))
    mlflow.log_batch(run_id, metrics, [Param(name, as_text(value)) for name, value in values.items()])
    parent = mlflow.get_run(run_id).data.tags.get("mlflow.parentRunId")
    for one in (run_id, parent) if parent else (run_id,):
        mlflow.set_terminated(one, status, when)


def headline(events: list[Event]) -> dict[str, float]:
    """The figures of an evaluation that stand for a model, under the model's name."""
    tags = {k: v for event in events if event["kind"] == "tags" for k, v in event["values"].items()}
    figures = {k: v for event in events if event["kind"] == "metrics" for k, v in event["values"].items()}
    return of_model(tags["model"], figures) if tags.get("kind") == "evaluation" else {}


def of_model(model: str, figures: Mapping[str, float]) -> dict[str, float]:
    """Those of an evaluation's figures that stand for the model, under its name."""
    return {f"{model}.{name}": value for name, value in figures.items() if name in HEADLINE}

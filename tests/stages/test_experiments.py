"""Experiments as people run them: DVC's queue, a sweep, and the way from a model or scored file to its run."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.storage import sha256_of
from pipeline.tracking.finding import runs_of
from pipeline.tracking.store import search
from tests.miniature import Run

DETENTE = ("python", "-m", "pipeline.cli")
KINDS = {
    "baseline": "training",
    "finetuned": "training",
    "finetuned-int8": "export",
    "ensemble": "combination",
    "cascade": "combination",
}


@pytest.fixture(scope="module")
def own(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the miniature that these tests may change."""
    folder = tmp_path_factory.mktemp("own") / "project"
    shutil.copytree(project, folder, symlinks=True)
    return folder


@pytest.fixture(autouse=True)
def its_store(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def shown(own: Path, run: Run) -> dict[str, dict[str, Any]]:
    """What `dvc exp show` has of the baseline's figures in each experiment."""
    (workspace, head) = json.loads(run(own, "dvc", "exp", "show", "--json").stdout)
    del workspace
    found = {one["revs"][0]["name"]: one["revs"][0]["data"]["metrics"] for one in head["experiments"]}
    return {name: metrics["models/baseline/metrics.json"]["data"]["test"] for name, metrics in found.items()}


def test_a_queued_experiment_is_one_run_of_its_name_in_the_projects_store(own: Path, run: Run) -> None:
    queue = ("dvc", "exp", "run", "--queue", "--name", "gentle-c", "-S", "train_baseline.topic_c=0.5")
    run(own, *queue, "evaluate@baseline")
    run(own, "dvc", "queue", "start")
    deadline = time.monotonic() + 300
    while "Success" not in (told := run(own, "dvc", "queue", "status").stdout):
        assert "Failed" not in told, run(own, "dvc", "queue", "logs", "gentle-c").stdout
        assert time.monotonic() < deadline, told
        time.sleep(1)
    (experiment,) = search("tags.kind = 'experiment'")
    assert experiment.info.run_name == "gentle-c"
    assert experiment.data.params["train_baseline.topic_c"] == "0.5"
    stages = search(f"tags.`mlflow.parentRunId` = '{experiment.info.run_id}'")
    assert {one.data.tags["dvc.stage"] for one in stages} == {"train_baseline", "evaluate@baseline"}
    assert {one.info.status for one in (experiment, *stages)} == {"FINISHED"}
    head = run(own, "git", "rev-parse", "HEAD").stdout.strip()
    assert {one.data.tags["git.commit"] for one in (experiment, *stages)} == {head}
    figures = shown(own, run)["gentle-c"]
    for task in ("topics", "stance"):
        name = f"test.{task}.macro_f1"
        (evaluation,) = (one for one in stages if one.data.tags["kind"] == "evaluation")
        assert evaluation.data.metrics[name] == figures[task]["macro_f1"]
        assert experiment.data.metrics[f"baseline.{name}"] == figures[task]["macro_f1"]
    assert run(own, "git", "status", "--porcelain").stdout == ""


def test_a_sweep_is_one_parent_and_prints_the_comparison(own: Path, run: Run) -> None:
    values = ("0.01", "0.5", "10")  # new, tried above, and that of params.yaml: of the last two DVC has the results
    told = run(own, *DETENTE, "sweep", "evaluate@baseline", "-S", f"train_baseline.topic_c={','.join(values)}").stdout
    (parent,) = search("tags.kind = 'sweep'")
    children = search(f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    children.sort(key=lambda child: child.info.run_name)
    assert [child.info.run_name for child in children] == [f"{parent.info.run_name}-{number}" for number in (1, 2, 3)]
    assert [child.data.params["train_baseline.topic_c"] for child in children] == list(values)
    assert search(f"tags.`mlflow.parentRunId` = '{children[-1].info.run_id}'") == []
    head = run(own, "git", "rev-parse", "HEAD").stdout.strip()
    figures, table = shown(own, run), told[told.rindex("experiment") :]
    for child, value in zip(children, values, strict=True):
        name = child.info.run_name
        assert (child.info.status, child.data.tags["git.commit"]) == ("FINISHED", head)
        for task in ("topics", "stance"):
            assert child.data.metrics[f"baseline.test.{task}.macro_f1"] == figures[name][task]["macro_f1"]
        assert len(child.data.metrics) == 2
        line = next(line for line in table.splitlines() if name in line)
        assert value in line.split()
    assert "train_baseline.topic_c" in table


def test_every_run_tells_its_story(own: Path) -> None:
    runs = search("tags.`dvc.experiment` = ''")
    kinds = {run.data.tags["kind"] for run in runs}
    assert kinds == {"labelling", "training", "export", "combination", "evaluation", "comparison"}
    for run in runs:
        tags = run.data.tags
        assert len(run.data.metrics) <= 40
        assert {"git.commit", "git.dirty", "dvc.stage", "params.sha256", "machine"} <= set(tags)
        assert {"run.seconds", "run.peak_memory_mib"} <= set(run.data.metrics)
        assert any(name.startswith(tags["dvc.stage"].partition("@")[0]) for name in run.data.params)
        if tags["kind"] in ("training", "evaluation"):
            assert {"data.sha256", "seeds.sha256", "model.sha256"} <= set(tags)
            assert run.inputs.dataset_inputs
            labels = own / "data" / "labels" / ("train.jsonl" if tags["kind"] == "training" else "test.jsonl")
            assert tags["data.sha256"] == hashlib.sha256(labels.read_bytes()).hexdigest()
            assert tags["seeds.sha256"] == sha256_of(own / "seeds")
    evaluation = [run for run in runs if run.data.tags["kind"] == "evaluation"]
    assert len({frozenset(run.data.metrics) for run in evaluation}) == 1  # one naming scheme for all models
    assert {"test.topics.macro_f1", "test.stance.macro_f1", "data.test.sentences"} <= set(evaluation[0].data.metrics)


def test_a_run_names_its_model_as_dvc_lock_does(own: Path) -> None:
    lock = (own / "dvc.lock").read_text()
    found = [run.data.tags for run in search("tags.`dvc.experiment` = ''")]
    assert {tags["model"] for tags in found if "dvc.out" in tags and tags["dvc.out"] in lock} == set(KINDS)
    for model, kind in KINDS.items():
        (maker,) = runs_of(f"models/{model}/model")
        tags = maker.data.tags
        assert (tags["kind"], tags["dvc.out.path"], tags["dvc.out"] in lock) == (kind, f"models/{model}/model", True)


def test_after_a_repro_that_skipped_training_the_model_still_names_its_run(own: Path, run: Run) -> None:
    manifest = json.loads((own / "models" / "baseline" / "model" / "manifest.json").read_text())
    first = max(  # the same bytes may have been made more than once
        (one for one in search(f"tags.`model.sha256` = '{manifest['sha256']}'") if one.data.tags["kind"] == "training"),
        key=lambda one: one.info.start_time,
    )
    assert "didn't change, skipping" in run(own, "dvc", "repro").stdout
    told = run(own, *DETENTE, "runs", "models/baseline/model").stdout
    assert first.info.run_id in told
    assert "the one in place names this model" in told
    (own / "new.txt").write_text("The match in town was praised with joy.")
    run(own, *DETENTE, "score", "new.txt", "-o", "scored.csv")
    champion = json.loads((own / "models" / "champion.json").read_text())["model"]
    (made,) = runs_of(f"models/{champion}/model")
    assert made.info.run_id in run(own, *DETENTE, "runs", "scored.csv").stdout
    for name in ("new.txt", "scored.csv"):
        (own / name).unlink()


def test_an_experiments_run_leads_to_the_commit_with_its_dvc_lock(own: Path, run: Run) -> None:
    (made,) = (one for one in search("tags.`dvc.experiment` = 'gentle-c'") if one.data.tags["kind"] == "training")
    told = run(own, *DETENTE, "runs", made.info.run_id).stdout
    commit = told.split("of commit ")[1].split(":")[0]
    assert made.data.tags["dvc.out"] in run(own, "git", "show", f"{commit}:dvc.lock").stdout


def test_runs_lists_what_differs(own: Path, run: Run) -> None:
    told = run(own, *DETENTE, "runs").stdout
    line = next(line for line in told.splitlines() if "gentle-c" in line)
    assert "topic_c=0.5" in line
    assert "min_df" not in told

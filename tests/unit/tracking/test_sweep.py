"""A grid becomes settings, and what DVC shows becomes one comparison."""

import pytest

from pipeline.errors import UserError
from pipeline.tracking.experiments import complete, sweep_of
from pipeline.tracking.store import client, search
from pipeline.tracking.sweep import combinations, comparison
from pipeline.tracking.sweep import sweep as run_sweep

TEST, HELD = "metrics.json:test.topics.macro_f1", "validation.json:validation.topics.macro_f1"
HEAD = ("Experiment", "State", f"models/baseline/{TEST}", f"models/baseline/{HELD}", "train.c", "seed")
ROWS = [
    ("", "", "0.5", "0.4", "10", "0"),
    ("s-2", "Failed", "0.8", "0.9", "3", "0"),
    ("s-1", "", "0.7", "0.6", "1", "0"),
]
SHOWN = "".join(",".join(row) + "\n" for row in (HEAD, *ROWS, ("other", "", "0.1", "0.2", "1", "0")))


def test_all_combinations() -> None:
    assert len(combinations(["a=1,2,3", "b=1,2"])) == 6


@pytest.mark.parametrize("entry", ["a", "a=", "=1", "a=1,,2"])
def test_no_grid(entry: str) -> None:
    with pytest.raises(UserError):
        combinations([entry])


def test_what_others_queued_is_left_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    status = (
        "Task     Name    Created    Status\n1a2b3c4  mine    10:00 AM   Queued\n\nWorker status: 0 active, 0 idle\n"
    )
    monkeypatch.setattr("pipeline.tracking.sweep._told", lambda *words: status)
    monkeypatch.setattr("pipeline.tracking.sweep._run", pytest.fail)
    with pytest.raises(UserError, match="other experiments wait in the queue"):
        run_sweep("evaluate@baseline", ["train_baseline.seed=0,1"])


@pytest.mark.parametrize(
    ("experiment", "sweep"),
    [
        ("sweep-20260102-030405-1", "sweep-20260102-030405"),
        ("sweep-20260102-030405-12", "sweep-20260102-030405"),
        ("sweep-20260102-030405", None),
        ("sweep-of-mine-1", None),
        ("gentle", None),
    ],
)
def test_an_experiments_name_tells_its_sweep(experiment: str, sweep: str | None) -> None:
    assert sweep_of(experiment) == sweep


def test_a_finished_experiment_whose_stages_were_skipped_gets_its_run_once() -> None:
    name, figures = "sweep-20260102-030405-1", {"baseline.test.topics.macro_f1": 0.5}
    ended = []
    for known in ({}, figures, figures):
        complete(name, "c0ffee", "train_baseline: {topic_c: 3}\n", known)
        ended += [one.info.end_time for one in search("tags.kind = 'experiment'")]
    assert ended[1] == ended[2]
    (parent,) = search("tags.kind = 'sweep'")
    (child,) = search("tags.kind = 'experiment'")
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert (child.info.run_name, child.info.status, child.data.metrics) == (name, "FINISHED", figures)
    assert child.data.params == {"train_baseline.topic_c": "3"}
    assert len(client().get_metric_history(child.info.run_id, *figures)) == 1


def test_the_comparison_has_the_sweeps_experiments_and_what_varies() -> None:
    lines = comparison(SHOWN, "s", ["train.c", "seed"]).splitlines()
    assert lines[0].split()[:2] == ["experiment", "state"]
    assert [line.split()[0] for line in lines[2:]] == ["s-1", "s-2"]
    assert "0.7" in lines[2] and "Failed" in lines[3] and "seed" not in lines[0]
    assert f"baseline/{HELD}" in lines[0] and "0.6" in lines[2]  # what to choose by

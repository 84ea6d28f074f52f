"""Runs reach the store, a lost store costs nothing, and what was spooled is sent once."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from pipeline.tracking import runs as tracking


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def record(sha256: str = "abc") -> None:
    with tracking.run("train_baseline", "a run") as run:
        run.params({"train_baseline": {"min_df": 2}})
        run.metrics({"validation.loss": 0.5}, step=1)
        run.metrics({"validation.loss": 0.25}, step=2)
        run.tags({"kind": "training", tracking.MODEL_TAG: sha256})
        run.table([{"class": "sport", "f1": 0.5}], "by_class.json")
        run.text("hello", "notes/hello.txt")
        figure = Figure()
        figure.add_subplot().plot([1, 2])
        run.figure(figure, "plots/line.png")


def check_complete() -> None:
    found = tracking.find_by_model("abc")
    assert found is not None
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "a run"
    assert found.data.params == {"train_baseline.min_df": "2"}
    client = tracking._client()
    history = client.get_metric_history(found.info.run_id, "validation.loss")
    assert [(m.step, m.value) for m in history] == [(1, 0.5), (2, 0.25)]
    assert {a.path for a in client.list_artifacts(found.info.run_id)} == {"by_class.json", "notes", "plots"}
    assert found.data.tags["dvc.stage"] == "train_baseline"


def test_a_run_is_stored_and_found_by_the_hash_of_its_model() -> None:
    record()
    check_complete()
    assert tracking.find_by_model("other") is None
    assert not tracking.SPOOL.exists()


def test_a_run_whose_block_raises_is_failed() -> None:
    with pytest.raises(RuntimeError), tracking.run("train_baseline", "broken") as run:
        run.tags({"kind": "training", tracking.MODEL_TAG: "bad"})
        raise RuntimeError
    found = tracking.find_by_model("bad")
    assert found is not None
    assert found.info.status == "FAILED"


def test_a_store_that_is_down_costs_one_line_and_the_run_is_sent_later_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    record()
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tracking:")]
    assert len(told) == 1
    assert "detente track" in told[0]
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking.send_spooled() == ["a run"]
    assert tracking.send_spooled() == []
    check_complete()


def test_a_store_that_breaks_in_the_middle_is_filled_up_later(monkeypatch: pytest.MonkeyPatch) -> None:
    real = tracking._send

    def breaking(client: object, run_id: str, event: dict[str, object]) -> None:
        if event["kind"] == "table":
            raise ConnectionError("gone")
        real(client, run_id, event)  # type: ignore[arg-type]

    monkeypatch.setattr(tracking, "_send", breaking)
    record()
    monkeypatch.setattr(tracking, "_send", real)
    assert tracking.send_spooled() == ["a run"]
    experiment = tracking._client().get_experiment_by_name(tracking.EXPERIMENT)
    assert experiment is not None
    assert len(tracking._client().search_runs([experiment.experiment_id])) == 1  # the same run, not another

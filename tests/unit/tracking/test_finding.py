"""From a model or a scored file to its run, and what differs between runs."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from pipeline.errors import UserError
from pipeline.storage import seal
from pipeline.tracking import store
from pipeline.tracking.finding import differences, runs_of, runs_table, story
from pipeline.tracking.store import client, experiment_id, find_by_model, search


def make(name: str, kind: str, sha256: str, params: dict[str, str], **metrics: float) -> str:
    mlflow = client()
    tags = {"kind": kind, "model.sha256": sha256, "dvc.stage": "train", "git.commit": "c0ffee", "dvc.out": "no such"}
    run_id: str = mlflow.create_run(experiment_id(mlflow), run_name=name, tags=tags).info.run_id
    for key, value in params.items():
        mlflow.log_param(run_id, key, value)
    for key, number in metrics.items():
        mlflow.log_metric(run_id, key.replace("_f1", ".macro_f1").replace("_", ".", 1), number)
    return run_id


@pytest.fixture
def model() -> Path:
    folder = Path("models/baseline/model")
    folder.mkdir(parents=True)
    (folder / "weights").write_text("1")
    seal(folder, "baseline")
    return folder


def sha256_of_model(folder: Path) -> str:
    return str(json.loads((folder / "manifest.json").read_text())["sha256"])


def test_the_table_shows_what_differs_and_which_model_is_in_place(model: Path) -> None:
    make("one", "training", sha256_of_model(model), {"train.c": "1", "train.seed": "0"}, validation_topics_f1=0.625)
    make("evaluate", "evaluation", sha256_of_model(model), {}, test_topics_f1=0.875)
    make("two", "training", "b" * 64, {"train.c": "3", "train.seed": "0"})
    table = runs_table(20, Path("models"))
    assert "seed" not in table
    one = next(line for line in table.splitlines() if " one " in line)
    assert "0.625" in one and "0.875" in one and "c=1" in one and f"{sha256_of_model(model)[:12]} *" in one
    two = next(line for line in table.splitlines() if " two " in line)
    assert "c=3" in two and "*" not in two
    assert " evaluate " not in table


def test_a_param_keeps_its_section_where_another_has_its_name() -> None:
    same = {"label.encoder": "minilm", "train.encoder": "minilm", "train.epochs": "3"}
    make("one", "training", "a" * 64, same)
    make("two", "training", "b" * 64, same | {"label.encoder": "x", "train.encoder": "y", "train.epochs": "4"})
    two, one = search()
    assert differences(two, [one, two]) == {"label.encoder": "x", "train.encoder": "y", "epochs": "4"}


@pytest.mark.parametrize("kind", ["training", "export", "combination"])
def test_a_model_is_found_behind_any_number_of_later_runs(
    kind: str, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_PAGE", 2)
    sha256 = sha256_of_model(model)
    run_id = make("first", kind, sha256, {})
    make("evaluate", "evaluation", sha256, {}, test_topics_f1=0.875)
    for number in range(3):
        make(f"later {number}", "evaluation", "b" * 64, {})
    assert len(search()) == 5
    assert [run.info.run_name for run in search(limit=3)] == ["later 2", "later 1", "later 0"]
    assert [run.info.run_id for run in runs_of(str(model))] == [run_id]
    assert [run.info.run_id for run in runs_of("first")] == [run_id]
    found = find_by_model(sha256)
    assert found is not None and found.info.run_id == run_id
    assert "0.875" in next(line for line in runs_table(20, Path("models")).splitlines() if " first " in line)


def test_where_no_dvc_lock_names_the_model_it_says_which_one_the_run_began_with() -> None:
    subprocess.run(["git", "init", "--quiet"], check=True)
    run_id = make("lost", "training", "a" * 64, {})
    (found,) = search()
    assert f"began with the dvc.lock in the run: mlflow artifacts download --run-id {run_id}" in story(found)


def write_jsonl(rows: list[dict[str, str]], path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


WRITERS: dict[str, Callable[[list[dict[str, str]], Path], object]] = {
    "jsonl": write_jsonl,
    "csv": lambda rows, path: pyarrow.csv.write_csv(pa.Table.from_pylist(rows), path),
    "parquet": lambda rows, path: pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path),
    "parts": lambda rows, path: [write_part(row, path / f"part-{i:05}.parquet") for i, row in enumerate(rows)],
}


def write_part(row: dict[str, str], path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    pyarrow.parquet.write_table(pa.Table.from_pylist([row]), path)


@pytest.mark.parametrize("ending", WRITERS)
def test_a_scored_file_names_the_run_of_each_model(ending: str) -> None:
    ids = [make(name, "training", name * 64, {}) for name in "ab"]
    make("evaluate", "evaluation", "a" * 64, {})
    rows = [{"text": "x", "model": f"m@{name * 12}"} for name in "aab"]
    WRITERS[ending](rows, Path(f"scored.{ending}"))
    assert [run.info.run_id for run in runs_of(f"scored.{ending}")] == ids


def test_a_model_folder_names_the_run_that_made_it_and_its_origin(model: Path) -> None:
    run_id = make("train it", "training", sha256_of_model(model), {})
    for place in (model, model.parent):
        (found,) = runs_of(str(place))
        assert found.info.run_id == run_id
    told = story(found)
    assert "train it" in told and run_id in told and "c0ffee" in told and sha256_of_model(model)[:12] in told
    assert [run.info.run_id for run in runs_of(run_id[:8])] == [run_id]


@pytest.mark.parametrize("what", ["nothing.jsonl", "models", "broken.jsonl", "hashless.csv", "odd.csv"])
def test_what_leads_to_no_run_is_said_in_one_line(what: str) -> None:
    Path("models").mkdir()
    Path("broken.jsonl").write_text('{"text": 1}\n')
    Path("hashless.csv").write_text("model\nbaseline\n")
    Path("odd.csv").write_text("model\nbaseline@0123456789'ab\n")
    with pytest.raises(UserError) as caught:
        runs_of(what)
    assert what in str(caught.value)

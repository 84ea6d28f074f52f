"""From a model or a scored file to its run, and what differs between runs."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from pipeline.errors import UserError
from pipeline.storage import seal
from pipeline.tracking.finding import runs_of, runs_table, story
from pipeline.tracking.store import client, experiment_id


def make(name: str, kind: str, sha256: str, params: dict[str, str], **metrics: float) -> str:
    store = client()
    tags = {"kind": kind, "model.sha256": sha256, "dvc.stage": "train", "git.commit": "c0ffee"}
    run_id: str = store.create_run(experiment_id(store), run_name=name, tags=tags).info.run_id
    for key, value in params.items():
        store.log_param(run_id, key, value)
    for key, number in metrics.items():
        store.log_metric(run_id, key.replace("_f1", ".macro_f1").replace("test_", "test."), number)
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
    make("one", "training", sha256_of_model(model), {"train.c": "1", "train.seed": "0"})
    make("evaluate", "evaluation", sha256_of_model(model), {}, test_topics_f1=0.875)
    make("two", "training", "b" * 64, {"train.c": "3", "train.seed": "0"})
    table = runs_table(20, Path("models"))
    assert "seed" not in table
    one = next(line for line in table.splitlines() if " one " in line)
    assert "0.875" in one and "c=1" in one and f"{sha256_of_model(model)[:12]} *" in one
    two = next(line for line in table.splitlines() if " two " in line)
    assert "c=3" in two and "*" not in two
    assert " evaluate " not in table


def write_jsonl(rows: list[dict[str, str]], path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


WRITERS: dict[str, Callable[[list[dict[str, str]], Path], object]] = {
    "jsonl": write_jsonl,
    "csv": lambda rows, path: pyarrow.csv.write_csv(pa.Table.from_pylist(rows), path),
    "parquet": lambda rows, path: pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path),
}


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


@pytest.mark.parametrize("what", ["nothing.jsonl", "models", "broken.jsonl", "hashless.csv"])
def test_what_leads_to_no_run_is_said_in_one_line(what: str) -> None:
    Path("models").mkdir()
    Path("broken.jsonl").write_text('{"text": 1}\n')
    Path("hashless.csv").write_text("model\nbaseline\n")
    with pytest.raises(UserError) as caught:
        runs_of(what)
    assert what in str(caught.value)

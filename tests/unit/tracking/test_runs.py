"""What a stage tells is in the store, whole and once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.evaluation.metrics import Judged, Resampling, evaluate, headline
from pipeline.schemas import LabelledSentence, sizes
from pipeline.taxonomy import Taxonomy
from pipeline.tracking import runs as tracking
from pipeline.tracking.journal import journals
from pipeline.tracking.place import spool
from pipeline.tracking.store import client, find_by_model, search
from tests.unit.tracking.conftest import record


def check_complete(tmp_path: Path) -> None:
    found = find_by_model("abc")
    assert found is not None
    assert (found.info.status, found.info.run_name) == ("FINISHED", "a run")
    assert found.data.params == {
        "train_baseline.min_df": "2",
        "train_baseline.class_weight": "null",
        "train_baseline.word_ngrams": "[1, 2]",
    }
    assert found.data.metrics["data.train.sentences"] == 36
    assert found.data.metrics["run.seconds"] > 0
    assert found.data.metrics["run.peak_memory_mib"] > 10
    tags = found.data.tags
    assert tags["dvc.stage"] == "train_baseline"
    assert tags["params.sha256"] == tags["params.yaml.sha256"]
    (given,) = found.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("train", tags["params.sha256"][:32])
    store = client()
    history = store.get_metric_history(found.info.run_id, "validation.loss")
    assert [(m.step, m.value) for m in history] == [(1, 0.5), (2, 0.25)]
    folder = Path(store.download_artifacts(found.info.run_id, "", str(tmp_path)))
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {"by_class.json", "notes/hello.txt", "plots/line.png", "summary.html", "dvc/params.yaml"} <= files
    assert "mlflow==" in (folder / "environment" / "packages.txt").read_text()
    table = store.load_table(found.info.experiment_id, "by_class.json", [found.info.run_id])
    assert table["class"].tolist() == ["sport", "music"]
    page = (folder / "summary.html").read_text()
    for part in ("a run", "train_baseline.min_df", "sport", "data:image/png;base64,"):
        assert part in page


def test_a_run_is_stored_and_found_by_the_hash_of_its_model(tmp_path: Path) -> None:
    record()
    check_complete(tmp_path)
    assert find_by_model("other") is None
    assert journals(spool()) == []


def test_a_stage_imports_no_mlflow() -> None:
    code = "import sys, pipeline.tracking.runs; print([m for m in sys.modules if m.split('.')[0] == 'mlflow'])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_run_whose_block_raises_is_failed() -> None:
    with pytest.raises(RuntimeError), tracking.run("train_baseline", "broken") as run:
        run.tags({"kind": "training", tracking.MODEL_TAG: "bad"})
        raise RuntimeError
    (found,) = search()
    assert found.info.status == "FAILED"


def test_switched_off_it_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETENTE_TRACKING", "off")
    record()
    assert not spool().exists()
    assert search() == []


def test_a_journal_that_cannot_be_written_costs_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mlspool").write_text("in the way")
    record()
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tracking:")]
    assert len(told) == 1


def test_the_tables_are_known_to_the_ui() -> None:
    record()
    (found,) = search()
    assert json.loads(found.data.tags["mlflow.loggedArtifacts"]) == [{"path": "by_class.json", "type": "table"}]


def test_an_evaluation_of_the_projects_own_classes_has_at_most_40_metrics(
    taxonomy: Taxonomy, labelled: list[LabelledSentence]
) -> None:
    scores = ({c.id: 0.5 for c in taxonomy.topics}, {c.id: 0.5 for c in taxonomy.stances})
    stance = taxonomy.default_stance
    rows = [Judged(str(i), f"a{i}", "A text.", (), stance, (), stance, *scores) for i in range(3)]
    figures = evaluate(rows, taxonomy, Resampling(10, 0.9, 0))
    of_data = {f"data.test.{what}" for what in sizes(labelled)}
    names = {*headline(figures, "test"), *headline(figures, "real"), *of_data, "run.seconds", "run.peak_memory_mib"}
    assert len(names) <= 40

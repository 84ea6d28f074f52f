"""A store of its own for each test, copied from one that was migrated once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from pipeline.tracking import runs as tracking
from pipeline.tracking.store import alone, client, experiment_id


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        client()
        with alone():
            client().search_experiments()
    return folder / "mlflow.db"


@pytest.fixture(autouse=True)
def project_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path, migrated: Path) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(root))
    for name in ("MLFLOW_TRACKING_URI", "DVC_EXP_NAME", "DVC_STAGE", "DETENTE_TRACKING", tracking.PATIENCE):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(migrated, tmp_path / "mlflow.db")
    with alone():
        experiment_id(client())
    return tmp_path


def record(sha256: str = "abc") -> None:
    """A run of all that a run can hold."""
    Path("params.yaml").write_text("train_baseline: {min_df: 2}\n")
    with tracking.run("train_baseline", "a run") as run:
        run.params({"train_baseline": {"min_df": 2, "class_weight": None, "word_ngrams": [1, 2]}})
        run.metrics({"validation.loss": 0.5}, step=1)
        run.metrics({"validation.loss": 0.25}, step=2)
        run.tags({"kind": "training", tracking.MODEL_TAG: sha256})
        run.sources(params=Path("params.yaml"))
        run.dataset(Path("params.yaml"), "train", "training", sentences=36)
        run.table([{"class": "sport", "f1": 0.5}, {"class": "music", "f1": float("nan")}], "by_class.json")
        run.text("hello", "notes/hello.txt")
        figure = Figure()
        figure.add_subplot().plot([1, 2])
        run.figure(figure, "plots/line.png")

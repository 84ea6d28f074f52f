"""Runs of every workspace of a project go to the project's own store."""

from pathlib import Path

import pytest

from pipeline.tracking.place import project_root, tracking_uri


@pytest.mark.parametrize("inside", ["", "models/baseline", ".dvc/tmp/exps/tmpab12", ".dvc/tmp/exps/tmpab12/models"])
def test_the_root_is_the_projects_from_any_folder(tmp_path: Path, inside: str) -> None:
    (tmp_path / ".dvc" / "tmp" / "exps" / "tmpab12" / ".dvc").mkdir(parents=True)
    (tmp_path / ".dvc" / "tmp" / "exps" / "tmpab12" / "models").mkdir()
    (tmp_path / "models" / "baseline").mkdir(parents=True)
    assert project_root(tmp_path / inside) == tmp_path


def test_a_named_store_is_taken_and_a_relative_one_is_the_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dvc" / "tmp" / "exps" / "tmp1").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / ".dvc" / "tmp" / "exps" / "tmp1")
    assert tracking_uri() == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///other.db")
    assert tracking_uri() == f"sqlite:///{tmp_path}/other.db"
    for uri in ("sqlite:////srv/mlflow.db", "https://mlflow.example.org"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        assert tracking_uri() == uri

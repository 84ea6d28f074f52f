"""The miniature's models in MLflow's form: nothing but what scoring needs, loaded and served without the project."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.models import Model

from pipeline.classifiers.pyfunc import _load_pyfunc
from pipeline.evaluation import card
from pipeline.tracking.packaging import EXAMPLE, REQUIREMENTS, package
from pipeline.tracking.store import MAKING

TEXTS = ["The match and the goal in town was booed with anger.", "The singer gave a concert and was praised with joy."]
IMPORTED = """
import builtins, json, sys
from importlib.metadata import packages_distributions
plain, seen = builtins.__import__, set()
def noting(name, caller=None, *rest, **named):
    if (caller or {}).get("__name__", "").startswith("pipeline."):
        seen.add(name.split(".")[0])
    return plain(name, caller, *rest, **named)
builtins.__import__ = noting
from pipeline.classifiers.pyfunc import _load_pyfunc
_load_pyfunc(sys.argv[1]).predict(["A match was praised."])
builtins.__import__ = plain
owners = packages_distributions()
print(json.dumps(sorted(owners[name][0].lower() for name in seen - sys.stdlib_module_names - {"pipeline"})))
"""
UNSEEN = {"mlflow"}  # needed, but imported by others than us


@pytest.mark.parametrize("kind", REQUIREMENTS)
def test_requirements_are_what_scoring_imports(kind: str, project: Path, root: Path) -> None:
    command = [sys.executable, "-c", IMPORTED, str(project / "models" / kind / "model")]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    told = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True).stdout
    assert set(json.loads(told)) - {"pydantic_core"} == set(REQUIREMENTS[kind]) - UNSEEN  # it comes with pydantic


def test_compare_registers_the_champion_of_the_pipeline(project: Path) -> None:
    champion = json.loads((project / "models" / "champion.json").read_text())
    version = stored(project).get_model_version_by_alias("detente", "champion")
    assert version.tags["model.sha256"] == champion["sha256"]
    assert version.tags["champion.decision"] == "first"
    assert version.description.startswith(f"# Model card: {champion['model']}")
    run = stored(project).get_run(version.run_id)
    assert run.data.tags["model.sha256"] == champion["sha256"]
    assert run.data.tags["kind"] in MAKING
    assert run.data.tags["dvc.out.path"] == f"models/{champion['model']}/model"


def test_a_card_says_of_every_kind_of_model_what_it_is() -> None:
    assert set(card._KINDS) == {*REQUIREMENTS, "finetuned-fp32"}  # a model in 8 bits where these go wrong
    assert len(set(card._KINDS.values())) == len(card._KINDS)


def stored(project: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{project}/mlflow.db")


@pytest.fixture(scope="module")
def packaged(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 8-bit model as an MLflow model."""
    folder = tmp_path_factory.mktemp("packaging") / "packaged"
    package(project / "models" / "finetuned-int8" / "model", folder, Model())
    return folder


def test_a_packaged_model_says_what_it_takes_gives_and_needs(packaged: Path) -> None:
    example = json.loads((packaged / "input_example.json").read_text())
    assert (example["columns"], example["data"]) == (list(EXAMPLE), [list(EXAMPLE.values())])
    needed = {name: importlib.metadata.version(name).split("+")[0] for name in REQUIREMENTS["finetuned-int8"]}
    pinned = (packaged / "requirements.txt").read_text().split()
    assert dict(line.split("==") for line in pinned) == needed
    signature = Model.load(str(packaged)).signature
    assert {column.name: column.required for column in signature.inputs} == {
        "text": True,
        "heading": False,
        "previous": False,
    }
    assert signature.outputs.input_names() == [
        "topics",
        "topic_scores",
        "stance",
        "stance_scores",
        "confidence",
        "abstain",
    ]


def test_texts_are_taken_as_people_give_them(project: Path) -> None:
    model = _load_pyfunc(str(project / "models" / "baseline" / "model"))
    assert len(model.predict("The deal.")) == len(model.predict(["The deal."])) == 1
    assert len(model.predict(pd.DataFrame({"text": [5, None]}))) == 2


@pytest.fixture
def served(packaged: Path, tmp_path: Path) -> Iterator[str]:
    """Its address while `mlflow models serve` runs, from another folder than the project's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(packaged)]
    command += ["--env-manager", "local", "--port", port, "--workers", "1"]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment.pop("PYTHONPATH", None)
    with (tmp_path / "serve.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2).close()
                break
            except OSError:
                assert server.poll() is None, (tmp_path / "serve.log").read_text()
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
        os.killpg(server.pid, 15)
        server.wait()


def ask(address: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        f"{address}/invocations", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        predictions: list[dict[str, Any]] = json.load(answer)["predictions"]
        return predictions


def test_a_served_model_answers(served: str) -> None:
    rows = ask(served, {"dataframe_records": [{"text": text} for text in TEXTS]})
    assert [set(row) for row in rows] == [
        {"topics", "topic_scores", "stance", "stance_scores", "confidence", "abstain"}
    ] * 2
    assert set(rows[0]["topic_scores"]) == {"sport", "music"}
    assert abs(sum(rows[0]["stance_scores"].values()) - 1) < 0.001
    assert len(ask(served, {"dataframe_records": [EXAMPLE]})) == 1
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(served, {"dataframe_records": [{"words": "no text here"}]})
    assert refused.value.code == 400


@pytest.mark.services
def test_the_champion_predicts_in_an_environment_made_from_its_own_requirements(project: Path, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    uri, store = "models:/detente@champion", f"sqlite:///{project}/mlflow.db"
    version = stored(project).get_model_version_by_alias("detente", "champion")
    folder = next(
        (project / "mlartifacts").rglob(f"{version.source.removeprefix('models:/')}/artifacts/requirements.txt")
    )
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", folder], check=True)
    script = (
        f"import mlflow, pandas as pd; mlflow.set_tracking_uri({store!r}); model = mlflow.pyfunc.load_model({uri!r}); "
        f"print(model.predict(pd.DataFrame({{'text': {TEXTS!r}}})).to_json(orient='records'))"
    )
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "MLFLOW_TRACKING_URI")}
    done = subprocess.run([python, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout.splitlines()[-1])
    assert len(rows) == 2 and set(rows[0]["topic_scores"]) == {"sport", "music"}
    shutil.rmtree(tmp_path / "venv")

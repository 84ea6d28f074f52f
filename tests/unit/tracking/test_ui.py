"""`detente ui` lays nothing open, opens where it should, and brings an old store up to date."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import sqlite3
from importlib.metadata import entry_points
from pathlib import Path

import alembic.command
import mlflow.cli
import pytest
import typer
from alembic.script import Script, ScriptDirectory
from click.testing import CliRunner
from flask import Flask
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base as InitialBase
from sqlalchemy import create_engine

from pipeline import doctor
from pipeline.cli import app, main
from pipeline.errors import UserError
from pipeline.tracking import ui
from pipeline.tracking.journal import begin
from pipeline.tracking.store import client
from pipeline.tracking.ui import PASSWORD, SECRET, Address, check, command, environment, page, prepare


@pytest.fixture(autouse=True)
def own_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_AUTH_CONFIG_PATH", PASSWORD, SECRET):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "mlflow.example.org"])
def test_an_open_bind_without_a_password_is_refused(host: str) -> None:
    with pytest.raises(UserError, match="without a password"):
        check(Address(host), authenticated=False)


def test_the_command_refuses_an_open_bind_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["detente", "ui", "--host", "0.0.0.0"])
    monkeypatch.setattr(ui, "prepare", lambda: pytest.fail("it goes on to start the server"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "without a password" in line


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_needs_no_password(host: str) -> None:
    check(Address(host), authenticated=False)
    assert "basic-auth" not in command(Address(host), authenticated=False)


def test_authentication_needs_its_secrets_and_is_then_asked_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=f"{PASSWORD} and {SECRET} not set"):
        check(Address("0.0.0.0"), authenticated=True)
    monkeypatch.setenv(PASSWORD, "correct horse battery")
    monkeypatch.setenv(SECRET, "a secret")
    check(Address("0.0.0.0"), authenticated=True)
    words = list(command(Address("0.0.0.0", 8000, ("mlflow.example.org",)), authenticated=True))
    assert words[words.index("--app-name") + 1] == "basic-auth"
    assert words[words.index("--allowed-hosts") + 1].startswith("mlflow.example.org,")
    settings = Path(environment(authenticated=True)["MLFLOW_AUTH_CONFIG_PATH"]).read_text()
    assert f"sqlite:///{Path.cwd()}/mlflow-auth.db" in settings


def test_the_server_that_is_started_with_accounts_asks_for_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application that `command` names, with the settings of `environment`, without a server around it."""
    pytest.importorskip("flask_wtf")
    monkeypatch.setenv(PASSWORD, "correct horse battery")
    monkeypatch.setenv(SECRET, "a secret")
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", environment(authenticated=True)["MLFLOW_AUTH_CONFIG_PATH"])
    words = list(command(Address(), authenticated=True))
    entry, *_ = entry_points(group="mlflow.app", name=words[words.index("--app-name") + 1])
    server = entry.load()(Flask("server")).test_client()
    assert server.get("/").status_code == 401
    assert server.get("/", auth=("admin", "wrong horse battery")).status_code == 401
    assert server.get("/", auth=("admin", "correct horse battery")).status_code != 401


def test_without_flask_wtf_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"PATH_TO_CHECKOUT\[server\]"):
        check(Address(), authenticated=True)


def test_the_store_is_made_migrated_once_and_opens_on_the_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    experiment = prepare()
    tags = client().get_experiment(experiment).tags
    assert "metrics.`test.topics.macro_f1`" in json.loads(tags["mlflow.sharedViewState.detente"])["selectedColumns"]
    assert page("http://127.0.0.1:5000", experiment).startswith(
        f"http://127.0.0.1:5000/#/experiments/{experiment}/runs?viewStateShareKey=detente"
    )
    assert prepare() == experiment
    assert "migrating" not in capsys.readouterr().out


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store one migration behind."""
    path = tmp_path_factory.mktemp("older") / "old.db"
    uri = f"sqlite:///{path}"
    engine = create_engine(uri)
    InitialBase.metadata.create_all(engine)
    alembic.command.upgrade(_get_alembic_config(uri), newest().down_revision)
    engine.dispose()
    return path


def newest() -> Script:
    found = ScriptDirectory.from_config(_get_alembic_config("sqlite://")).get_revision("head")
    assert found
    return found


def revision(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as store:
        return str(store.execute("select version_num from alembic_version").fetchone()[0])


def test_a_store_of_an_older_mlflow_is_migrated_with_a_copy_kept(
    older: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/old.db")
    shutil.copy(older, "old.db")
    assert prepare()
    assert revision(Path("old.db")) == newest().revision
    assert Path("old.db.before-migration").read_bytes() == older.read_bytes()


def test_a_store_of_a_newer_mlflow_is_left_alone(older: Path) -> None:
    shutil.copy(older, "mlflow.db")
    with contextlib.closing(sqlite3.connect("mlflow.db")) as store, store:
        store.execute("update alembic_version set version_num = '0123abc'")
    with pytest.raises(UserError, match="newer MLflow"):
        prepare()
    assert not Path("mlflow.db.before-migration").exists()


def test_the_commands_that_the_doctor_names_migrate_an_old_store_and_send_the_runs_that_wait(older: Path) -> None:
    shutil.copy(older, "mlflow.db")
    begin(Path("mlspool"), {"name": "a run", "stage": "train_baseline", "experiment": None})
    old, waiting = doctor.findings(Path())
    assert (old.where, waiting.where) == ("mlflow.db", "mlspool")
    for words, tool in ((old.remedy, mlflow.cli.cli), (waiting.remedy, typer.main.get_command(app))):
        done = CliRunner().invoke(tool, shlex.split(words)[1:])  # in this process: loading MLflow takes seconds
        assert done.exit_code == 0, done.output
    assert revision(Path("mlflow.db")) == newest().revision
    assert list(doctor.findings(Path())) == []

"""`detente ui` lays nothing open, opens where it should, and brings an old store up to date."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import alembic.command
import pytest
from alembic.script import ScriptDirectory
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base as InitialBase
from sqlalchemy import create_engine

from pipeline.errors import UserError
from pipeline.tracking import ui
from pipeline.tracking.place import tracking_uri
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


def test_without_flask_wtf_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"detente\[server\]"):
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


def test_a_store_of_an_older_mlflow_is_migrated_with_a_copy_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/old.db")
    config, engine = _get_alembic_config(tracking_uri()), create_engine(tracking_uri())
    InitialBase.metadata.create_all(engine)
    newest = ScriptDirectory.from_config(config).get_revision("head")
    alembic.command.upgrade(config, newest.down_revision)
    engine.dispose()
    before = Path("old.db").read_bytes()
    assert prepare()
    with sqlite3.connect("old.db") as store:
        assert store.execute("select version_num from alembic_version").fetchall() == [(newest.revision,)]
    assert Path("old.db.before-migration").read_bytes() == before

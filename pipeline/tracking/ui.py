"""MLflow's UI on the project's store: on this machine only, or behind a password."""

from __future__ import annotations

import contextlib
import importlib.util
import ipaddress
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.tracking.place import artifacts, is_own, project_root, shown_uri, tracking_uri
from pipeline.tracking.store import alone, client, experiment_id, failing_clearly

PASSWORD, SECRET = "MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY"
VIEW = "detente"  # key of the view in which the experiment opens
COLUMNS = (  # of the table of runs, as far as they fit: headline figures first
    "metrics.`test.topics.macro_f1`",
    "metrics.`test.stance.macro_f1`",
    "metrics.`test.joint_accuracy`",
    "params.`train_finetuned.learning_rate`",
    "tags.`dvc.experiment`",
    "attributes.`Models`",
)
_START = 60.0  # seconds that the server may take to answer


@dataclass(frozen=True)
class Address:
    """Where the server listens; `names` are the host names by which others may call it."""

    host: str = "127.0.0.1"
    port: int = 5000
    names: tuple[str, ...] = ()

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def serve(address: Address, authenticated: bool = False, browse: bool = True) -> int:
    """Run the UI until it is stopped; returns its exit code.

    Raises:
        UserError: when others could reach it without a password, or it cannot start.
    """
    if tracking_uri().startswith(("http:", "https:")):
        return _visit(page(shown_uri(), prepare()), browse)
    if not is_own(tracking_uri()):
        raise UserError.one("no server, but a database of its own", shown_uri(), "see docs/team-server.md")
    check(address, authenticated)
    place = page(address.url, prepare())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # a service that is stopped ends as after Ctrl-C
    server = subprocess.Popen(command(address, authenticated), env=environment(authenticated), start_new_session=True)
    try:
        _await(server, address)
        _visit(place, browse)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)  # MLflow starts many processes
        server.wait()


def _visit(place: str, browse: bool) -> int:
    print(f"MLflow on {place}", flush=True)
    if browse and _has_screen():
        webbrowser.open(place)
    return 0


def check(address: Address, authenticated: bool) -> None:
    """Refuse what would lay the store open.

    Raises:
        UserError: naming everything that is missing.
    """
    if not address.is_loopback and not authenticated:
        raise UserError.one(
            "others could reach the store without a password", f"--host {address.host}", "add --auth, or leave --host"
        )
    if authenticated and importlib.util.find_spec("flask_wtf") is None:
        raise UserError.one("Flask-WTF is missing", "--auth", "pip install 'PATH_TO_CHECKOUT[server]'")
    missing = [name for name in (PASSWORD, SECRET) if not os.environ.get(name)]
    if authenticated and missing:
        raise UserError.one(f"{' and '.join(missing)} not set", "--auth", "see docs/team-server.md")


def prepare() -> str:
    """Make or migrate the store, once, and give the experiment the view in which it opens; returns its id.

    Raises:
        UserError: when the store does not answer.
    """
    with failing_clearly(), alone():
        migrate()
        store = client()
        experiment = experiment_id(store)
        store.set_experiment_tag(experiment, f"mlflow.sharedViewState.{VIEW}", view())
        store.set_experiment_tag(experiment, "mlflow.experimentKind", "custom_model_development")
    return experiment


def migrate() -> None:
    """Bring the project's own database to this version of MLflow, with a copy kept; call it under `alone`.

    MLflow migrates some old databases when it opens them and refuses others; here all are, once, and told of.

    Raises:
        UserError: when a newer MLflow has made it.
    """
    path = Path(tracking_uri().removeprefix("sqlite:///"))
    if is_own(tracking_uri()) and path.is_file():
        from mlflow.store.db.utils import _get_latest_schema_revision

        revision = _revision(path)
        if revision not in ("", _get_latest_schema_revision()):  # type: ignore[no-untyped-call]
            _check_known(revision, path)
            shutil.copyfile(path, path.with_name(f"{path.name}.before-migration"))
            print(f"migrating {path.name} to this version of MLflow", flush=True)
            subprocess.run([sys.executable, "-m", "mlflow", "db", "upgrade", tracking_uri()], check=True)


def _revision(path: Path) -> str:
    """The schema that a database has, "" where it has none yet."""
    with contextlib.closing(sqlite3.connect(path)) as store, contextlib.suppress(sqlite3.OperationalError):
        return str(store.execute("select version_num from alembic_version").fetchone()[0])
    return ""


def _check_known(revision: str, path: Path) -> None:
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError
    from mlflow.store.db.utils import _get_alembic_config

    try:
        config = _get_alembic_config(tracking_uri())  # type: ignore[no-untyped-call]
        ScriptDirectory.from_config(config).get_revision(revision)
    except CommandError:
        remedy = "install the packages of requirements.lock, or move the file away"
        raise UserError.one("store of a newer MLflow", path, remedy) from None


def view() -> str:
    """The state of the UI in which the headline columns stand in the table of runs."""
    return json.dumps({"selectedColumns": COLUMNS, "orderByKey": "attributes.start_time"})


def page(server: str, experiment: str) -> str:
    """The address of the project's experiment on a server, in that view."""
    return f"{server}/#/experiments/{experiment}/runs?viewStateShareKey={VIEW}&workflowType=machine_learning"


def command(address: Address, authenticated: bool) -> Sequence[str]:
    """The command line of MLflow's server."""
    words = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", tracking_uri()]
    words += ["--host", address.host, "--port", str(address.port), "--workers", "1"]
    words += ["--default-artifact-root", artifacts().as_uri()]
    if authenticated:
        words += ["--app-name", "basic-auth"]
    if address.names:
        words += ["--allowed-hosts", ",".join((*address.names, f"127.0.0.1:{address.port}"))]
    return words


def environment(authenticated: bool) -> dict[str, str]:
    """The server's environment: accounts, if any, are kept beside the project's store."""
    values = dict(os.environ)
    values.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    if authenticated and "MLFLOW_AUTH_CONFIG_PATH" not in values:
        path = project_root() / "mlflow-auth.ini"
        if not path.is_file():
            path.write_text(
                "[mlflow]\ndefault_permission = READ\n"
                f"database_uri = sqlite:///{project_root() / 'mlflow-auth.db'}\nadmin_username = admin\n"
                "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n",
                encoding="utf-8",
            )
        values["MLFLOW_AUTH_CONFIG_PATH"] = str(path)
    return values


def _await(server: subprocess.Popen[bytes], address: Address) -> None:
    deadline = time.monotonic() + _START
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address.url}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    if server.poll() is not None:
        raise UserError.one("the server ended at once", address.url, "see its lines above; is the port taken?")


def _has_screen() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

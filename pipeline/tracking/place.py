"""Where runs go: the project's own store, whichever workspace of the project a stage runs in."""

from __future__ import annotations

import os
import re
from pathlib import Path

EXPERIMENT = "detente"
SWITCH = "DETENTE_TRACKING"  # "off" records nothing
_OWN = "sqlite:///"
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # a run created twice is worse than one sent later
    "GIT_PYTHON_REFRESH": "quiet",
}


def set_environment() -> None:
    """Switch MLflow's telemetry off and keep its patience with a lost server short, unless the user said otherwise."""
    for key, value in _ENVIRONMENT.items():
        os.environ.setdefault(key, value)


def project_root(start: Path | None = None) -> Path:
    """The folder of the project's `.dvc`, seen from `start` (the current folder).

    DVC runs queued experiments in copies under `.dvc/tmp/exps`; these belong to the project they were copied from.
    """
    here = (start or Path.cwd()).absolute()
    for folder in (here, *here.parents):
        if folder.parts[-3:] == (".dvc", "tmp", "exps"):
            return folder.parents[2]
    return next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), here)


def database() -> Path:
    """The project's own store."""
    return project_root() / "mlflow.db"


def artifacts() -> Path:
    """Where the project's own store keeps files."""
    return project_root() / "mlartifacts"


def spool() -> Path:
    """Where runs lie until a store has taken them."""
    return project_root() / "mlspool"


def tracking_uri() -> str:
    """Where runs go: MLFLOW_TRACKING_URI, or else the project's own SQLite store."""
    named = os.environ.get("MLFLOW_TRACKING_URI")
    if not named:
        return f"{_OWN}{database()}"
    if named.startswith(_OWN) and not named.startswith(f"{_OWN}/"):  # relative: to the project, not to a copy of it
        return f"{_OWN}{project_root() / named.removeprefix(_OWN)}"
    return named


def shown_uri() -> str:
    """Where runs go, as it may be printed and logged: without user and password.

    >>> os.environ["MLFLOW_TRACKING_URI"] = "postgresql://mlflow:secret@db/mlflow"
    >>> shown_uri()
    'postgresql://db/mlflow'
    >>> del os.environ["MLFLOW_TRACKING_URI"]
    """
    return re.sub(r"(?<=://)[^/?#]*@", "", tracking_uri())


def is_own(uri: str) -> bool:
    """Whether a store is a local database, which answers at once or never will."""
    return uri.startswith("sqlite:")

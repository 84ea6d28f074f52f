"""MLflow's client on the project's store. Everything that imports MLflow goes through here."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from pipeline.errors import UserError
from pipeline.tracking.place import (
    EXPERIMENT,
    artifacts,
    is_own,
    project_root,
    set_environment,
    shown_uri,
    tracking_uri,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as StoredRun

KEY_TAG = "detente.key"  # one a run of ours: by it a second sending finds the first
MAKING = ("training", "export", "combination")  # kinds of run that make a model
_LOCK_SECONDS = 120.0
_PAGE = 1000  # runs in one answer
_NEWEST = ["attributes.start_time DESC"]


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold the project's lock on its store: creating database, experiment or run is for one process at a time."""
    set_environment()
    importlib.import_module("mlflow")  # takes seconds, which others need not wait for
    with FileLock(project_root() / "mlflow.lock", timeout=_LOCK_SECONDS):
        yield


def client() -> MlflowClient:
    """A client; the project's own database is created on first use."""
    set_environment()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri())


def experiment_id(client: MlflowClient) -> str:
    """The id of the project's experiment, created if need be. Call it under `alone`."""
    from mlflow.exceptions import MlflowException

    known = client.get_experiment_by_name(EXPERIMENT)
    if known is None:
        place = artifacts().as_uri() if is_own(tracking_uri()) else None
        with contextlib.suppress(MlflowException):  # another machine may have been quicker
            return str(client.create_experiment(EXPERIMENT, place))
        known = client.get_experiment_by_name(EXPERIMENT)
    if known is None:
        raise ConnectionError(f"no experiment {EXPERIMENT!r}")
    return str(known.experiment_id)


def find_or_create(key: str, name: str, start: int, tags: dict[str, str]) -> str:
    """The id of the run with `key`, created when there is none: however often it is called, there is one."""
    with alone():
        mlflow = client()
        experiment = experiment_id(mlflow)
        found = mlflow.search_runs([experiment], f"tags.`{KEY_TAG}` = '{key}'", max_results=1)
        if found:
            return str(found[0].info.run_id)
        created = mlflow.create_run(experiment, start_time=start, run_name=name, tags={KEY_TAG: key, **tags})
        return str(created.info.run_id)


def search(query: str = "", limit: int | None = None) -> list[StoredRun]:
    """Runs of the project's experiment that meet an MLflow search expression, newest first; all, or the first `limit`.

    Raises:
        UserError: when the store does not answer.
    """
    with failing_clearly():
        return list(itertools.islice(_found(query, min(limit or _PAGE, _PAGE)), limit))


def _found(query: str, page: int) -> Iterator[StoredRun]:
    """What a search finds, asked for page by page."""
    with alone():
        mlflow = client()
        known = mlflow.get_experiment_by_name(EXPERIMENT)
    token = None
    while known is not None:
        found = mlflow.search_runs([known.experiment_id], query, max_results=page, order_by=_NEWEST, page_token=token)
        yield from found
        token = found.token
        if not token:
            return


def made(query: str = "", limit: int | None = None) -> list[StoredRun]:
    """Those of the runs that made models, newest first; all, or the first `limit`."""
    also = f" and {query}" if query else ""
    found = [run for kind in MAKING for run in search(f"tags.kind = '{kind}'{also}", limit)]
    return sorted(found, key=lambda run: run.info.start_time, reverse=True)[:limit]


@contextlib.contextmanager
def failing_clearly() -> Iterator[None]:
    """Tell whatever a store that fails raises as an error for people.

    Raises:
        UserError: when the store fails.
    """
    try:
        yield
    except (OSError, _mlflow_error()) as error:
        raise failure(error) from error


def failure(error: BaseException) -> UserError:
    """What to tell a person when the store does not do what it should."""
    told = " ".join(str(error).split())[:160] or type(error).__name__
    return UserError.one(f"the store failed ({told})", shown_uri(), "start it, or see `detente doctor`")


def _mlflow_error() -> type[Exception]:
    from mlflow.exceptions import MlflowException

    error: type[Exception] = MlflowException
    return error


def find_by_model(sha256: str) -> StoredRun | None:
    """The latest run that made the model with this hash, or None."""
    return next(iter(made(f"tags.`model.sha256` = '{sha256}'", 1)), None)


def table_tag(names: list[str]) -> str:
    """The value of the tag by which the UI knows which files are tables."""
    entries: list[dict[str, Any]] = [{"path": name, "type": "table"} for name in names]
    return json.dumps(entries)

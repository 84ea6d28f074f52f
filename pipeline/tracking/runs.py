"""Runs in MLflow.

What a stage tells its `Run` is sent to the store at once and kept in memory too. When the store cannot be
reached the stage goes on, one line says so, and the record is spooled for `detente track` to send later.
"""

from __future__ import annotations

import base64
import contextlib
import io
import logging
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.storage import read_json, write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient
    from mlflow.entities import Run as StoredRun

EXPERIMENT = "detente"
DATABASE = Path("mlflow.db")
ARTIFACTS = Path("mlartifacts")
SPOOL = Path("mlspool")
MODEL_TAG = "model.sha256"
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "GIT_PYTHON_REFRESH": "quiet",
}


def tracking_uri() -> str:
    """Where runs go: MLFLOW_TRACKING_URI, or else the project's own SQLite store."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{DATABASE.absolute()}"


@dataclass
class Run:
    """One run as it grows. Each method records an event and sends it if the store answers."""

    name: str
    stage: str
    events: list[dict[str, Any]] = field(default_factory=list)
    run_id: str | None = None
    lost: str | None = None

    def params(self, values: Mapping[str, Any]) -> None:
        """Parameters, nested ones flattened with dots."""
        self._add({"kind": "params", "values": {k: str(v) for k, v in flat(values).items()}})

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Numbers at a step (an epoch, or 0)."""
        self._add({"kind": "metrics", "values": dict(values), "step": step, "time": _now()})

    def tags(self, values: Mapping[str, str]) -> None:
        """Texts by which runs are found."""
        self._add({"kind": "tags", "values": {k: str(v) for k, v in values.items()}})

    def text(self, text: str, name: str) -> None:
        """A text artefact."""
        self._add({"kind": "text", "text": text, "name": name})

    def table(self, rows: Sequence[Mapping[str, Any]], name: str) -> None:
        """A table artefact (JSON) that the UI shows."""
        columns = {key: [row[key] for row in rows] for key in (rows[0] if rows else {})}
        self._add({"kind": "table", "columns": columns, "name": name})

    def figure(self, figure: Figure, name: str) -> None:
        """A figure artefact as PNG."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110)
        self._add({"kind": "bytes", "data": base64.b64encode(buffer.getvalue()).decode(), "name": name})

    def _add(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        if self.lost is None and self.run_id is not None:
            self._guarded(lambda: _send(_client(), str(self.run_id), event))

    def _guarded(self, action: Any) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever the store does must not cost the model
            self.lost = " ".join(str(error).split())[:160] or type(error).__name__


def set_environment() -> None:
    """Switch MLflow's telemetry off and keep its patience with a lost server short, unless the user said otherwise."""
    for key, value in _ENVIRONMENT.items():
        os.environ.setdefault(key, value)


@contextlib.contextmanager
def run(stage: str, name: str) -> Iterator[Run]:
    """A run of a stage; it ends FINISHED, or FAILED when the block raises. The store's failures are not the block's."""
    set_environment()
    current = Run(name, stage)
    current._guarded(lambda: setattr(current, "run_id", _create(current)))
    current.tags(_origin(stage))
    status = "FAILED"
    try:
        yield current
        status = "FINISHED"
    finally:
        current.events.append({"kind": "end", "status": status, "time": _now()})
        if current.lost is None:
            current._guarded(lambda: _send(_client(), str(current.run_id), current.events[-1]))
        if current.lost is not None:
            _spool(current)


def find_by_model(sha256: str) -> StoredRun | None:
    """The latest training run that made the model with this hash, or None."""
    client = _client()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return None
    query = f"tags.`{MODEL_TAG}` = '{sha256}' and tags.kind = 'training'"
    found = client.search_runs(
        [experiment.experiment_id], query, order_by=["attributes.start_time DESC"], max_results=1
    )
    return found[0] if found else None


def send_spooled() -> list[str]:
    """Send every spooled run to the store, each once; returns their names. A failure leaves its file in place."""
    sent = []
    for path in sorted(SPOOL.glob("*.json")):
        raw = read_json(path)
        record = Run(raw["name"], raw["stage"], raw["events"])
        run_id = raw["run_id"] or _create(record)
        write_json(path, {**raw, "run_id": run_id})  # a second try fills the same run
        client = _client()
        for event in record.events:
            _send(client, run_id, event)
        path.unlink()
        sent.append(record.name)
    return sent


def _spool(record: Run) -> None:
    path = SPOOL / f"{int(time.time())}-{uuid.uuid4().hex[:8]}.json"
    write_json(path, {"name": record.name, "stage": record.stage, "run_id": record.run_id, "events": record.events})
    print(
        f"tracking: {tracking_uri()} did not take run {record.name!r} ({record.lost}); "
        "nothing else is lost, `detente track` sends it later",
        file=sys.stderr,
    )


def _client() -> MlflowClient:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri())


def _create(record: Run) -> str:
    client = _client()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        own = tracking_uri().startswith("sqlite:")
        experiment_id = client.create_experiment(EXPERIMENT, ARTIFACTS.absolute().as_uri() if own else None)
    else:
        experiment_id = experiment.experiment_id
    created: str = client.create_run(experiment_id, run_name=record.name, tags={"stage": record.stage}).info.run_id
    return created


def _send(client: MlflowClient, run_id: str, event: dict[str, Any]) -> None:
    from mlflow.entities import Metric, Param, RunTag

    match event["kind"]:
        case "params":
            client.log_batch(run_id, params=[Param(k, v) for k, v in event["values"].items()])
        case "metrics":
            step, when = event["step"], event["time"]
            client.log_batch(run_id, metrics=[Metric(k, v, when, step) for k, v in event["values"].items()])
        case "tags":
            client.log_batch(run_id, tags=[RunTag(k, v) for k, v in event["values"].items()])
        case "text":
            client.log_text(run_id, event["text"], event["name"])
        case "table":
            client.log_table(run_id, event["columns"], event["name"])
        case "bytes":
            _log_bytes(client, run_id, event)
        case "end":
            client.set_terminated(run_id, event["status"], event["time"])


def _log_bytes(client: MlflowClient, run_id: str, event: dict[str, Any]) -> None:
    import tempfile

    folder, _, name = event["name"].rpartition("/")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / name
        path.write_bytes(base64.b64decode(event["data"]))
        client.log_artifact(run_id, str(path), folder or None)


def _now() -> int:
    return int(time.time() * 1000)


def _origin(stage: str) -> dict[str, str]:
    """Where a run comes from: commit, whether files differ from it, DVC stage and experiment."""
    commit, status = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    return {
        "mlflow.source.name": f"dvc stage {stage}",
        "git.commit": commit or "none",
        "git.dirty": str(bool(status)).lower(),
        "dvc.stage": stage,
        "dvc.experiment": os.environ.get("DVC_EXP_NAME", ""),
        "python": sys.version.split()[0],
    }


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, keys joined by dots.

    >>> flat({"a": {"b": 1}, "c": 2})
    {'a.b': 1, 'c': 2}
    """
    result: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = value
    return result

"""Sends journals to the store: `python -m pipeline.tracking.sending FOLDER` reads along while a stage writes.

Sending is idempotent. A run is found by its key before it is created, and everything that is sent twice lands on what
is there: so a sender may be killed at any point and another may begin anew.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import Timeout

from pipeline.tracking.experiments import join_experiment
from pipeline.tracking.journal import Event, Journal, folders
from pipeline.tracking.place import spool
from pipeline.tracking.store import client, failure, find_or_create, table_tag
from pipeline.tracking.summary import summary

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PROBE = 1.0  # seconds: another process that asks whether a journal is held holds it for a moment
_BEAT = 0.5  # seconds between two looks into the journal
_TRIES = 3  # failures in a row before the store is given up
_LONGEST = 5000  # characters of a param or tag that every store takes


def follow(journal: Journal) -> None:
    """Send what a stage writes until it ends; a stage that dies without an end is KILLED."""
    sent, run_id, gone = 0, "", False
    with journal.lock("sending").acquire(timeout=_PROBE):
        write_environment(journal)
        while True:
            new = journal.events(sent)
            if new:
                run_id = run_id or _create(journal)
                send_events(client(), run_id, new)
                sent += len(new)
            if gone or any(event["kind"] == "end" for event in new):
                break
            gone = _is_gone()
        finish(journal, run_id)


def send(journal: Journal) -> list[str]:
    """Send a whole journal that nobody writes any more; returns the run's name.

    One without a run is dropped, one that somebody else sends is left to them.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(journal.lock("sending").acquire(timeout=_PROBE))
        except Timeout:
            return []
        if not journal.has_begun():
            journal.remove()
            return []
        run_id, events = _create(journal), journal.events()
        send_events(client(), run_id, events)
        finish(journal, run_id)
    return [str(events[0]["name"])]


def send_spooled() -> list[str]:
    """Send every journal that no stage writes and nobody sends; returns the names of their runs.

    Raises:
        UserError: after all were tried, or the store failed for the third time in a row; what was not sent stays.
    """
    sent: list[str] = []
    failures: list[Exception] = []
    in_a_row = 0
    for journal in folders(spool()):
        if in_a_row == _TRIES or journal.is_held("writing"):
            continue
        try:
            sent += send(journal)
            in_a_row = 0
        except Exception as error:  # noqa: BLE001 - one bad journal must not keep the others back
            failures.append(error)
            in_a_row += 1
    if failures:
        raise failure(failures[0])
    return sent


def finish(journal: Journal, run_id: str) -> None:
    """Send files and the end, then forget the journal."""
    mlflow, events = client(), journal.events()
    end = next((event for event in events if event["kind"] == "end"), None)
    status, when = (end["status"], end["time"]) if end else ("KILLED", events[-1]["time"])
    (journal.files / "summary.html").write_text(summary(events, journal.files, status), encoding="utf-8")
    mlflow.log_artifacts(run_id, str(journal.files))
    tables = [event["name"] for event in events if event["kind"] == "table"]
    if tables:
        mlflow.set_tag(run_id, "mlflow.loggedArtifacts", table_tag(tables))
    mlflow.set_terminated(run_id, status, when)
    join_experiment(mlflow, events, journal.files, status)
    journal.remove()


def send_events(mlflow: MlflowClient, run_id: str, events: list[Event]) -> None:
    """Params, tags, metrics and datasets, in as few requests as they need."""
    from mlflow.entities import Metric, Param, RunTag

    params = {k: v for event in events if event["kind"] == "params" for k, v in event["values"].items()}
    tags = {k: v for event in events if event["kind"] == "tags" for k, v in event["values"].items()}
    metrics = [
        Metric(name, value, event["time"], event["step"])
        for event in events
        if event["kind"] == "metrics"
        for name, value in event["values"].items()
    ]
    if params or tags or metrics:
        mlflow.log_batch(
            run_id,
            metrics=metrics,
            params=[Param(name, value[:_LONGEST]) for name, value in params.items()],
            tags=[RunTag(name, value[:_LONGEST]) for name, value in tags.items()],
        )
    datasets = [_dataset(event) for event in events if event["kind"] == "dataset"]
    if datasets:
        mlflow.log_inputs(run_id, datasets=datasets)


def write_environment(journal: Journal) -> None:
    """List the packages of this environment, which is the stage's."""
    pinned = {f"{found.name}=={found.version}" for found in importlib.metadata.distributions()}
    (journal.files / "environment").mkdir(parents=True, exist_ok=True)
    text = "\n".join(sorted(pinned, key=str.lower)) + "\n"
    (journal.files / "environment" / "packages.txt").write_text(text, encoding="utf-8")


def _create(journal: Journal) -> str:
    start = journal.events()[0]
    tags = {"dvc.stage": start["stage"]}
    if start["experiment"]:
        from pipeline.tracking.experiments import experiment_run

        tags["mlflow.parentRunId"] = experiment_run(start)
    return find_or_create(start["key"], start["name"], start["time"], tags)


def _dataset(event: Event) -> Any:
    import json

    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        event["name"],
        event["sha256"][:32],
        "local",
        json.dumps({"uri": event["path"]}),
        profile=json.dumps({**event["sizes"], "sha256": event["sha256"]}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", event["context"])])


def _is_gone() -> bool:
    """Whether the stage has closed its end, or died; waits a beat for it."""
    ready, _, _ = select.select([sys.stdin.buffer], [], [], _BEAT)
    return bool(ready)


def main(folder: Path) -> int:
    """Follow a journal; trouble goes to its `trouble.txt` and makes the exit code 1."""
    journal = Journal(folder)
    try:
        follow(journal)
    except Exception as error:  # noqa: BLE001 - whatever went wrong is told by the stage in one line
        journal.trouble.write_text(" ".join(str(error).split())[:160] or type(error).__name__, encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

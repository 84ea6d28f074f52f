"""Whatever the store does, a stage ends with its work, one line says so, and the run is sent later, once."""

from __future__ import annotations

import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.tracking import runs as tracking
from pipeline.tracking.journal import journals
from pipeline.tracking.place import spool
from pipeline.tracking.sending import send_spooled
from pipeline.tracking.store import client, search
from tests.unit.tracking.conftest import record

RECORD = "from tests.unit.tracking.conftest import record; record()"


@contextmanager
def answering(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Broken(http.server.BaseHTTPRequestHandler):
    """Answers 500 to everything."""

    def do_GET(self) -> None:
        self.send_error(500)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


class GoneAfterCreating(Broken):
    """Knows the experiment and creates the run, then answers nothing any more."""

    def do_GET(self) -> None:
        known = b'{"experiment": {"experiment_id": "1", "name": "detente", "lifecycle_stage": "active"}}'
        created = b'{"run": {"info": {"run_id": "%s", "experiment_id": "1", "status": "RUNNING"}, "data": {}}}' % (
            b"0" * 32
        )
        for part, answer in (("get-by-name", known), ("runs/search", b"{}"), ("runs/create", created)):
            if part in self.path:
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                return
        self.connection.close()

    do_POST = do_GET


@contextmanager
def hanging() -> Iterator[str]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def down() -> Iterator[str]:
    yield "http://127.0.0.1:9"


SERVERS = {
    "down": down,
    "500": lambda: answering(Broken),
    "gone in the middle": lambda: answering(GoneAfterCreating),
    "hanging": hanging,
}


def history() -> list[tuple[int, float]]:
    (found,) = search()
    assert found.info.status == "FINISHED"
    assert found.data.tags["model.sha256"] == "abc"
    return [(m.step, m.value) for m in client().get_metric_history(found.info.run_id, "validation.loss")]


@pytest.mark.parametrize("kind", SERVERS)
def test_a_store_that_fails_costs_one_line_and_the_run_is_sent_later_once(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(tracking.PATIENCE, "2" if kind == "hanging" else "20")
    with SERVERS[kind]() as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        record()
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tracking:")]
    assert len(told) == 1
    assert uri in told[0]
    assert "`detente track`" in told[0]
    if kind == "down":
        with pytest.raises(UserError, match="the store failed"):
            send_spooled()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert send_spooled() == ["a run"]
    assert send_spooled() == []
    assert history() == [(1, 0.5), (2, 0.25)]


def test_a_store_that_hangs_costs_a_stage_no_more_than_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(tracking.PATIENCE, "1")
    with hanging() as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with tracking.run("label", "a run") as run:
            began = time.monotonic()
            for step in range(500):
                run.metrics({"loss": 1.0}, step)
            assert time.monotonic() - began < 1
            began = time.monotonic()
    assert 0.9 < time.monotonic() - began < 5


@pytest.mark.parametrize("call", ["create_run", "log_batch", "log_artifacts", "set_terminated"])
def test_a_sender_killed_at_any_point_leaves_one_whole_run(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(tracking.PATIENCE, "0")  # killed at once: nothing is sent
    record()
    code = f"""
import os, signal, mlflow
from pipeline.tracking.sending import send_spooled
real = mlflow.MlflowClient.{call}
def call(*args, **options):
    real(*args, **options)
    os.kill(os.getpid(), signal.SIGKILL)
mlflow.MlflowClient.{call} = call
send_spooled()
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert len(search()) == 1
    assert send_spooled() == ["a run"]
    assert history() == [(1, 0.5), (2, 0.25)]
    assert journals(spool()) == []


def test_two_stages_that_start_at_once_on_a_fresh_store_both_succeed(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("fresh").mkdir()
    monkeypatch.chdir("fresh")
    monkeypatch.setenv(tracking.PATIENCE, "600")
    words = [sys.executable, "-c", RECORD]
    both = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [one.communicate()[1] for one in both] == ["", ""]
    assert [run.info.status for run in search()] == ["FINISHED", "FINISHED"]


def test_a_killed_stage_is_a_killed_run() -> None:
    code = """
import time
from pipeline.tracking import runs
with runs.run("train_baseline", "cut short"):
    print("begun", flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as stage:
        assert stage.stdout is not None
        stage.stdout.readline()
        (journal,) = journals(spool())
        assert journal.is_held("writing")
        os.kill(stage.pid, signal.SIGKILL)
    deadline = time.monotonic() + 120
    while journal.folder.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    (found,) = search()
    assert found.info.status == "KILLED"


def test_a_run_that_is_still_written_is_left_alone() -> None:
    with tracking.run("label", "busy"):
        assert send_spooled() == []


def test_curves_are_in_the_store_while_a_stage_trains() -> None:
    with tracking.run("train_finetuned", "long") as run:
        run.metrics({"validation.loss": 0.5}, step=1)
        deadline = time.monotonic() + 120
        while not (found := [one for one in search() if "validation.loss" in one.data.metrics]):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        assert found[0].info.status == "RUNNING"

"""Whatever the store does, a stage ends with its work, one line says so, and the run is sent later, once."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from filelock import FileLock

from pipeline import cli
from pipeline.errors import UserError
from pipeline.evaluation.metrics import Resampling
from pipeline.evaluation.promotion import Rules, promote_if_possible
from pipeline.storage import seal
from pipeline.taxonomy import Taxonomy
from pipeline.tracking import runs as tracking
from pipeline.tracking import ui
from pipeline.tracking.journal import Journal, begin, folders, journals
from pipeline.tracking.place import spool
from pipeline.tracking.sending import send_spooled
from pipeline.tracking.store import alone, client, search
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


class CreatesButAnswersWithAnError(Broken):
    """Creates the run it is asked for, and answers the first such request with an error."""

    runs: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        call = self.path.partition("?")[0].partition("mlflow/")[2]
        answer: dict[str, Any] = {}
        if call == "experiments/get-by-name":
            answer = {"experiment": {"experiment_id": "1", "name": "detente", "lifecycle_stage": "active"}}
        elif call == "runs/create":
            info = {"run_id": f"{len(self.runs):032}", "experiment_id": "1", "status": "RUNNING"}
            self.runs.append({"info": info | {"artifact_uri": Path("kept").absolute().as_uri()}, "data": asked})
            if len(self.runs) == 1:
                self.send_error(500)
                return
            answer = {"run": self.runs[-1]}
        elif call == "runs/search":
            answer = {"runs": [run for run in self.runs if run["data"]["tags"][0]["value"] in asked["filter"]]}
        elif call == "runs/get":
            answer = {"run": self.runs[0]}
        elif call == "runs/update":
            answer = {"run_info": self.runs[0]["info"] | {"status": "FINISHED"}}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

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


def test_a_store_that_others_hold_is_no_run_that_others_send(monkeypatch: pytest.MonkeyPatch) -> None:
    journal()
    monkeypatch.setattr("pipeline.tracking.store._LOCK_SECONDS", 0.2)
    with ThreadPoolExecutor(1) as pool, alone(), pytest.raises(UserError, match="the store failed"):
        pool.submit(send_spooled).result()
    assert send_spooled() == ["a run"]


def test_a_patience_that_is_no_number_costs_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(tracking.PATIENCE, "20s")
    with tracking.run("label", "patient"):
        pass
    assert f"{tracking.PATIENCE}=20s is no number of seconds" in capsys.readouterr().err
    assert [run.info.run_name for run in search()] == ["patient"]


def test_curves_are_in_the_store_while_a_stage_trains() -> None:
    with tracking.run("train_finetuned", "long") as run:
        run.metrics({"validation.loss": 0.5}, step=1)
        deadline = time.monotonic() + 120
        while not (found := [one for one in search() if "validation.loss" in one.data.metrics]):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        assert found[0].info.status == "RUNNING"


def journal(name: str = "a run") -> Journal:
    """A whole journal that waits to be sent."""
    made = begin(spool(), {"name": name, "stage": "label", "experiment": None})
    made.add("end", status="FINISHED")
    return made


def test_a_run_that_was_created_without_an_answer_is_found_and_not_created_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal()
    with answering(CreatesButAnswersWithAnError) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with pytest.raises(UserError, match="the store failed"):
            send_spooled()
        assert send_spooled() == ["a run"]
    assert len(CreatesButAnswersWithAnError.runs) == 1
    assert Path("kept/summary.html").is_file()


@pytest.mark.parametrize("torn", ["", "{", "null", '"kind"', "[1]", '{"no": "kind"}'])
def test_a_torn_line_keeps_no_run_back(torn: str) -> None:
    events = journal().folder / "events.jsonl"
    start, end = events.read_text().splitlines()
    events.write_text(f"{torn}\n{start}\n{torn}\n{end}\n")
    nothing = spool() / "1-nothing" / "events.jsonl"
    nothing.parent.mkdir()
    nothing.write_text(f"{torn}\n{end}\n")
    assert len(journals(spool())) == 1
    assert send_spooled() == ["a run"]
    assert folders(spool()) == []
    assert [run.info.status for run in search()] == ["FINISHED"]


def test_a_journal_is_its_stages_from_its_first_event_on(monkeypatch: pytest.MonkeyPatch) -> None:
    add, sent = Journal.add, []

    def add_while_others_send(self: Journal, kind: str, **values: Any) -> None:
        add(self, kind, **values)
        sent.extend(send_spooled())

    monkeypatch.setattr(Journal, "add", add_while_others_send)
    monkeypatch.setattr(tracking.subprocess, "Popen", None)  # no second process: it would end the run
    with tracking.run("label", "busy"):
        pass
    assert sent == []


def test_a_glance_at_a_journal_keeps_no_sender_from_it() -> None:
    lock = FileLock(journal().folder / "sending.lock", thread_local=False)
    lock.acquire()
    threading.Timer(0.3, lock.release).start()
    assert send_spooled() == ["a run"]


@pytest.fixture
def evaluated(root: Path) -> Path:
    """A model folder with an evaluation, in a project with its params and taxonomy."""
    folder = Path("models/baseline/model")
    folder.mkdir(parents=True)
    sha256 = seal(folder, "baseline")
    Path("models/baseline/evaluation").mkdir()
    Path("models/baseline/evaluation/card.md").write_text(f"Model {sha256[:12]}.")
    Path("models/baseline/evaluation/predictions.jsonl").touch()
    Path("seeds").mkdir()
    for name in ("params.yaml", "seeds/taxonomy.yaml"):
        Path(name).write_bytes((root / name).read_bytes())
    return folder


def test_promoting_to_a_store_that_is_down_is_one_line_and_exit_code_2(
    evaluated: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["detente", "promote", "baseline"])
    with down() as uri, pytest.raises(SystemExit) as ended:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        cli.main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"detente: {uri}: the store failed")


def test_the_ui_of_a_server_that_is_down_is_refused_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    with down() as uri, pytest.raises(UserError, match="the store failed"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        ui.prepare()


def test_a_registry_that_hangs_costs_compare_one_requests_time(
    evaluated: Path, taxonomy: Taxonomy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    began = time.monotonic()
    with hanging() as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        promote_if_possible(evaluated, Rules(taxonomy, Resampling(10, 0.9, 0)))
    assert 1.9 < time.monotonic() - began < 3.9
    assert "`detente promote` does it later" in capsys.readouterr().err

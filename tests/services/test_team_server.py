"""docs/team-server.md, followed by the letter: PostgreSQL, MLflow with accounts, two experiments at once."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from tests.miniature import Run

pytestmark = pytest.mark.services
Environment = dict[str, str]
BINARIES = str(Path(sys.executable).parent)


@pytest.fixture(scope="module")
def blocks(root: Path) -> list[str]:
    """The commands of the document, one block each: databases, settings, server, a user, her experiment."""
    text = (root / "docs" / "team-server.md").read_text(encoding="utf-8")
    return re.findall(r"^```sh\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


@contextlib.contextmanager
def running(command: list[str], ready: Callable[[], bool], stop: int, **how: object) -> Iterator[None]:
    process = subprocess.Popen(command, **how)  # type: ignore[call-overload]
    try:
        for _ in range(600):
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            if ready():
                break
            time.sleep(0.2)
        yield
    finally:
        process.send_signal(stop)
        process.wait(60)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def database() -> Iterator[Environment]:
    """PostgreSQL in a folder of its own, run by `postgres` where the tests are root's, which it refuses."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "no PostgreSQL: make test-services installs it"
    folder, port = Path(tempfile.mkdtemp(prefix="detente-")), free_port()
    who: dict[str, object] = {}
    if os.geteuid() == 0:
        entry = pwd.getpwnam("postgres")
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        who = {"user": entry.pw_uid, "group": entry.pw_gid, "cwd": folder}
    data, binaries = folder / "data", found[-1].parent
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "boss", "-A", "trust", "-N"], check=True, capture_output=True, **who
    )  # type: ignore[call-overload]
    environment = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "boss"}
    command = [str(binaries / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]

    def ready() -> bool:
        asked = subprocess.run([binaries / "pg_isready", "-q"], env={**os.environ, **environment}, check=False)
        return asked.returncode == 0

    with running(command, ready, signal.SIGINT, stderr=subprocess.DEVNULL, **who):
        yield environment
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(database: Environment, blocks: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """The environment of those who use the server, while it runs."""
    port = free_port()
    own = {
        **os.environ,
        **database,
        "PATH": f"{BINARIES}:{os.environ['PATH']}",
        "DB_PASSWORD": "a-role-of-its-own",
        "STORE": str(tmp_path_factory.mktemp("store")),
        "MLFLOW_HOST": "127.0.0.1",
        "MLFLOW_PORT": str(port),
        "MLFLOW_AUTH_ADMIN_PASSWORD": "correct horse battery",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "signs the forms of this test",
        "ADA_PASSWORD": "difference engine",
    }
    for block in blocks[:2]:
        subprocess.run(["bash", "-euc", block], env=own, check=True, capture_output=True)
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=2):
            return True
        return False

    with (Path(own["STORE"]) / "server.log").open("w") as log:
        started = ["bash", "-euc", blocks[2]]
        with running(started, ready, signal.SIGTERM, env=own, stdout=log, stderr=log):
            subprocess.run(["bash", "-euc", blocks[3]], env=own, check=True, capture_output=True)
            ada = {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": own["ADA_PASSWORD"]}
            yield {**own, "MLFLOW_TRACKING_URI": url, **ada}


def test_nobody_gets_in_without_a_password(server: Environment) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/experiments/search?max_results=1")
    assert refused.value.code == 401


def test_two_experiments_at_once_are_both_there_whole(
    server: Environment, project: Path, run: Run, blocks: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = {value: tmp_path / f"of{value}" for value in ("5", "6")}
    for copy in copies.values():
        shutil.copytree(project, copy, symlinks=True)
    names = ("MLFLOW_HOST", "MLFLOW_PORT", "ADA_PASSWORD")
    known = {name: server[name] for name in names}

    def experiment(value: str) -> str:
        script = blocks[4].replace("topic_c=5", f"topic_c={value}")
        done = run(copies[value], "bash", "-euc", script, **known)
        return done.stdout + done.stderr

    with ThreadPoolExecutor() as both:
        told = list(both.map(experiment, copies))
    assert not [line for text in told for line in text.splitlines() if line.startswith("tracking:")]
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, server[name])
    client = MlflowClient()
    found = client.get_experiment_by_name("detente")
    assert found is not None
    query = "tags.kind = 'training' and tags.model = 'baseline'"
    runs = client.search_runs([found.experiment_id], query)
    assert sorted(one.data.params["train_baseline.topic_c"] for one in runs) == ["5.0", "6.0"]
    assert {one.info.status for one in client.search_runs([found.experiment_id])} == {"FINISHED"}
    champion = client.get_model_version_by_alias("detente", "champion")
    card = download_artifacts(f"models:/detente/{champion.version}/evaluation/card.md", dst_path=str(tmp_path / "got"))
    assert Path(card).read_text(encoding="utf-8").startswith("# Model card:")
    assert list((Path(server["STORE"]) / "artifacts").rglob("card.md"))

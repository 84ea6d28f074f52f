"""A pipeline that is killed leaves nothing that a person has to clear away; the next `dvc repro` carries on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.miniature import Run

DETENTE = ("python", "-m", "pipeline.cli")
# Loaded by Python at its start: a training stage stops for ever just before its model takes its name.
STOPPER = """
import os, pathlib, sys, time
if "pipeline.stages.train_finetuned" in sys.orig_argv:
    real = pathlib.Path.rename
    def rename(self, target):
        if str(target).endswith("model"):
            pathlib.Path(os.environ["REACHED"]).write_text(str(os.getpid()))
            time.sleep(600)
        return real(self, target)
    pathlib.Path.rename = rename
"""


@pytest.fixture
def own(project: Path, tmp_path: Path) -> Path:
    """A copy of the miniature that may be broken."""
    shutil.copytree(project, tmp_path / "own", symlinks=True)
    return tmp_path / "own"


@pytest.mark.parametrize("killed", ["stage", "stage and DVC"])
def test_the_next_repro_carries_on_after_a_kill_while_a_model_is_written(
    killed: str, own: Path, tmp_path: Path, run: Run
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(STOPPER)
    reached = tmp_path / "reached"
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{tmp_path / 'site'}:{own}",
        "REACHED": str(reached),
    }
    words = ["dvc", "repro", "--force", "--single-item", "train_finetuned"]
    with subprocess.Popen(words, cwd=own, env=environment, start_new_session=True, stdout=subprocess.DEVNULL) as dvc:
        deadline = time.monotonic() + 300
        while not (reached.is_file() and reached.read_text()) and time.monotonic() < deadline:
            time.sleep(0.1)
        if killed == "stage":
            os.kill(int(reached.read_text()), signal.SIGKILL)
        else:
            os.killpg(dvc.pid, signal.SIGKILL)
    folder = own / "models" / "finetuned"
    assert not (folder / "model").exists()
    assert list(folder.glob(".model.*.part"))
    left = run(own, "git", "status", "--porcelain", "--", "models").stdout
    assert left == " D models/finetuned/validation.json\n"  # DVC takes a stage's files away before it runs
    told = run(own, *DETENTE, "doctor", check=False)
    assert told.returncode == 2
    assert "half-written by a process that is gone" in told.stderr
    assert ("lock left behind" in told.stderr) == (killed == "stage and DVC")
    run(own, "dvc", "repro")  # carries on, from DVC's run cache where it can
    run(own, "dvc", "repro", "--force", "--single-item", "train_finetuned")  # a stage that runs clears what was left
    assert not list(own.rglob("*.part"))
    assert run(own, "git", "status", "--porcelain").stdout == ""  # the same bytes as ever
    assert run(own, *DETENTE, "doctor").stdout == "nothing is wrong\n"


def test_a_flipped_byte_in_the_cache_is_found_and_mended_by_the_command_it_names(own: Path, run: Run) -> None:
    assert run(own, *DETENTE, "doctor").stdout == "nothing is wrong\n"
    lock = yaml.safe_load((own / "dvc.lock").read_text())
    md5 = lock["stages"]["label"]["outs"][0]["md5"]
    path = own / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    told = run(own, *DETENTE, "doctor", check=False)
    assert told.returncode == 2
    (line,) = told.stderr.splitlines()
    run(own, "bash", "-c", line.rpartition("; ")[2])
    assert run(own, *DETENTE, "doctor").stdout == "nothing is wrong\n"
    assert run(own, "git", "status", "--porcelain").stdout == ""


def test_a_model_that_was_changed_is_mended_by_the_command_it_names(own: Path, run: Run) -> None:
    path = own / "models" / "baseline" / "model" / "decision.json"
    path.chmod(0o644)
    path.write_text(path.read_text() + " ")
    (line,) = run(own, *DETENTE, "doctor", check=False).stderr.splitlines()
    assert "decision.json" in line
    run(own, "bash", "-c", line.rpartition("; ")[2])
    assert run(own, *DETENTE, "doctor").stdout == "nothing is wrong\n"

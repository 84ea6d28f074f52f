"""`detente score` without a trained model: what options reach, what is said where, and exit codes."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.classifiers.combination import NEVER, Combined, Mix
from pipeline.classifiers.decision import Classifier
from pipeline.command import DEBUG, OFFLINE
from pipeline.scoring import command, progress, ray_engine
from pipeline.scoring.command import Request
from pipeline.scoring.scorer import Options, Tally
from tests.unit.scoring.scorers import DECISION, ByWord

TALLY = Tally(1, 1, 0, 1, 1, 0.1)
REQUEST = Request(["in.jsonl"], "out.jsonl", "stub", Path("models"), 1, 1, 0, False, False)
Score = Callable[..., int]


class Careful(ByWord):
    batch_tokens = 1024


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with two articles, and a model that needs no training."""
    rows = [{"id": str(n), "title": "T", "date": "2020-01-02", "text": f"Match {n} was played."} for n in range(2)]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "load_for_scoring", lambda name, models, threads: ByWord())
    monkeypatch.delenv(DEBUG, raising=False)
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)  # what commands set is gone with the test
    return tmp_path


@pytest.fixture
def score(monkeypatch: pytest.MonkeyPatch) -> Score:
    """Runs the command as it is typed; returns its exit code."""

    def score_(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["detente", "score", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0)

    return score_


@pytest.mark.parametrize("limit", [None, NEVER, 0.5])
def test_workers_threads_and_tokens_reach_the_model(
    limit: float | None, score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    careful = Careful()
    model: Classifier = Combined((ByWord(), careful), Mix(0.5, 0.5, limit), DECISION) if limit else careful
    given: dict[str, Any] = {}

    def load(name: str, models: Path, threads: int) -> Classifier:
        given["threads"] = threads
        return model

    def scored(paths: object, out: object, classifier: Classifier, options: Options, *rest: object) -> Tally:
        given.update(model=classifier, workers=options.workers)
        return replace(TALLY, rows=0)

    monkeypatch.setattr(command, "load_for_scoring", load)
    monkeypatch.setattr(command, "score", scored)
    assert score("in.jsonl", "-o", "out.jsonl", "--workers", "3", "--threads", "5", "--batch-tokens", "77") == 0
    assert given == {"threads": 5, "workers": 3, "model": model}
    assert careful.batch_tokens == 77


def test_progress_is_told_on_standard_error_alone(
    score: Score, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    assert score("in.jsonl", "-o", "out.jsonl") == 0
    told = capsys.readouterr()
    assert [line for line in told.err.splitlines() if "file" in line] == [
        "0 sentences, file 1 of 1",
        "2 sentences, file 1 of 1",
    ]
    assert "sentences, file" not in told.out
    assert score("in.jsonl", "-o", "out.jsonl", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_a_run_ends_with_its_small_table(score: Score, capsys: pytest.CaptureFixture[str]) -> None:
    assert score("in.jsonl", "-o", "out.csv") == 0
    first, *table = capsys.readouterr().out.splitlines()
    assert first.startswith("read 2 articles = 2 scored + 0 rejected; 2 sentences = 2 rows")
    assert [line.split()[:3] for line in table if "All" in line] == [["All", "sentences", "2"]]
    assert score("in.jsonl", "-o", "out.csv", "--json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["rows"] == 2


def test_a_fault_of_ours_is_one_line_and_exit_code_1(
    score: Score, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug\nin two lines")

    monkeypatch.setattr(ByWord, "predict_proba", broken)
    assert score("in.jsonl", "-o", "out.jsonl") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "detente: a fault of ours, RuntimeError: a bug in two lines; set DETENTE_DEBUG=1 to see where"
    monkeypatch.setenv(DEBUG, "1")
    with pytest.raises(RuntimeError, match="a bug"):
        score("in.jsonl", "-o", "out.jsonl")


@pytest.mark.parametrize("out", [".", "./", "..", "/"])
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_an_output_without_a_name_is_refused(
    out: str, engine: str, score: Score, capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    assert score("in.jsonl", "-o", out, "--engine", engine) == 2
    assert "no name for an output; name a file or a folder" in capsys.readouterr().err
    assert [path.name for path in here.iterdir()] == ["in.jsonl"]


def test_a_url_is_no_folder_of_this_machine(score: Score, capsys: pytest.CaptureFixture[str], here: Path) -> None:
    assert score("in.jsonl", "-o", "s3://bucket/scored/") == 2
    assert "add --engine ray" in capsys.readouterr().err
    assert [path.name for path in here.iterdir()] == ["in.jsonl"]


@pytest.mark.parametrize(("more", "again"), [((), ""), (("--restart",), " without --restart")])
def test_ctrl_c_says_what_goes_on(
    more: tuple[str, ...], again: str, score: Score, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "score", interrupted)
    assert score("in.jsonl", "-o", "out.jsonl", *more) == 130
    assert capsys.readouterr().err == (
        f"detente: interrupted; what is done is kept in out.jsonl.partial; the same command{again} goes on from there\n"
    )


@pytest.mark.parametrize("broken", [(shutil, "copyfileobj"), (tempfile, "TemporaryDirectory")])
def test_no_room_for_standard_input_is_told(
    broken: tuple[Any, str], score: Score, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"text": "A match."}')))
    monkeypatch.setattr(*broken, full)
    assert score("-", "-o", "out.jsonl") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("detente: standard input in a temporary file: cannot be written (No space left on device); ")


WITHOUT_A_MODEL = """
import sys
from pipeline import cli
from pipeline.scoring import command
from tests.unit.scoring.scorers import ByWord
command.load_for_scoring = lambda *_: ByWord()
sys.argv = ["detente", "score", "in.jsonl", "-o", "-"]
cli.main()
"""


def test_a_full_disk_under_standard_output_is_told(root: Path) -> None:
    with open("/dev/full", "wb") as disk:
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_A_MODEL], stdout=disk, stderr=subprocess.PIPE, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(root), "PYTHONUNBUFFERED": ""},  # else nothing is left for the end
        )  # fmt: skip
    assert done.returncode == 2
    told = "detente: standard output: cannot be written (No space left on device); make room"
    assert done.stderr.startswith(told) and done.stderr.count("\n") == 1, done.stderr


def test_a_cluster_is_given_places_that_hold_anywhere(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = []
    monkeypatch.setattr(ray_engine, "score_on_ray", lambda job, *_: jobs.append(job) or TALLY)
    request = replace(REQUEST, paths=["in.jsonl", "s3://news/*.csv"], out="deep/out/", engine="ray", quiet=True)
    options = {"max_bytes": 1000, "parts": False, "excel_safe": False, "restart": False}
    command.run(request, **options)  # type: ignore[arg-type]
    command.run(replace(request, out="s3://rows/out/"), **options)  # type: ignore[arg-type]
    assert [job.words for job in jobs] == [[str(here / "in.jsonl"), "s3://news/*.csv"]] * 2
    assert [job.out for job in jobs] == [str(here / "deep/out"), "s3://rows/out/"]

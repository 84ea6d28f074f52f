"""`detente score` as it is typed: streams, tallies, exit codes, and runs that are stopped from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipeline.classifiers.registry import load_for_scoring
from pipeline.errors import UserError
from tests.miniature import Run

ARTICLE = "The match and the goal in town was praised with joy. The singer gave a concert. "


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("one", "two"):
        rows = [{"id": f"{name}{n}", "text": f"Number {n}. {ARTICLE * (1 + n % 40)}"} for n in range(300)]
        lines = [json.dumps(row) for row in rows] + ["{broken"]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    return folder


def words(project: Path, *more: object) -> list[str]:
    base = [sys.executable, "-m", "pipeline.cli", "score", "--models", str(project / "models")]
    return [*base, *map(str, more)]


def environment(project: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(project)}


def test_streams_carry_rows_alone(project: Path, tmp_path: Path) -> None:
    given = json.dumps({"id": "x", "text": ARTICLE}) + "\n{broken\n"
    command = words(project, "-", "-o", "-", "--model", "baseline")
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, cwd=tmp_path, env=environment(project), check=True
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["sentence_id"].split(":")[0] for row in rows] == ["x", "x"]
    reject, tally = done.stderr.splitlines()
    assert json.loads(reject)["file"] == "-"
    assert json.loads(reject)["raw"] == "{broken"
    assert "read 2 articles = 1 scored + 1 rejected; 2 sentences = 2 rows" in tally
    done = subprocess.run(
        [*command, "--quiet"], input=given.splitlines()[0], capture_output=True, text=True, cwd=tmp_path,
        env=environment(project), check=True,
    )  # fmt: skip
    assert (len(done.stdout.splitlines()), done.stderr) == (2, "")
    assert list(tmp_path.iterdir()) == []


def test_scripts_get_the_tally_as_json_or_nothing(project: Path, tmp_path: Path, inbox: Path, run: Run) -> None:
    options = ("--model", "baseline")
    told = run(project, *words(project, inbox, "-o", tmp_path / "a.csv", *options, "--json"))
    tally = json.loads(told.stdout)
    assert (tally["read"], tally["scored"], tally["rejected"]) == (602, 600, 2)
    assert tally["sentences"] == tally["rows"] > 600
    assert tally["model"] == "baseline"
    told = run(project, *words(project, inbox, "-o", tmp_path / "b.csv", *options, "--quiet"))
    assert (told.stdout, told.stderr) == ("", "")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_a_name_that_ends_in_a_slash_is_a_folder_of_parts(project: Path, tmp_path: Path, inbox: Path, run: Run) -> None:
    run(project, *words(project, inbox, "-o", f"{tmp_path / 'scored'}/", "--model", "baseline"))
    assert len(list((tmp_path / "scored").glob("part-*.parquet"))) > 1
    assert (tmp_path / "scored.rejects.jsonl").is_file()


@pytest.mark.parametrize("model", ["finetuned", "cascade", "champion"])
def test_every_model_scores(model: str, project: Path, tmp_path: Path, inbox: Path, run: Run) -> None:
    source, out = inbox / "one.jsonl", tmp_path / "out.jsonl"
    tally = json.loads(run(project, *words(project, source, "-o", out, "--model", model, "--json")).stdout)
    assert tally["rows"] == len(out.read_text().splitlines()) > 300
    assert tally["model"] in ({"finetuned": {"finetuned-int8"}, "cascade": {"cascade"}}.get(model) or {tally["model"]})


@pytest.fixture
def models(project: Path, tmp_path: Path) -> Path:
    """A copy of the models that may be broken."""
    return shutil.copytree(project / "models", tmp_path / "models")


def damage(path: Path) -> None:
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def test_a_model_that_was_changed_is_not_loaded(
    project: Path, models: Path, tmp_path: Path, inbox: Path, run: Run
) -> None:
    for model, own in {"finetuned": "finetuned-int8/model", "cascade": "cascade/model/parts/finetuned-int8"}.items():
        damage(models / own / "model.onnx")
        command = words(tmp_path, inbox, "-o", tmp_path / "out.jsonl", "--model", model)
        done = run(project, *command, check=False)
        assert done.returncode == 2
        assert "model.onnx: bytes differ from the manifest" in done.stderr
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("model", "file"),
    [
        ("finetuned", "finetuned/model/model.safetensors"),
        ("ensemble", "ensemble/model/combination.json"),
        ("ensemble", "ensemble/model/parts/baseline/baseline.skops"),
        ("ensemble", "ensemble/model/parts/finetuned-int8/model.onnx"),
    ],
)
def test_no_changed_file_of_a_model_is_taken(model: str, file: str, models: Path) -> None:
    shutil.rmtree(models / "finetuned-int8")  # else it stands in for the fine-tuned one
    damage(models / file)
    with pytest.raises(UserError, match=f"{Path(file).name}: bytes differ from the manifest"):
        load_for_scoring(model, models)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Enough articles to be stopped among them."""
    path = tmp_path / "archive.jsonl"
    rows = (json.dumps({"id": f"n{n}", "text": f"Number {n}. {ARTICLE * (1 + n % 40)}"}) for n in range(6000))
    path.write_text("\n".join(rows))
    return path


def started(project: Path, archive: Path, out: Path) -> subprocess.Popen[str]:
    """A run that has written its first part."""
    command = words(project, archive, "-o", out, "--model", "finetuned", "--workers", "2")
    heeds = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731 - a job in the background ignores it
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(project), preexec_fn=heeds,
        start_new_session=True,
    )  # fmt: skip
    record = out.with_name(f"{out.name}.partial") / "part-00000.json"
    for _ in range(1200):
        if record.exists() or process.poll() is not None:
            break
        time.sleep(0.05)
    return process


def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(project: Path, tmp_path: Path, archive: Path, run: Run) -> None:
    out = tmp_path / "out.parquet"
    process = started(project, archive, out)
    children = psutil.Process(process.pid).children()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it, too
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "interrupted; what is done is kept in out.parquet.partial; the same command goes on" in told
    assert "Traceback" not in told
    assert not psutil.wait_procs(children, timeout=10)[1]
    assert not out.exists()
    run(project, *words(project, archive, "-o", out, "--model", "finetuned", "--workers", "2"))
    run(project, *words(project, archive, "-o", tmp_path / "whole.parquet", "--model", "finetuned", "--workers", "1"))
    assert out.read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_kill_9_leaves_no_worker_behind_and_the_same_command_goes_on(
    project: Path, tmp_path: Path, archive: Path, run: Run
) -> None:
    out = tmp_path / "out.jsonl"
    process = started(project, archive, out)
    children = psutil.Process(process.pid).children()
    assert len(children) == 2
    process.kill()
    process.communicate(timeout=60)
    assert not psutil.wait_procs(children, timeout=10)[1]
    command = words(project, archive, "-o", out, "--model", "finetuned", "--json")
    tally = json.loads(run(project, *command).stdout)
    assert 0 < tally["resumed"] < tally["sentences"]
    run(project, *words(project, archive, "-o", tmp_path / "whole.jsonl", "--model", "finetuned"))
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()

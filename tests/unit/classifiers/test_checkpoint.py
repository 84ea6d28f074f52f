"""A training that was killed goes on from its checkpoint and ends with the bytes of one never disturbed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pipeline.classifiers.checkpoint import Checkpoints, restore, store
from pipeline.classifiers.loop import grouped
from pipeline.params import Params, TrainFinetunedParams
from pipeline.schemas import LabelledSentence
from pipeline.storage import write_json, write_jsonl

# Trains on what a folder holds; killed, as by the system, after as many network steps as the last word says.
TRAIN = """
import os, signal, sys
from pathlib import Path
from pipeline.classifiers import finetuned, finetuning, loop
from pipeline.classifiers.checkpoint import Checkpoints
from pipeline.params import TrainFinetunedParams
from pipeline.schemas import LabelledSentence
from pipeline.storage import read_json, read_jsonl
from pipeline.taxonomy import LabelClass, Taxonomy

folder, target, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
step, steps = loop._step, 0

def counted(*given):
    global steps
    steps += 1
    if steps == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(*given)

loop._step = counted
rows = read_jsonl(folder / "rows.jsonl", LabelledSentence)
classes = lambda *names: tuple(LabelClass(name, name, name) for name in names)
taxonomy = Taxonomy(classes("sport", "music"), classes("good", "plain", "bad"), "the event", "plain")
params = TrainFinetunedParams(**read_json(folder / "params.json"))
result = finetuning.train(rows, rows[:12], params, taxonomy, checkpoints=Checkpoints(folder / "checkpoint", 0.0))
target.mkdir()
print("steps", steps, "epochs", len(result.curve), finetuned.save(result.model, result.tokenizer, target))
"""


@pytest.fixture
def small(params: Params, small_encoder: Path) -> TrainFinetunedParams:
    changes = {"encoder": str(small_encoder), "epochs": 3, "batch_size": 8, "learning_rate": 5e-3, "max_length": 32}
    return params.train_finetuned.model_copy(update=changes)


def run(folder: Path, target: Path, last: int) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parents[3])
    words = [sys.executable, "-c", TRAIN, str(folder), str(target), str(last)]
    return subprocess.run(words, env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True, check=False)


def test_killed_twice_it_ends_with_the_same_bytes(
    labelled: list[LabelledSentence], small: TrainFinetunedParams, tmp_path: Path
) -> None:
    hashes = []
    for name, lasts in (("whole", [0]), ("broken", [4, 5, 0])):
        folder = tmp_path / name
        folder.mkdir()
        write_jsonl(folder / "rows.jsonl", labelled)
        write_json(folder / "params.json", small.model_dump())
        for last in lasts:
            done = run(folder, folder / "model", last)
            assert done.returncode == (-signal.SIGKILL if last else 0), done.stderr
        hashes.append(done.stdout.split()[-1])
    assert "goes on after 1 epochs and 2 batches" in done.stdout  # 3 steps, 4 steps, then the rest of 5 an epoch
    assert "steps 8 epochs 3" in done.stdout
    assert hashes[0] == hashes[1]


def test_another_configuration_drops_it(tmp_path: Path) -> None:
    one = Checkpoints(tmp_path).bound_to({"seed": 0}, ["row"])
    assert one.folder and one.folder == Checkpoints(tmp_path).bound_to({"seed": 0}, ["row"]).folder
    file = one.file("phase")
    assert file
    store(file, {"network": {"w": torch.ones(2)}}, {"epoch": 1})
    other = Checkpoints(tmp_path).bound_to({"seed": 1}, ["row"])
    assert restore(other.file("phase")) is None
    assert list(tmp_path.iterdir()) == [other.folder]
    other.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_comes_back_and_a_broken_one_is_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "phase.safetensors"
    store(file, {"network": {"a/w": torch.arange(3.0)}}, {"loss": 0.1 + 0.2})
    groups, progress = restore(file) or ({}, {})
    assert torch.equal(groups["network"]["a/w"], torch.arange(3.0))
    assert progress == {"loss": 0.1 + 0.2}
    file.write_bytes(file.read_bytes()[:-5])
    assert restore(file) is None
    assert "cannot be read" in capsys.readouterr().out


def test_batches_are_of_like_length_and_hold_every_row_once() -> None:
    lengths = [i % 40 + 3 for i in range(1000)]
    batches = grouped(lengths, 16, seed=1)
    assert sorted(i for batch in batches for i in batch) == list(range(1000))
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    assert padded < 1.05 * sum(lengths)
    assert batches == grouped(lengths, 16, seed=1) != grouped(lengths, 16, seed=2)

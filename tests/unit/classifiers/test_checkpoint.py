"""A training that was killed goes on from its checkpoint and ends with the bytes of one never disturbed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from pipeline.classifiers import checkpoint, finetuned, finetuning, loop
from pipeline.classifiers.checkpoint import Checkpoints, restore, store
from pipeline.classifiers.loop import grouped
from pipeline.params import Params, TrainFinetunedParams
from pipeline.schemas import LabelledSentence
from pipeline.storage import write_json, write_jsonl
from pipeline.taxonomy import Taxonomy

# Trains on what a folder holds and is killed, as by the system, at the ninth step of fifteen.
TRAIN = """
import os, signal, sys
from pathlib import Path
from pipeline.classifiers import finetuning, loop
from pipeline.classifiers.checkpoint import Checkpoints
from pipeline.params import TrainFinetunedParams
from pipeline.schemas import LabelledSentence
from pipeline.storage import read_json, read_jsonl
from pipeline.taxonomy import LabelClass, Taxonomy

folder, step, steps = Path(sys.argv[1]), loop._step, []

def counted(*given):
    steps.append(1)
    if len(steps) == 9:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(*given)

loop._step = counted
rows = read_jsonl(folder / "rows.jsonl", LabelledSentence)
raw = read_json(folder / "taxonomy.json")
topics, stances = (tuple(LabelClass(**one) for one in raw.pop(key)) for key in ("topics", "stances"))
params = TrainFinetunedParams(**read_json(folder / "params.json"))
taxonomy = Taxonomy(topics=topics, stances=stances, **raw)
finetuning.train(rows, rows[:12], params, taxonomy, checkpoints=Checkpoints(folder / "checkpoint", 0.0))
"""


@pytest.fixture
def small(params: Params, small_encoder: Path) -> TrainFinetunedParams:
    changes = {
        "encoder": str(small_encoder),
        "epochs": 3,
        "batch_size": 8,
        "learning_rate": 5e-3,
        "encoder_dropout": 0.1,
        "max_length": 32,
    }
    return params.train_finetuned.model_copy(update=changes)


def test_killed_it_goes_on_and_ends_with_the_same_bytes(
    labelled: list[LabelledSentence],
    small: TrainFinetunedParams,
    two_topics: Taxonomy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_jsonl(tmp_path / "rows.jsonl", labelled)
    write_json(tmp_path / "params.json", small.model_dump())
    write_json(tmp_path / "taxonomy.json", two_topics)
    words = [sys.executable, "-c", TRAIN, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    killed = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    steps: list[int] = []
    step = loop._step
    monkeypatch.setattr(loop, "_step", lambda *given: (steps.append(1), step(*given))[1])
    held, checkpoints = labelled[:12], Checkpoints(tmp_path / "checkpoint")
    resumed = finetuning.train(labelled, held, small, two_topics, checkpoints=checkpoints)
    assert "goes on after 1 epochs and 3 batches" in capsys.readouterr().out
    assert len(steps) == 7  # 5 an epoch, 3 epochs, 8 done
    whole = finetuning.train(labelled, held, small, two_topics)
    assert resumed.curve == whole.curve
    hashes = []
    for name, result in (("resumed", resumed), ("whole", whole)):
        (tmp_path / name).mkdir()
        hashes.append(finetuned.save(result.model, result.tokenizer, tmp_path / name))
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("package", ["torch", "transformers", "tokenizers"])
def test_another_version_of_a_library_drops_it(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Checkpoints(tmp_path).bound_to({})
    monkeypatch.setattr(checkpoint, "version", lambda name: "0.0" if name == package else version(name))
    assert Checkpoints(tmp_path).bound_to({}).folder != one.folder


def test_another_configuration_drops_it(tmp_path: Path) -> None:
    one = Checkpoints(tmp_path).bound_to({"seed": 0}, ["row"])
    assert one.folder and one.folder == Checkpoints(tmp_path).bound_to({"seed": 0}, ["row"]).folder
    file = one.file("phase")
    assert file
    store(file, {"network": {"w": torch.ones(2)}}, {"epoch": 1})
    (tmp_path / "stray.partial").touch()
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

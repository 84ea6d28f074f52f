"""The benchmark of changes to fine-tuning takes what params take, and compares seed by seed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.params import Params


@pytest.fixture(scope="module")
def experiments(root: Path) -> Iterator[ModuleType]:
    sys.path.insert(0, str(root / "benchmarks"))
    import experiments

    yield experiments
    sys.path.remove(str(root / "benchmarks"))


def test_a_change_is_checked_like_params(experiments: ModuleType, params: Params) -> None:
    given = params.train_finetuned
    chosen = experiments.changed(given, "context=none,dropout=0.2", 7)
    assert chosen == given.model_copy(update={"context": "none", "dropout": 0.2, "seed": 7})
    assert experiments.changed(given, "default", given.seed) == given
    with pytest.raises(UserError, match="context"):
        experiments.changed(given, "context=everything", 0)


def test_other_data_share_or_defaults_are_another_basis(
    experiments: ModuleType, params: Params, tmp_path: Path
) -> None:
    given, one, other = params.train_finetuned, tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "train.jsonl").write_text(folder.name)
    same = experiments.basis(given, one, 0.25)
    assert same == experiments.basis(given.model_copy(update={"seed": 7}), one, 0.25)
    assert same != experiments.basis(given.model_copy(update={"epochs": 7}), one, 0.25)
    assert same != experiments.basis(given, other, 0.25)
    assert same != experiments.basis(given, one, 0.5)


def stored(change: str, seed: str, stance: float) -> Any:
    metrics = {"validation.topics.macro_f1": 0.5, "validation.stance.macro_f1": stance, "train.cpu_seconds": 60.0}
    data = SimpleNamespace(metrics=metrics, tags={"change": change}, params={"train_finetuned.seed": seed})
    return SimpleNamespace(data=data)


def test_gains_are_of_equal_seeds_and_the_best_stands_first(
    experiments: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [stored("default", "0", 0.6), stored("default", "1", 0.8), stored("better", "1", 0.9)]
    asked: list[str] = []
    monkeypatch.setattr(experiments, "search", lambda query: asked.append(query) or runs)
    _, _, better, default = experiments.table(experiments.trials("abc")).splitlines()
    assert "tags.basis = 'abc'" in asked[0]
    assert "`better`" in better
    assert "+0.100" in better
    assert "0.700 ± 0.141" in default

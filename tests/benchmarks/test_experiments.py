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


def stored(change: str, seed: str, stance: float) -> Any:
    metrics = {"validation.topics.macro_f1": 0.5, "validation.stance.macro_f1": stance, "train.seconds": 60.0}
    data = SimpleNamespace(metrics=metrics, tags={"change": change}, params={"train_finetuned.seed": seed})
    return SimpleNamespace(data=data)


def test_gains_are_of_equal_seeds_and_the_best_stands_first(
    experiments: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [stored("default", "0", 0.6), stored("default", "1", 0.8), stored("better", "1", 0.9)]
    monkeypatch.setattr(experiments, "search", lambda query: runs)
    _, _, better, default = experiments.table().splitlines()
    assert "`better`" in better
    assert "+0.100" in better
    assert "0.700 ± 0.100" in default

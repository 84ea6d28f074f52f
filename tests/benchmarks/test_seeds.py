"""The benchmark of seeds takes a stored run only for the params and labels that it was made with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.errors import UserError
from pipeline.params import Params


@pytest.fixture(scope="module")
def seeds(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("seeds")


def test_other_params_or_labels_have_another_key(seeds: ModuleType, params: Params, tmp_path: Path) -> None:
    def with_tuned(**values: object) -> Params:
        return params.model_copy(update={"train_finetuned": params.train_finetuned.model_copy(update=values)})

    (tmp_path / "train.jsonl").write_text("one")
    keys = {name: seeds.key(name, params, tmp_path) for name in seeds.MODELS}
    assert keys["baseline"] != keys["finetuned"]
    assert seeds.key("finetuned", with_tuned(seed=7), tmp_path) == keys["finetuned"]
    assert seeds.key("finetuned", with_tuned(epochs=7), tmp_path) != keys["finetuned"]
    assert seeds.key("baseline", with_tuned(epochs=7), tmp_path) == keys["baseline"]
    (tmp_path / "train.jsonl").write_text("other")
    assert seeds.key("finetuned", params, tmp_path) != keys["finetuned"]


def test_models_are_named_one_by_one_or_both(seeds: ModuleType) -> None:
    assert seeds.named(None) == seeds.named(["both"]) == seeds.named(["finetuned", "both"]) == seeds.MODELS
    assert seeds.named(["finetuned", "finetuned"]) == ("finetuned",)
    with pytest.raises(UserError, match="ensemble"):
        seeds.named(["ensemble"])


def test_spread_is_of_each_models_own_runs(seeds: ModuleType) -> None:
    runs = [
        {"model": "baseline", "seed": 0, "figures": {"f1": 0.5}},
        {"model": "finetuned", "seed": 0, "figures": {"f1": 0.6}},
        {"model": "finetuned", "seed": 1, "figures": {"f1": 0.8}},
    ]
    one, two = seeds.spread(runs)
    assert (one["model"], one["seeds"], one["mean"], one["deviation"]) == ("baseline", 1, 0.5, 0.0)
    assert (two["seeds"], two["least"], two["most"]) == (2, 0.6, 0.8)
    assert [two["mean"], two["deviation"]] == pytest.approx([0.7, 0.02**0.5])


def test_a_run_is_repeated_only_with_other_params(
    seeds: ModuleType, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[int] = []
    monkeypatch.setattr(seeds, "trainers", lambda params, labels, classes: {"baseline": trained.append})
    monkeypatch.setattr(seeds, "judge", lambda model, rows: [])
    monkeypatch.setattr(seeds, "evaluate", lambda judged, classes, resampling: {})
    monkeypatch.setattr(seeds, "headline", lambda figures: {"f1": 0.5})
    changed = tmp_path / "params.yaml"
    text = (root / "params.yaml").read_text(encoding="utf-8")
    changed.write_text(text.replace("min_df: 2", "min_df: 3"), encoding="utf-8")
    labels, out = tmp_path / "labels", tmp_path / "seeds.jsonl"
    labels.mkdir()
    (labels / "test.jsonl").touch()
    out.write_text('{"model": "baseline", "seed": 0, "figures": {"f1": 0.9}}\n')  # of a time without keys
    for params in (root / "params.yaml", root / "params.yaml", changed):
        seeds.main([0, 1], ["baseline"], out, labels, root / "seeds" / "taxonomy.yaml", params)
    assert trained == [0, 1, 0, 1]

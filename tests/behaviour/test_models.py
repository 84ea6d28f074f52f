"""The models in place keep the floors. A fresh clone has no models: `dvc repro` makes them, then these tests count."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.classifiers.registry import load_classifier
from pipeline.evaluation.behaviour import load_cases, load_floors, pass_rates, shortfalls, try_cases
from pipeline.storage import MANIFEST
from pipeline.taxonomy import Taxonomy

HERE = Path(__file__).parent
FLOORS = load_floors(HERE / "floors.yaml")


@pytest.mark.parametrize("name", FLOORS)
def test_a_model_in_place_keeps_the_floors(name: str, root: Path, taxonomy: Taxonomy) -> None:
    folder = root / "models" / name / "model"
    if not (folder / MANIFEST).is_file():
        pytest.skip(f"no model in {folder.relative_to(root)}: run `dvc repro` to make it")
    rates = pass_rates(try_cases(load_classifier(folder), load_cases(HERE / "cases", taxonomy)))
    assert shortfalls(rates, FLOORS[name]) == []

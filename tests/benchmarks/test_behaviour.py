"""Floors stand one case below what a model passes, and ask for something wherever it passes anything."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.mark.parametrize(("passed", "cases", "floor"), [(9, 10, 0.8), (2, 4, 0.25), (1, 4, 0.25), (0, 4, 0.0)])
def test_floors_are_one_case_below(
    load: Callable[[str], ModuleType], passed: int, cases: int, floor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("behaviour")
    monkeypatch.setattr(module, "sizes", lambda outcomes: {("minimum", "dates"): cases})
    monkeypatch.setattr(module, "pass_rates", lambda outcomes: {"minimum": {"dates": passed / cases}})
    assert module.lowered([]) == {"minimum": {"dates": floor}}

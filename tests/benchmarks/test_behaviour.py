"""Floors stand below what a model passes, and ask for something wherever it passes anything."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.mark.parametrize(
    ("passed", "cases", "floor"), [(9, 10, 0.7), (90, 100, 0.85), (2, 4, 0.25), (1, 4, 0.25), (0, 4, 0.0)]
)
def test_floors_lie_below_what_was_reached(
    load: Callable[[str], ModuleType], passed: int, cases: int, floor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("behaviour")
    monkeypatch.setattr(module, "sizes", lambda outcomes: {("minimum", "dates"): cases})
    monkeypatch.setattr(module, "pass_rates", lambda outcomes: {"minimum": {"dates": passed / cases}})
    assert module.lowered([]) == {"minimum": {"dates": floor}}

"""A grid becomes settings, and what DVC shows becomes one comparison."""

import pytest

from pipeline.errors import UserError
from pipeline.tracking.sweep import combinations, comparison

HEAD = ("Experiment", "State", "models/baseline/evaluation/metrics.json:test.topics.macro_f1", "train.c", "seed")
ROWS = [("", "", "0.5", "10", "0"), ("s-2", "Failed", "0.8", "3", "0"), ("s-1", "", "0.7", "1", "0")]
SHOWN = "".join(",".join(row) + "\n" for row in (HEAD, *ROWS, ("other", "", "0.1", "1", "0")))


def test_all_combinations() -> None:
    assert len(combinations(["a=1,2,3", "b=1,2"])) == 6


@pytest.mark.parametrize("entry", ["a", "a=", "=1", "a=1,,2"])
def test_no_grid(entry: str) -> None:
    with pytest.raises(UserError):
        combinations([entry])


def test_the_comparison_has_the_sweeps_experiments_and_what_varies() -> None:
    lines = comparison(SHOWN, "s", ["train.c", "seed"]).splitlines()
    assert lines[0].split()[:2] == ["experiment", "state"]
    assert [line.split()[0] for line in lines[2:]] == ["s-1", "s-2"]
    assert "0.7" in lines[2] and "Failed" in lines[3] and "seed" not in lines[0]

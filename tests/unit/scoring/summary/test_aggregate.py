"""The table for those who plot themselves."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.errors import UserError
from pipeline.scoring.summary.aggregate import aggregate
from tests.scored_rows import row, write

ROWS = [
    row("a", "farms", "yes"),
    row("a", "farms ships", "no"),
    row("b", "farms", "yes", date="2026-02-01", source='Wire, "East"'),
    row("b", "farms", "yes", date="2026-02-01", source='Wire, "East"', abstain=True),
]
COLUMNS = "source month topic articles sentences n_yes n_maybe n_no n_unsure abstain_share net net_low net_high"


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    return write(tmp_path / "s.parquet", ROWS)


def read(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="") as file:
        return [dict(line) for line in csv.DictReader(file)]


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_a_row_for_each_combination_that_occurs(ending: str, scored: Path, tmp_path: Path) -> None:
    out = tmp_path / f"t.{ending}"
    assert aggregate(scored, ["source", "month", "topic"], out) == 3
    rows = read(out)
    assert list(rows[0]) == COLUMNS.split()
    told = [[str(value) for value in list(line.values())[:10]] for line in rows]
    assert [line[:9] for line in told] == [
        ["Wire", "2026-01", "farms", "1", "2", "1", "0", "1", "0"],
        ["Wire", "2026-01", "ships", "1", "1", "0", "0", "1", "0"],
        ['Wire, "East"', "2026-02", "farms", "1", "2", "1", "0", "0", "1"],
    ]
    assert [float(line[9]) for line in told] == [0, 0, 0.5]
    assert [float(str(line["net"])) for line in rows] == [0, -1, 1]


@pytest.mark.parametrize("key", ["source", "date", "day", "year", "article", "title", "heading", "model"])
def test_any_single_key_keeps_every_sentence(key: str, scored: Path, tmp_path: Path) -> None:
    aggregate(scored, [key], tmp_path / "t.jsonl")
    assert sum(int(str(line["sentences"])) for line in read(tmp_path / "t.jsonl")) == len(ROWS)


def test_with_excel_safe_no_cell_of_a_csv_is_taken_for_a_formula(tmp_path: Path) -> None:
    titles = ["=SUM(1)", "+1", "-1", "@x", "plain"]
    scored = write(tmp_path / "s.parquet", [row(f"a{i}", "farms", "no", title=t) for i, t in enumerate(titles)])
    aggregate(scored, ["title"], tmp_path / "t.csv", excel_safe=True)
    lines = read(tmp_path / "t.csv")
    assert {line["title"] for line in lines} == {*(f"'{title}" for title in titles[:-1]), "plain"}
    assert {line["net"] for line in lines} == {"-1"}  # a number is no formula
    aggregate(scored, ["title"], tmp_path / "t.jsonl", excel_safe=True)
    assert {line["title"] for line in read(tmp_path / "t.jsonl")} == set(titles)


def test_unknown_and_repeated_keys_are_told_together(scored: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'week'") as caught:
        aggregate(scored, ["week", "topic", "topic"], tmp_path / "t.csv")
    assert len(caught.value.problems) == 2
    with pytest.raises(UserError, match="unknown ending"):
        aggregate(scored, ["topic"], tmp_path / "t.xlsx")
    with pytest.raises(UserError, match="write to another file"):
        aggregate(scored, ["topic"], scored)
    assert {p.name for p in tmp_path.iterdir()} == {"s.parquet"}

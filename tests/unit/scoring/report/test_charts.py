"""Drawings: places on axes, runs of periods, hollow points."""

from __future__ import annotations

import math

from pipeline.scoring.report import charts
from pipeline.scoring.summary.net import Net
from pipeline.scoring.summary.tally import Cell

NAN = math.nan


def cell(period: str, value: float, sure: int = 10, spread: float = 0.1) -> Cell:
    return Cell(("farms", period), 3, (sure, 0, 0), 0, Net(value, value - spread, value + spread))


def test_the_axis_places_zero_in_the_middle_and_tells_the_side() -> None:
    at = charts.Axis.of(Net(0.0, -0.2, 0.2), 0.4)
    assert at.dot == charts.AXIS / 2 and at.side == 0
    assert charts.Axis.of(Net(0.4, 0.2, 0.4), 0.4) == charts.Axis(charts.AXIS - 8, 236.0, charts.AXIS - 8, 1)
    assert charts.Axis.of(Net(-0.4, NAN, NAN), 0.4) == charts.Axis(8, None, None, 0)


def test_a_line_joins_neighbouring_periods_and_spans_no_gap() -> None:
    periods = ["1987", "1988", "2012", "2013", "2014", "2015"]
    drawn = charts.panel([cell(p, 0.1) for p in periods if p != "2014"], periods, 0.4)
    assert [line.count(",") for line in drawn.lines] == [2, 2]
    assert len(drawn.bands) == 3
    assert len({p.x for p in drawn.points}) == 5


def test_points_that_rest_on_little_are_hollow_and_stay_within_the_panel() -> None:
    few, open_, firm = cell("2020", 1.0, sure=2), cell("2021", 0.1, spread=NAN), cell("2022", 0.1)
    drawn = charts.panel([few, open_, firm], ["2020", "2021", "2022"], 0.4)
    assert [p.hollow for p in drawn.points] == [True, True, False]
    assert drawn.points[0].y == charts.EDGES[2]


def test_ticks_name_first_and_last() -> None:
    labels = [label for _, label in charts.ticks([str(year) for year in range(2000, 2030)])]
    assert (labels[0], labels[-1], len(labels)) == ("2000", "2029", 5)
    assert [label for _, label in charts.ticks(["2000"])] == ["2000"]

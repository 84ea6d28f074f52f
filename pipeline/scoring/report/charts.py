"""Geometry of the report's drawings: numbers for the template to draw as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.scoring.summary.net import Net
from pipeline.scoring.summary.tally import Cell

AXIS = 320  # width of the axis of net stance
PANEL = (330.0, 150.0)  # width and height of a topic's course in time
EDGES = (34.0, 10.0, 12.0, 24.0)  # left, right, top, bottom
FEW = 5  # a point of fewer sure sentences is drawn hollow
_APART = 12  # months between the beginnings of two periods that a line may join
_REACHES = (0.2, 0.4, 0.6, 0.8, 1.0)


def reach_of(nets: Sequence[Net]) -> float:
    """The end of a symmetric axis that holds all values and intervals: 0.2, 0.4, … or 1.

    >>> reach_of([Net(0.1, -0.05, 0.25)])
    0.4
    """
    values = [abs(v) for net in nets for v in (net.value, net.low, net.high) if not math.isnan(v)]
    return next((reach for reach in _REACHES if max(values, default=0) <= reach), 1.0)


@dataclass(frozen=True)
class Axis:
    """Where dot and interval of a net stance lie, in units of `AXIS`; None where nothing says."""

    dot: float | None
    low: float | None
    high: float | None
    side: int  # 1 plus, -1 minus, 0 when the interval holds 0 or is open

    @classmethod
    def of(cls, net: Net, reach: float) -> Axis:
        def place(value: float) -> float | None:
            return None if math.isnan(value) else round(8 + (value / reach + 1) / 2 * (AXIS - 16), 1)

        return cls(place(net.value), place(net.low), place(net.high), side_of(net))


def side_of(net: Net) -> int:
    """1 or -1 when the interval lies wholly on one side of 0, else 0."""
    return 0 if math.isnan(net.low) else int(net.low > 0) - int(net.high < 0)


@dataclass(frozen=True)
class Point:
    """A period's net stance in a panel."""

    x: float
    y: float
    period: str
    net: Net
    sentences: int
    hollow: bool


@dataclass(frozen=True)
class Panel:
    """A topic's course: points, and for each run of neighbouring periods a line and a band."""

    points: tuple[Point, ...]
    lines: tuple[str, ...]
    bands: tuple[str, ...]


def panel(cells: Sequence[Cell], periods: Sequence[str], reach: float) -> Panel:
    """Draw cells of one topic, keyed (topic, period), over the periods that occur in any topic."""
    place = {period: number for number, period in enumerate(periods)}
    told = sorted((c for c in cells if c.sure), key=lambda c: place[c.key[1]])
    xs = [across(place[c.key[1]], len(periods)) for c in told]
    points = tuple(
        Point(x, down(c.net.value, reach), c.key[1], c.net, c.sure, c.sure < FEW or math.isnan(c.net.low))
        for c, x in zip(told, xs, strict=True)
    )
    runs: list[list[Point]] = []
    for point in points:
        joined = runs and place[point.period] == place[runs[-1][-1].period] + 1 and _near(runs[-1][-1], point)
        runs[-1].append(point) if joined else runs.append([point])
    lines = tuple(_path(run) for run in runs if len(run) > 1)
    return Panel(points, lines, tuple(band for run in runs if (band := _band(run, reach))))


def _near(one: Point, other: Point) -> bool:
    """Whether two neighbouring periods are no more than about a year apart, so that no line spans a gap of years."""
    return _months(other.period) - _months(one.period) <= _APART


def _months(period: str) -> int:
    """Months since the year 0 at which a period ("2026", "2026-Q2", "2026-02", "2026-02-06") begins."""
    within = period[5:7]
    month = 3 * int(within[1]) - 2 if within.startswith("Q") else int(within or 1)
    return 12 * int(period[:4]) + month


def across(number: int, of: int) -> float:
    """x of a period."""
    left, right, _, _ = EDGES
    return round(left + (number + 0.5) / of * (PANEL[0] - left - right), 1)


def down(value: float, reach: float) -> float:
    """y of a net stance, kept within the axis."""
    _, _, top, bottom = EDGES
    share = (1 - max(-1.0, min(1.0, value / reach))) / 2
    return round(top + share * (PANEL[1] - top - bottom), 1)


def _path(run: Sequence[Point]) -> str:
    return " ".join(f"{p.x},{p.y}" for p in run)


def _band(run: Sequence[Point], reach: float) -> str:
    known = [p for p in run if not math.isnan(p.net.low)]
    if not known:
        return ""
    if len(known) == 1:  # a lone period gets a bar
        p = known[0]
        high, low = down(p.net.high, reach), down(p.net.low, reach)
        return f"{p.x - 2},{high} {p.x + 2},{high} {p.x + 2},{low} {p.x - 2},{low}"
    upper = [f"{p.x},{down(p.net.high, reach)}" for p in known]
    lower = [f"{p.x},{down(p.net.low, reach)}" for p in reversed(known)]
    return " ".join(upper + lower)


def ticks(periods: Sequence[str]) -> list[tuple[float, str]]:
    """At most five labelled periods, or three where names are long, first and last among them."""
    last = len(periods) - 1
    steps = 4 if periods and len(periods[0]) <= 4 else 2
    numbers = sorted({round(i * last / steps) for i in range(steps + 1)}) if last > steps else range(last + 1)
    return [(across(number, len(periods)), periods[number]) for number in numbers]

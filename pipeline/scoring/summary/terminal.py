"""The map as a small table for a terminal."""

from __future__ import annotations

import math

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.scoring.summary.net import Net
from pipeline.scoring.summary.scheme import Scheme
from pipeline.scoring.summary.stance_map import StanceMap
from pipeline.scoring.summary.tally import ALL, Cell

WIDTH = 13  # cells of the axis from -100 to +100, odd so that 0 has one of its own


def terminal_map(found: StanceMap) -> Table:
    """Topics by stance: counts, unsure sentences, and net stance with its interval in points and as a line."""
    scheme = found.scheme
    legend = "  ".join(f"{scheme.sign(s)} {scheme.label(s).lower()}" for s in scheme.stances)
    caption = f"{legend}   net: share of {scheme.sign(scheme.favor)} minus share of {scheme.sign(scheme.against)}"
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), caption=escape(caption), caption_justify="left")
    table.add_column("topic", no_wrap=True)
    for name in ("sentences", *(scheme.sign(s) for s in scheme.stances), "unsure"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("net (95%)", justify="right", no_wrap=True)
    table.add_column("−100" + "0".center(WIDTH - 8) + "+100", no_wrap=True, min_width=WIDTH)
    for cell in found.by_topic():
        counts = [f"{n:,}" for n in (cell.sentences, *cell.stances, cell.unsure)]
        style = "bold" if cell.key[0] == ALL else ""
        table.add_row(escape(topic_label(cell, scheme)), *counts, net_told(cell.net), axis(cell.net), style=style)
    return table


def topic_label(cell: Cell, scheme: Scheme) -> str:
    """What the cell's topic is called."""
    return {ALL: "All sentences", "": "No topic"}.get(cell.key[0], scheme.label(cell.key[0]))


def points(value: float) -> str:
    """Net stance in points.

    >>> points(0.314), points(-0.02), points(0.001), points(float("nan"))
    ('+31', '−2', '0', '–')
    """
    if math.isnan(value):
        return "–"
    whole = round(100 * value)
    return f"+{whole}" if whole > 0 else f"−{-whole}" if whole else "0"


def net_told(net: Net) -> str:
    """Net stance with its interval, in points.

    >>> net_told(Net(0.31, 0.25, 0.37)), net_told(Net(0.5, float("nan"), float("nan")))
    ('+31 (+25 to +37)', '+50')
    """
    return points(net.value) + ("" if math.isnan(net.low) else f" ({points(net.low)} to {points(net.high)})")


def axis(net: Net) -> Text:
    """The interval as a line and net stance as a dot on an axis from -100 to +100.

    >>> axis(Net(0.5, 0.3, 0.7)).plain
    '      │ ━●━  '
    """

    def place(value: float) -> int:
        return round((value + 1) / 2 * (WIDTH - 1))

    signs = [" "] * WIDTH
    signs[WIDTH // 2] = "│"
    if not math.isnan(net.low):
        signs[place(net.low) : place(net.high) + 1] = "━" * (place(net.high) - place(net.low) + 1)
    if not math.isnan(net.value):
        signs[place(net.value)] = "●"
    side = 0 if math.isnan(net.low) else (net.low > 0) - (net.high < 0)
    return Text("".join(signs), style={1: "blue", -1: "red"}.get(side, ""))

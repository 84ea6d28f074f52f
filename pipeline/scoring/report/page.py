"""The report as one HTML file: everything inline, nothing fetched, text of articles never markup."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.scoring.report import charts
from pipeline.scoring.report.telling import Shown, choose, show
from pipeline.scoring.summary.dates import iso_date
from pipeline.scoring.summary.net import METHOD, Net
from pipeline.scoring.summary.scheme import Scheme, scheme_of
from pipeline.scoring.summary.scored import open_scored, refuse_overwriting
from pipeline.scoring.summary.stance_map import ENOUGH, Divided, StanceMap, pairs
from pipeline.scoring.summary.tally import ALL, Cell
from pipeline.scoring.summary.terminal import net_told, points, topic_label
from pipeline.storage import write_text

PACKAGE = "pipeline.scoring.report"
# After Okabe and Ito's palette: for all kinds of colour vision, and none near the blue and vermilion that mark stance.
TOPIC_COLOURS = ("#009E73", "#E69F00", "#CC79A7", "#A070E0", "#8A5A2B", "#7A7A7A")
SENTENCES = 12_000  # shown in full; more than these are summarised and the most telling articles shown
_MOST_PAIRS = 8  # topics up to which who-is-ahead-of-whom fits a table


@dataclass(frozen=True)
class Written:
    """What a report holds, for the line that the command prints."""

    sentences: int
    articles: int
    shown: int
    divided: int

    def __str__(self) -> str:
        shown = "all shown" if self.shown == self.articles else f"the {self.shown:,} most telling shown"
        return f"{self.sentences:,} sentences in {self.articles:,} articles, {shown}; {self.divided:,} divided"


def write_report(
    scored: Path, out: Path, title: str = "", taxonomy: Path | None = None, budget: int = SENTENCES
) -> Written:
    """Write the report of a scored file; the map counts every row, at most `budget` sentences are shown.

    Raises:
        UserError: when `scored` is no scored file or would be overwritten, or a named taxonomy does not fit it.
    """
    source = open_scored(scored)
    refuse_overwriting(scored, out)
    scheme = scheme_of(source.topics, source.stances, taxonomy)
    found, models, sources = StanceMap(scheme), set[str](), set[str]()
    for batch in source.batches((*found.columns, "model", "source")):
        found.add(batch)
        models.update(filter(None, batch["model"].unique().to_pylist()))
        sources.update(filter(None, batch["source"].unique().to_pylist()))
    divided, sizes = found.divided(), found.sizes()
    chosen = choose(found, divided, sizes, budget)
    shown = Shown(show(source, scheme, chosen, divided), len(chosen) == len(sizes))
    about = {"name": scored.name, "models": sorted(models), "sources": len(sources), "title": title}
    write_text(out, page(found, divided, shown, about))
    return Written(sum(sizes.values()), len(sizes), len(shown.articles), len(divided))


def page(found: StanceMap, divided: Sequence[Divided], shown: Shown, about: dict[str, Any]) -> str:
    """The page; `about` has the file's `name`, the `models`, the number of `sources` and a `title` ("" to find one)."""
    environment = Environment(
        loader=PackageLoader(PACKAGE, "page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"points": points, "told": net_told, "count": lambda n: f"{n:,}"}
    by_topic = found.by_topic()
    script, style = _part("page.js"), _part("page.css") + _topic_styles(_order(found.scheme, by_topic))
    return environment.get_template("page.html").render(
        about=about, scheme=found.scheme, whole=by_topic[0], all=ALL, divided=divided, shown=shown, method=METHOD,
        enough=ENOUGH, headline=headline(by_topic, found.scheme), dates=_span(found.dates()),
        script=Markup(script), style=Markup(style), policy=policy(script, style),
        data=Markup(_data(found, shown, by_topic)),
        axis=charts.AXIS, panel_size=charts.PANEL, edges=charts.EDGES, few=charts.FEW,
        **_map(by_topic, found.scheme), **_course(found, by_topic), **_pairs(divided, found.scheme),
    )  # fmt: skip


def policy(script: str, style: str) -> str:
    """A content security policy that allows this script and this style, and nothing else at all."""
    hashed = [base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (script, style)]
    return (
        f"default-src 'none'; script-src 'sha256-{hashed[0]}'; style-src 'sha256-{hashed[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def embedded(value: Any) -> str:
    """JSON for a script element: no text in it can end the element or open another."""
    told = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return told.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").replace("\u2028", "\\u2028")


def headline(by_topic: Sequence[Cell], scheme: Scheme) -> str:
    """What the map says in a line, as far as the intervals bear it out."""
    told = [c for c in by_topic if c.key[0] not in (ALL, "") and c.net.low == c.net.low]
    if not told:
        return "Too few articles to tell topics apart"
    low = min(told, key=lambda cell: (cell.net.high >= 0, _net(cell)))  # one whose interval tells, if there is any
    high = max(told, key=lambda cell: (cell.net.low > 0, _net(cell)))
    ahead = f"ahead on {topic_label(high, scheme)}" if high.net.low > 0 else ""
    stuck = f"stuck on {topic_label(low, scheme)}" if low.net.high < 0 else ""
    if not (ahead or stuck) and high.net.low > low.net.high:
        ahead = f"further ahead on {topic_label(high, scheme)} than on {topic_label(low, scheme)}"
    told_ = ", ".join(filter(None, (ahead, stuck))) or "no topic clearly ahead or stuck"
    return told_[0].upper() + told_[1:]


def _net(cell: Cell) -> float:
    return cell.net.value


def _part(name: str) -> str:
    return files(PACKAGE).joinpath("page", name).read_text(encoding="utf-8")


def _order(scheme: Scheme, by_topic: Sequence[Cell]) -> list[str]:
    known = list(scheme.topics)
    return known + [c.key[0] for c in by_topic if c.key[0] not in (*known, ALL, "")]


def _topic_styles(topics: Sequence[str]) -> str:
    return "".join(f".t{i}{{--topic:{TOPIC_COLOURS[i % len(TOPIC_COLOURS)]}}}\n" for i in range(max(len(topics), 1)))


def _span(dates: Sequence[str]) -> tuple[str, str]:
    known = sorted(filter(None, map(iso_date, dates)))
    return (known[0], known[-1]) if known else ("", "")


def _map(by_topic: Sequence[Cell], scheme: Scheme) -> dict[str, Any]:
    order = _order(scheme, by_topic)
    reach = charts.reach_of([cell.net for cell in by_topic])
    rows = [
        {
            "cell": cell,
            "label": topic_label(cell, scheme),
            "style": f"t{order.index(cell.key[0])}" if cell.key[0] in order else "none",
            "bar": _bar(cell, scheme),
            "net": charts.Axis.of(cell.net, reach),
        }
        for cell in by_topic
    ]
    return {"rows": rows, "reach": reach}


def _bar(cell: Cell, scheme: Scheme) -> list[dict[str, Any]]:
    """Segments from minus to plus, as the axis runs."""
    segments, left = [], 0.0
    for stance, count in reversed(list(zip(scheme.stances, cell.stances, strict=True))):
        share = count / cell.sure if cell.sure else 0.0
        side = {scheme.favor: "plus", scheme.against: "minus"}.get(stance, "zero")
        segments.append({"x": round(1000 * left, 1), "w": round(1000 * share, 1), "n": count, "side": side})
        segments[-1] |= {"sign": scheme.sign(stance), "label": scheme.label(stance), "share": share}
        left += share
    return segments


def _course(found: StanceMap, by_topic: Sequence[Cell]) -> dict[str, Any]:
    period, cells = found.over_time()
    periods = sorted({cell.key[1] for cell in cells})
    firm = [Net(1.25 * c.net.value, math.nan, math.nan) for c in cells if c.sure >= charts.FEW and c.articles > 1]
    reach = charts.reach_of(firm)  # bands may be cut off; points that rest on enough are not
    order = _order(found.scheme, by_topic)
    panels = [
        {
            "label": topic_label(whole, found.scheme),
            "style": f"t{order.index(whole.key[0])}" if whole.key[0] in order else "none",
            "drawn": charts.panel([c for c in cells if c.key[0] == whole.key[0]], periods, reach),
            "whole": whole,
        }
        for whole in by_topic
        if whole.key[0] and period
    ]
    return {"period": period, "panels": panels, "ticks": charts.ticks(periods), "course_reach": reach}


def _pairs(divided: Sequence[Divided], scheme: Scheme) -> dict[str, Any]:
    counted = pairs(divided)
    topics = [t for t in scheme.topics if any(t in pair for pair in counted)]
    most = max(counted.values(), default=1)
    table = [[(counted[(up, down)], -(-5 * counted[(up, down)] // most)) for down in topics] for up in topics]
    return {"pair_topics": topics if len(topics) <= _MOST_PAIRS else [], "pair_table": table}


def _data(found: StanceMap, shown: Shown, by_topic: Sequence[Cell]) -> str:
    scheme = found.scheme
    topics = [{"id": t, "label": scheme.label(t)} for t in _order(scheme, by_topic)]
    sides = {scheme.favor: 1, scheme.against: -1}
    stances = [
        {"id": s, "label": scheme.label(s), "sign": scheme.sign(s), "side": sides.get(s, 0)} for s in scheme.stances
    ]
    return embedded({"topics": topics, "stances": stances, "articles": shown.articles})

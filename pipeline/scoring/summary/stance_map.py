"""The map an analyst wants: net stance by topic and over time, and the articles that are divided across topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.scoring.summary.dates import fitting_period, period_of
from pipeline.scoring.summary.scheme import Scheme
from pipeline.scoring.summary.scored import as_table
from pipeline.scoring.summary.tally import ALL, Cell, Tally, cells, mapped

ENOUGH = 2  # sure sentences that an article must have on a topic for its stance there to count
_PER_PERIOD = 5  # articles that a period should hold on average to be worth a point
_CALM = 2  # made-up sentences of no direction, so that one sentence more or less does not decide a rank


@dataclass(frozen=True, slots=True)
class Divided:
    """An article that moves ahead on one topic and is stuck on another.

    `gap` in [0, 2] is the distance between its best and its worst topic, drawn a little toward 0.
    """

    article_id: str
    ahead: tuple[str, ...]
    stuck: tuple[str, ...]
    gap: float


class StanceMap:
    """Built up batch by batch; memory grows with the number of articles."""

    def __init__(self, scheme: Scheme):
        self.scheme = scheme
        self._tally = Tally(scheme, ("topic", "date"), whole=True)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of scored rows that `add` reads."""
        return self._tally.columns

    def add(self, rows: pa.Table | Sequence[Any]) -> None:
        """Count rows: an Arrow table with `columns`, or a list of mappings."""
        if len(rows):
            self._tally.add(rows if isinstance(rows, pa.Table) else as_table(rows, self.columns))

    def by_topic(self) -> list[Cell]:
        """A cell a topic: all sentences (`ALL`), the scheme's topics, others that occur, sentences of none ("")."""
        return self._in_order(cells(self._tally.by_article(), self.scheme, ("topic",)))

    def over_time(self) -> tuple[str, list[Cell]]:
        """The fitting period ("" when dates tell nothing), and a cell for each topic and period with sentences."""
        table = self._tally.by_article()
        dates = table.filter(pc.equal(table["topic"], ALL))["date"].to_pylist()
        period = fitting_period(dates, _PER_PERIOD)
        if not period:
            return "", []
        when = mapped(table["date"], lambda date: period_of(date, period))
        table = table.append_column("period", when).filter(pc.not_equal(when, ""))
        return period, cells(table, self.scheme, ("topic", "period"))

    def dates(self) -> list[str]:
        """The distinct dates of articles, as they stand."""
        return [value for value in pc.unique(self._tally.by_article()["date"]).to_pylist() if value]

    def sizes(self) -> dict[str, int]:
        """Sentences of each article."""
        table = self._tally.by_article()
        table = table.filter(pc.equal(table["topic"], ALL))
        counts = pc.add(_sum(table, [n for n in table.column_names if n[0] == "n"]), table["unsure"])
        sizes: Counter[str] = Counter()
        for article, count in zip(table["in"].to_pylist(), counts.to_pylist(), strict=True):
            sizes[article] += count  # an article under two dates has two rows
        return dict(sizes)

    def divided(self) -> list[Divided]:
        """Articles with more favor than against on one topic and the reverse on another, widest gap first.

        Topics with fewer than `ENOUGH` sure sentences in the article are left out.
        """
        table = self._articles(pc.invert(pc.is_in(pc.field("topic"), pa.array([ALL, ""]))))
        net = table["net"]
        sides = {"in": table["in"], "topic": table["topic"], "net": net, "ahead": pc.greater(net, 0)}
        sides |= {"stuck": pc.less(net, 0)}
        grouped = pa.table(sides).group_by("in").aggregate([("ahead", "any"), ("stuck", "any")])
        both = grouped.filter(pc.and_(grouped["ahead_any"], grouped["stuck_any"]))["in"]
        rows: dict[str, dict[str, float]] = {}
        for row in table.filter(pc.is_in(table["in"], both.combine_chunks())).to_pylist():
            rows.setdefault(row["in"], {})[row["topic"]] = row["net"]
        found = [self._divided(article, nets) for article, nets in rows.items()]
        return sorted(found, key=lambda d: (-d.gap, d.article_id))

    def directional(self) -> list[str]:
        """Ids of articles, first those in which most sure sentences pull one way."""
        table = self._articles(pc.equal(pc.field("topic"), ALL), at_least=0)
        pull = pc.multiply(pc.abs(table["net"]), pc.sqrt(pc.cast(pc.add(table["sure"], _CALM), pa.float64())))
        rows = zip(pull.to_pylist(), table["in"].to_pylist(), strict=True)
        return [article for _, article in sorted(rows, key=lambda row: (-row[0], row[1]))]

    def _articles(self, where: Any, at_least: int = ENOUGH) -> pa.Table:
        """in, topic, sure and net (drawn toward 0) of each topic of each article."""
        table = self._tally.by_article().drop_columns(["date"]).filter(where)
        names = [name for name in table.column_names if name not in ("in", "topic", "unsure")]
        summed = table.group_by(["in", "topic"]).aggregate([(name, "sum") for name in names])
        favor, against = (
            summed[f"n{self.scheme.stances.index(end)}_sum"] for end in (self.scheme.favor, self.scheme.against)
        )
        sure = _sum(summed, [f"{name}_sum" for name in names])
        net = pc.divide(pc.cast(pc.subtract(favor, against), pa.float64()), pc.add(sure, _CALM))
        table = pa.table({"in": summed["in"], "topic": summed["topic"], "sure": sure, "net": net})
        return table.filter(pc.greater_equal(table["sure"], at_least))

    def _divided(self, article: str, nets: dict[str, float]) -> Divided:
        order = [*self.scheme.topics, *sorted(set(nets) - set(self.scheme.topics))]
        ahead = tuple(topic for topic in order if nets.get(topic, 0) > 0)
        stuck = tuple(topic for topic in order if nets.get(topic, 0) < 0)
        return Divided(article, ahead, stuck, max(nets.values()) - min(nets.values()))

    def _in_order(self, found: list[Cell]) -> list[Cell]:
        rank = {topic: place for place, topic in enumerate((ALL, *self.scheme.topics))}
        last = len(rank)
        return sorted(found, key=lambda c: (rank.get(c.key[0], last + (not c.key[0])), c.key))


def _sum(table: pa.Table, names: Sequence[str]) -> pa.ChunkedArray:
    total = table[names[0]]
    for name in names[1:]:
        total = pc.add(total, table[name])
    return total


def pairs(divided: Sequence[Divided]) -> Counter[tuple[str, str]]:
    """How many divided articles are ahead on the first topic and stuck on the second."""
    return Counter((up, down) for article in divided for up in article.ahead for down in article.stuck)

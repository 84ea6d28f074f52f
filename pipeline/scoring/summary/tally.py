"""Counts of sentences by any keys, fed in batches: what stays in memory grows with articles, not with sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import UserError
from pipeline.scoring.summary.dates import period_of
from pipeline.scoring.summary.net import Net, Sums, net_stance
from pipeline.scoring.summary.scheme import Scheme

NEEDED = ("article_id", "topics", "stance", "abstain")
ALL = "*"  # the pseudo-topic of every sentence; "" is that of sentences without a topic
_COMPACT = 1_000_000  # rows of counts, after which they are summed
_PERIODS = ("day", "month", "quarter", "year")
_COLUMNS = {"article": "article_id", **dict.fromkeys(_PERIODS, "date")}
KEYS = ("source", "date", *_PERIODS, "topic", "article", "title", "heading", "model")


@dataclass(frozen=True, slots=True)
class Cell:
    """What was counted under one combination of keys. Unsure sentences are in no stance and not in `net`."""

    key: tuple[str, ...]
    articles: int
    stances: tuple[int, ...]  # sure sentences by stance, in the scheme's order
    unsure: int
    net: Net

    @property
    def sure(self) -> int:
        return sum(self.stances)

    @property
    def sentences(self) -> int:
        return self.sure + self.unsure

    @property
    def abstain_share(self) -> float:
        """Share of unsure sentences, in [0, 1]."""
        return self.unsure / self.sentences


class Tally:
    """Counts by `keys` (of `KEYS`) within articles. `whole` adds every sentence once more under the topic `ALL`."""

    def __init__(self, scheme: Scheme, keys: Sequence[str], whole: bool = False):
        self._scheme, self.keys, self._whole = scheme, tuple(keys), whole
        self._counts = [*(f"n{i}" for i in range(len(scheme.stances))), "unsure"]
        self._parts: list[pa.Table] = []

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of scored rows that `add` reads."""
        named = (_COLUMNS.get(key, key) for key in self.keys if key != "topic")
        return tuple(dict.fromkeys((*NEEDED, *named)))

    def add(self, rows: pa.Table) -> None:
        """Count a table of scored rows.

        Raises:
            UserError: when a row has a stance that is not of the scheme.
        """
        if strange := set(pc.unique(rows["stance"]).to_pylist()) - set(self._scheme.stances):
            told = f"stance {sorted(map(str, strange))[0]!r} beside {', '.join(self._scheme.stances)}"
            raise UserError.one(told, "scored rows", "keep rows of different models in different files")
        sure = pc.invert(rows["abstain"])
        said = [pc.and_(sure, pc.equal(rows["stance"], stance)) for stance in self._scheme.stances]
        counts = {name: c.cast(pa.int64()) for name, c in zip(self._counts, [*said, rows["abstain"]], strict=True)}
        keys = {key: _key(rows, key) for key in self.keys if key != "topic"}
        table = pa.table({**keys, "in": _text(rows["article_id"]), **counts})
        self._parts.append(self._summed(self._by_topic(table, rows["topics"]) if "topic" in self.keys else table))
        if sum(len(part) for part in self._parts) > _COMPACT:
            self._parts = [self.by_article()]

    def by_article(self) -> pa.Table:
        """Counts as a table: the keys, `in` (the article), n0, n1, … (sure sentences by stance), `unsure`."""
        if not self._parts:
            return pa.table({name: pa.array([], pa.string()) for name in (*self.keys, "in")} | self._no_counts())
        return self._summed(pa.concat_tables(self._parts))

    def cells(self) -> list[Cell]:
        """Counts and net stance of each combination of keys, sorted by keys."""
        return cells(self.by_article(), self._scheme, self.keys)

    def _no_counts(self) -> dict[str, pa.Array]:
        return {name: pa.array([], pa.int64()) for name in self._counts}

    def _summed(self, table: pa.Table) -> pa.Table:
        summed = table.group_by([*self.keys, "in"]).aggregate([(name, "sum") for name in self._counts])
        return summed.rename_columns([*self.keys, "in", *self._counts])

    def _by_topic(self, table: pa.Table, topics: pa.ChunkedArray) -> pa.Table:
        lists = pa.concat_arrays([chunk.cast(pa.list_(pa.string())) for chunk in topics.chunks])
        names, rows = pc.list_flatten(lists), pc.list_parent_indices(lists).cast(pa.int64())
        none = pc.indices_nonzero(pc.equal(pc.fill_null(pc.list_value_length(lists), 0), 0)).cast(pa.int64())
        every = pa.array(range(len(table) if self._whole else 0), pa.int64())
        order = pa.concat_arrays([rows, none, every])
        labels = [names.cast(pa.string()), pa.array([""] * len(none)), pa.array([ALL] * len(every), pa.string())]
        return table.take(order).append_column("topic", pa.concat_arrays([part.cast(pa.string()) for part in labels]))


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(column.cast(pa.string()), "")


def _key(rows: pa.Table, key: str) -> pa.ChunkedArray:
    column = _text(rows[_COLUMNS.get(key, key)])
    return mapped(column, lambda date: period_of(date, key)) if key in _PERIODS else column


def mapped(column: pa.ChunkedArray, change: Callable[[str], str]) -> pa.Array:
    """`column` with each value changed; `change` is called once a distinct value of each chunk."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    changed = pa.array([change(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return changed.take(encoded.indices)


def cells(table: pa.Table, scheme: Scheme, keys: Sequence[str]) -> list[Cell]:
    """Cells of a table as `Tally.by_article` gives it, by some of its columns."""
    names = [*(f"n{i}" for i in range(len(scheme.stances))), "unsure"]
    table = table.group_by([*keys, "in"]).aggregate([(name, "sum") for name in names])
    table = table.rename_columns([*keys, "in", *names])
    ends = [table[f"n{scheme.stances.index(end)}"] for end in (scheme.favor, scheme.against)]
    sure = pc.subtract(table["n0"], table["n0"])
    for name in names[:-1]:
        sure = pc.add(sure, table[name])
    difference, magnitude = pc.subtract(*ends), pc.add(*ends)
    sums = {"d": difference, "n": sure, "m": magnitude, "dd": pc.multiply(difference, difference)}
    sums |= {"dn": pc.multiply(difference, sure), "nn": pc.multiply(sure, sure)}
    sums |= {"k": pc.greater(sure, 0).cast(pa.int64()), "a": pc.add(pc.multiply(sure, 0), 1)}
    for name, column in sums.items():
        table = table.append_column(f"s_{name}", column)
    wanted = [*names, *(f"s_{name}" for name in sums)]
    grouped = table.group_by(list(keys)).aggregate([(name, "sum") for name in wanted])
    found = [_cell(row, tuple(keys), names) for row in grouped.to_pylist()]
    return sorted(found, key=lambda cell: cell.key)


def _cell(row: dict[str, Any], keys: tuple[str, ...], names: list[str]) -> Cell:
    s = [row[f"s_{name}_sum"] for name in ("d", "n", "m", "dd", "dn", "nn", "k")]
    counts = [row[f"{name}_sum"] for name in names]
    return Cell(tuple(row[key] for key in keys), row["s_a_sum"], tuple(counts[:-1]), counts[-1], net_stance(Sums(*s)))

"""Counts and net stance as a table, for those who plot themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from pipeline.errors import Problem, raise_if_any
from pipeline.scoring.sinks import check_ending, guarded
from pipeline.scoring.summary.scheme import Scheme, scheme_of
from pipeline.scoring.summary.scored import open_scored, refuse_overwriting
from pipeline.scoring.summary.tally import KEYS, Cell, Tally
from pipeline.storage import atomic_write, to_json


def aggregate(
    scored: Path, by: Sequence[str], out: Path, taxonomy: Path | None = None, excel_safe: bool = False
) -> int:
    """Write one row for each combination of `by` that occurs; returns how many.

    With `excel_safe` a text in CSV that a spreadsheet would take for a formula gets an apostrophe in front.

    Columns: those of `by`, then articles, sentences, n_<stance> (sure sentences), n_unsure, abstain_share in [0, 1],
    net in [-1, 1] with net_low and net_high. A sentence of several topics counts in each; one of none has topic "".

    Raises:
        UserError: for an unknown key or ending, for input that is no scored file, and for output in its place.
    """
    check_ending(out)
    check_keys(by)
    source = open_scored(scored)
    refuse_overwriting(scored, out)
    scheme = scheme_of(source.topics, source.stances, taxonomy)
    tally = Tally(scheme, by)
    for batch in source.batches(tally.columns):
        tally.add(batch)
    rows = [_row(cell, by, scheme) for cell in tally.cells()]
    with atomic_write(out) as file:
        if out.suffix == ".jsonl":
            file.writelines(to_json(row).encode() + b"\n" for row in rows)
        elif out.suffix == ".csv":
            if excel_safe:
                rows = [{name: guarded(value) for name, value in row.items()} for row in rows]
            pyarrow.csv.write_csv(pa.Table.from_pylist(rows), file, pyarrow.csv.WriteOptions(quoting_style="needed"))
        else:
            pq.write_table(pa.Table.from_pylist(rows), file, compression="zstd")
    return len(rows)


def check_keys(by: Sequence[str]) -> None:
    """Refuse unknown or repeated keys.

    Raises:
        UserError: naming each of them, and the keys there are.
    """
    remedy = f"choose from {', '.join(KEYS)}"
    problems = [Problem(f"unknown key {key!r}", "--by", remedy) for key in by if key not in KEYS]
    problems += [Problem(f"key {key!r} stands twice", "--by", remedy) for key in sorted(set(by)) if by.count(key) > 1]
    raise_if_any(problems)


def _row(cell: Cell, by: Sequence[str], scheme: Scheme) -> dict[str, Any]:
    counts = {f"n_{stance}": n for stance, n in zip(scheme.stances, cell.stances, strict=True)}
    net = {"net": cell.net.value, "net_low": cell.net.low, "net_high": cell.net.high}
    rounded = {name: None if math.isnan(value) else round(value, 4) for name, value in net.items()}
    shares = {"n_unsure": cell.unsure, "abstain_share": round(cell.abstain_share, 4)}
    keys = dict(zip(by, cell.key, strict=True))
    return keys | {"articles": cell.articles, "sentences": cell.sentences} | counts | shares | rounded

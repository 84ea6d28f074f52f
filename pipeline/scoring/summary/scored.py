"""Scored files read back, in batches: .jsonl, .csv, .parquet, or a folder of .parquet parts."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import UserError
from pipeline.scoring.sinks import COLUMNS

BATCH = 16384  # rows held at once
REMEDY = "make the file with `detente score`"
_TYPES = {"position": pa.int64(), "start": pa.int64(), "end": pa.int64(), "topics": pa.list_(pa.string())}
_TYPES |= {"confidence": pa.float32(), "abstain": pa.bool_()}
_RAY_PART = re.compile(r"part-\d+-\d+\.parquet")
_SCORES = ("topic_scores", "stance_scores")
csv.field_size_limit(1 << 30)  # an article may be one sentence


@dataclass(frozen=True)
class Scored:
    """A scored file: where, and its topics and stances in the order of columns."""

    path: Path
    topics: tuple[str, ...]
    stances: tuple[str, ...]

    def batches(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Its rows in order, as tables of these columns; scores are mappings in JSON text.

        Raises:
            UserError: at the first row that is broken.
        """
        yield from _reader(self.path)(self.path, columns)


def open_scored(path: Path) -> Scored:
    """Look at a scored file's first row.

    Raises:
        UserError: when there is no such file, it is no scored file or not whole yet, or it has no row.
    """
    _check_whole(path)
    if not path.exists():
        raise UserError.one("no such file", path, "score articles into it with `detente score`")
    for table in _reader(path)(path, ("topic_scores", "stance_scores")):
        for row in table.slice(0, 1).to_pylist():
            topics, stances = (tuple(json.loads(row[name] or "{}")) for name in _SCORES)
            return Scored(path, topics, stances)
    raise UserError.one("no scored sentence in it", path, "score articles that have text")


def _check_whole(path: Path) -> None:
    """Refuse what a run that goes on or was stopped has written so far: it would be counted as if it were all."""
    if path.is_file():
        return  # it takes its name when it is whole
    from pipeline.scoring.places import DONE  # brings fsspec, which a file needs not wait for

    if (path / DONE).is_file():
        return
    begun = path.absolute().with_name(f"{path.absolute().name}.partial").is_dir()
    if begun or (path.is_dir() and any(_RAY_PART.fullmatch(part.name) for part in path.iterdir())):
        raise UserError.one("not scored to the end", path, "give the command that scores into it once more")


def refuse_overwriting(scored: Path, out: Path) -> None:
    """What is made of scored rows must not take their place.

    Raises:
        UserError: when it would.
    """
    if os.path.realpath(scored) == os.path.realpath(out):
        raise UserError.one("the scored rows are there", out, "write to another file with -o")


def as_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pa.Table:
    """Mappings as a table of these columns."""
    return pa.table({name: pa.array([row.get(name) for row in rows], _type(name)) for name in columns})


def _type(name: str) -> pa.DataType:
    return _TYPES.get(name, pa.string())


def _reader(path: Path) -> Callable[[Path, Sequence[str]], Iterator[pa.Table]]:
    readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
    if path.is_dir():
        return _read_parquet
    if path.suffix not in readers:
        raise UserError.one(f"unknown ending {path.suffix!r}", path, f"name a {', '.join(readers)} file or a folder")
    return readers[path.suffix]


def _read_jsonl(path: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    with path.open("rb") as file:
        yield from _tables(path, columns, (_from_json(line, path, n) for n, line in enumerate(file, 1) if line.strip()))


def _from_json(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        raise UserError.one("not JSON", f"{path}:{number}", REMEDY) from None
    if not isinstance(row, dict) or not row.keys() >= set(COLUMNS):
        raise UserError.one("not a scored sentence", f"{path}:{number}", REMEDY)
    return row | {name: json.dumps(row[name]) for name in _SCORES}


def _read_csv(path: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        try:
            missing = set(COLUMNS) - set(rows.fieldnames or ())
        except (csv.Error, UnicodeDecodeError):
            missing = set(COLUMNS)
        if missing:
            raise UserError.one(f"no column {', '.join(sorted(missing))}", path, REMEDY)
        yield from _tables(path, columns, (_from_csv(row) for row in rows))


def _from_csv(row: dict[str, Any]) -> dict[str, Any]:
    numbers = {name: int(row[name]) for name in ("position", "start", "end")}
    topics = [topic for topic in row["topics"].split(";") if topic]
    sure = {"confidence": float(row["confidence"]), "abstain": row["abstain"] == "True"}
    return row | numbers | sure | {"topics": topics}


def _tables(path: Path, columns: Sequence[str], rows: Iterator[dict[str, Any]]) -> Iterator[pa.Table]:
    read = 0
    while True:
        try:
            chunk = list(islice(rows, BATCH))
            if not chunk:
                return
            yield as_table(chunk, columns)
        except (ValueError, TypeError, AttributeError, csv.Error, pa.ArrowException) as error:
            told = " ".join(str(error).split())[:120]
            raise UserError.one(f"broken row ({told})", f"{path}, after row {read}", REMEDY) from None
        read += len(chunk)


def _read_parquet(path: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    parts = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not parts:
        raise UserError.one("no .parquet file in it", path, REMEDY)
    for part in parts:
        try:
            file = pq.ParquetFile(part)
        except (pa.ArrowException, OSError):
            raise UserError.one("not a Parquet file", part, REMEDY) from None
        with file:
            if missing := set(COLUMNS) - set(file.schema_arrow.names):
                raise UserError.one(f"no column {', '.join(sorted(missing))}", part, REMEDY)
            for batch in file.iter_batches(BATCH, columns=list(columns)):
                yield pa.table({name: _plain(batch.column(name), name) for name in columns})


def _plain(column: pa.Array, name: str) -> pa.Array:
    if name not in _SCORES:
        return column.cast(_type(name))
    scores = (dict(value or ()) for value in column.to_pylist())  # a struct, or a map as other engines write it
    return pa.array([json.dumps({k: v if v is None else round(v, 4) for k, v in s.items()}) for s in scores])

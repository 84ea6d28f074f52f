"""Where scored rows go: JSON Lines, CSV or Parquet, chosen by the file's ending."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import IO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import UserError
from pipeline.scoring.rows import ScoredSentence
from pipeline.storage import to_json

COLUMNS = tuple(field.name for field in fields(ScoredSentence))


class Sink(Protocol):
    """Takes rows in order; `close` finishes the file."""

    def write(self, rows: Sequence[ScoredSentence]) -> None: ...
    def close(self) -> None: ...


class JsonlSink:
    """One JSON object a line; `topics` is a list, scores are objects."""

    def __init__(self, file: IO[bytes], labels: tuple[tuple[str, ...], tuple[str, ...]]):
        self._file = file

    def write(self, rows: Sequence[ScoredSentence]) -> None:
        self._file.writelines(to_json(row).encode() + b"\n" for row in rows)

    def close(self) -> None:
        """Nothing is left to write."""


class CsvSink:
    """One row a line; topics are joined by ";", scores are JSON objects."""

    def __init__(self, file: IO[bytes], labels: tuple[tuple[str, ...], tuple[str, ...]]):
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def write(self, rows: Sequence[ScoredSentence]) -> None:
        for row in rows:
            values = {name: getattr(row, name) for name in COLUMNS}
            values |= {"topics": ";".join(row.topics)}
            values |= {name: json.dumps(values[name]) for name in ("topic_scores", "stance_scores")}
            self._writer.writerow(values.values())

    def close(self) -> None:
        self._text.detach()


class ParquetSink:
    """Topics are a list, scores a struct with a field a class."""

    def __init__(self, file: IO[bytes], labels: tuple[tuple[str, ...], tuple[str, ...]]):
        topics, stances = (pa.struct([(name, pa.float32()) for name in names]) for names in labels)
        kinds = {"position": pa.int32(), "start": pa.int64(), "end": pa.int64(), "topics": pa.list_(pa.string())}
        kinds |= {"topic_scores": topics, "stance_scores": stances, "confidence": pa.float32(), "abstain": pa.bool_()}
        self._schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, rows: Sequence[ScoredSentence]) -> None:
        columns = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
        self._writer.write_table(pa.table(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


_SINKS: dict[str, Callable[[IO[bytes], tuple[tuple[str, ...], tuple[str, ...]]], Sink]] = {
    ".jsonl": JsonlSink,
    ".csv": CsvSink,
    ".parquet": ParquetSink,
}


def check_ending(path: Path) -> None:
    """Refuse an output whose ending names no format.

    Raises:
        UserError: naming the endings there are.
    """
    if path.suffix not in _SINKS:
        raise UserError.one(f"unknown ending {path.suffix!r}", path, f"end the output's name in {', '.join(_SINKS)}")


def open_sink(path: Path, file: IO[bytes], topics: tuple[str, ...], stances: tuple[str, ...]) -> Sink:
    """The sink for `path`'s ending, writing into `file`."""
    check_ending(path)
    return _SINKS[path.suffix](file, (topics, stances))

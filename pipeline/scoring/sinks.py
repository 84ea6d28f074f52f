"""Scored rows as bytes: JSON Lines, CSV or Parquet, chosen by the output's ending; and parts joined to one file."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import UserError
from pipeline.scoring.rows import COLUMNS, DIGITS
from pipeline.storage import to_json

__all__ = ["COLUMNS", "ENDINGS", "check_ending", "check_name", "encode", "guarded", "join"]

ENDINGS = (".jsonl", ".csv", ".parquet")
_SCORES = ("topic_scores", "stance_scores")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of a formula


def check_name(path: Path) -> None:
    """Refuse an output without a name of its own, beside which nothing can be kept.

    Raises:
        UserError: for ".", ".." and "/".
    """
    if path.name in ("", ".."):
        raise UserError.one("no name for an output", path, "name a file or a folder: -o FOLDER/")


def check_ending(path: Path) -> None:
    """Refuse an output whose ending names no format.

    Raises:
        UserError: naming the endings there are.
    """
    if path.suffix not in ENDINGS:
        raise UserError.one(f"unknown ending {path.suffix!r}", path, f"end the output's name in {', '.join(ENDINGS)}")


def encode(table: pa.Table, ending: str, excel_safe: bool = False) -> pa.Table | bytes:
    """Rows as they stand in a file of this ending: bytes of lines, or for Parquet the table itself.

    JSON Lines: topics a list, scores objects. CSV: topics joined by ";", scores JSON objects; with `excel_safe`
    a text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    if ending == ".parquet":
        return table
    rows = _rows(table)
    if ending == ".jsonl":
        return "".join(f"{to_json(row)}\n" for row in rows).encode()
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(_cells(row, excel_safe) for row in rows)
    return text.getvalue().encode()


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    columns = {name: table[name].combine_chunks() for name in COLUMNS}
    plain: dict[str, list[Any]] = {
        name: column.to_pylist() for name, column in columns.items() if name not in (*_SCORES, "confidence")
    }
    plain["confidence"] = _rounded(columns["confidence"])
    for name in _SCORES:
        labels = [field.name for field in columns[name].type]
        values = zip(*(_rounded(columns[name].field(label)) for label in labels), strict=True)
        plain[name] = [dict(zip(labels, row, strict=True)) for row in values]
    return [dict(zip(COLUMNS, row, strict=True)) for row in zip(*(plain[name] for name in COLUMNS), strict=True)]


def _rounded(column: pa.Array) -> list[float]:
    values: list[float] = column.to_numpy(zero_copy_only=False).astype(np.float64).round(DIGITS).tolist()
    return values


def _cells(row: dict[str, Any], excel_safe: bool) -> list[Any]:
    flat = row | {"topics": ";".join(row["topics"])} | {name: json.dumps(row[name]) for name in _SCORES}
    return [guarded(value) for value in flat.values()] if excel_safe else list(flat.values())


def guarded(value: Any) -> Any:
    """A cell with an apostrophe in front if a spreadsheet would take it for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def write_part(file: IO[bytes], pieces: Sequence[pa.Table | bytes], schema: pa.Schema) -> None:
    """Encoded pieces one after another: bytes as they are, tables as one Parquet file."""
    if pieces and isinstance(pieces[0], bytes):
        file.writelines(pieces)
    else:
        pq.write_table(pa.concat_tables([schema.empty_table(), *pieces]), file, compression="zstd")


def join(parts: Iterable[Path], file: IO[bytes], ending: str, schema: pa.Schema) -> None:
    """One file of all parts: lines one after another (CSV under a header), Parquet with a row group a part."""
    if ending == ".parquet":
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for part in parts:
                writer.write_table(pq.read_table(part, partitioning=None))
        return
    if ending == ".csv":
        file.write((",".join(COLUMNS) + "\n").encode())
    for part in parts:
        with part.open("rb") as source:
            shutil.copyfileobj(source, file, 1 << 20)

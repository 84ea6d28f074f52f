"""Scored rows made by hand, and written in every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.classifiers.decision import Decision
from pipeline.scoring.rows import schema_of
from pipeline.scoring.sinks import COLUMNS, encode, write_part

Row = dict[str, Any]

TOPICS, STANCES = ("farms", "ships"), ("yes", "maybe", "no")


def row(article: str, topics: str = "", stance: str = "maybe", **other: Any) -> Row:
    """A sentence of an article; `topics` are separated by spaces."""
    values: Row = {
        "article_id": article, "title": f"Title of {article}", "date": "2026-01-14", "source": "Wire",
        "sentence_id": f"{article}:0", "position": 0, "heading": "", "start": 0, "end": 9, "text": "A sentence.",
        "topics": tuple(topics.split()), "topic_scores": {t: 0.9 if t in topics else 0.1 for t in TOPICS},
        "stance": stance, "stance_scores": {s: 0.8 if s == stance else 0.1 for s in STANCES}, "confidence": 0.8,
        "abstain": False, "model": "by-hand@0",
    }  # fmt: skip
    return values | other


def write(path: Path, rows: list[Row]) -> Path:
    like = rows[0] if rows else row("a1")
    schema = schema_of(Decision(tuple(like["topic_scores"]), tuple(like["stance_scores"]), {}))
    with path.open("wb") as file:
        if path.suffix == ".csv":
            file.write((",".join(COLUMNS) + "\n").encode())
        write_part(file, [encode(pa.Table.from_pylist(rows, schema), path.suffix)], schema)
    return path

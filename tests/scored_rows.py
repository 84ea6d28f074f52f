"""Scored rows made by hand, and written in every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.scoring.rows import ScoredSentence
from pipeline.scoring.sinks import open_sink

TOPICS, STANCES = ("farms", "ships"), ("yes", "maybe", "no")


def row(article: str, topics: str = "", stance: str = "maybe", **other: Any) -> ScoredSentence:
    """A sentence of an article; `topics` are separated by spaces."""
    values: dict[str, Any] = {
        "article_id": article, "title": f"Title of {article}", "date": "2026-01-14", "source": "Wire",
        "sentence_id": f"{article}:0", "position": 0, "heading": "", "start": 0, "end": 9, "text": "A sentence.",
        "topics": tuple(topics.split()), "topic_scores": {t: 0.9 if t in topics else 0.1 for t in TOPICS},
        "stance": stance, "stance_scores": {s: 0.8 if s == stance else 0.1 for s in STANCES}, "confidence": 0.8,
        "abstain": False, "model": "by-hand@0",
    }  # fmt: skip
    return ScoredSentence(**(values | other))


def write(path: Path, rows: list[ScoredSentence]) -> Path:
    with path.open("wb") as file:
        sink = open_sink(path, file, TOPICS, STANCES)
        sink.write(rows)
        sink.close()
    return path

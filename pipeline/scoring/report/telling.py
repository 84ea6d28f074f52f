"""Which articles a report shows in full, and what it holds of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.scoring.summary.dates import iso_date
from pipeline.scoring.summary.scheme import Scheme
from pipeline.scoring.summary.scored import Scored
from pipeline.scoring.summary.stance_map import Divided, StanceMap

LONGEST = 400  # sentences shown of one article
_SHOWN = ("article_id", "title", "date", "source", "position", "heading", "start", "end", "text", "topics")
COLUMNS = (*_SHOWN, "topic_scores", "stance", "stance_scores", "confidence", "abstain")


@dataclass
class Shown:
    """The articles of a report in the order that tells most, as JSON values; `whole` says that none is left out."""

    articles: list[dict[str, Any]] = field(default_factory=list)
    whole: bool = True

    @property
    def sentences(self) -> int:
        return sum(len(article["sentences"]) for article in self.articles)


def choose(found: StanceMap, divided: Sequence[Divided], sizes: Mapping[str, int], budget: int) -> list[str]:
    """Ids of articles of at most `budget` sentences together: in turn the most divided and the most directional.

    At least one article is chosen; one that no longer fits is passed over for the next.
    """
    turns = zip_longest((d.article_id for d in divided), found.directional())
    ranked = dict.fromkeys(article for article in chain.from_iterable(turns) if article is not None)
    chosen: list[str] = []
    for article in ranked:
        size = min(sizes[article], LONGEST)
        if size <= budget or not chosen:
            chosen.append(article)
            budget -= size
        if budget <= 0:
            break
    return chosen


def show(source: Scored, scheme: Scheme, chosen: Sequence[str], divided: Sequence[Divided]) -> list[dict[str, Any]]:
    """What the page needs of the chosen articles, in that order."""
    wanted = pa.array(chosen, pa.string())
    rows: dict[str, list[dict[str, Any]]] = {article: [] for article in chosen}
    for batch in source.batches(COLUMNS):
        for row in batch.filter(pc.is_in(batch["article_id"], wanted)).to_pylist():
            rows[row["article_id"]].append(row)
    gaps = {article.article_id: article.gap for article in divided}
    return [_article(rows[name], scheme, gaps.get(name, 0.0)) for name in chosen if rows[name]]


def _article(rows: list[dict[str, Any]], scheme: Scheme, gap: float) -> dict[str, Any]:
    rows = sorted(rows, key=lambda row: row["position"])
    first = rows[0]
    sides = {scheme.favor: 1, scheme.against: -1}
    nets: dict[str, list[int]] = {topic: [0, 0] for topic in scheme.topics}
    for row in rows:
        for topic in () if row["abstain"] else row["topics"]:
            tally = nets.setdefault(topic, [0, 0])
            tally[0] += sides.get(row["stance"], 0)
            tally[1] += 1
    pull = sum(0 if row["abstain"] else sides.get(row["stance"], 0) for row in rows)
    return {
        "id": first["article_id"],
        "title": first["title"] or _opening(first["text"]),
        "date": first["date"] or "",
        "when": iso_date(first["date"] or ""),
        "source": first["source"] or "",
        "gap": round(gap, 3),
        "pull": round(abs(pull) / len(rows) ** 0.5, 3),
        "nets": [[topic, *net] for topic, net in nets.items() if net[1]],
        "more": max(len(rows) - LONGEST, 0),
        "sentences": list(islice(_sentences(rows), LONGEST)),
    }


def _opening(text: str) -> str:
    return text if len(text) <= 80 else text[:79].rsplit(" ", 1)[0] + "…"


def _sentences(rows: list[dict[str, Any]]) -> Iterator[list[Any]]:
    """text, kind (0 in a line, 1 opens a paragraph, 2 a heading), topics with scores, stance, its score, confidence,
    unsure."""
    end, headings = None, {row["heading"] for row in rows} - {"", None}
    for row in rows:
        opens = end is None or row["start"] - end > 1
        kind = 2 if row["text"] in headings else int(opens)
        end = row["end"]
        topic_scores, stance_scores = (json.loads(row[name] or "{}") for name in ("topic_scores", "stance_scores"))
        topics = [[topic, _round(topic_scores.get(topic))] for topic in row["topics"]]
        said = [row["stance"], _round(stance_scores.get(row["stance"])), _round(row["confidence"]), int(row["abstain"])]
        yield [row["text"], kind, topics, *said]


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)

"""The measures of the corpus as tables for a terminal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tabulate import tabulate

from pipeline.errors import Problem, UserError, raise_if_any
from pipeline.evaluation.corpus import overlaps, repetition, variety
from pipeline.schemas import Article, Assignment, Sentence
from pipeline.storage import read_json, read_jsonl


def corpus_report(interim: Path, report: Path, beside: Path | None, against: Sequence[Path]) -> str:
    """Tables of sizes, supports, genres, pairs, agreement, repetition and variety.

    Raises:
        UserError: when an input is missing, or a sentence shares ten words in a row with a text of `against`.
    """
    articles = read_jsonl(interim / "articles.jsonl", Article)
    sentences = {s.id: s.text for s in read_jsonl(interim / "sentences.jsonl", Sentence)}
    splits = read_jsonl(interim / "splits.jsonl", Assignment)
    parts = [_sizes(read_json(report)), _kinds(articles, splits), _texts(sentences, beside)]
    if against:
        found = overlaps(sentences, (text for path in against for text in _strings(path)))
        raise_if_any(
            Problem(f"shares {run!r} with another text", f"sentence {id_}", "reword it") for id_, run in found.items()
        )
        parts.append("No sentence shares ten words in a row with the texts compared.")
    return "\n\n".join(parts)


def _sizes(counts: dict[str, Any]) -> str:
    splits = [
        {"split": s, **{k: counts[k][s] for k in ("articles", "sentences", "annotated")}} for s in counts["articles"]
    ]
    topics = [
        {"topic": topic, "sentences": number, **counts["stance_in_topic"][topic]}
        for topic, number in counts["topics"].items()
    ]
    topics += [
        {"topic": "none", "sentences": counts["no_topic"]},
        {"topic": "two or more", "sentences": counts["multi_topic"]},
    ]
    agreement = counts["agreement"]
    alpha = [{"task": task, "Krippendorff's alpha": value} for task, value in agreement.get("alpha", {}).items()]
    return "\n\n".join(
        [
            tabulate(splits, headers="keys"),
            tabulate(topics, headers="keys"),
            tabulate([counts["stances"]], headers="keys"),
            f"{agreement['sentences']} sentences have two passes",
            tabulate(alpha, headers="keys", floatfmt=".3f"),
        ]
    )


def _kinds(articles: Sequence[Article], splits: Sequence[Assignment]) -> str:
    split_of = {assignment.article_id: assignment.split for assignment in splits}
    tables = []
    for kind in ("genre", "pair"):
        number = Counter(getattr(a, kind) for a in articles)
        seen = {getattr(a, kind) for a in articles if split_of[a.id] == "train"}
        rows = [{kind: k, "articles": n, "": "" if k in seen else "not in train"} for k, n in number.most_common()]
        tables.append(tabulate(rows, headers="keys"))
    return "\n\n".join(tables)


def _texts(sentences: dict[str, str], beside: Path | None) -> str:
    others = list(_strings(beside, key="text")) if beside else []
    size = len(others) or 290
    repeated = repetition(sentences)
    columns = {"corpus": variety(list(sentences.values()), size)}
    if beside:
        columns[beside.name] = variety(others, size)
    rows = [{"measure": m, **{n: asdict(v)[m] for n, v in columns.items()}} for m in asdict(columns["corpus"])]
    return (
        f"Duplicates: {repeated.exact:.2%} exact, {repeated.near:.2%} near\n\n"
        f"Variety, over samples of {size} sentences\n{tabulate(rows, headers='keys', floatfmt='.3f')}"
    )


def _strings(path: Path, key: str | None = None) -> Iterator[str]:
    """Texts of a file or a folder: of JSON Lines every string value (or that of `key`), of others the whole file."""
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.suffix in (".jsonl", ".txt", ".md")):
            yield from _strings(file, key)
        return
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError.one("no such file", path, "name another") from None
    except UnicodeDecodeError:
        raise UserError.one("not UTF-8 text", path, "save it as UTF-8") from None
    if path.suffix != ".jsonl":
        yield text
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            yield from [row[key]] if key else _values(row)
        except (json.JSONDecodeError, KeyError, TypeError):
            what = f"no JSON object with {key!r}" if key else "no JSON"
            raise UserError.one(what, f"{path}:{number}", "mend or remove the line") from None


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _values(child)

"""Real text that is kept outside the project: read, and a model measured on it. Nothing is trained or tuned on it.

A folder holds `annotated.jsonl` (sentences with `topics` and `stance` under the codebook; `before` and `title` are
context) and, optionally, files of whole texts with `topics` alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.classifiers.decision import Classifier
from pipeline.errors import Problem, UserError, raise_if_any
from pipeline.evaluation.judging import judge
from pipeline.evaluation.metrics import Judged, Resampling, class_figures, count, evaluate
from pipeline.schemas import Article, LabelledSentence
from pipeline.taxonomy import Taxonomy
from pipeline.text.segmentation import segment

ANNOTATED = "annotated.jsonl"
_CHUNK = 2048  # sentences held at once


def read_rows(path: Path, needed: Sequence[str]) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file, each of which has the `needed` keys.

    Raises:
        UserError: when the file is missing or empty, or naming every line that is not such an object.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise UserError.one("no such file", path, "name the folder that holds it") from None
    except UnicodeDecodeError as error:
        raise UserError.one(f"not UTF-8 ({error.reason})", path, "save it as UTF-8") from None
    lines = text.removesuffix("\n").split("\n") if text else []
    rows, problems = [], []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            rows.append(row)
            lacks = [key for key in needed if not isinstance(row, dict) or key not in row]
        except json.JSONDecodeError:
            lacks = list(needed)
        if lacks:
            problems.append(Problem(f"no {', '.join(lacks)}", f"{path}:{number}", "mend or remove the line"))
    if not lines:
        problems = [Problem("empty", str(path), "annotate sentences, or name another folder")]
    raise_if_any(problems)
    return rows


def read_annotated(folder: Path, taxonomy: Taxonomy) -> list[LabelledSentence]:
    """The annotated sentences of a folder, or of a file itself; those of one title count as one article.

    Raises:
        UserError: when the file is missing, or a line lacks what it needs or has a class that is none.
    """
    path = folder if folder.is_file() else folder / ANNOTATED
    rows = read_rows(path, ("id", "text", "topics", "stance"))
    raise_if_any(
        Problem(what, f"{path}:{number}", "use the classes of the taxonomy, topics and before as lists")
        for number, row in enumerate(rows, start=1)
        for what in _mistakes(row, taxonomy)
    )
    return [_labelled(row, taxonomy) for row in rows]


def _mistakes(row: Mapping[str, Any], taxonomy: Taxonomy) -> Iterator[str]:
    """Labels of a row that the taxonomy does not have, and texts that are none."""
    if row["stance"] not in taxonomy.stance_ids:
        yield f"unknown stance {row['stance']!r}"
    if isinstance(row["topics"], list):
        yield from (f"unknown topic {topic!r}" for topic in row["topics"] if topic not in taxonomy.topic_ids)
    else:
        yield f"unknown topics {row['topics']!r}"
    yield from (f"{key} is no text: {row[key]!r}" for key in ("id", "text") if not isinstance(row[key], str))
    before = row.get("before", [])
    if not isinstance(before, list) or not all(isinstance(one, str) for one in before):
        yield f"before is no list of texts: {before!r}"


def _labelled(row: Mapping[str, Any], taxonomy: Taxonomy) -> LabelledSentence:
    title, before = row.get("title", ""), row.get("before", [])
    return LabelledSentence(
        row["id"],
        title or row["id"],
        row["text"],
        title,
        before[-1] if before else "",
        {t: float(t in row["topics"]) for t in taxonomy.topic_ids},
        {s: float(s == row["stance"]) for s in taxonomy.stance_ids},
    )


def real_figures(classifier: Classifier, folder: Path, taxonomy: Taxonomy, resampling: Resampling) -> dict[str, Any]:
    """All figures of a model on the annotated sentences of a folder, as `evaluate` tells them.

    Raises:
        UserError: when the folder has no readable annotated sentences.
    """
    return evaluate(judge(classifier, read_annotated(folder, taxonomy)), taxonomy, resampling)


def judge_texts(classifier: Classifier, rows: Sequence[Mapping[str, Any]]) -> list[Judged]:
    """Topics of whole texts (`id`, `text`, `topics`): those of any of their sentences. Stance is left out."""
    sentences = [s for row in rows for s in segment(Article(row["id"], row["text"]))]
    said: dict[str, set[str]] = {row["id"]: set() for row in rows}
    for start in range(0, len(sentences), _CHUNK):
        chunk = sentences[start : start + _CHUNK]
        for sentence, one in zip(chunk, classifier.decision.predict(*classifier.predict_proba(chunk)), strict=True):
            said[sentence.article_id] |= set(one.topics)
    return [
        Judged(r["id"], r["id"], r["text"], tuple(r["topics"]), "", tuple(sorted(said[r["id"]])), "", {}, {})
        for r in rows
    ]


def topic_figures(rows: Sequence[Judged], taxonomy: Taxonomy, resampling: Resampling) -> dict[str, Any]:
    """Figures by class of the topics that occur among `rows`; a class that nobody coded is not counted against."""
    coded = [i for i, t in enumerate(taxonomy.topic_ids) if any(t in row.topics for row in rows)]
    counts = count(rows, taxonomy).topics[:, coded]
    names = [taxonomy.topic_ids[i] for i in coded]
    return class_figures(counts, resampling.weights(len(counts)), resampling, names)

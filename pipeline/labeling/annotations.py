"""Annotations: labels given by hand, in up to two independent passes with disagreements settled by a third look."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import Problem, UserError, raise_if_any
from pipeline.schemas import Annotation, Sentence
from pipeline.taxonomy import Taxonomy

PASSES = ("first", "second", "settled")


@dataclass(frozen=True)
class Annotations:
    """Each pass by sentence id; `settled` holds the third look at what the passes disagree on."""

    first: Mapping[str, Annotation]
    second: Mapping[str, Annotation]
    settled: Mapping[str, Annotation]

    def final(self) -> dict[str, Annotation]:
        """The label that counts for each sentence: settled, or else that of the passes."""
        return {**self.second, **self.first, **self.settled}

    def disagreements(self) -> list[str]:
        """Ids of sentences that both passes have seen and labelled differently."""
        return [id_ for id_, one in self.first.items() if id_ in self.second and not same(one, self.second[id_])]


def same(one: Annotation, other: Annotation) -> bool:
    """Whether two annotations give the same topics and stance."""
    return set(one.topics) == set(other.topics) and one.stance == other.stance


def load_annotations(folder: Path, taxonomy: Taxonomy) -> Annotations:
    """Read first.jsonl, second.jsonl and settled.jsonl (the last two may be absent).

    Raises:
        UserError: naming every broken row, unknown class and doubled sentence.
    """
    if not (folder / "first.jsonl").is_file():
        raise UserError.one("no annotations", folder / "first.jsonl", "restore it, or set the folder in dvc.yaml")
    problems: list[Problem] = []
    passes: dict[str, dict[str, Annotation]] = {}
    for name in PASSES:
        path = folder / f"{name}.jsonl"
        rows = passes[name] = {}
        for number, line in enumerate(_text(path).split("\n") if path.is_file() else (), start=1):
            if not line.strip():
                continue
            annotation, found = _parse(line, f"{path}:{number}", taxonomy)
            if annotation and annotation.sentence_id in rows:
                found = [
                    Problem(f"sentence {annotation.sentence_id} is annotated twice", f"{path}:{number}", "keep one")
                ]
            problems += found
            if annotation:
                rows[annotation.sentence_id] = annotation
    raise_if_any(problems)
    return Annotations(**passes)


def _parse(line: str, where: str, taxonomy: Taxonomy) -> tuple[Annotation | None, list[Problem]]:
    try:
        raw: dict[str, Any] = json.loads(line)
        sentence_id, text, topics, stance = (raw[k] for k in ("sentence_id", "text", "topics", "stance"))
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        return None, [Problem(f"not an annotation ({error!r})", where, "give sentence_id, text, topics and stance")]
    if not isinstance(topics, list) or not all(isinstance(t, str) for t in (*topics, sentence_id, text)):
        return None, [Problem("not an annotation", where, "topics is a list of ids, the rest are texts")]
    problems = [
        Problem(f"unknown topic {t!r}", where, "use a topic of the taxonomy, or add it")
        for t in topics
        if t not in taxonomy.topic_ids
    ]
    if stance not in taxonomy.stance_ids:
        problems.append(Problem(f"unknown stance {stance!r}", where, "use a stance of the taxonomy, or add it"))
    return (None if problems else Annotation(sentence_id, text, tuple(topics), stance)), problems


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError.one(f"not UTF-8 ({error.reason})", path, "save it as UTF-8") from None


def orphans(annotations: Annotations, sentences: Iterable[Sentence]) -> Iterator[Problem]:
    """A problem for every annotation whose sentence is gone from the corpus."""
    known = {sentence.id for sentence in sentences}
    for name in PASSES:
        for id_, annotation in getattr(annotations, name).items():
            if id_ not in known:
                yield Problem(
                    f"sentence {id_} is gone ({annotation.text[:40]!r})",
                    f"{name}.jsonl",
                    "remove the annotation, or annotate the sentence that took its place",
                )

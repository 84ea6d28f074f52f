"""Articles in, labelled sentences out: streamed, nothing lost, the output complete or absent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pipeline.classifiers.decision import Classifier
from pipeline.errors import UserError
from pipeline.schemas import Article, Reject, Sentence
from pipeline.scoring.rows import ScoredSentence, scored
from pipeline.scoring.sinks import check_ending, open_sink
from pipeline.storage import atomic_write, to_json
from pipeline.text.readers import read_articles
from pipeline.text.segmentation import segment

CHUNK = 2048  # sentences held at once


@dataclass
class Tally:
    """What went in and what came out; `read == scored + rejected` counts articles."""

    read: int = 0
    scored: int = 0
    rejected: int = 0
    sentences: int = 0
    seconds: float = 0.0
    rejects: list[Reject] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"read {self.read} articles = {self.scored} scored + {self.rejected} rejected; "
            f"{self.sentences} sentences in {self.seconds:.1f} s"
        )


def score(
    paths: Iterable[Path],
    out: Path,
    classifier: Classifier,
    max_bytes: int = 5_000_000,
) -> Tally:
    """Score every sentence of every article into `out`; rejects go to `out`.rejects.jsonl when there are any.

    Raises:
        UserError: when a path does not exist, the ending is unknown, or nothing could be read.
    """
    check_ending(out)
    start = time.perf_counter()
    tally = Tally()
    model = f"{classifier.name}@{classifier.sha256[:12]}"
    with atomic_write(out) as file:
        sink = open_sink(out, file, classifier.decision.topics, classifier.decision.stances)
        for rows in _scored_chunks(_sentences(paths, max_bytes, tally), classifier, model):
            sink.write(rows)
            tally.sentences += len(rows)
        sink.close()
        if not tally.read:
            raise UserError.one("no article found", ", ".join(map(str, paths)), "name files or folders with articles")
    _write_rejects(out, tally.rejects)
    if tally.read != tally.scored + tally.rejected:
        raise RuntimeError(f"articles were lost: {tally}")
    tally.seconds = time.perf_counter() - start
    return tally


def _sentences(paths: Iterable[Path], max_bytes: int, tally: Tally) -> Iterator[tuple[Article, Sentence]]:
    for item in read_articles(paths, max_bytes):
        tally.read += 1
        if isinstance(item, Article):
            yield from ((item, sentence) for sentence in segment(item))
            tally.scored += 1
        else:
            tally.rejected += 1
            tally.rejects.append(item)


def _scored_chunks(
    sentences: Iterator[tuple[Article, Sentence]], classifier: Classifier, model: str
) -> Iterator[list[ScoredSentence]]:
    while chunk := list(islice(sentences, CHUNK)):
        said = classifier.decision.predict(*classifier.predict_proba([sentence for _, sentence in chunk]))
        yield [scored(*place, prediction, model) for place, prediction in zip(chunk, said, strict=True)]


def rejects_path(out: Path) -> Path:
    """Where the rejects of an output go."""
    return out.with_name(out.name + ".rejects.jsonl")


def _write_rejects(out: Path, rejects: list[Reject]) -> None:
    path = rejects_path(out)
    if not rejects:
        path.unlink(missing_ok=True)  # left over from an earlier run
        return
    with atomic_write(path) as file:
        file.writelines(to_json(reject).encode() + b"\n" for reject in rejects)

"""The records that pass between stages, as frozen dataclasses that map to JSON objects one to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Article:
    """A document. `text` is what offsets count in: decoded, repaired, with "\\n" line ends."""

    id: str
    text: str
    title: str = ""
    date: str = ""
    source: str = ""
    genre: str = ""
    pair: str = ""


@dataclass(frozen=True, slots=True)
class Sentence:
    """The unit that is labelled.

    `start` and `end` are character offsets: ``article.text[start:end] == text``. `heading` is the
    section heading above the sentence ("" where there is none), `previous` the sentence before it,
    `position` its zero-based place in the article.
    """

    id: str
    article_id: str
    position: int
    start: int
    end: int
    text: str
    heading: str = ""
    previous: str = ""
    is_heading: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence of no known article, and where it stands: the heading above it and the sentence before it."""

    text: str
    heading: str = ""
    previous: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """An input row that could not be used: the file, its 1-based row (0: the whole file), why, and what it held."""

    file: str
    row: int
    reason: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A person's label of one sentence under the codebook."""

    sentence_id: str
    text: str
    topics: tuple[str, ...]
    stance: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which split an article belongs to; articles of one near-duplicate `group` share it."""

    article_id: str
    split: str
    group: str


@dataclass(frozen=True, slots=True)
class LabelledSentence:
    """A sentence with the label that a classifier learns from or is measured against.

    `topics` and `stance` map each class to a probability in [0, 1] (0 or 1 for annotations);
    `origin` is "annotation", "cues", "model" (self-training) or "none" (no label yet);
    `weight` is the sentence's weight in training.
    """

    sentence_id: str
    article_id: str
    text: str
    heading: str
    previous: str
    topics: Mapping[str, float]
    stance: Mapping[str, float]
    origin: str = "annotation"
    weight: float = 1.0


def sizes(rows: Sequence[LabelledSentence]) -> dict[str, int]:
    """How many sentences, and of how many articles."""
    return {"sentences": len(rows), "articles": len({row.article_id for row in rows})}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of one sentence: probabilities by class, and the labels they decide.

    `confidence` in [0, 1] is the probability that all of these labels are right; `abstain` says that it is too little
    to go by.
    """

    topics: tuple[str, ...]
    topic_scores: Mapping[str, float]
    stance: str
    stance_scores: Mapping[str, float] = field(default_factory=dict)
    confidence: float = 0.0
    abstain: bool = False

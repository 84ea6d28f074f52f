"""Measures of a corpus: how large, how supported, how repeated, how varied; and overlap with texts of others."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.text.deduplication import near_duplicates, normalise

DRAWS = 20  # samples that a measure of variety is averaged over
LEAST_WORDS = 5  # a shorter sentence ("He said.") says nothing about duplication


@dataclass(frozen=True)
class Variety:
    """How varied sentences are; all figures depend on how many there are, so compare samples of one size.

    `distinct_4grams` is per 1,000 words; `shared_openings` the share of sentences whose first three words
    open another one too; lengths are in words; `cross_entropy` in bits a word, of a bigram model trained
    on one half and tested on the other.
    """

    distinct_4grams: float
    shared_openings: float
    mean_length: float
    spread_of_length: float
    cross_entropy: float


def variety(sentences: Sequence[str], sample: int, seed: int = 0) -> Variety:
    """Measure samples of `sample` sentences and average."""
    draw = random.Random(seed)
    measured = [_variety(draw.sample(list(sentences), min(sample, len(sentences)))) for _ in range(DRAWS)]
    return Variety(*(statistics.fmean(getattr(m, name) for m in measured) for name in Variety.__dataclass_fields__))


def _variety(sentences: Sequence[str]) -> Variety:
    words = [normalise(sentence).split() for sentence in sentences]
    grams = {tuple(own[i : i + 4]) for own in words for i in range(len(own) - 3)}
    openings = Counter(tuple(own[:3]) for own in words if len(own) >= 3)
    lengths = [len(own) for own in words]
    half = len(words) // 2
    return Variety(
        1000 * len(grams) / max(1, sum(lengths)),
        sum(n for n in openings.values() if n > 1) / max(1, len(words)),
        statistics.fmean(lengths),
        statistics.pstdev(lengths),
        _cross_entropy(words[:half], words[half:]),
    )


def _cross_entropy(train: Sequence[Sequence[str]], test: Sequence[Sequence[str]]) -> float:
    """Bits a word under bigrams interpolated half and half with add-one unigrams."""
    unigrams = Counter(word for own in train for word in own)
    firsts = Counter(word for own in train for word in own[:-1])
    bigrams = Counter(pair for own in train for pair in pairwise(own))
    total, vocabulary = sum(unigrams.values()), len(unigrams) + 1

    def probability(before: str, word: str) -> float:
        alone = (unigrams[word] + 1) / (total + vocabulary)
        return 0.5 * alone + (0.5 * bigrams[before, word] / firsts[before] if firsts[before] else 0.5 * alone)

    bits = [-math.log2(probability(a, b)) for own in test for a, b in pairwise(own)]
    return statistics.fmean(bits) if bits else 0.0


@dataclass(frozen=True)
class Repetition:
    """Shares of sentences (of five words or more) that repeat another: to the word, and nearly (MinHash)."""

    exact: float
    near: float


def repetition(sentences: Mapping[str, str], threshold: float = 0.8) -> Repetition:
    """Measure sentences by id; near means a Jaccard similarity of word trigrams of at least `threshold`."""
    longer = {id_: text for id_, text in sentences.items() if len(normalise(text).split()) >= LEAST_WORDS}
    counts = Counter(normalise(text) for text in longer.values())
    exact = sum(n - 1 for n in counts.values())
    near = {later for _, later in near_duplicates(longer, threshold, size=3)}
    return Repetition(exact / max(1, len(longer)), len(near) / max(1, len(longer)))


def overlaps(sentences: Mapping[str, str], others: Iterable[str], words: int = 10) -> dict[str, str]:
    """Sentences, by id, that share `words` words in a row with one of `others`, and the first such run."""
    runs: dict[str, list[str]] = {}
    for id_, text in sentences.items():
        for run in _runs(text, words):
            runs.setdefault(run, []).append(id_)
    found: dict[str, str] = {}
    for other in others:
        for run in _runs(other, words):
            for id_ in runs.get(run, ()):
                found.setdefault(id_, run)
    return found


def _runs(text: str, words: int) -> Iterator[str]:
    own = normalise(text).split()
    for start in range(len(own) - words + 1):
        yield " ".join(own[start : start + words])

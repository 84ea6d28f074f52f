"""Batches: each sentence once, none cut, whatever its length."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.classifiers.batching import score_batches
from pipeline.classifiers.decision import Decision
from pipeline.classifiers.tokens import Arrays, Reading, SentenceTokenizer
from tests.conftest import sentence

DECISION = Decision(("sport", "music"), ("good", "bad"), {"sport": 0.5, "music": 0.5})
NAMES = ("input_ids", "token_type_ids", "attention_mask")
LENGTH = 16


@pytest.fixture(scope="module")
def tokenizer(small_encoder: Path) -> SentenceTokenizer:
    return SentenceTokenizer(small_encoder / "tokenizer.json", Reading("previous", LENGTH, NAMES, 0))


class Network:
    """Says of each row: topic "sport" where the token of "match" stands, stance by the share of rows seen so far."""

    def __init__(self, tokenizer: SentenceTokenizer):
        (self.match,) = tokenizer.encode([sentence("match")])[0].ids[1:-1]
        self.batches: list[Arrays] = []

    def __call__(self, arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
        self.batches.append(arrays)
        found = (arrays["input_ids"] == self.match).any(axis=1).astype(float)
        return np.stack([found, 1 - found], axis=1), np.stack([found, 1 - found], axis=1)


def test_a_sentence_longer_than_the_window_is_read_to_its_end(tokenizer: SentenceTokenizer) -> None:
    words = ["team"] * 100 + ["match"]
    (windows,) = tokenizer.windows([sentence(" ".join(words), previous="The song")])
    assert len(windows) > 5
    assert all(len(window.ids) <= LENGTH for window in windows)
    own = [window.ids[1:-1] for window in windows]  # between the marks of beginning and end
    overlap = (LENGTH - 2) // 4
    assert all(before[-overlap:] == after[:overlap] for before, after in pairwise(own))
    assert len(own[0]) + sum(len(ids) - overlap for ids in own[1:]) == len(words)
    network = Network(tokenizer)
    topics, stances = score_batches([sentence(" ".join(words))], tokenizer, DECISION, network, 64)
    assert topics.tolist() == [[1.0, 1.0]]  # the highest of any window: the last has the match, the others have not
    assert stances[0].tolist() == pytest.approx([1 / len(windows), 1 - 1 / len(windows)])


def test_a_context_that_does_not_fit_is_cut_and_the_sentence_is_not(tokenizer: SentenceTokenizer) -> None:
    text, previous = "The team played a match", " ".join(["song"] * 40)
    ((tokens,),) = tokenizer.windows([sentence(text, previous=previous)])
    ((alone,),) = tokenizer.windows([sentence(text)])
    assert tokens.ids[: len(alone.ids)] == alone.ids
    assert len(tokens.ids) == LENGTH
    assert sum(tokens.type_ids) == LENGTH - len(alone.ids)


def test_equal_sentences_are_scored_once_and_each_in_its_place(tokenizer: SentenceTokenizer) -> None:
    rows = [sentence("The match", n) for n in range(5)] + [sentence("The song", 5), sentence("The match", 6)]
    rows += [sentence("The match", 7, previous="A song")]
    network = Network(tokenizer)
    topics, _ = score_batches(rows, tokenizer, DECISION, network, 1024)
    assert sum(len(batch["input_ids"]) for batch in network.batches) == 3
    assert topics[:, 0].tolist() == [1, 1, 1, 1, 1, 0, 1, 1]


def test_batches_stay_within_their_tokens(tokenizer: SentenceTokenizer) -> None:
    rows = [sentence("team " * (1 + n % 9) + f"{'match ' * (n % 5)}", n) for n in range(200)]
    network = Network(tokenizer)
    score_batches(rows, tokenizer, DECISION, network, 64)
    assert all(batch["input_ids"].size <= 64 for batch in network.batches)
    assert network.batches[0]["input_ids"].shape[1] < network.batches[-1]["input_ids"].shape[1]


def test_nothing_comes_of_nothing(tokenizer: SentenceTokenizer) -> None:
    topics, stances = score_batches([], tokenizer, DECISION, Network(tokenizer), 64)
    assert (topics.shape, stances.shape) == ((0, 2), (0, 2))

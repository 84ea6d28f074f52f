"""Measures of a corpus."""

import random
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.evaluation.corpus import overlaps, repetition, variety
from pipeline.evaluation.corpus_report import _strings

WORDS = [f"w{i}" for i in range(400)]
LIVELY = [" ".join(random.Random(i).choices(WORDS, k=5 + i % 20)) for i in range(200)]
DULL = ["The two sides agreed to hold more talks on trade next week in the city" for _ in range(200)]


def test_dull_writing_measures_as_dull() -> None:
    lively, dull = variety(LIVELY, 100), variety(DULL, 100)
    assert dull.distinct_4grams < 20 < 500 < lively.distinct_4grams
    assert dull.shared_openings == 1.0
    assert lively.shared_openings < 0.1
    assert dull.spread_of_length == 0.0 < lively.spread_of_length
    assert dull.cross_entropy < 2 < lively.cross_entropy
    assert dull.mean_length == 15


def test_repetition_counts_exact_and_near_copies_of_sentences() -> None:
    base = {f"s{i}": text for i, text in enumerate(LIVELY)}
    copies = {"copy": LIVELY[19].upper(), "near": LIVELY[18] + " more", "short": "He said.", "short2": "He said."}
    found = repetition({**base, **copies})
    assert found.exact == pytest.approx(1 / 202)
    assert found.near == pytest.approx(2 / 202)


@pytest.mark.parametrize("key", [None, "text"])
def test_blank_lines_are_no_texts(key: str | None, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text('{"text": "one two"}\n\n{"text": "three"}\n', encoding="utf-8")
    assert list(_strings(path, key)) == ["one two", "three"]
    path.write_bytes(b"\xff")
    with pytest.raises(UserError, match="not UTF-8"):
        list(_strings(path, key))


def test_ten_words_in_a_row_are_found_and_nine_are_not() -> None:
    ours = {"a": "One two three four five six seven eight nine ten eleven.", "b": "Nothing of the kind."}
    other = "He wrote: one two, three four five six seven eight nine ten"
    assert overlaps(ours, [other]) == {"a": "one two three four five six seven eight nine ten"}
    assert overlaps(ours, [other.removesuffix(" ten")]) == {}

"""The benchmark of rivals measures what it says, and goes on from its cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pipeline.evaluation.metrics import Judged, f1_figures
from pipeline.schemas import LabelledSentence
from pipeline.taxonomy import Taxonomy


@pytest.fixture(scope="module")
def accuracy(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("accuracy")


@pytest.fixture
def sentences(accuracy: ModuleType, labelled: list[LabelledSentence]):  # type: ignore[no-untyped-def]
    return accuracy.Sentences(labelled[:24], labelled[12:24], {"test": labelled[24:], "real": labelled[:12]})


def macro_f1(judged: list[Judged], taxonomy: Taxonomy, accuracy: ModuleType) -> list[float]:
    figures = f1_figures(judged, taxonomy, accuracy.RESAMPLING)
    return [figures[task]["macro_f1"] for task in accuracy.TASKS]


def test_a_rival_learns_and_each_set_gets_its_own_labels(
    accuracy: ModuleType, sentences, two_topics: Taxonomy, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    judged, seconds = accuracy.judged_rival("tfidf", sentences, two_topics, None)
    assert seconds >= 0
    for on, rows in sentences.measured.items():
        assert [j.sentence_id for j in judged[on]] == [row.sentence_id for row in rows]
        assert min(macro_f1(judged[on], two_topics, accuracy)) > 0.9


def test_an_interrupted_run_goes_on_from_its_cache(
    accuracy: ModuleType, sentences, two_topics: Taxonomy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    asked: list[str] = []

    def rival(task, texts):  # type: ignore[no-untyped-def]
        asked.append(task.name)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return np.full((len(texts), len(task.classes)), 0.5)

    monkeypatch.setitem(accuracy.RIVALS, "tfidf", (rival, accuracy.TASKS))
    cache = tmp_path / "cache.json"
    with pytest.raises(KeyboardInterrupt):
        accuracy.judged_rival("tfidf", sentences, two_topics, cache)
    first = accuracy.judged_rival("tfidf", sentences, two_topics, cache)
    assert asked == ["topics", "stance", "stance"]
    assert accuracy.judged_rival("tfidf", sentences, two_topics, cache) == first
    assert len(asked) == 3
    other = replace(sentences, train=sentences.train[:-1])
    accuracy.judged_rival("tfidf", other, two_topics, cache)
    assert len(asked) == 5, "a result for other sentences must not be taken"


def test_ours_is_ahead_only_beyond_the_interval(accuracy: ModuleType, sentences, two_topics: Taxonomy) -> None:  # type: ignore[no-untyped-def]
    blank = accuracy.unjudged(sentences.train, two_topics)
    right = [replace(j, predicted_topics=j.topics, predicted_stance=j.stance) for j in blank]
    wrong = [replace(j, predicted_topics=(), predicted_stance="plain") for j in blank]
    judged = {"finetuned": {"test": right}, "tfidf": {"test": wrong}, "frozen": {"test": right}}
    assert accuracy.gains("tfidf", judged, two_topics)[0]["test stance"].endswith("*")
    assert accuracy.gains("frozen", judged, two_topics)[0]["test stance"] == "+0.000 [+0.000, +0.000]"
    told = accuracy.report(judged, {"finetuned": None, "tfidf": 1.0, "frozen": 2.0}, sentences, two_topics)
    assert "1.000 [1.000, 1.000]" in told
    assert "seconds (own step)" in told
    assert accuracy.ABOUT["frozen"] in told


def test_few_sentences_are_some_of_every_class(accuracy: ModuleType, sentences, two_topics: Taxonomy) -> None:  # type: ignore[no-untyped-def]
    import rivals

    targets = np.array([[1, 0], [0, 1], [0, 0]] * 100)
    task = rivals.Task("topics", two_topics.topic_ids, ["text"] * 300, targets)
    chosen = targets[rivals.few(task)]
    assert [sum(chosen[:, 0]), sum(chosen[:, 1]), sum(chosen.sum(axis=1) == 0)] == [rivals.SHOTS] * 3

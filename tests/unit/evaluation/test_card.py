"""A card says what the figures say, for any subject, with or without slices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.classifiers.decision import Decision
from pipeline.evaluation.card import Subject, model_card
from pipeline.evaluation.metrics import Judged, Resampling, evaluate
from pipeline.taxonomy import Taxonomy


@pytest.fixture
def subject(two_topics: Taxonomy) -> Subject:
    limits = {"sport": 0.25, "music": 0.75}
    return Subject(
        "baseline", "c0ffee" * 8, Decision(("sport", "music"), two_topics.stance_ids, limits), two_topics, ""
    )


@pytest.fixture
def figures(two_topics: Taxonomy) -> dict[str, Any]:
    """Three sentences: one wrong in its topic, one in its stance."""
    said = [
        (("sport",), "good", ("sport",), "good"),
        (("music",), "bad", (), "bad"),
        (("sport",), "plain", ("sport",), "bad"),
    ]
    scores = ({"sport": 0.5, "music": 0.5}, {"good": 1.0, "plain": 0.0, "bad": 0.0})
    rows = [Judged(str(i), f"a{i}", "A text.", *labels, *scores) for i, labels in enumerate(said)]
    return evaluate(rows, two_topics, Resampling(50, 0.9, 0))


def row(card: str, name: str) -> list[str]:
    line = next(line for line in card.splitlines() if f" {name} " in line and line.startswith("|"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_class_stands_with_its_own_figures(subject: Subject, figures: dict[str, Any]) -> None:
    card = model_card(subject, figures)
    assert row(card, "Sport")[2:4] == ["1.000", "1.000"] and row(card, "Sport")[-1] == "2"
    assert row(card, "Music")[2:4] == ["0.000", "0.000"] and row(card, "Music")[-1] == "1"
    assert row(card, "Bad")[2:4] == ["0.500", "1.000"]
    assert row(card, "topics all right")[1] == "0.667"
    assert "c0ffeec0ffee" in card and "sport from 0.25, music from 0.75" in card
    assert "Weakest in topics: **Music**, F1 0.000 on 1 sentences" in card
    for word in ("agriculture", "energy", "cooperation"):
        assert word not in card.lower()


def test_what_is_known_of_the_corpus_is_said_and_its_lack_as_well(
    subject: Subject, figures: dict[str, Any], two_topics: Taxonomy
) -> None:
    assert "Nothing is said about the corpus" in model_card(subject, figures)
    told = Subject("baseline", "0", subject.decision, two_topics, "All texts are synthetic.")
    assert "All texts are synthetic." in model_card(told, figures)


def test_the_projects_own_corpus_is_said_to_be_a_language_models_work(root: Path) -> None:
    said = " ".join((root / "seeds" / "corpus.md").read_text(encoding="utf-8").split())
    for part in (
        "The corpus is synthetic: its articles were written with a language model",
        "The annotations were made with a language model too",
        "consistency under the codebook, not agreement between people",
    ):
        assert part in said


def test_slices_are_shown_where_there_are_some(subject: Subject, figures: dict[str, Any]) -> None:
    assert "### By slice" not in model_card(subject, figures)
    poems = {"slice": "genre", "group": "poem", "topics_macro_f1": "", "stance_macro_f1": 0.5, "sentences": 3}
    assert row(model_card(subject, figures, [poems]), "poem") == ["genre", "poem", "", "0.500", "3"]

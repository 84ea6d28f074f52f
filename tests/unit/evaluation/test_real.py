"""Real text from outside: read with its context, measured, and refused in plain words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline.classifiers.decision import Decision, Matrix, Readable
from pipeline.errors import UserError
from pipeline.evaluation.metrics import Resampling, headline
from pipeline.evaluation.real import judge_texts, read_annotated, real_figures, topic_figures
from pipeline.taxonomy import Taxonomy

RESAMPLING = Resampling(samples=50, confidence=0.95, seed=0)
ROWS = [
    {
        "id": "1",
        "title": "Games",
        "before": ["One.", "Two."],
        "text": "A match.",
        "topics": ["sport"],
        "stance": "good",
    },
    {"id": "2", "title": "Games", "before": [], "text": "A song.", "topics": ["music"], "stance": "bad"},
    {"id": "3", "text": "A hall.", "topics": [], "stance": "good"},
]


class Reader:
    """Finds sport in "match", music in "song", and all to be good."""

    name = "reader"
    sha256 = ""
    decision = Decision(("sport", "music"), ("good", "plain", "bad"), {"sport": 0.5, "music": 0.5})

    def predict_proba(self, sentences: Sequence[Readable]) -> tuple[Matrix, Matrix]:
        topics = np.array([[0.9 if word in s.text else 0.1 for word in ("match", "song")] for s in sentences])
        return topics, np.tile([0.8, 0.1, 0.1], (len(sentences), 1))


def folder(tmp_path: Path, rows: Sequence[object]) -> Path:
    (tmp_path / "annotated.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_sentences_are_read_with_title_and_what_came_before(tmp_path: Path, two_topics: Taxonomy) -> None:
    first, second, third = read_annotated(folder(tmp_path, ROWS), two_topics)
    assert (first.heading, first.previous) == ("Games", "Two.")
    assert (second.heading, second.previous) == ("Games", "")
    assert (third.heading, third.previous) == ("", "")
    assert first.article_id == second.article_id != third.article_id
    assert first.topics == {"sport": 1.0, "music": 0.0}
    assert second.stance == {"good": 0.0, "plain": 0.0, "bad": 1.0}


def test_the_headline_is_named_real(tmp_path: Path, two_topics: Taxonomy) -> None:
    told = headline(real_figures(Reader(), folder(tmp_path, ROWS), two_topics, RESAMPLING), "real")
    assert told["real.topics.macro_f1"] == 1
    assert told["real.stance.accuracy"] == pytest.approx(2 / 3, abs=1e-4)
    assert told["real.stance.ece"] == pytest.approx(0.8 - 2 / 3, abs=1e-4)
    assert all(name.startswith("real.") for name in told)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{**ROWS[0], "stance": "cold"}], "unknown stance 'cold'"),
        ([ROWS[0], {"id": "1", "text": "x"}], "annotated.jsonl:2: no topics, stance"),
        ([{**ROWS[0], "topics": ["farming"]}], "unknown topic 'farming'"),
        ([{**ROWS[0], "topics": "sportive"}], "unknown topics 'sportive'"),
        ([{**ROWS[0], "topics": None}], "unknown topics None"),
        ([{**ROWS[0], "text": None}], "text is no text: None"),
        ([{**ROWS[0], "before": "One."}], "before is no list of texts: 'One.'"),
        (["id text topics stance"], "annotated.jsonl:1: no id, text, topics, stance"),
        ([7], "annotated.jsonl:1: no id, text, topics, stance"),
        ([], "annotated.jsonl: empty"),
    ],
)
def test_bad_rows_are_named(rows: list[object], told: str, tmp_path: Path, two_topics: Taxonomy) -> None:
    with pytest.raises(UserError, match=told):
        read_annotated(folder(tmp_path, rows), two_topics)


def test_a_folder_without_sentences_is_named(tmp_path: Path, two_topics: Taxonomy) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_annotated(tmp_path / "absent", two_topics)


def test_a_text_has_the_topics_of_its_sentences(two_topics: Taxonomy) -> None:
    texts = [
        {"id": "1", "text": "There was a match in town. Later there was a song.", "topics": ["sport"]},
        {"id": "2", "text": "They met in a hall.", "topics": []},
    ]
    rows = judge_texts(Reader(), texts)
    assert [row.predicted_topics for row in rows] == [("music", "sport"), ()]
    figures = topic_figures(rows, two_topics, RESAMPLING)
    assert list(figures["classes"]) == ["sport"]  # music was not coded
    assert figures["macro_f1"] == 1

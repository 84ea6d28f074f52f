"""The cascade: who answers which sentence, how far that may cost, and that both parts are those it was fitted with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from pipeline.classifiers import cascade
from pipeline.classifiers.decision import Decision, Matrix, Readable
from pipeline.classifiers.registry import load_classifier
from pipeline.errors import UserError
from pipeline.schemas import LabelledSentence
from pipeline.storage import write_json
from pipeline.taxonomy import Taxonomy


@dataclass
class Part:
    """Right about a share of the sentences, and as sure of them as `sureness` says; wrong and unsure of the others."""

    decision: Decision
    truth: dict[str, tuple[list[float], list[float]]]
    wrong: set[str] = field(default_factory=set)
    name: str = "part"
    sha256: str = "abc"
    asked: list[str] = field(default_factory=list)

    def predict_proba(self, sentences: Sequence[Readable]) -> tuple[Matrix, Matrix]:
        self.asked += [s.text for s in sentences]
        topics = [self.truth[s.text][0] for s in sentences]
        stances = [self.truth[s.text][1] for s in sentences]
        sure = np.array([0.05 if s.text in self.wrong else 0.9 for s in sentences])[:, None]
        flip = np.array([s.text in self.wrong for s in sentences])[:, None]
        t = np.array(topics).reshape(len(sentences), -1)
        s = np.array(stances).reshape(len(sentences), -1)
        t, s = np.where(flip, 1 - t, t), np.where(flip, np.roll(s, 1, axis=1), s)
        return 0.5 + (t - 0.5) * sure, 1 / 3 + (s - 1 / 3) * sure


@pytest.fixture
def parts(labelled: list[LabelledSentence], two_topics: Taxonomy) -> tuple[Part, Part]:
    decision = Decision(two_topics.topic_ids, two_topics.stance_ids, dict.fromkeys(two_topics.topic_ids, 0.5))
    truth = {r.text: (list(r.topics.values()), list(r.stance.values())) for r in labelled}
    return Part(decision, truth, {r.text for r in labelled[::3]}), Part(decision, truth, set())


def test_the_quick_part_answers_what_it_is_sure_of(
    parts: tuple[Part, Part], labelled: list[LabelledSentence], two_topics: Taxonomy
) -> None:
    model, figures = cascade.fit(parts, labelled, two_topics, 0.005)
    assert figures["share_of_baseline"] == pytest.approx(2 / 3, abs=0.01)
    assert figures["encoder.topics.macro_f1"] - figures["topics.macro_f1"] <= 0.005
    assert figures["encoder.stance.macro_f1"] - figures["stance.macro_f1"] <= 0.005
    parts[1].asked.clear()
    said = model.decision.predict(*model.predict_proba(labelled))
    assert parts[1].asked == [row.text for row in labelled[::3]]
    assert [s.stance for s in said] == [max(r.stance, key=r.stance.__getitem__) for r in labelled]


def test_a_larger_drop_lets_the_quick_part_answer_more(
    parts: tuple[Part, Part], labelled: list[LabelledSentence], two_topics: Taxonomy
) -> None:
    shares = [cascade.fit(parts, labelled, two_topics, drop)[1]["share_of_baseline"] for drop in (0.0, 0.1, 1.0)]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_quick_part_that_is_no_good_answers_nothing(
    parts: tuple[Part, Part], labelled: list[LabelledSentence], two_topics: Taxonomy
) -> None:
    parts[0].wrong = set()
    parts[0].truth = {text: (topics[::-1], stances[::-1]) for text, (topics, stances) in parts[0].truth.items()}
    model, figures = cascade.fit(parts, labelled, two_topics, 0.0)
    assert figures["share_of_baseline"] < 0.5
    assert figures["topics.macro_f1"] == figures["encoder.topics.macro_f1"]
    assert model.limit > 0


def test_parts_that_are_others_now_are_refused(
    parts: tuple[Part, Part], labelled: list[LabelledSentence], two_topics: Taxonomy, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    model, figures = cascade.fit(parts, labelled, two_topics, 0.005)
    folder = tmp_path / "cascade" / "model"
    folder.mkdir(parents=True)
    cascade.save(model, ("one", "two"), figures, folder)
    monkeypatch.setattr(
        "pipeline.classifiers.registry.load_classifier", lambda path, threads=0: parts[path.parent.name == "two"]
    )
    again = load_classifier(folder)
    assert isinstance(again, cascade.Cascade)
    assert (again.limit, again.decision) == (model.limit, model.decision)
    parts[1].sha256 = "another"
    with pytest.raises(UserError, match="not the model that the cascade was fitted with"):
        load_classifier(folder)
    write_json(folder / "cascade.json", {"limit": 0.0, "parts": []})
    with pytest.raises(UserError, match="differ from the manifest"):
        load_classifier(folder)

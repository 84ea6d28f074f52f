"""Ensemble and cascade: who answers which sentence, what that costs, and that the parts are the fitted ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from pipeline.classifiers import combination
from pipeline.classifiers.decision import Decision, Matrix, Readable
from pipeline.classifiers.registry import load_classifier
from pipeline.errors import UserError
from pipeline.schemas import LabelledSentence
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
    _, (model, figures) = combination.fit(parts, labelled, two_topics, 0.005)
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
    fitted = [combination.fit(parts, labelled, two_topics, drop)[1] for drop in (0.0, 0.1, 1.0)]
    shares = [figures["share_of_baseline"] for _, figures in fitted]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_quick_part_that_is_no_good_answers_nothing(
    parts: tuple[Part, Part], labelled: list[LabelledSentence], two_topics: Taxonomy
) -> None:
    parts[0].wrong = set()
    parts[0].truth = {text: (topics[::-1], stances[::-1]) for text, (topics, stances) in parts[0].truth.items()}
    _, (model, figures) = combination.fit(parts, labelled, two_topics, 0.0)
    assert figures["share_of_baseline"] < 0.5
    assert figures["topics.macro_f1"] == figures["encoder.topics.macro_f1"]
    assert model.mix.limit > 0


def test_an_ensemble_mixes_as_far_as_it_helps(
    parts: tuple[Part, Part], labelled: list[LabelledSentence], two_topics: Taxonomy
) -> None:
    (_, figures), _ = combination.fit(parts, labelled, two_topics, 0.005)
    assert figures["stance.macro_f1"] >= figures["encoder.stance.macro_f1"]
    parts[0].wrong, parts[1].wrong = {r.text for r in labelled[::3]}, {r.text for r in labelled[1::3]}
    (model, figures), _ = combination.fit(parts, labelled, two_topics, 0.005)
    assert figures["encoder.stance.macro_f1"] < figures["stance.macro_f1"] == 1.0
    assert model.name == "ensemble"
    topics, stances = model.predict_proba(labelled)
    for mean, of in ((topics, model.mix.topics), (stances, model.mix.stance)):
        assert 0 < of < 1
        assert mean.shape[0] == len(labelled)
    first, second = (part.decision.decide(*part.predict_proba(labelled)) for part in parts)
    expected = model.mix.stance * first.stance_scores + (1 - model.mix.stance) * second.stance_scores
    np.testing.assert_allclose(stances, expected)


def test_parts_lie_in_the_folder_and_others_are_refused(
    parts: tuple[Part, Part], labelled: list[LabelledSentence], two_topics: Taxonomy, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sources = [tmp_path / name / "model" for name in ("one", "two")]
    for source in sources:
        source.mkdir(parents=True)
        (source / "weights").write_text(source.parent.name)
    _, (model, figures) = combination.fit(parts, labelled, two_topics, 0.005)
    folder = tmp_path / "cascade" / "model"
    folder.mkdir(parents=True)
    combination.save(model, sources, figures, folder)
    for source in sources:
        (source / "weights").unlink()  # the folder needs nothing beside it
    monkeypatch.setattr(
        "pipeline.classifiers.registry.load_classifier", lambda path, threads=0: parts[path.name == "two"]
    )
    again = load_classifier(folder)
    assert isinstance(again, combination.Combined)
    assert (again.name, again.mix, again.decision) == ("cascade", model.mix, model.decision)
    parts[1].sha256 = "another"
    with pytest.raises(UserError, match="not the model that was fitted as a part"):
        load_classifier(folder)
    (folder / "parts" / "two" / "weights").write_text("changed")
    with pytest.raises(UserError, match="differ from the manifest"):
        load_classifier(folder)

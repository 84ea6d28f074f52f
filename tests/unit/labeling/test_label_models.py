"""Label models: what each makes of votes, and how one is chosen."""

import numpy as np
import pytest

from pipeline.labeling.decision import Bench, Verdict, decide, explain
from pipeline.labeling.functions import ABSTAIN, STANCE, Ballot, LabelingFunction
from pipeline.labeling.label_models import MODELS, binary, dawid_skene, majority
from pipeline.schemas import Annotation
from pipeline.taxonomy import Taxonomy
from tests.conftest import sentence

NOBODY = np.full(400, ABSTAIN, dtype=np.int8)


def _crowd(accuracies: tuple[float, ...], coverage: float) -> tuple[np.ndarray, np.ndarray]:
    """Truth of 400 items in two classes and the votes of workers of given accuracy who abstain at random."""
    draw = np.random.default_rng(0)
    truth = (draw.random(400) < 0.5).astype(np.int8)
    votes = np.stack([np.where(draw.random(400) < a, truth, 1 - truth) for a in accuracies], axis=1)
    votes[draw.random(votes.shape) > coverage] = ABSTAIN
    return truth, votes.astype(np.int8)


def test_majority_gives_shares_and_the_default() -> None:
    votes = np.array([[0, -1], [0, 2], [-1, -1]], dtype=np.int8)
    assert majority(votes, 3, 1, NOBODY[:3]).tolist() == [[1, 0, 0], [0.5, 0, 0.5], [0, 1, 0]]


@pytest.mark.parametrize("model", [dawid_skene, binary])
def test_em_finds_whom_to_trust(model) -> None:  # type: ignore[no-untyped-def]
    truth, votes = _crowd((0.95, 0.55, 0.55, 0.55), 1.0)
    right = lambda p: (p.argmax(axis=1) == truth).mean()  # noqa: E731
    assert right(model(votes, 2, 0, NOBODY)) > right(majority(votes, 2, 0, NOBODY)) + 0.05


def test_silence_speaks_against_a_class_in_the_binary_model() -> None:
    votes = np.full((400, 2), ABSTAIN, dtype=np.int8)
    votes[:100] = 1  # a class that both functions nearly always see
    votes[100, 0] = 1  # and here only one does
    assert majority(votes, 2, 0, NOBODY)[100, 1] == 1
    assert binary(votes, 2, 0, NOBODY)[200, 1] < 0.05


def test_known_classes_teach_the_binary_model_and_stay() -> None:
    truth, votes = _crowd((0.1, 0.6, 0.6), 1.0)  # the first always says the opposite, which votes alone cannot tell
    known = np.where(np.arange(400) < 100, truth, ABSTAIN).astype(np.int8)
    told = binary(votes, 2, 0, known)
    assert (told[:100].argmax(axis=1) == truth[:100]).all()
    assert (told[100:].argmax(axis=1) == truth[100:]).mean() > 0.85


@pytest.mark.parametrize("name", list(MODELS))
def test_rows_are_distributions_whatever_the_votes(name: str) -> None:
    for votes in (np.full((4, 2), ABSTAIN), np.zeros((4, 0)), np.array([[0, 1], [2, 2], [1, -1], [-1, -1]])):
        result = MODELS[name](votes.astype(np.int8), 3, 1, NOBODY[:4])
        assert result.shape == (4, 3)
        assert np.allclose(result.sum(axis=1), 1)


def _bench(two_topics: Taxonomy) -> tuple[Ballot, Bench]:
    """Stance votes of one good worker and three poor ones; topics on which all models agree."""
    truth, votes = _crowd((0.95, 0.55, 0.55, 0.55), 1.0)
    names = ["good", "plain"]
    functions = tuple(LabelingFunction(f"f{i}", STANCE, "good", "phrases") for i in range(4))
    sentences = [sentence(f"Sentence {i}.", i) for i in range(400)]
    judging = {s.id: Annotation(s.id, s.text, (), names[t]) for s, t in zip(sentences, truth, strict=True)}
    return Ballot(functions, votes), Bench(sentences, {}, judging)


def test_another_model_must_beat_majority_vote(two_topics: Taxonomy) -> None:
    ballot, bench = _bench(two_topics)
    verdict = decide(ballot, bench, "auto", two_topics)
    assert verdict.choices["stance"]["chosen"] != "majority"
    scores = verdict.choices["stance"]["scores"]
    assert scores[verdict.choices["stance"]["chosen"]] == max(scores.values()) > scores["majority"]
    assert verdict.choices["topics"]["chosen"] == "majority"  # a tie goes to majority vote
    assert "nothing beat majority vote" in explain("cues", verdict)


def test_without_annotations_to_judge_by_majority_vote_stands(two_topics: Taxonomy) -> None:
    ballot, bench = _bench(two_topics)
    verdict = decide(ballot, Bench(bench.sentences, {}, {}), "auto", two_topics)
    assert {choice["chosen"] for choice in verdict.choices.values()} == {"majority"}


def test_a_model_that_is_asked_for_is_taken(two_topics: Taxonomy) -> None:
    ballot, bench = _bench(two_topics)
    verdict: Verdict = decide(ballot, bench, "dawid_skene", two_topics)
    assert verdict.choices["stance"]["chosen"] == "dawid_skene"
    assert "stance by dawid_skene (set by label.label_model: dawid_skene " in explain("cues", verdict)
    assert verdict.stances.shape == (400, 3)

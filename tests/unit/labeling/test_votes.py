"""Votes of labeling functions and what sentences are taught as."""

import numpy as np
import pytest

from pipeline.labeling.cues import CueSet
from pipeline.labeling.functions import ABSTAIN, cue_ballot, join
from pipeline.labeling.supervision import certainty, cue_quality, from_votes, labelled
from pipeline.params import LabelParams, Params
from pipeline.schemas import Annotation
from pipeline.taxonomy import Taxonomy
from tests.conftest import sentence

SETS = (
    CueSet("sport", phrases=("match",), headings=("games",)),
    CueSet("music", phrases=("song",)),
    CueSet("good", phrases=("joy", "praise"), negated="bad"),
    CueSet("bad", phrases=("anger",)),
)
SENTENCES = [
    sentence("The match was a joy.", 0),
    sentence("No joy in the song.", 1),
    sentence("Games", 2, is_heading=True),
    sentence("Games went on with no anger and praise.", 3),
    sentence("Nothing happened.", 4),
]
VOTES = (
    np.array([[0.9, 0.1], [0, 1], [0.6, 0], [0, 0], [0, 0]]),
    np.array([[1, 0, 0], [0, 0.2, 0.8], [0, 1, 0], [0.5, 0, 0.5], [0, 1, 0]]),
)


@pytest.fixture
def label_params(params: Params) -> LabelParams:
    return params.label.model_copy(update={"cue_weight": 0.5})


def test_votes_are_cast_by_class_and_kind(two_topics: Taxonomy) -> None:
    ballot = cue_ballot(SENTENCES, SETS, two_topics)
    assert [f.name for f in ballot.functions] == [
        "sport.phrases", "sport.headings", "music.phrases", "good.phrases", "bad.phrases",
    ]  # fmt: skip
    good, bad = two_topics.stance_ids.index("good"), two_topics.stance_ids.index("bad")
    assert ballot.votes.tolist() == [
        [1, -1, -1, good, -1],
        [-1, -1, 1, bad, -1],  # a negated cue speaks for the class it names
        [-1, 1, -1, -1, -1],  # heading cues count in headings
        [-1, -1, -1, bad, -1],  # and only there; a negated cue that names no class says nothing
        [ABSTAIN] * 5,
    ]


def test_joined_ballots_keep_their_columns(two_topics: Taxonomy) -> None:
    one, other = cue_ballot(SENTENCES, SETS[:1], two_topics), cue_ballot(SENTENCES, SETS[1:], two_topics)
    both = join([one, other])
    assert both.functions == one.functions + other.functions
    assert both.of("sport").tolist() == one.votes.tolist()
    assert both.of("stance").shape == (5, 2)


@pytest.mark.parametrize(
    ("supervision", "origins"),
    [("annotations", ["annotation"]), ("cues", ["cues"] * 5), ("both", ["annotation", *["cues"] * 4])],
)
def test_supervision_decides_what_is_learned_from(
    supervision: str, origins: list[str], two_topics: Taxonomy, label_params: LabelParams
) -> None:
    own = {"a1:0": Annotation("a1:0", "", ("music",), "bad")}
    wanted = label_params.model_copy(update={"supervision": supervision})
    rows = labelled(SENTENCES, own, VOTES, wanted, two_topics)
    assert [row.origin for row in rows] == origins
    assert rows[0].topics == ({"sport": 0.9, "music": 0.1} if supervision == "cues" else {"sport": 0.0, "music": 1.0})
    assert rows[0].weight == (0.475 if supervision == "cues" else 1.0)


@pytest.mark.parametrize(("annotated", "wanted"), [(["a1:0"], ["annotation"]), ([], ["cues"] * 5)])
def test_validation_judges_by_annotations_alone_where_there_are_any(
    annotated: list[str], wanted: list[str], two_topics: Taxonomy, label_params: LabelParams
) -> None:
    params = label_params.model_copy(update={"supervision": "both"})
    annotations = {name: Annotation(name, "", ("music",), "bad") for name in annotated}
    rows = labelled(SENTENCES, annotations, VOTES, params, two_topics, judged=True)
    assert [row.origin for row in rows] == wanted


def test_an_unsure_label_weighs_less(two_topics: Taxonomy, label_params: LabelParams) -> None:
    wanted = label_params.model_copy(update={"supervision": "cues"})
    weights = [row.weight for row in labelled(SENTENCES, {}, VOTES, wanted, two_topics)]
    assert weights == [0.475, 0.45, 0.45, 0.375, 0.5]
    assert certainty({"sport": 0.5}, {"good": 0.5, "bad": 0.5}) == 0.5


def test_cue_quality_counts_hits_against_annotations(two_topics: Taxonomy) -> None:
    truth = {
        "a1:0": Annotation("a1:0", "", ("sport",), "good"),
        "a1:2": Annotation("a1:2", "", ("music",), "plain"),
    }
    figures = cue_quality(from_votes(SENTENCES, VOTES, two_topics), truth, two_topics)
    assert figures["topics"]["classes"]["sport"] == {"precision": 0.5, "recall": 1.0, "f1": 0.6667}
    assert figures["topics"]["classes"]["music"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert figures["stance"]["classes"]["plain"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert figures["topics"]["macro_f1"] == pytest.approx(0.3333, abs=1e-3)

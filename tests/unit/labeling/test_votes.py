"""Votes of labeling functions and their aggregation."""

import numpy as np
import pytest

from pipeline.labeling.aggregation import majority_vote
from pipeline.labeling.cues import CueSet
from pipeline.labeling.functions import ABSTAIN, cue_functions, vote
from pipeline.labeling.supervision import cue_quality, labelled
from pipeline.params import LabelParams
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
    sentence("Games went on with anger and praise.", 3),
    sentence("Nothing happened.", 4),
]


def test_votes_are_cast_by_class_and_kind(two_topics: Taxonomy) -> None:
    functions = cue_functions(SETS, two_topics)
    assert [f.name for f in functions] == [
        "sport.phrases", "sport.headings", "music.phrases", "good.phrases", "bad.phrases",
    ]  # fmt: skip
    good, bad = two_topics.stance_ids.index("good"), two_topics.stance_ids.index("bad")
    assert vote(SENTENCES, SETS, two_topics).tolist() == [
        [1, -1, -1, good, -1],
        [-1, -1, 1, bad, -1],  # a negated cue speaks for the class it names
        [-1, 1, -1, -1, -1],  # heading cues count in headings
        [-1, -1, -1, good, bad],  # and only there
        [ABSTAIN] * 5,
    ]


def test_majority_vote_gives_shares_and_defaults(two_topics: Taxonomy) -> None:
    topics, stances = majority_vote(vote(SENTENCES, SETS, two_topics), cue_functions(SETS, two_topics), two_topics)
    assert topics.tolist() == [[1, 0], [0, 1], [1, 0], [0, 0], [0, 0]]
    assert np.allclose(stances, [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0.5, 0, 0.5], [0, 1, 0]])


@pytest.mark.parametrize(
    ("supervision", "origins"),
    [("annotations", ["annotation"]), ("cues", ["cues"] * 5), ("both", ["annotation", *["cues"] * 4])],
)
def test_supervision_decides_what_is_learned_from(supervision: str, origins: list[str], two_topics: Taxonomy) -> None:
    own = {"a1:0": Annotation("a1:0", "", ("music",), "bad")}
    votes = majority_vote(vote(SENTENCES, SETS, two_topics), cue_functions(SETS, two_topics), two_topics)
    rows = labelled(SENTENCES, own, votes, LabelParams(supervision=supervision, cue_weight=0.3), two_topics)
    assert [row.origin for row in rows] == origins
    assert [row.weight for row in rows] == [1.0 if o == "annotation" else 0.3 for o in origins]
    assert rows[0].topics == ({"sport": 1.0, "music": 0.0} if supervision == "cues" else {"sport": 0.0, "music": 1.0})


def test_cue_quality_counts_hits_against_annotations(two_topics: Taxonomy) -> None:
    votes = majority_vote(vote(SENTENCES, SETS, two_topics), cue_functions(SETS, two_topics), two_topics)
    rows = labelled(SENTENCES, {}, votes, LabelParams(supervision="cues", cue_weight=1), two_topics)
    truth = {
        "a1:0": Annotation("a1:0", "", ("sport",), "good"),
        "a1:2": Annotation("a1:2", "", ("music",), "plain"),
    }
    figures = cue_quality(rows, truth, two_topics)
    assert figures["sport"] == {"precision": 0.5, "recall": 1.0}
    assert figures["music"] == {"precision": 0.0, "recall": 0.0}
    assert figures["plain"] == {"precision": 1.0, "recall": 1.0}

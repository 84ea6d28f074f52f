"""Cues learned from annotations: what is learned, and that no sentence's own label votes on it."""

from dataclasses import replace

import numpy as np

from pipeline.labeling.functions import ABSTAIN
from pipeline.labeling.learned import Lesson, learned_ballot
from pipeline.schemas import Annotation, LabelledSentence, Sentence
from pipeline.taxonomy import Taxonomy
from tests.conftest import sentence

LESSON = Lesson(20, 0.99, 0.99)  # here a word that all classes share, "with", is right often enough for less


def _corpus(labelled: list[LabelledSentence]) -> tuple[list[Sentence], dict[str, Annotation]]:
    sentences, known = [], {}
    for copy in range(4):
        for i, row in enumerate(labelled):
            s = sentence(row.text, i, f"{row.article_id}-{copy}")
            topics = tuple(t for t, p in row.topics.items() if p)
            sentences.append(s)
            known[s.id] = Annotation(s.id, s.text, topics, max(row.stance, key=lambda k: row.stance[k]))
    return sentences, known


def test_telling_words_are_learned_and_vote_right(labelled: list[LabelledSentence], two_topics: Taxonomy) -> None:
    sentences, known = _corpus(labelled)
    new = [sentence(labelled[0].text, 0, "new"), sentence("Nothing here.", 1, "new")]
    ballot, cues = learned_ballot([*sentences, *new], known, LESSON, two_topics)
    assert {c.cue for c in cues if c.class_id == "good"} >= {"praised", "joy"}
    assert {c.cue for c in cues if c.class_id == "bad"}.isdisjoint({"praised", "joy", "match"})
    names = [f.name for f in ballot.functions]
    votes = dict(zip(names, ballot.votes[-2].tolist(), strict=True))
    assert votes["sport.learned"] == 1 and votes["good.learned"] == two_topics.stance_ids.index("good")
    assert votes["music.learned"] == votes["bad.learned"] == ABSTAIN
    assert (ballot.votes[-1] == ABSTAIN).all()


def test_a_sentences_own_label_never_votes_on_it(labelled: list[LabelledSentence], two_topics: Taxonomy) -> None:
    sentences, known = _corpus(labelled)
    odd = [sentence(f"Zebra quagga okapi {i}.", i, "odd") for i in range(40)]  # one article: no other can teach it
    known |= {s.id: Annotation(s.id, s.text, ("sport",), "good") for s in odd}
    ballot, cues = learned_ballot([*sentences, *odd], known, LESSON, two_topics)
    assert "zebra" in {c.cue for c in cues if c.class_id == "sport"}  # it is learned, for texts not yet seen
    assert (ballot.votes[-len(odd) :] == ABSTAIN).all()  # but is no witness to its own case


def test_labels_without_signal_teach_no_vote(labelled: list[LabelledSentence], two_topics: Taxonomy) -> None:
    sentences, known = _corpus(labelled)
    draw = np.random.default_rng(0)
    stances = draw.choice(list(two_topics.stance_ids), len(known))
    noise = {i: replace(a, topics=(), stance=str(s)) for (i, a), s in zip(known.items(), stances, strict=True)}
    ballot, _ = learned_ballot(sentences, noise, LESSON, two_topics)
    assert (ballot.votes == ABSTAIN).all()


def test_nothing_is_learned_from_nothing(labelled: list[LabelledSentence], two_topics: Taxonomy) -> None:
    sentences, known = _corpus(labelled)
    for some, lesson in (({}, LESSON), (known, Lesson(0, 0.9, 0.9)), (dict(list(known.items())[:2]), LESSON)):
        ballot, cues = learned_ballot(sentences, some, lesson, two_topics)
        assert ballot.votes.shape == (len(sentences), 0) and cues == []

"""Sentence embeddings, and the votes that nearness to prototypes gives."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.encoding.embedding import embed
from pipeline.labeling.cues import CueSet
from pipeline.labeling.functions import ABSTAIN
from pipeline.labeling.prototypes import prototype_ballot
from pipeline.taxonomy import Taxonomy
from tests.conftest import sentence

TEXTS = ["The team played a match", "The singer gave a concert and the song was praised", "on the list", "The team"]


@pytest.fixture(scope="module")
def encoder(small_encoder: Path) -> Path:
    return small_encoder


def test_vectors_are_means_of_token_vectors_at_unit_length(encoder: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(encoder)(TEXTS[0], return_tensors="pt")
    with torch.inference_mode():
        mean = AutoModel.from_pretrained(encoder).eval()(**tokens).last_hidden_state[0].mean(dim=0).numpy()
    (vector,) = embed(TEXTS[:1], encoder)
    assert np.allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


def test_company_in_the_batch_does_not_change_a_vector(encoder: Path) -> None:
    together = embed([*TEXTS, TEXTS[0]], encoder)
    assert together.shape == (5, 32)
    assert (together[0] == together[4]).all()
    for text, vector in zip(TEXTS, together, strict=False):
        assert np.allclose(embed([text], encoder)[0], vector, atol=1e-5)


def test_a_sentence_near_a_prototype_votes_for_its_class(encoder: Path, two_topics: Taxonomy) -> None:
    sets = [
        CueSet("sport", prototypes=(TEXTS[0],)),
        CueSet("music", phrases=("song",)),  # without prototypes: no function
        CueSet("good", prototypes=(TEXTS[1],)),
        CueSet("bad", prototypes=(TEXTS[2],)),
    ]
    ballot = prototype_ballot([sentence(t, i) for i, t in enumerate(TEXTS)], sets, encoder, 0.999, two_topics)
    assert [f.name for f in ballot.functions] == ["sport.prototypes", "good.prototypes", "bad.prototypes"]
    good, bad = two_topics.stance_ids.index("good"), two_topics.stance_ids.index("bad")
    assert ballot.votes.tolist() == [
        [1, ABSTAIN, ABSTAIN],
        [ABSTAIN, good, ABSTAIN],
        [ABSTAIN, ABSTAIN, bad],
        [ABSTAIN] * 3,
    ]


def test_of_the_stances_only_the_nearest_votes(encoder: Path, two_topics: Taxonomy) -> None:
    sets = [CueSet(c, prototypes=(text,)) for c, text in (("sport", TEXTS[2]), ("good", TEXTS[0]), ("bad", TEXTS[1]))]
    ballot = prototype_ballot([sentence(TEXTS[0])], sets, encoder, -1.0, two_topics)
    assert ballot.votes.tolist() == [[1, two_topics.stance_ids.index("good"), ABSTAIN]]

"""What text without labels is good for: masked-word training of the encoder, and self-training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from pipeline.classifiers import finetuning
from pipeline.classifiers.checkpoint import Checkpoints
from pipeline.classifiers.decision import Decision, Matrix, Readable
from pipeline.classifiers.masking import MaskedSentences, Vocabulary, adapt
from pipeline.classifiers.selftraining import certainty, self_labelled
from pipeline.classifiers.tokens import Reading, SentenceTokenizer
from pipeline.params import Params, TrainFinetunedParams
from pipeline.schemas import LabelledSentence
from pipeline.taxonomy import Taxonomy


@pytest.fixture
def small(params: Params, small_encoder: Path) -> TrainFinetunedParams:
    changes = {
        "encoder": str(small_encoder),
        "epochs": 2,
        "batch_size": 8,
        "learning_rate": 5e-3,
        "encoder_dropout": 0.1,
        "max_length": 32,
    }
    return params.train_finetuned.model_copy(update=changes)


@pytest.fixture
def masked(small_encoder: Path, labelled: list[LabelledSentence]) -> MaskedSentences:
    reading = Reading("none", 32, ("input_ids", "attention_mask"), 0)
    tokenizer = SentenceTokenizer(small_encoder / "tokenizer.json", reading)
    vocabulary = Vocabulary.of(AutoTokenizer.from_pretrained(small_encoder), small_encoder)
    return MaskedSentences(tokenizer, tokenizer.encode(labelled), vocabulary)


def test_a_seventh_of_the_words_is_hidden_and_no_special_token(masked: MaskedSentences) -> None:
    torch.manual_seed(0)
    batches = [masked.batch(range(36)) for _ in range(30)]
    wanted = torch.cat([batch["wanted"].flatten() for batch in batches])
    shown = torch.cat([batch["input_ids"].flatten() for batch in batches])
    words = sum(int((torch.tensor(t.ids) > 4).sum()) for t in masked.tokens) * 30
    chosen = wanted >= 0
    assert 0.12 < int(chosen.sum()) / words < 0.18
    assert not set(wanted[chosen].tolist()) & set(masked.vocabulary.special)
    assert 0.7 < float((shown[chosen] == masked.vocabulary.mask).float().mean()) < 0.9


def test_the_encoder_learns_to_name_hidden_words(
    masked: MaskedSentences, small: TrainFinetunedParams, small_encoder: Path
) -> None:
    encoder = AutoModel.from_pretrained(small_encoder)
    before = encoder.get_input_embeddings().weight.detach().clone()
    curve = adapt(encoder, masked, small.model_copy(update={"masked_epochs": 12}), Checkpoints())
    assert curve[-1]["train.loss"] < 0.8 * curve[0]["train.loss"]
    assert not torch.equal(before, encoder.get_input_embeddings().weight)


class _Says:
    """A model that is sure of every second sentence."""

    name, sha256 = "says", ""
    decision = Decision(("sport", "music"), ("good", "plain", "bad"), {})

    def predict_proba(self, sentences: list[Readable]) -> tuple[Matrix, Matrix]:
        sure = np.arange(len(sentences)) % 2 == 0
        topics = np.where(sure[:, None], [[0.99, 0.01]], [[0.99, 0.5]])
        return topics, np.where(sure[:, None], [[0.98, 0.01, 0.01]], [[0.98, 0.01, 0.01]])


def test_only_what_the_model_is_sure_of_is_taught_again(labelled: list[LabelledSentence]) -> None:
    cued = [replace(row, sentence_id=f"c{i}", origin="cues") for i, row in enumerate(labelled[:4])]
    spare = [replace(row, sentence_id=f"u{i}", origin="none", weight=0.0) for i, row in enumerate(labelled[:4])]
    rows = self_labelled(_Says(), [*labelled[:3], *cued], spare, 0.6)  # type: ignore[arg-type]
    assert rows[:3] == labelled[:3]
    assert [row.sentence_id for row in rows[3:]] == ["c0", "c2", "u0", "u2"]
    assert {row.origin for row in rows[3:]} == {"model"}
    assert rows[3].topics["sport"] > 0.99 > rows[3].weight > 0.6


def test_certainty_is_1_where_sure_and_0_for_a_guess() -> None:
    assert certainty(np.array([[1.0, 0, 0], [1 / 3, 1 / 3, 1 / 3]])) == pytest.approx([1, 0], abs=1e-9)


def test_a_round_without_a_sentence_to_learn_from_is_left_out(
    labelled: list[LabelledSentence], small: TrainFinetunedParams, two_topics: Taxonomy
) -> None:
    cued = [replace(row, origin="cues") for row in labelled]
    changes = {"self_training_rounds": 1, "self_training_confidence": 1.0, "masked_epochs": 0}
    assert len(finetuning.train(cued, labelled, small.model_copy(update=changes), two_topics).curve) == small.epochs


def test_rounds_and_masked_words_are_part_of_a_training(
    labelled: list[LabelledSentence], small: TrainFinetunedParams, two_topics: Taxonomy
) -> None:
    changes = {"masked_epochs": 1, "self_training_rounds": 2, "self_training_confidence": 0.0}
    spare = [replace(row, topics={}, stance={}, origin="none", weight=0.0) for row in labelled]
    told: list[int] = []
    curve = finetuning.train(
        labelled[:24],
        labelled,
        small.model_copy(update=changes),
        two_topics,
        lambda point, step: told.append(step),
        unlabelled=spare,
    ).curve
    assert told == [1, 2, 3, 4] == [point["epoch"] for point in curve]

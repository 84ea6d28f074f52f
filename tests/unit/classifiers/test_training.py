"""What training does, by hand: the loss, the rates, the precision, and which weights and decision it ends with."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from math import log
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoTokenizer

from pipeline.classifiers import finetuning, loop
from pipeline.classifiers.decision import fit_decision
from pipeline.classifiers.network import LossWeights, MultiTaskNetwork
from pipeline.classifiers.tokens import Reading, SentenceTokenizer, Tokens
from pipeline.params import Params, TrainFinetunedParams
from pipeline.schemas import LabelledSentence
from pipeline.taxonomy import Taxonomy
from tests.unit.classifiers.opposites import opposite

SPORT, MUSIC = 0.8, 0.3  # what the network below says of every sentence
STANCES = (0.2, 0.5, 0.3)
INPUTS = {"input_ids": torch.tensor([[1, 2], [3, 1]]), "attention_mask": torch.ones(2, 2, dtype=torch.long)}
UNSURE = {"topics": torch.tensor([[1.0, 0.5]] * 2), "stance": torch.tensor([[0.0, 0.5, 0.5]] * 2)}


class Encoder(nn.Module):
    """Embeds and normalises, with the names that real encoders have."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(hidden_size=4)
        self.words = nn.Embedding(5, 4)
        self.dense = nn.Linear(4, 4)
        self.norm = nn.LayerNorm(4)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SimpleNamespace:
        return SimpleNamespace(last_hidden_state=self.norm(self.dense(self.words(input_ids))))


def network(weights: LossWeights = LossWeights()) -> MultiTaskNetwork:  # noqa: B008 - immutable
    """One that says the same of every sentence."""
    made = MultiTaskNetwork(Encoder(), 2, 3, 0.0, weights)
    for head, bias in ((made.topic_head, torch.logit(torch.tensor([SPORT, MUSIC]))), (made.stance_head, STANCES)):
        nn.init.zeros_(head.weight)
        head.bias.data = bias if isinstance(bias, Tensor) else torch.tensor(bias).log()
    return made


def loss(weights: LossWeights = LossWeights(), **given: Tensor) -> float:  # noqa: B008 - immutable
    said = network(weights)(**{**UNSURE, "weight": torch.ones(2), **given}, **INPUTS)
    return float(said["loss"].detach())


def entropy(targets: Sequence[float], said: Sequence[float]) -> float:
    return -sum(target * log(p) for target, p in zip(targets, said, strict=True))


def of_topics(sport: float, music: float) -> float:
    return entropy((sport, 1 - sport), (SPORT, 1 - SPORT)) + entropy((music, 1 - music), (MUSIC, 1 - MUSIC))


def test_a_row_between_two_classes_has_the_cross_entropy_to_both() -> None:
    assert loss() == pytest.approx(of_topics(1, 0.5) + entropy((0, 0.5, 0.5), STANCES), rel=1e-5)


def test_a_row_counts_in_the_loss_by_its_weight() -> None:
    stance = torch.tensor([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]])
    first, second = entropy((0, 0.5, 0.5), STANCES), entropy((1, 0, 0), STANCES)
    own = loss(stance=stance, weight=torch.tensor([1.0, 0.25]))
    assert own == pytest.approx(of_topics(1, 0.5) + (first + 0.25 * second) / 1.25, rel=1e-5)


def test_the_stance_has_its_weight_beside_the_topics() -> None:
    wanted = of_topics(1, 0.5) + 3 * entropy((0, 0.5, 0.5), STANCES)
    assert loss(LossWeights(stance=3.0)) == pytest.approx(wanted, rel=1e-5)


def test_smoothing_moves_its_share_of_each_target_to_the_other_classes() -> None:
    wanted = of_topics(0.95, 0.5) + entropy((0.1 / 3, 0.45 + 0.1 / 3, 0.45 + 0.1 / 3), STANCES)
    assert loss(LossWeights(smoothing=0.1)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(("pooling", "same"), [("sentence", True), ("all", False)])
def test_the_sentence_is_pooled_without_its_context(pooling: str, same: bool) -> None:
    class Segmented(Encoder):
        def forward(self, token_type_ids: Tensor, **inputs: Tensor) -> SimpleNamespace:  # type: ignore[override]
            return super().forward(**inputs)

    made = MultiTaskNetwork(Segmented(), 2, 3, 0.0, LossWeights(), pooling)
    inputs = {"attention_mask": torch.ones(2, 4, dtype=torch.long), "token_type_ids": torch.tensor([[0, 0, 1, 1]] * 2)}
    one, other = made.logits(input_ids=torch.tensor([[1, 2, 3, 4], [1, 2, 4, 4]]), **inputs)[0]
    assert torch.allclose(one, other) is same


def test_rows_come_to_the_network_with_their_targets_and_weights(
    labelled: list[LabelledSentence], small_encoder: Path, two_topics: Taxonomy
) -> None:
    tokenizer = SentenceTokenizer(
        small_encoder / "tokenizer.json", Reading("none", 32, ("input_ids", "attention_mask"), 0)
    )
    soft = replace(
        labelled[0], weight=0.3, topics={"sport": 0.5, "music": 0.25}, stance={"good": 0.1, "plain": 0.2, "bad": 0.7}
    )
    examples = finetuning.Examples.of([soft, labelled[1]], tokenizer, two_topics)
    assert examples.batch([0])["weight"].tolist() == pytest.approx([0.3])
    both = examples.batch([1, 0])
    assert both["weight"].tolist() == pytest.approx([1.0, 0.3])
    assert both["topics"][1].tolist() == [0.5, 0.25]
    assert both["stance"][1].tolist() == pytest.approx([0.1, 0.2, 0.7])


def test_names_and_padding_are_the_tokenizers(
    small_encoder: Path, labelled: list[LabelledSentence], two_topics: Taxonomy, params: Params, tmp_path: Path
) -> None:
    encoder = shutil.copytree(small_encoder, tmp_path / "encoder")
    names = ["input_ids", "attention_mask"]
    AutoTokenizer.from_pretrained(encoder, model_input_names=names, pad_token="[MASK]").save_pretrained(encoder)
    _, tokenizer = finetuning.tokenizers_of(encoder, params.train_finetuned.model_copy(update={"max_length": 64}))
    assert list(tokenizer.reading.names) == names
    rows = [labelled[0], max(labelled, key=lambda row: len(row.text))]
    batch = finetuning.Examples.of(rows, tokenizer, two_topics).batch([0, 1])
    assert batch["input_ids"][0, -1] == 4
    assert "token_type_ids" not in batch


@pytest.fixture(scope="module")
def small(params: Params, small_encoder: Path) -> TrainFinetunedParams:
    changes = {
        "encoder": str(small_encoder),
        "epochs": 1,
        "batch_size": 12,
        "learning_rate": 5e-3,
        "head_learning_rate": 2e-2,
        "max_length": 32,
        "masked_epochs": 0,
        "self_training_rounds": 0,
    }
    return params.train_finetuned.model_copy(update=changes)


def test_heads_have_their_own_rate_and_biases_and_norms_no_decay(small: TrainFinetunedParams) -> None:
    given = small.model_copy(update={"learning_rate": 1e-4, "head_learning_rate": 1e-3, "weight_decay": 0.01})
    made = network()
    names = {id(parameter): name for name, parameter in made.named_parameters()}
    told = [
        (names[id(parameter)], group["lr"], group["weight_decay"])
        for group in finetuning.optimizer_of(made, given).param_groups
        for parameter in group["params"]
    ]
    assert sorted(told) == [
        ("encoder.dense.bias", 1e-4, 0.0),
        ("encoder.dense.weight", 1e-4, 0.01),
        ("encoder.norm.bias", 1e-4, 0.0),
        ("encoder.norm.weight", 1e-4, 0.0),
        ("encoder.words.weight", 1e-4, 0.01),
        ("stance_head.bias", 1e-3, 0.0),
        ("stance_head.weight", 1e-3, 0.01),
        ("topic_head.bias", 1e-3, 0.0),
        ("topic_head.weight", 1e-3, 0.01),
    ]


def test_rates_rise_over_the_warmup_and_fall_to_the_end() -> None:
    shares = [loop._schedule(step, 100, 0.1) for step in range(101)]
    assert (shares[0], shares[9], shares[10]) == (0.1, 1.0, 1.0)
    assert shares[99:] == pytest.approx([1 / 90, 0.0])
    assert shares[:10] == sorted(shares[:10]) and shares[10:] == sorted(shares[10:], reverse=True)
    assert loop._schedule(0, 100, 0.0) == 1.0


class Line(nn.Module):
    """A linear layer whose loss is what it says; keeps the types in which it said it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)
        self.types: list[torch.dtype] = []

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        said = self.layer(x)
        self.types.append(said.dtype)
        return {"loss": said.float().mean()}


def test_each_group_of_weights_follows_the_schedule_from_its_own_rate() -> None:
    line, rates = Line(), []
    optimizer = torch.optim.SGD([{"params": [line.layer.weight], "lr": 2.0}, {"params": [line.layer.bias], "lr": 0.5}])

    def batch(rows: Sequence[int]) -> dict[str, Tensor]:
        rates.append(tuple(group["lr"] for group in optimizer.param_groups))
        return {"x": torch.ones(len(rows), 3)}

    loop.fit(line, optimizer, loop.Material([1] * 20, batch), loop.Plan("a phase", 2, 4, 0.2, 2, 0))
    shares = [1 / 2, 1.0, *(left / 8 for left in range(8, 0, -1))]
    assert rates == [pytest.approx((2 * share, 0.5 * share)) for share in shares]


@pytest.mark.parametrize(("there", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_numbers_are_short_where_the_hardware_has_them(
    there: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "has_bfloat16", lambda: there)
    line = Line()
    material = loop.Material([1, 1], lambda rows: {"x": torch.ones(len(rows), 3)})
    loop.fit(line, torch.optim.SGD(line.parameters(), lr=0.1), material, loop.Plan("a phase", 1, 2, 0.0, 1, 0))
    assert line.types == [dtype]
    assert line.layer.weight.dtype == torch.float32


@pytest.mark.parametrize(("scores", "kept"), [((0.5, 0.4), 0), ((0.5, 0.5), 0), ((0.5, 0.6), 1)])
def test_a_round_that_is_no_better_on_validation_is_dropped(
    scores: tuple[float, ...],
    kept: int,
    labelled: list[LabelledSentence],
    small: TrainFinetunedParams,
    two_topics: Taxonomy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[dict[str, Tensor]] = []

    def figures(network: nn.Module, held: object) -> dict[str, float]:
        seen.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        return {loop.SCORE: scores[len(seen) - 1]}

    monkeypatch.setattr(finetuning, "figures", figures)
    given = small.model_copy(update={"self_training_rounds": 1, "self_training_confidence": 0.0})
    state = finetuning.train(labelled, labelled, given, two_topics).model.network.state_dict()
    same = [all(torch.equal(state[name], own[name]) for name in state) for own in seen]
    assert same == [index == kept for index in range(2)]


def test_the_decision_is_fitted_on_validation_and_each_sentence_tokenised_once(
    labelled: list[LabelledSentence],
    small: TrainFinetunedParams,
    two_topics: Taxonomy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taught, told = labelled[:24], opposite(labelled[24:])
    texts: list[str] = []
    whole = SentenceTokenizer.windows

    def windows(self: SentenceTokenizer, sentences: Sequence[Any]) -> list[list[Tokens]]:
        texts.extend(sentence.text for sentence in sentences)
        return whole(self, sentences)

    monkeypatch.setattr(SentenceTokenizer, "windows", windows)
    given = small.model_copy(update={"epochs": 3, "patience": 3})
    result = finetuning.train(taught, told, given, two_topics)
    assert len(result.curve) == 3
    of_taught = sorted(text for text in texts if text in {row.text for row in taught})
    decision = result.model.decision
    assert decision == fit_decision(*result.model.predict_proba(told), told, two_topics)
    assert decision != fit_decision(*result.model.predict_proba(taught), taught, two_topics)
    assert of_taught == sorted(row.text for row in taught)

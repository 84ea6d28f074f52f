"""Fine-tuning: an encoder with two heads learns from sentences with soft targets and weights; seeded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerBase

from pipeline.classifiers.checkpoint import Checkpoints
from pipeline.classifiers.decision import Decision, fit_decision, macro_f1, needed, targets
from pipeline.classifiers.finetuned import Finetuned
from pipeline.classifiers.loop import SCORE, Curve, Material, Plan, Point, fit, has_bfloat16
from pipeline.classifiers.masking import MaskedSentences, Vocabulary, adapt
from pipeline.classifiers.network import LossWeights, MultiTaskNetwork
from pipeline.classifiers.selftraining import self_labelled
from pipeline.classifiers.tokens import Reading, SentenceTokenizer, Tokens
from pipeline.encoding.batches import batches_by_length
from pipeline.encoding.encoder import resolve_encoder
from pipeline.errors import UserError
from pipeline.params import TrainFinetunedParams
from pipeline.schemas import LabelledSentence
from pipeline.storage import sha256_of
from pipeline.taxonomy import Taxonomy

OnPoint = Callable[[dict[str, float], int], None]


@dataclass(frozen=True)
class Result:
    """A trained model, its tokenizer to be saved with it, and its figures by epoch."""

    model: Finetuned
    tokenizer: PreTrainedTokenizerBase
    curve: Curve


def train(
    train_rows: Sequence[LabelledSentence],
    validation_rows: Sequence[LabelledSentence],
    params: TrainFinetunedParams,
    taxonomy: Taxonomy,
    on_point: OnPoint = lambda point, step: None,
    *,
    unlabelled: Sequence[LabelledSentence] = (),
    checkpoints: Checkpoints | None = None,
) -> Result:
    """Fine-tune on train sentences, stop early and fit the decision on validation sentences.

    `unlabelled` train sentences serve masked-word training before and self-training after, where params ask for
    them. `on_point` is told each epoch's figures as they come. With `checkpoints` an interrupted call, repeated with
    the same arguments, goes on where it was and gives the same weights.

    Raises:
        UserError: when the encoder cannot be had or sentences are missing, before any work is done.
    """
    source = resolve_encoder(params.encoder, params.revision)
    tokenizer, sentence_tokenizer = tokenizers_of(source, params)
    needed(train_rows, "train")
    needed(validation_rows, "validation")
    kept = (checkpoints or Checkpoints()).bound_to(
        params.model_dump(), sha256_of(source), train_rows, validation_rows, unlabelled, taxonomy, _hardware()
    )
    encoder = AutoModel.from_pretrained(source, dtype=torch.float32).to("cuda" if torch.cuda.is_available() else "cpu")
    for module in encoder.modules():  # in the configurations each family has names of its own for it
        if isinstance(module, torch.nn.Dropout):
            module.p = params.encoder_dropout
    if params.masked_epochs:
        tokens = sentence_tokenizer.encode([*train_rows, *unlabelled])
        vocabulary = Vocabulary.of(tokenizer, source)
        adapt(encoder, MaskedSentences(sentence_tokenizer, tokens, vocabulary), params, kept)
    torch.manual_seed(params.seed)
    network = MultiTaskNetwork(
        encoder,
        len(taxonomy.topic_ids),
        len(taxonomy.stance_ids),
        params.dropout,
        LossWeights(params.stance_weight, params.label_smoothing),
        params.pooling,
    ).to(encoder.device)
    held = Examples.of(validation_rows, sentence_tokenizer, taxonomy)
    model = Finetuned(network, sentence_tokenizer, Decision(taxonomy.topic_ids, taxonomy.stance_ids, {}))
    curve: Curve = []

    def learn(name: str, rows: Sequence[LabelledSentence], epochs: int, floor: float = float("-inf")) -> None:
        before, examples = len(curve), Examples.of(rows, sentence_tokenizer, taxonomy)

        def tell(point: Point) -> None:
            on_point({**point, "epoch": before + point["epoch"]}, before + int(point["epoch"]))

        material = Material(examples.lengths, examples.batch, lambda: figures(network, held), tell)
        plan = Plan(name, epochs, params.batch_size, params.warmup, params.patience, params.seed + before, floor)
        own = fit(network, optimizer_of(network, params), material, plan, (kept.file(name), kept.every))
        curve.extend({**point, "epoch": before + point["epoch"]} for point in own)

    learn("fine-tuning", train_rows, params.epochs)
    for number in range(1, params.self_training_rounds + 1):
        best = max(point[SCORE] for point in curve)  # a round that is no better on validation is dropped
        if rows := self_labelled(model, train_rows, unlabelled, params.self_training_confidence):
            learn(f"self-training {number}", rows, 1, best)
    model.decision = fit_decision(*model.predict_proba(validation_rows), validation_rows, taxonomy)
    return Result(model, tokenizer, curve)


def _hardware() -> str:
    """What weights depend on beside code and data: a checkpoint of other hardware is not gone on with."""
    return f"{'cuda' if torch.cuda.is_available() else 'cpu'}, bfloat16: {has_bfloat16()}"


def tokenizers_of(source: Path, params: TrainFinetunedParams) -> tuple[PreTrainedTokenizerBase, SentenceTokenizer]:
    """An encoder's tokenizer as it is stored with a model, and as it reads sentences.

    Raises:
        UserError: when the encoder has no fast tokenizer, or reads fewer tokens than `max_length`.
    """
    tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True)  # it notes this, else by HF_HUB_OFFLINE
    if not (source / "tokenizer.json").is_file():
        raise UserError.one("the encoder has no tokenizer.json", source, "save its fast tokenizer there first")
    if params.max_length > (most := _positions(source)):
        where = "params.yaml: train_finetuned.max_length"
        raise UserError.one(f"the encoder reads {most} tokens at most, not {params.max_length}", where, "lower it")
    names = tuple(n for n in ("input_ids", "token_type_ids", "attention_mask") if n in tokenizer.model_input_names)
    reading = Reading(params.context, params.max_length, names, int(tokenizer.pad_token_id), params.pooling)
    return tokenizer, SentenceTokenizer(source / "tokenizer.json", reading)


def _positions(source: Path) -> int:
    """The most tokens that an encoder reads at once."""
    config = AutoConfig.from_pretrained(source, local_files_only=True)
    # RoBERTa and its kin count positions from the padding's id on
    before = config.pad_token_id + 1 if "roberta" in config.model_type else 0
    return int(config.max_position_embeddings) - before


def optimizer_of(network: torch.nn.Module, params: TrainFinetunedParams) -> torch.optim.Optimizer:
    """AdamW with a rate of its own for the heads, and no decay of biases and norms."""

    def group(encoder: bool, decay: bool) -> dict[str, Any]:
        chosen = [
            p
            for name, p in network.named_parameters()
            if name.startswith("encoder.") == encoder and (p.ndim > 1) == decay
        ]
        rate = params.learning_rate if encoder else params.head_learning_rate
        return {"params": chosen, "lr": rate, "weight_decay": params.weight_decay if decay else 0.0}

    groups = [group(encoder, decay) for encoder in (True, False) for decay in (True, False)]
    return torch.optim.AdamW(groups, fused=True)  # fused: one pass over the weights instead of ten


@dataclass(frozen=True)
class Examples:
    """Sentences as the network takes them: a data set of tokens, targets and weights, tokenised once."""

    tokenizer: SentenceTokenizer
    rows: Dataset

    @classmethod
    def of(cls, rows: Sequence[LabelledSentence], tokenizer: SentenceTokenizer, taxonomy: Taxonomy) -> Examples:
        """Those of labelled sentences."""
        topics, stances = targets(rows, taxonomy)
        tokens = tokenizer.encode(rows)
        columns = {
            "ids": [own.ids for own in tokens],
            "type_ids": [own.type_ids for own in tokens],
            "length": [len(own.ids) for own in tokens],
            "topics": topics.tolist(),
            "stance": stances.tolist(),
            "weight": [row.weight for row in rows],
        }
        return cls(tokenizer, Dataset.from_dict(columns))

    @property
    def lengths(self) -> list[int]:
        """Tokens of each sentence."""
        return list(self.rows["length"])

    def targets(self, name: str) -> NDArray[np.float64]:
        """The targets "topics" (n, topics) or "stance" (n, stances)."""
        return np.array(self.rows[name])

    def batch(self, rows: Sequence[int]) -> dict[str, Tensor]:
        """The padded tensors of some sentences."""
        chosen = self.rows[list(rows)]
        arrays = self.tokenizer.pad([Tokens(*own) for own in zip(chosen["ids"], chosen["type_ids"], strict=True)])
        wanted = {name: torch.tensor(chosen[name], dtype=torch.float32) for name in ("topics", "stance", "weight")}
        return {name: torch.from_numpy(array) for name, array in arrays.items()} | wanted


def figures(network: MultiTaskNetwork, held: Examples) -> Point:
    """Loss, macro-F1 of topics (at 0.5) and of stance, and their mean, by which the best epoch is chosen."""
    network.eval()
    device = next(network.parameters()).device
    true_topics, true_stances = held.targets("topics"), held.targets("stance")
    topics, stances = np.zeros(true_topics.shape), np.zeros(true_stances.shape)
    loss = 0.0
    for rows in batches_by_length(held.lengths):
        with torch.inference_mode():
            said = network(**{name: tensor.to(device) for name, tensor in held.batch(rows).items()})
        topics[rows], stances[rows] = said["topic_logits"].cpu().numpy(), said["stance_logits"].cpu().numpy()
        loss += float(said["loss"]) * len(rows)
    topic_f1, stance_f1 = macro_f1((true_topics, true_stances), topics > 0, stances.argmax(1))
    return {
        "validation.loss": loss / max(1, len(held.rows)),
        "validation.topics.macro_f1": topic_f1,
        "validation.stance.macro_f1": stance_f1,
        SCORE: (topic_f1 + stance_f1) / 2,
    }
